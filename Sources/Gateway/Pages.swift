// Our own pages: what went wrong, sign in again, which way to sign in, sign out, signed out.
//
// Each is complete in itself and escaped for where it stands; each shows its stable code and the
// request's id, under which the log has the reason. Only the page for a navigation in a frame may
// be framed, and only by our own origin.

internal import Values

package enum Pages {
    /// What a page leads on to.
    package struct Act: Sendable {
        package var text: String
        package var address: String
        package var isQuiet: Bool

        package init(_ text: String, _ address: String, isQuiet: Bool = false) {
            self.text = text
            self.address = address
            self.isQuiet = isQuiet
        }
    }

    /// A page with a message, and perhaps links.
    package static func message(
        status: Int, code: String?, title: String, sentence: String, acts: [Act] = [],
        requestID: String
    ) -> Answer {
        let links = acts.map { act in link(act, target: nil) }
        return page(
            status: status, code: code, title: title, requestID: requestID,
            body: paragraph(sentence) + list(links))
    }

    /// In a frame nothing can be done but open the site at the top, where a login may show itself.
    static func framed(
        title: String, sentence: String, loginURL: String, code: String, requestID: String
    ) -> Answer {
        let link = link(Act("Open and sign in", loginURL), target: "_top")
        return page(
            status: 401, code: code, title: title, requestID: requestID,
            body: paragraph(sentence) + list([link]), frameAncestors: "'self'")
    }

    /// Several providers serve the route: the visitor knows which is theirs.
    static func chooser(_ providers: [Act], requestID: String) -> Answer {
        let links = providers.map { link($0, target: nil) }
        return page(
            status: 200, code: nil, title: "How would you like to sign in?", requestID: requestID,
            body: paragraph("This page is for people who are signed in.") + list(links))
    }

    /// Signing out changes something, so a link to it asks first.
    static func logoutConfirmation(
        action: String, formToken: String, endsProviderSession: Bool, allowsPlainProvider: Bool,
        requestID: String
    ) -> Answer {
        let form = """
            <form method="post" action="\(escaped(action))">\
            <input type="hidden" name="token" value="\(escaped(formToken))">\
            <button class="act" type="submit">Sign out</button></form>
            """
        // Browsers hold `form-action` against every redirect that follows the form, and logout goes
        // through the provider and perhaps those behind it.
        return page(
            status: 200, code: nil, title: "Sign out?", requestID: requestID,
            body: paragraph(
                endsProviderSession
                    ? "You will be signed out of this site, and of the service you signed in with."
                    : "You will be signed out of this site.")
                + list([form, link(Act("Stay signed in", "/", isQuiet: true), target: nil)]),
            formAction: formAction(allowsPlainProvider),
            // Under `no-referrer` a browser without fetch metadata posts `Origin: null`, which is nobody's.
            referrerPolicy: "same-origin")
    }

    /// Where logout ends. It never begins a login.
    package static func signedOut(requestID: String) -> Answer {
        page(
            status: 200, code: nil, title: "You are signed out", requestID: requestID,
            body: paragraph("You can close this window.")
                + list([link(Act("Back to the site", "/", isQuiet: true), target: nil)]))
    }

    /// In the provider's own page, where it signs the visitor out everywhere.
    package static func signedOutInFrame(ancestors: [String], requestID: String) -> Answer {
        page(
            status: 200, code: nil, title: "You are signed out", requestID: requestID, body: "",
            frameAncestors: ancestors.joined(separator: " "))
    }

    /// Leads on at once to a path of ours, from a page of ours: so the next request is same-site.
    static func hop(to path: String, setCookies: [String], requestID: String) -> Answer {
        var answer = page(
            status: 200, code: nil, title: "One moment", requestID: requestID,
            body: list([link(Act("Go on", path), target: nil)]))
        answer.add("Refresh", "0; url=\(path)")
        answer.add(setCookies: setCookies)
        return answer
    }

    // MARK: Parts

    static func page(
        status: Int, code: String?, title: String, requestID: String, body: String,
        frameAncestors: String = "'none'", formAction: String = "'none'", script: String? = nil,
        referrerPolicy: String = "no-referrer"
    ) -> Answer {
        let note =
            (code.map { "Code <code>\(escaped($0))</code><br>" } ?? "")
            + "Request <code>\(escaped(requestID))</code>"
        let html = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="robots" content="noindex">
            <title>\(escaped(title))</title>
            <style>\(PageStyle.sheet)</style>
            </head>
            <body>
            <main>
            \(PageStyle.mark)
            <h1>\(escaped(title))</h1>
            \(body)
            <footer>\(note)</footer>
            </main>\(script.map { "\n<script>\($0)</script>" } ?? "")
            </body>
            </html>

            """
        let scripts = script.map { ["script-src \(hashSource($0))"] } ?? []
        let policy =
            scripts + [
                "default-src 'none'", "style-src \(PageStyle.source)", "base-uri 'none'",
                "form-action \(formAction)", "frame-ancestors \(frameAncestors)",
            ]
        var answer = Answer(
            status: status,
            fields: [
                (name: "Content-Type", value: "text/html; charset=utf-8"),
                (name: "Content-Security-Policy", value: policy.joined(separator: "; ")),
                (name: "X-Content-Type-Options", value: "nosniff"),
                (name: "Referrer-Policy", value: referrerPolicy),
            ], body: Array(html.utf8), code: code)
        // The older field cannot name other origins; where it has no word the policy stands alone.
        switch frameAncestors {
        case "'none'": answer.add("X-Frame-Options", "DENY")
        case "'self'": answer.add("X-Frame-Options", "SAMEORIGIN")
        default: break
        }
        return answer
    }

    static func paragraph(_ text: String) -> String {
        text.isEmpty ? "" : "<p>\(escaped(text))</p>\n"
    }

    static func list(_ items: [String]) -> String {
        guard !items.isEmpty else { return "" }
        return "<ul class=\"acts\">" + items.map { "<li>\($0)</li>" }.joined() + "</ul>"
    }

    private static func link(_ act: Act, target: String?) -> String {
        let style = act.isQuiet ? "act quiet" : "act"
        let target = target.map { " target=\"\($0)\"" } ?? ""
        return """
            <a class="\(style)" href="\(escaped(act.address))"\(target)>\(escaped(act.text))</a>
            """
    }

    /// For text and for quoted attributes alike. A backtick and an apostrophe are escaped too, so
    /// that it does not matter which quotes stand around it.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "`": result += "&#96;"
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}":
                result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

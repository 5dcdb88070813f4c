// The two pages with a script: one posts a provider's answer once more, the other posts what it finds
// behind the `#`. Each script is one constant, allowed by its hash, and takes nothing from elsewhere.
//
// A field called `submit` would stand where the form's own method is, so none is posted. The first has
// a button for who runs no script. The second cannot have one: only a script can read a fragment, and
// the page says so.

internal import Cryptography
internal import Values

extension Pages {
    private static let repostScript = "document.forms[0].submit()"

    private static let fragmentScript = """
        var f=document.forms[0],a=document.createDocumentFragment();\
        new URLSearchParams(location.hash.slice(1)).forEach(function(v,n){if(n=="submit")return;\
        var i=document.createElement("input");i.type="hidden";i.name=n;i.value=v;a.appendChild(i)});f.appendChild(a);\
        history.replaceState(null,"",location.pathname);f.submit()
        """

    /// A form of a provider's, to be sent again from our own origin: then the login's cookie comes too.
    static func repost(
        action: String, fields: [(String, String)], allowsPlainProvider: Bool, requestID: String
    ) -> Answer {
        let inputs = fields.filter { $0.0 != "submit" }.map { name, value in
            "<input type=\"hidden\" name=\"\(escaped(name))\" value=\"\(escaped(value))\">"
        }.joined()
        let form = """
            <form method="post" action="\(escaped(action))">\(inputs)\
            <button class="act" type="submit">Go on</button></form>
            """
        return page(
            status: 200, code: nil, title: "Signing you in", requestID: requestID,
            body: paragraph("If this page stays, please go on by the button.") + list([form]),
            formAction: formAction(allowsPlainProvider), script: repostScript)
    }

    /// Reads the fragment, which no request carries, and posts it.
    static func fragmentReader(
        action: String, allowsPlainProvider: Bool, requestID: String
    ) -> Answer {
        let body =
            paragraph("One moment.")
            + "<form method=\"post\" action=\"\(escaped(action))\"></form>"
            + "<noscript><p>This last step of signing in needs a script. Allow scripts for this site, "
            + "and sign in again.</p></noscript>"
        return page(
            status: 200, code: nil, title: "Signing you in", requestID: requestID, body: body,
            formAction: formAction(allowsPlainProvider), script: fragmentScript)
    }

    /// Browsers hold `form-action` against every redirect that follows the form, and a login that has
    /// to begin again goes through the provider.
    static func formAction(_ allowsPlainProvider: Bool) -> String {
        allowsPlainProvider ? "'self' https: http:" : "'self' https:"
    }

    /// `'sha256-…'` of a script's octets as they stand between the tags.
    static func hashSource(_ script: String) -> String {
        "'sha256-\(Base64.encode(SHA256.digest(Array(script.utf8).span).span))'"
    }
}

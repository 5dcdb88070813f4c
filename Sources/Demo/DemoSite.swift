// The demonstration site: it knows nothing of logins. Who is signed in it reads from the identity
// fields, as any site behind the gateway does.

import HTTP
import Values

final class DemoSite: DemoService {
    func answer(_ request: HTTPMessage.Request, at now: UnixTime) -> HTTPMessage.Response {
        switch (request.method, request.path) {
        case ("GET", "/"), ("HEAD", "/"): home(request)
        case ("GET", "/assets/site.css"), ("HEAD", "/assets/site.css"):
            HTTPMessage.Response(
                status: 200,
                fields: [
                    (name: "Content-Type", value: "text/css; charset=utf-8"),
                    (name: "Cache-Control", value: "public, max-age=300"),
                ], body: Array((DemoStyle.sheet + SitePage.style).utf8))
        case ("GET", "/assets/site.js"), ("HEAD", "/assets/site.js"):
            HTTPMessage.Response(
                status: 200,
                fields: [
                    (name: "Content-Type", value: "text/javascript; charset=utf-8"),
                    (name: "Cache-Control", value: "public, max-age=300"),
                ], body: Array(SitePage.script.utf8))
        default:
            .html(404, ProviderPages.message("There is no such page", "This site has one page: /"))
        }
    }

    private func home(_ request: HTTPMessage.Request) -> HTTPMessage.Response {
        // The fields are percent-encoded outside ASCII (and `%` itself); a broken escape stays as it is.
        func field(_ name: String) -> String? {
            request.field(name).map { value in
                PercentEncoding.decode(Array(value.utf8).span)
                    .map { String(decoding: $0, as: UTF8.self) } ?? value
            }
        }
        guard let user = field("X-Forwarded-User") else {
            return .html(
                200, ProviderPages.message("Hello, whoever you are", "Nobody is signed in."))
        }
        var response = HTTPMessage.Response.html(
            200,
            SitePage.home(
                user: user, name: field("X-Forwarded-Name") ?? user,
                email: field("X-Forwarded-Email"), groups: groups(request)))
        response.fields.append(
            (
                name: "Content-Security-Policy",
                value:
                    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
                    + "img-src data:; form-action 'self' http:; base-uri 'none'; frame-ancestors 'none'"
            ))
        return response
    }

    /// Split at the commas first: one inside a group's name is escaped.
    private func groups(_ request: HTTPMessage.Request) -> [String] {
        (request.field("X-Forwarded-Groups") ?? "").split(separator: ",").map { member in
            PercentEncoding.decode(Array(member.utf8).span)
                .map { String(decoding: $0, as: UTF8.self) } ?? String(member)
        }
    }
}

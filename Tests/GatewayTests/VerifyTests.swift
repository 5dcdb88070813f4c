import Configuration
import HTTP
import Sessions
import Testing
import Values

@testable import Gateway

@Suite struct `Another proxy asks whether a request may pass` {
    private static let site = Door.site.replacing(
        "routes:\n",
        with: "trusted_proxies: [192.0.2.0/24]\nroutes:\n"
            + "  - { path: /writers/*, methods: [POST], upstream: site }\n"
            + "  - { path: /open/*, access: public, upstream: site }\n")

    private func door() throws -> Door { try Door(Self.site) }

    @Test func `about a session alone it is told who it is`() throws {
        let door = try Door()
        let reply = try door.ask("GET", "/.auth/verify", [door.signedIn()])
        #expect(reply.status == 200 && reply.field("Cache-Control") == "no-store")
        #expect(reply.field("X-Forwarded-User") == "alice-id")
        #expect(reply.field("X-Forwarded-Groups") == "readers,writers")
        #expect(reply.field("Set-Cookie") == nil)
        let none = try door.ask("GET", "/.auth/verify")
        #expect(none.status == 401 && none.field("X-Forwarded-User") == nil)
        #expect(none.field("WWW-Authenticate")?.hasPrefix("Bearer realm=") == true)
    }

    @Test func `a session that it lets pass lives on`() throws {
        let door = try Door()
        let cookie = door.signedIn()
        door.now = noon + .seconds(600)
        let reply = try door.ask("GET", "/.auth/verify", [cookie])
        #expect(reply.field("Set-Cookie")?.hasPrefix("__Host-gatehouse=") == true)
    }

    /// Fields, and what is answered without and with a session.
    static let rows: [([String], String, String)] = [
        (["X-Original-URI: /page"], "401", "200 alice"),
        (["X-Forwarded-Uri: /page?a=b"], "401", "200 alice"),
        (["X-Original-URL: https://portal.example.com/page"], "401", "200 alice"),
        (["X-Original-URL: https://portal.example.com:443/public/x?y"], "200", "200"),
        (["X-Original-URI: /public/x"], "200", "200"),
        (["X-Original-URI: /maybe/x"], "200", "200 alice"),
        (["X-Original-URI: /bare/x"], "401", "200"),
        (["X-Original-URI: /public/../page"], "401", "200 alice"),
        (["X-Original-URI: /%70ublic/x"], "200", "200"),
        (["X-Original-URI: /writers/x", "X-Original-Method: POST"], "401", "200 alice"),
        (["X-Forwarded-Uri: /page", "X-Original-URI: /page"], "401", "200 alice"),
        (["X-Forwarded-Method: GET", "X-Original-Method: GET"], "401", "200 alice"),
        (
            [
                "X-Original-URI: /graphql", "X-Original-Method: POST",
                "Content-Type: application/json",
            ],
            "401", "200 alice"
        ),
        // Where they disagree, or can be read in two ways.
        (["X-Forwarded-Uri: /public/x", "X-Original-URI: /page"], "403", "403"),
        (["X-Original-URI: /public/x", "X-Original-URI: /page"], "403", "403"),
        (
            ["X-Original-URI: /public/x", "X-Original-URL: https://portal.example.com/page"], "403",
            "403"
        ),
        (["X-Original-URL: https://evil.test/public/x"], "403", "403"),
        (["X-Original-URL: http://portal.example.com/public/x"], "403", "403"),
        (["X-Rewrite-URL: /public/x", "X-Original-URI: /page"], "403", "403"),
        (["X-Forwarded-Method: GET", "X-Original-Method: POST"], "403", "403"),
        (["X-Original-Method: TRACE"], "403", "403"), (["X-Original-Method: "], "403", "403"),
        (["X-Original-Method: G ET"], "403", "403"),
        (["X-Original-URI: public/x"], "403", "403"), (["X-Original-URI: "], "403", "403"),
        (["X-Original-URI: /public/%2e%2e/page"], "403", "403"),
        (["X-Original-URI: /public/a%2fb"], "403", "403"),
        (["X-Original-URI: /public/..;/page"], "403", "403"),
        (["X-Original-URI: /public/x#y"], "403", "403"),
        (["X-Original-URI: /.auth/login"], "403", "403"),
        (["X-Forwarded-Proto: http", "X-Original-URI: /public/x"], "403", "403"),
        (["X-Original-URI: /graphql?query=mutation{x}"], "403", "403"),
        // What the request itself would be refused for.
        (
            ["X-Original-URI: /page", "X-Original-Method: POST", "Sec-Fetch-Site: cross-site"],
            "401", "403"
        ),
        (
            ["X-Original-URI: /graphql", "X-Original-Method: POST", "Sec-Fetch-Site: same-site"],
            "401", "403"
        ),
        (["X-Original-URI: /page", "Sec-Fetch-Site: cross-site"], "401", "200 alice"),
    ]

    @Test(arguments: rows.indices) func `the fields of a trusted proxy say what it is about`(
        _ index: Int
    ) throws {
        let (lines, without, with) = Self.rows[index]
        let door = try door()
        func word(_ more: [String]) throws -> String {
            let reply = try door.ask("GET", "/.auth/verify", lines + more)
            let user = reply.field("X-Forwarded-User").map { " " + $0.prefix(5) } ?? ""
            #expect(reply.status != 403 || reply.answer?.code != nil, "a code")
            return "\(reply.status)" + user
        }
        #expect(try word([]) == without, "\(lines)")
        #expect(try word([door.signedIn()]) == with, "\(lines)")
    }

    static let fields = [
        "X-Original-URI: /public/x", "X-Forwarded-Uri: /public/x", "X-Original-Method: GET",
        "X-Forwarded-Method: GET", "X-Original-URL: https://portal.example.com/public/x",
        "X-Rewrite-URL: /public/x",
    ]

    @Test(arguments: fields) func `anyone else's are refused`(_ line: String) throws {
        let door = try Door()
        for more in [[], [door.signedIn()]] {
            let reply = try door.ask("GET", "/.auth/verify", [line] + more)
            #expect(reply.status == 403 && reply.answer?.code == "verify-untrusted")
        }
    }

    @Test func `the host asked about decides`() throws {
        let door = try door()
        #expect(
            try door.ask(
                "GET", "/.auth/verify", ["X-Forwarded-Host: other.example.com", door.signedIn()]
            )
            .status == 421)
        let reply = try door.ask(
            "GET", "/.auth/verify", ["X-Forwarded-Host: portal.example.com", door.signedIn()],
            host: "gatehouse.internal")
        #expect(reply.status == 200)
    }

    @Test func `the login that is offered leads to what was asked`() throws {
        let reply = try door().ask(
            "GET", "/.auth/verify", ["X-Original-URI: /page?a=b", "Accept: application/json"])
        #expect(reply.body.contains("/.auth/login?return_to=%2Fpage%3Fa%3Db"))
    }

    @Test func `any method asks, as Envoy does`() throws {
        let door = try door()
        for method in ["GET", "POST", "DELETE", "PROPFIND", "OPTIONS"] {
            let reply = try door.ask(
                method, "/.auth/verify",
                ["X-Original-URI: /page", "Sec-Fetch-Site: same-origin", door.signedIn()])
            #expect(reply.status == 200, "\(method)")
        }
        for target in ["/.auth/verify/", "/.auth/verify/page", "/.auth/Verify"] {
            #expect(try door.ask("GET", target, [door.signedIn()]).status == 404)
        }
    }
}

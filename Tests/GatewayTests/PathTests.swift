import Configuration
import HTTP
import Testing
import Values

@testable import Gateway

@Suite struct `Paths and hosts` {
    static let forwarded: [(String, String)] = [
        ("/public", "/public"), ("/public/a/../b", "/public/b"), ("/page/../public/x", "/public/x"),
        ("//public///x", "/public/x"), ("/%70ublic/%7E", "/public/~"), ("/public/x?", "/public/x?"),
        ("/public/x??a=/../b&c=%2f", "/public/x??a=/../b&c=%2f"),
        ("/public/a;v=1", "/public/a;v=1"),
        ("http://portal.example.com/public/x?y", "/public/x?y"),
        ("http://portal.example.com?y", "/?y"),
    ]

    @Test(arguments: forwarded) func `the path matched is the path forwarded`(
        _ row: (String, String)
    ) throws {
        let door = try Door(
            Door.site.replacing(
                "- { path: /*, upstream: site }",
                with: "- { path: /*, access: public, upstream: site }"))
        let reply = try door.ask("GET", row.0)
        #expect(reply.kind == "forward" && reply.target == row.1)
        let path = door.facts.path.text
        #expect(path == row.1.prefix { $0 != "?" })
    }

    static let refused = [
        "/public/%2f", "/public/%5C..%5Cadmin", "/public/%00", "/public/%2e%2e/admin",
        "/public/..;/admin", "/public/..%3b/admin", "/public/%zz", "/public\\x", "/public;x/y",
        "/public%3bx", "/.auth;x/login", "/.auth/%2f",
    ]

    @Test(arguments: refused) func `what could be read in two ways is 400`(_ target: String) throws
    {
        let reply = try Door().ask("GET", target)
        #expect(reply.status == 400 && reply.answer?.closes == true)
    }

    @Test(arguments: ["portal.example.com", "elsewhere.example.com"])
    func `nothing is read behind a CONNECT`(_ host: String) throws {
        let reply = try Door().ask("CONNECT", "\(host):443", host: "\(host):443")
        #expect(reply.status >= 400 && reply.answer?.closes == true)
    }

    @Test func `no spelling of a protected path opens it`() throws {
        for target in [
            "/page", "//page", "/public/../page", "/%70age", "/page/", "/page?x=/public",
            "/PUBLIC/x", "/public;/../page",
        ] {
            #expect(try Door().ask("GET", target).status == 401, "\(target)")
        }
    }

    static let slashes = """
        external_url: https://portal.example.com
        provider: { issuer: "https://login.example.com", client_id: p, client_secret: s }
        upstreams: { site: { url: "http://127.0.0.1:1" } }
        routes:
          - { path: /raw/*, access: public, upstream: site, encoded_slashes: pass }
          - { path: /kept/*, access: public, upstream: site, merge_slashes: false, upstream_path: /k/* }
          - { path: /only, host: api.example.com, access: public, upstream: site }
          - { path: /wild/*, host: "*.apps.example.com", access: public, upstream: site }
          - { path: /get/*, methods: [GET, PURGE], access: public, upstream: site }
          - { path: /*, access: public, upstream: site, methods: [POST] }

        """

    static let routed: [(String, String, String?, String)] = [
        ("GET", "/raw/a%2fb%5C", nil, "/raw/a%2fb%5C"), ("GET", "/raw/../raw/a%2fb", nil, "400"),
        ("GET", "/raw/%2e%2e%2fx", nil, "400"), ("GET", "/get/a%2fb", nil, "400"),
        ("GET", "/kept//a///b", nil, "/k//a///b"), ("GET", "//kept//a", nil, "/k//a"),
        ("GET", "/kept/a//../b", nil, "400"), ("GET", "/kept", nil, "/k"),
        ("GET", "/only", "api.example.com", "/only"), ("GET", "/only", nil, "404"),
        ("GET", "/wild/x", "a.apps.example.com", "/wild/x"),
        ("GET", "/wild/x", "apps.example.com", "421"),
        ("GET", "/wild/x", "a.b.apps.example.com:443", "/wild/x"),
        ("GET", "/wild/x", "aapps.example.com", "421"),
        ("HEAD", "/get/x", nil, "/get/x"), ("PURGE", "/get/x", nil, "/get/x"),
        ("PUT", "/get/x", nil, "404"),
        ("POST", "/get/x", nil, "/get/x"), ("purge", "/get/x", nil, "404"),
    ]

    @Test(arguments: routed.indices) func `the first route that fits takes the request`(
        _ index: Int
    ) throws {
        let (method, target, host, expected) = Self.routed[index]
        let reply = try Door(Self.slashes).ask(method, target, host: host ?? "portal.example.com")
        #expect(
            (reply.kind == "forward" ? reply.target : reply.word) == expected, "\(method) \(target)"
        )
    }

    @Test func `a thousand routes keep the order of the file`() throws {
        let routes = (0..<1000).map { index in
            index % 2 == 0
                ? "{ path: \"/r\(index % 300)/*\", upstream: s, access: public }"
                : "{ path: \"/r\(index % 300)/x\(index)\", upstream: s, access: public }"
        }
        let text = """
            external_url: https://portal.example.com
            provider: { issuer: "https://login.example.com", client_id: p, client_secret: s }
            upstreams: { s: { url: "http://127.0.0.1:1" } }
            routes:

            """ + routes.map { "  - \($0)\n" }.joined()
            + "  - { path: /*, upstream: s, access: public }\n"
        let door = try Door(text)
        let patterns = door.snapshot.configuration.routes.map(\.path)
        for path in [
            "/", "/r0", "/r2/a/b", "/r1/x1", "/r1/x301", "/r299/x299/y", "/r2/x2", "/none/x",
        ] {
            let first = patterns.firstIndex { $0.covers(.exact(path)) }
            #expect(try door.ask("GET", path).plan?.route == first, "\(path)")
        }
    }

    static let hosts: [(String?, String, String)] = [
        ("portal.example.com", "1.1", "401"), ("PORTAL.example.com.:8443", "1.1", "401"),
        ("evil.test", "1.1", "421"), ("portal.example.com.evil.test", "1.1", "421"),
        ("127.0.0.1", "1.1", "421"), (nil, "1.0", "400"), ("portal.example.com", "1.0", "401"),
    ]

    @Test(arguments: hosts.indices) func `a host that is not ours is 421`(_ index: Int) throws {
        let (host, version, expected) = Self.hosts[index]
        #expect(try Door().ask("GET", "/page", host: host, version: version).word == expected)
    }

    @Test func `the health path answers whatever the Host`() throws {
        let door = try Door()
        #expect(try door.ask("GET", "/healthz", host: "10.0.0.1").status == 200)
        #expect(try door.ask("GET", "/healthz", host: nil, version: "1.0").status == 200)
        door.gatekeeper.isReady = false
        #expect(try door.ask("GET", "/healthz").status == 503)
        #expect(try door.ask("GET", "/healthz/x").status == 401)
    }

    @Test func `a trusted proxy's word for the host is the host`() throws {
        let door = try Door("trusted_proxies: [192.0.2.1]\n" + Door.site)
        let lines = ["X-Forwarded-Host: evil.test, portal.example.com"]
        #expect(
            try door.ask("GET", "/public/x", lines, host: "10.0.0.1").sent("X-Forwarded-Host") == [
                "portal.example.com"
            ])
        #expect(try door.ask("GET", "/public/x", ["X-Forwarded-Host: evil.test"]).status == 421)
        #expect(try door.ask("GET", "/public/x", ["X-Forwarded-Host: a b"]).status == 421)
        #expect(try door.ask("GET", "/public/x", ["Forwarded: host=evil.test"]).status == 421)
        #expect(
            try Door().ask("GET", "/public/x", ["X-Forwarded-Host: evil.test"]).kind == "forward")
    }

    @Test func `plain HTTP in front of a trusted proxy leads to HTTPS`() throws {
        let door = try Door("trusted_proxies: [192.0.2.1]\n" + Door.site)
        let reply = try door.ask("GET", "/public/a/../x?y", ["X-Forwarded-Proto: https, http"])
        #expect(
            reply.status == 308
                && reply.field("Location") == "https://portal.example.com/public/x?y")
        #expect(try door.ask("POST", "/public/x", ["X-Forwarded-Proto: http"]).status == 403)
        #expect(try door.ask("GET", "/healthz", ["X-Forwarded-Proto: http"]).status == 200)
        #expect(try Door().ask("GET", "/public/x", ["X-Forwarded-Proto: http"]).kind == "forward")
    }

    @Test func `another name of this machine leads to external_url`() throws {
        let door = try Door(
            Self.slashes.replacing("https://portal.example.com", with: "http://localhost:8080"))
        for host in ["127.0.0.1:8080", "[::1]", "app.localhost"] {
            let reply = try door.ask("POST", "/raw/x?y", host: host)
            #expect(
                reply.status == 308 && reply.field("Location") == "http://localhost:8080/raw/x?y")
        }
        #expect(try door.ask("GET", "/raw/x", host: "10.0.0.1").status == 421)
        #expect(try door.ask("GET", "/raw/x", host: "LOCALHOST:1").kind == "forward")
    }

    @Test func `methods that end here are refused with Allow`() throws {
        let door = try Door()
        #expect(try door.ask("TRACE", "/public/x").status == 405)
        #expect(
            try door.ask("CONNECT", "portal.example.com:443", host: "portal.example.com:443").status
                == 405)
        let options = try door.ask("OPTIONS", "*")
        #expect(options.status == 200 && options.field("Allow")?.contains("GET") == true)
    }
}

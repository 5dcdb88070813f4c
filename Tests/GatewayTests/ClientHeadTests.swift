import HTTP
import Sessions
import Testing
import Values

@testable import Gateway

@Suite struct `To the client` {
    @Test func `what ends at this hop is removed, the rest passes in order`() throws {
        let door = try Door()
        let reply = try door.ask("GET", "/public/x")
        let lines = try door.relay(
            reply, 200,
            [
                "A: 1", "Connection: x-hop, keep-alive", "X-Hop: 1", "Content-Length: 3",
                "Keep-Alive: 5", "B: 2", "B: 3", "Trailer: T", "Upgrade: h2c", "Server: s",
            ])
        #expect(lines == ["A: 1", "B: 2", "B: 3", "Server: s"])
    }

    static let endToEnd = [
        "Cache-Control: public", "Date: Thu, 26 Nov 2026 00:00:45 GMT", "Expires: 0", "Age: 1",
        "Vary: Cookie", "ETag: \"1\"", "Last-Modified: x", "Set-Cookie: a=1", "Location: /x",
        "WWW-Authenticate: Bearer", "Content-Type: text/html", "Content-Range: x",
        "Content-Security-Policy: x", "Strict-Transport-Security: max-age=9",
        "X-Frame-Options: DENY",
        "Access-Control-Allow-Origin: *", "Cross-Origin-Opener-Policy: same-origin", "Via: 1.1 a",
    ]

    @Test(arguments: endToEnd) func `Connection takes away nothing that is for everybody`(
        _ line: String
    ) throws {
        let name = line.prefix { $0 != ":" }
        let door = try Door()
        let lines = try door.relay(
            door.ask("GET", "/public/x"), 200, ["Connection: X-A, \(name)", line, "x-a: 1"])
        #expect(lines == [line])
    }

    @Test func `what Connection lists keeps a cookie of ours out of shared caches`() throws {
        let door = try Door()
        let reply = try door.ask(
            "GET", "/page", known: .session(door.session(), setCookies: ["__Host-gatehouse=new"]))
        for value in ["no-store", "public"] {
            let lines = try door.relay(
                reply, 200, ["Connection: Cache-Control", "Cache-Control: \(value)"])
            let caching = value == "no-store" ? value : "private, no-cache"
            #expect(lines == ["Cache-Control: \(caching)", "Set-Cookie: __Host-gatehouse=new"])
        }
    }

    /// On /v/*, which is sent to https://api.example.com/v1/* with the upstream's Host.
    static let locations: [(String, String)] = [
        ("/v1/a?b#c", "/v/a?b#c"), ("/v1", "/v"), ("/v1x", "/v1x"), ("/other", "/other"),
        ("https://api.example.com/v1/a", "https://portal.example.com/v/a"),
        ("HTTPS://API.example.com:443/v1", "https://portal.example.com/v"),
        ("https://api.example.com/other", "https://portal.example.com/other"),
        ("https://api.example.com", "https://portal.example.com"),
        ("https://api.example.com?x", "https://portal.example.com/?x"),
        ("http://api.example.com/v1/a", "http://api.example.com/v1/a"),
        ("https://api.example.com:8443/v1/a", "https://api.example.com:8443/v1/a"),
        ("https://api.example.com.evil.test/v1", "https://api.example.com.evil.test/v1"),
        ("https://api.example.com@evil.test/", "https://api.example.com@evil.test/"),
        ("//api.example.com/v1/a", "//api.example.com/v1/a"), ("a/v1", "a/v1"), ("?x", "?x"),
        ("https://portal.example.com/v1/a", "https://portal.example.com/v1/a"), ("", ""),
    ]

    @Test(arguments: locations) func `a Location of the upstream's is turned back`(
        _ row: (String, String)
    ) throws {
        let door = try Door()
        let reply = try door.ask("GET", "/v/x", [door.signedIn()])
        for name in ["Location", "Content-Location"] {
            let lines = try door.relay(
                reply, 302, ["\(name): \(row.0)", "Cache-Control: no-store"])
            #expect(values(of: name, in: lines) == [row.1])
        }
    }

    @Test func `an exact path is put back, and the client's Host keeps origins`() throws {
        let door = try Door()
        let graphQL = try door.ask("GET", "/graphql", [door.signedIn()])
        #expect(
            values(of: "Location", in: try door.relay(graphQL, 302, ["Location: /util/graphql?x"]))
                == ["/graphql?x"])
        #expect(
            values(of: "Location", in: try door.relay(graphQL, 302, ["Location: /util/graphql/x"]))
                == ["/util/graphql/x"])
        let page = try door.ask("GET", "/public/x")
        let own = "http://127.0.0.1:3000/x"
        #expect(
            values(of: "Location", in: try door.relay(page, 302, ["Location: \(own)"])) == [own])
    }

    @Test func `an answer without caching rules is private where a session is read`() throws {
        let door = try Door()
        let page = try door.ask("GET", "/page", [door.signedIn()])
        #expect(try door.relay(page) == ["Cache-Control: private"])
        #expect(
            try door.relay(page, 200, ["Cache-Control: max-age=5"]) == ["Cache-Control: max-age=5"])
        #expect(try door.relay(door.ask("GET", "/maybe/x")) == ["Cache-Control: private"])
        #expect(try door.relay(door.ask("GET", "/public/x")).isEmpty)
        #expect(try door.relay(page, 103, ["Link: </x>"]) == ["Link: </x>"])
    }

    @Test func `an answer with a cookie of ours is nobody else's`() throws {
        let door = try Door()
        let reply = try door.ask(
            "GET", "/page", known: .session(door.session(), setCookies: ["__Host-gatehouse=new"]))
        let fields = [
            "Cache-Control: public, max-age=60", "Expires: x", "CDN-Cache-Control: max-age=9",
            "Surrogate-Control: x", "ETag: \"1\"",
        ]
        #expect(
            try door.relay(reply, 200, fields) == [
                "ETag: \"1\"", "Cache-Control: private, no-cache",
                "Set-Cookie: __Host-gatehouse=new",
            ])
        #expect(
            try door.relay(reply, 200, ["Cache-Control: no-store"]) == [
                "Cache-Control: no-store", "Set-Cookie: __Host-gatehouse=new",
            ])
        #expect(try door.relay(reply, 103).isEmpty)
        #expect(try door.relay(reply, 101).contains("Set-Cookie: __Host-gatehouse=new"))
    }

    static let caching: [([String], Bool)] = [
        ([], true), (["Cache-Control: private, max-age=9"], true),
        (["Cache-Control: no-cache"], true),
        (["Cache-Control: no-store"], true), (["Cache-Control: max-age=0"], true),
        (["Expires: x"], true),
        (["Cache-Control: max-age=60"], false), (["Cache-Control: public"], false),
        (["Cache-Control: max-age=0, s-maxage=9"], false),
        (["CDN-Cache-Control: max-age=9"], false),
        (["Surrogate-Control: max-age=9"], false),
    ]

    @Test(arguments: caching)
    func `a cookie that only extends waits for an answer that is not shared`(
        _ row: ([String], Bool)
    ) throws {
        let door = try Door()
        let cookie = door.signedIn()
        door.now = noon + .seconds(200)
        let lines = try door.relay(door.ask("GET", "/page", [cookie]), 200, row.0)
        #expect(lines.contains { $0.hasPrefix("Set-Cookie: __Host-gatehouse=") } == row.1)
        #expect(lines.starts(with: row.0) || row.1)
    }
}

import Configuration
import HTTP
import Sessions
import Testing
import Values

@testable import Gateway

@Suite struct `To the upstream` {
    @Test func `the head is the request's, without what ends here and with what we add`() throws {
        let door = try Door()
        let reply = try door.ask(
            "POST", "/public/x?a=%2f&b",
            [
                "Accept: a", "Connection: keep-alive, X-Hop", "X-Hop: 1", "Keep-Alive: 5",
                "TE: gzip, trailers", "Content-Length: 3", "Expect: 100-continue",
                "Proxy: http://evil", "Proxy-Authorization: Basic x", "Upgrade: h2c",
                "Via: 1.0 before", "X-Request-Id: id-1", "B: 2",
            ])
        #expect(
            reply.lines == [
                "POST /public/x?a=%2f&b HTTP/1.1", "Host: portal.example.com", "Accept: a",
                "Expect: 100-continue", "Via: 1.0 before", "B: 2", "TE: trailers",
                "Connection: TE", "Via: 1.1 gatehouse", "X-Forwarded-For: 192.0.2.1",
                "X-Forwarded-Proto: https",
                "X-Forwarded-Host: portal.example.com", "X-Forwarded-Port: 443",
                "Forwarded: for=192.0.2.1;host=\"portal.example.com\";proto=https",
                "X-Request-Id: id-1",
                "traceparent: " + door.facts.traceparent.text,
            ])
    }

    /// Every octet that is no letter or digit counts as `-`, in any case (IH-03, IH-04, IH-29).
    static let spellings: [String] = [
        "X-Forwarded-User", "x-forwarded-user", "X_Forwarded_User", "x.forwarded~user",
        "X!FORWARDED'user", "X-Forwarded_Groups", "x-forwarded-email",
        "X*Forwarded-Preferred_Username",
    ]

    @Test(arguments: spellings) func `nobody else says who is signed in`(_ name: String) throws {
        let door = try Door()
        let lines = ["\(name): root", "\(name):", "Connection: close, \(name)"]
        for (target, session) in [
            ("/public/x", nil), ("/maybe/x", nil), ("/page", door.signedIn()),
        ] {
            let reply = try door.ask("GET", target, lines + [session].compactMap { $0 })
            #expect(reply.kind == "forward")
            #expect(!reply.lines.contains { $0.contains("root") })
            let users = reply.lines.filter { $0.lowercased().hasPrefix("x-forwarded-user") }
            #expect(users == (session == nil ? [] : ["X-Forwarded-User: alice-id"]))
        }
    }

    @Test func `what Connection names never takes away what is ours`() throws {
        let door = try Door()
        let reply = try door.ask(
            "GET", "/graphql?query=%7Ba%7D",
            [
                "Connection:", "Connection: X-Forwarded-User, authorization, Via, Host",
                "Connection: X-Forwarded-For,,x_forwarded_user, X-Request-Id, traceparent",
                "Authorization: Bearer theirs", door.signedIn(),
            ])
        for name in [
            "X-Forwarded-User", "Via", "Host", "X-Forwarded-For", "X-Request-Id", "traceparent",
        ] {
            #expect(reply.sent(name).count == 1, "\(name)")
        }
        #expect(reply.sent("Authorization") == ["Bearer access-1"])
        #expect(reply.sent("Connection").isEmpty)
    }

    static let framing = [
        "Content_Length", "CONTENT.LENGTH", "Content!Length", "Transfer_Encoding",
        "transfer.encoding", "Keep_Alive", "Proxy_Connection", "Proxy_Authorization",
        "Proxy.Authenticate", "HTTP2_Settings",
    ]

    @Test(arguments: framing) func `what ends here does so in every spelling`(_ name: String) throws
    {
        let lines = ["\(name): said", "Content-Length: 5", "X_Content_Length: kept"]
        for target in ["/public/x", "/maybe/x"] {
            let reply = try Door().ask("POST", target, lines)
            #expect(reply.kind == "forward" && reply.sent("X_Content_Length") == ["kept"])
            #expect(!reply.lines.contains { $0.contains("said") })
        }
    }

    @Test func `an expectation of HTTP version 1.0 is nobody's`() throws {
        for (version, sent) in [("1.0", []), ("1.1", ["100-continue"])] {
            let reply = try Door().ask(
                "POST", "/public/x", ["Content-Length: 5", "Expect: 100-continue"],
                version: version)
            #expect(reply.kind == "forward" && reply.sent("Expect") == sent)
        }
    }

    @Test func `the last of many names in Connection counts as the first`() throws {
        let names = (0..<2000).map { "n\($0)" }.joined(separator: ",")
        let reply = try Door().ask("GET", "/public/x", ["Connection: \(names), X-A", "X-A: 1"])
        #expect(reply.kind == "forward" && reply.sent("X-A").isEmpty)
    }

    static let proxyFields = [
        "Forwarded", "X-Forwarded-Prefix", "X_Forwarded_Anything", "X-Real-IP", "x_real_ip",
        "X-Original-URL", "X.Original.URI", "X-Rewrite-URL", "X-Client-Cert", "X-SSL-Client-Verify",
        "x_ssl_anything", "X-Forwarded-Client-Cert", "X-Forwarded-Method", "X-Forwarded-Uri",
    ]

    @Test(arguments: proxyFields) func `only a trusted proxy speaks as one`(_ name: String) throws {
        let door = try Door("trusted_proxies: [192.0.2.0/24]\n" + Door.site)
        door.peer = Peer(address: .v4(0xC633_6401))  // 198.51.100.1
        #expect(
            try !door.ask("GET", "/public/x", ["\(name): said"]).lines.contains {
                $0.contains("said")
            })
        guard name != "Forwarded" else { return }  // read, and said anew
        door.peer = Peer(address: .v4(0xC000_0201))
        #expect(try door.ask("GET", "/public/x", ["\(name): said"]).sent(name) == ["said"])
    }

    /// From 192.0.2.1, with 192.0.2.0/24 trusted: what is sent, and what is passed on.
    static let chains: [(String, [String], String, String?)] = [
        ("nothing", [], "192.0.2.1", nil),
        ("a client", ["X-Forwarded-For: 203.0.113.9"], "203.0.113.9, 192.0.2.1", "203.0.113.9"),
        (
            "beyond the first untrusted nothing is read",
            ["X-Forwarded-For: 10.0.0.1, 203.0.113.9, 192.0.2.7"],
            "203.0.113.9, 192.0.2.7, 192.0.2.1", "203.0.113.9"
        ),
        (
            "over lines", ["X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 192.0.2.8"],
            "203.0.113.9, 192.0.2.8, 192.0.2.1", "203.0.113.9"
        ),
        (
            "junk ends it", ["X-Forwarded-For: 203.0.113.9, unknown, 192.0.2.8"],
            "192.0.2.8, 192.0.2.1", "192.0.2.8"
        ),
        ("with a port", ["X-Forwarded-For: 203.0.113.9:4711"], "203.0.113.9, 192.0.2.1", nil),
        ("version 6", ["X-Forwarded-For: [2001:db8::1]:80"], "2001:db8::1, 192.0.2.1", nil),
        (
            "Forwarded", ["Forwarded: for=203.0.113.9;proto=https"], "203.0.113.9, 192.0.2.1",
            "203.0.113.9"
        ),
        (
            "Forwarded, quoted", ["Forwarded: For=\"[2001:db8::2]\", for=192.0.2.3"],
            "2001:db8::2, 192.0.2.3, 192.0.2.1", nil
        ),
        (
            "Forwarded beside X-Forwarded-*",
            ["Forwarded: for=203.0.113.9", "X-Forwarded-Proto: https"], "192.0.2.1", nil
        ),
        ("broken Forwarded", ["Forwarded: for=\"203.0.113.9"], "192.0.2.1", nil),
    ]

    @Test(arguments: chains.indices) func `who asked is who trusted hops say`(_ index: Int) throws {
        let (what, lines, sent, client) = Self.chains[index]
        let door = try Door("trusted_proxies: [192.0.2.0/24]\n" + Door.site)
        let reply = try door.ask("GET", "/public/x", lines)
        #expect(reply.sent("X-Forwarded-For") == [sent], "\(what)")
        let asked = door.facts.client?.description
        if let client { #expect(asked == client, "\(what)") }
        #expect(reply.sent("Forwarded").count == 1)
    }

    @Test func `an upstream under https is sent its own Host, the mapped path and the bearer`()
        throws
    {
        let door = try Door()
        let reply = try door.ask(
            "POST", "/graphql", ["Content-Type: application/json", "Cookie: a=1", door.signedIn()])
        #expect(reply.lines.first == "POST /util/graphql HTTP/1.1")
        #expect(reply.sent("Host") == ["api.example.com"])
        #expect(reply.sent("X-Forwarded-Host") == ["portal.example.com"])
        #expect(reply.sent("Authorization") == ["Bearer access-1"] && reply.sent("Cookie").isEmpty)
        let subject = door.facts.subject.text
        #expect(subject == "alice-id")
    }

    @Test func `a token goes only where it is configured to`() throws {
        let door = try Door()
        let own = "Authorization: Basic own"
        for target in ["/page", "/maybe/x", "/bare/x", "/graphql/", "/graphql/x", "/%67raphqlx"] {
            let reply = try door.ask("GET", target, [own, door.signedIn()])
            #expect(reply.sent("Authorization") == ["Basic own"], "\(target)")
        }
        #expect(
            try door.ask("GET", "/%67raphql", [door.signedIn()]).sent("Authorization") == [
                "Bearer access-1"
            ])
        #expect(try door.ask("GET", "/graphql;x", [door.signedIn()]).status == 400)
    }

    @Test func `a route without identity is told nothing`() throws {
        let door = try Door()
        let reply = try door.ask("GET", "/bare/x", [door.signedIn(), "X-Forwarded-User: root"])
        #expect(reply.kind == "forward" && reply.sent("X-Forwarded-User").isEmpty)
        #expect(reply.sent("Cookie").isEmpty)
    }

    static let ids: [(String, Bool)] = [
        ("a", true), ("0-9_a.Z:+/=@", true), (String(repeating: "x", count: 128), true),
        (String(repeating: "x", count: 129), false), ("", false), ("a b", false), ("a\"b", false),
        ("<x>", false), ("é", false), ("a,b", false),
    ]

    @Test(arguments: ids) func `a request id passes if it is harmless`(_ row: (String, Bool)) throws
    {
        let sent = try Door().ask(
            "GET", "/public/x", ["X-Request-Id: \(row.0)", "X_Request_Id: spoof"]
        )
        .lines.filter { $0.lowercased().hasPrefix("x-request-id") || $0.contains("spoof") }
        #expect(sent.count == 1)
        #expect((sent.first == "X-Request-Id: \(row.0)") == row.1)
    }

    static let traces: [(String, Bool)] = [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true),
        ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what", true),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what", false),
        ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", false),
        ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false),
        ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false), ("junk", false),
    ]

    @Test(arguments: traces) func `a trace passes if it is one, with its state`(
        _ row: (String, Bool)
    ) throws {
        let reply = try Door().ask(
            "GET", "/public/x", ["traceparent: \(row.0)", "tracestate: a=1"])
        #expect((reply.sent("traceparent") == [row.0]) == row.1)
        #expect(reply.sent("traceparent").count == 1)
        #expect(reply.sent("tracestate") == (row.1 ? ["a=1"] : []))
    }

    @Test func `a request that goes in circles is stopped, a chain is not`() throws {
        let door = try Door()
        let via = { (n: Int) in Array(repeating: "Via: 1.1 gatehouse", count: n) }
        #expect(try door.ask("GET", "/public/x", via(3)).kind == "forward")
        #expect(try door.ask("GET", "/public/x", via(4)).status == 508)
        #expect(
            try door.ask("GET", "/public/x", ["Via: 1.1 other, 1.0 gatehouses"]).kind == "forward")
    }

    @Test func `OPTIONS ends where Max-Forwards says`() throws {
        let door = try Door()
        #expect(try door.ask("OPTIONS", "/public/x", ["Max-Forwards: 0"]).field("Allow") != nil)
        #expect(
            try door.ask("OPTIONS", "/public/x", ["Max-Forwards: 3"]).sent("Max-Forwards") == ["2"])
        #expect(try door.ask("GET", "/public/x", ["Max-Forwards: 0"]).sent("Max-Forwards") == ["0"])
    }

    @Test func `a client certificate's subject is ours to say`() throws {
        let door = try Door("trusted_proxies: [192.0.2.0/24]\n" + Door.site)
        door.peer.certificateSubject = "CN=Zoë, O=x"
        let reply = try door.ask(
            "GET", "/public/x", ["X_SSL_Client_S_DN: root", "X-SSL-Client-S-DN: root"])
        #expect(
            reply.lines.filter { $0.lowercased().contains("ssl") } == [
                "X-SSL-Client-S-DN: CN=Zo%C3%AB, O=x"
            ])
    }
}

@Suite struct `Identity fields` {
    static let rows: [(String, SessionClaim.Value, String?)] = [
        ("preferred_username", .text("Zoë"), "X-Forwarded-Preferred-Username: Zo%C3%AB"),
        ("preferred_username", .text("a\r\nX: 1"), "X-Forwarded-Preferred-Username: a%0D%0AX: 1"),
        ("preferred_username", .text("100%41"), "X-Forwarded-Preferred-Username: 100%2541"),
        ("preferred_username", .text(" a b "), "X-Forwarded-Preferred-Username: %20a b%20"),
        ("preferred_username", .text(" "), "X-Forwarded-Preferred-Username: %20"),
        (
            "preferred_username", .text("a\u{0}\u{7F}\t"),
            "X-Forwarded-Preferred-Username: a%00%7F%09"
        ),
        ("preferred_username", .text("Doe, Jane"), "X-Forwarded-Preferred-Username: Doe, Jane"),
        ("preferred_username", .text(""), nil),
        ("preferred_username", .number("42"), "X-Forwarded-Preferred-Username: 42"),
        ("preferred_username", .bool(true), "X-Forwarded-Preferred-Username: true"),
        ("preferred_username", .list(["a,b", "c"]), "X-Forwarded-Preferred-Username: a%2Cb,c"),
        ("groups", .list(["a,admin", "", " b"]), "X-Forwarded-Groups: a%2Cadmin,%20b"),
        ("groups", .list([]), nil), ("groups", .list([""]), nil),
        ("groups", .text("a,admin"), "X-Forwarded-Groups: a%2Cadmin"),
        ("other", .text("x"), nil),
    ]

    @Test(arguments: rows) func `a claim is one line with one reading`(
        _ row: (String, SessionClaim.Value, String?)
    ) throws {
        let door = try Door()
        let cookie = door.signedIn { $0.claims = [SessionClaim(name: row.0, value: row.1)] }
        let lines = try door.ask("GET", "/page", [cookie]).lines
            .filter { $0.hasPrefix("X-Forwarded-Pref") || $0.hasPrefix("X-Forwarded-Groups") }
        #expect(lines == [row.2].compactMap { $0 })
    }

    @Test(arguments: [
        (SessionClaim.Value.bool(false), false), (.text("false"), false), (.bool(true), true),
        (.text("true"), true), (.text("False"), true), (.number("0"), true),
    ]) func `an address that is not verified is not sent`(_ row: (SessionClaim.Value, Bool)) throws
    {
        let door = try Door()
        let cookie = door.signedIn {
            $0.claims.append(SessionClaim(name: "email_verified", value: row.0))
        }
        #expect(try door.ask("GET", "/page", [cookie]).sent("X-Forwarded-Email").isEmpty != row.1)
        let trusting = try Door(Door.site + "identity: { unverified_email: true }\n")
        let other = trusting.signedIn {
            $0.claims.append(SessionClaim(name: "email_verified", value: row.0))
        }
        #expect(try trusting.ask("GET", "/page", [other]).sent("X-Forwarded-Email").count == 1)
    }
}

@Suite struct `Cookies of ours` {
    static let rows: [(String, [String])] = [
        ("a=1; __Host-gatehouse=x; b=\"x; y\"", ["a=1; b=\"x; y\""]),
        ("__Host-gatehouse=x", []), ("gatehouse=x;gatehouse.1=y; __Host-gatehouse.NAME.2=z", []),
        ("=gatehouse=x; = =__Host-gatehouse.1=y; a=1; =;gatehouse; =b=2", ["a=1; =; =b=2"]),
        ("=gatehouse=x", []), ("=gatehouse2=x; =x=gatehouse=1", ["=gatehouse2=x; =x=gatehouse=1"]),
        ("__Host-gatehouse-login.abc=x; a=", ["a="]), ("gatehouse-login.abc=x; =v; v", ["=v; v"]),
        ("gateway=1;  c=%20=;a=2;", ["gateway=1;  c=%20=;a=2;"]),
        (
            "Gatehouse=1; xgatehouse=2; gatehouse2=3; gatehouse-loginx=4",
            ["Gatehouse=1; xgatehouse=2; gatehouse2=3; gatehouse-loginx=4"]
        ),
    ]

    @Test(arguments: rows) func `others stay as they came, ours stay here`(
        _ row: (String, [String])
    ) throws {
        for target in ["/public/x", "/maybe/x"] {
            #expect(try Door().ask("GET", target, ["Cookie: \(row.0)"]).sent("Cookie") == row.1)
        }
        #expect(
            try Door().ask("GET", "/public/x", ["A: 1", "Cookie: \(row.0)", "B: 2", "Cookie: z=1"])
                .sent("Cookie") == row.1 + ["z=1"])
    }

    @Test func `an upstream sets its own and none of ours`() throws {
        let door = try Door()
        let reply = try door.ask("GET", "/public/x")
        let lines = [
            "Set-Cookie: a=1; Path=/", "Set-Cookie: __Host-gatehouse=evil", "Set-Cookie: a=2",
            "Set-Cookie: gatehouse =x", "set-cookie: gatehouse-login.x=evil; Path=/",
            "Set-Cookie: gatehouse.1=evil", "Set-Cookie: b=gatehouse=1",
            "Set-Cookie: =gatehouse=x; Path=/", "Set-Cookie: = =gatehouse.1 =x",
            "Set-Cookie: gatehouse; Path=/", "Set-Cookie: =b=gatehouse",
            "Set-Cookie: =; gatehouse=x",
        ]
        #expect(
            try door.relay(reply, 200, lines) == [0, 2, 6, 10, 11].map { lines[$0] })
    }
}

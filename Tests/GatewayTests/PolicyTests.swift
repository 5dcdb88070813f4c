import Configuration
import Testing

@testable import Gateway

@Suite struct `The tables of product.md, Answers` {
    static let askers: [Asker] = [
        .preflight, .webSocket, .prefetch, .person, .frame, .graphQL, .program,
    ]

    @Test(arguments: askers) func `a route that needs no session forwards everybody`(
        _ asker: Asker
    ) {
        for isSignedIn in [false, true] {
            #expect(access(.public, isSignedIn: isSignedIn, asker) == .forward)
            #expect(access(.optional, isSignedIn: isSignedIn, asker) == .forward)
        }
        #expect(access(.signedIn, isSignedIn: true, asker) == .forward)
    }

    static let refusals: [(Asker, AccessRuling)] = [
        (.preflight, .unauthorized), (.webSocket, .unauthorized), (.prefetch, .prefetchRefused),
        (.person, .login), (.frame, .unauthorized), (.graphQL, .unauthorized),
        (.program, .unauthorized),
    ]

    @Test(arguments: refusals) func `without a session each asker has one ruling`(
        _ row: (Asker, AccessRuling)
    ) {
        #expect(access(.signedIn, isSignedIn: false, row.0) == row.1)
    }

    static let kinds: [CallKind] = [
        .webSocket, .logout, .graphQLNavigation, .graphQLGet, .graphQLWithJSON,
        .graphQLWithoutJSON, .unsafe, .safe,
    ]
    /// In the order of `kinds`: p passes, r is refused, f needs the form's token.
    static let relations: [(SiteRelation, String)] = [
        (.same, "pppppppp"), (.sibling, "rrprrrpp"), (.cross, "rrprrrrp"), (.unknown, "pfppprpp"),
    ]

    @Test(arguments: relations) func `whose calls pass with a session`(
        _ row: (SiteRelation, String)
    ) {
        let rulings = Self.kinds.map { kind in
            switch crossSite(kind, row.0) {
            case .pass: "p"
            case .refuse: "r"
            case .needsFormToken: "f"
            }
        }
        #expect(rulings.joined() == row.1)
    }

    static let tokens: [(TokenState, Bool, Bool, TokenRuling)] = [
        (.fresh, false, false, .forward), (.fresh, false, true, .forward),
        (.fresh, true, false, .forward), (.fresh, true, true, .forward),
        (.ending, false, false, .refresh), (.ending, false, true, .refresh),
        (.ending, true, false, .forward), (.ending, true, true, .forward),
        (.endedRenewable, false, false, .refresh), (.endedRenewable, false, true, .refresh),
        (.endedRenewable, true, false, .unavailable), (.endedRenewable, true, true, .unavailable),
        (.missing, false, false, .unauthorized), (.missing, false, true, .login),
        (.missing, true, false, .unauthorized), (.missing, true, true, .unauthorized),
    ]

    @Test(arguments: tokens) func `a route that sends a token does one thing about it`(
        _ row: (TokenState, Bool, Bool, TokenRuling)
    ) {
        #expect(token(row.0, wasTried: row.1, mayNavigate: row.2) == row.3)
    }
}

@Suite struct `Who asks` {
    static let navigation = [
        "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Sec-Fetch-Site: none",
    ]
    static let webSocket = [
        "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]

    struct Row: Sendable, CustomTestStringConvertible {
        let who: String
        let method: String
        let target: String
        let lines: [String]
        /// `login`, or the status and the media type.
        let expected: String
        var testDescription: String { who }
        init(
            _ who: String, _ lines: [String], _ expected: String, method: String = "GET",
            target: String = "/page"
        ) {
            self.who = who
            self.method = method
            self.target = target
            self.lines = lines
            self.expected = expected
        }
    }

    static let problem = "401 application/problem+json"
    static let graphQL = "401 application/graphql-response+json"
    static let page = "401 text/html; charset=utf-8"

    static let rows: [Row] = [
        Row("a person", navigation, "login"),
        Row("a person in an old browser", ["Accept: text/html"], "login"),
        Row("a person's HEAD", ["Accept: text/html"], "login", method: "HEAD"),
        Row("a destination alone", ["Sec-Fetch-Dest: document", "Accept: text/html"], "login"),
        Row("a destination alone, no Accept", ["Sec-Fetch-Dest: document"], problem),
        Row("a posted form", navigation, "login", method: "POST"),
        Row("a post that accepts pages", ["Accept: text/html"], problem, method: "POST"),
        Row("text/html without weight", ["Accept: text/html;q=0, */*"], problem),
        Row("a mode sent twice", ["Sec-Fetch-Mode: navigate"] + navigation, problem),
        Row(
            "a fetch", ["Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty", "Accept: text/html"],
            problem),
        Row("a program", ["Accept: */*"], problem), Row("silence", [], problem),
        Row("a frame", ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"], page),
        Row("an object", ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: object"], page),
        Row(
            "a prefetch", navigation + ["Sec-Purpose: prefetch;prerender"],
            "503 application/problem+json"),
        Row("a websocket", webSocket + ["Accept: text/html"], problem),
        Row(
            "a preflight", ["Origin: https://x.test", "Access-Control-Request-Method: PUT"],
            problem, method: "OPTIONS"),
        Row("a GraphQL call", [], graphQL, method: "POST", target: "/graphql"),
        Row("a GraphQL page", navigation, "login", target: "/graphql"),
        Row("a navigating query", navigation, graphQL, target: "/graphql?query=%7Ba%7D"),
        Row("an escaped query", navigation, graphQL, target: "/graphql?%71uery=%7Ba%7D"),
        Row(
            "a navigating post to GraphQL", navigation, graphQL, method: "POST", target: "/graphql"),
        Row(
            "a HEAD of GraphQL", ["Accept: text/html"], graphQL, method: "HEAD", target: "/graphql"),
        Row(
            "a frame of GraphQL", ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"], page,
            target: "/graphql"),
        Row("a GraphQL websocket", webSocket, graphQL, target: "/graphql"),
        Row(
            "plain JSON", ["Accept: application/json"], "401 application/json", method: "POST",
            target: "/graphql"),
        Row(
            "JSON rather", ["Accept: application/json, application/graphql-response+json;q=0.5"],
            "401 application/json", method: "POST", target: "/graphql"),
        Row(
            "both", ["Accept: application/graphql-response+json, application/json;q=0.9"], graphQL,
            method: "POST", target: "/graphql"),
    ]

    @Test(arguments: rows) func `each gets its own answer`(_ row: Row) throws {
        let reply = try Door().ask(row.method, row.target, row.lines)
        let word =
            reply.answer == nil
            ? reply.kind : "\(reply.status) \(reply.field("Content-Type") ?? "")"
        #expect(word == row.expected)
        guard reply.answer != nil else { return }
        #expect(reply.field("Cache-Control") == "no-store" && reply.field("Set-Cookie") == nil)
        if reply.status == 401 {
            #expect(
                reply.field("WWW-Authenticate") == "Bearer realm=\"https://portal.example.com\"")
            #expect(reply.body.contains("/.auth/login"))
        }
    }

    @Test func `a bearer proves nothing and is called invalid`() throws {
        let reply = try Door().ask("GET", "/page", ["Authorization: Bearer x.y"])
        #expect(reply.status == 401)
        #expect(reply.field("WWW-Authenticate")?.hasSuffix("error=\"invalid_token\"") == true)
    }

    @Test func `a frame's page opens at the top and may be framed by us alone`() throws {
        let reply = try Door().ask(
            "GET", "/page?a=<b>'", ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: embed"])
        #expect(reply.body.contains("target=\"_top\"") && !reply.body.contains("<b>"))
        #expect(reply.field("Content-Security-Policy")?.contains("frame-ancestors 'self'") == true)
        #expect(reply.field("X-Frame-Options") == "SAMEORIGIN")
    }

    static let calls: [(String, String, String, [String], String)] = [
        ("a same-origin post", "POST", "/form", ["Sec-Fetch-Site: same-origin"], "forward"),
        ("a cross-site post", "POST", "/form", ["Sec-Fetch-Site: cross-site"], "403"),
        ("a sibling's post", "POST", "/form", ["Sec-Fetch-Site: same-site"], "forward"),
        (
            "two values", "POST", "/form", ["Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: none"],
            "403"
        ),
        ("an unknown value", "POST", "/form", ["Sec-Fetch-Site: friendly"], "403"),
        ("a foreign origin", "POST", "/form", ["Origin: https://evil.test"], "403"),
        ("the origin null", "DELETE", "/form", ["Origin: null"], "403"),
        ("our origin", "POST", "/form", ["Origin: https://portal.example.com"], "forward"),
        ("our origin over http", "POST", "/form", ["Origin: http://portal.example.com"], "403"),
        (
            "our origin on another port", "POST", "/form",
            ["Origin: https://portal.example.com:8443"], "403"
        ),
        ("a program", "POST", "/form", [], "forward"),
        ("a cross-site GET", "GET", "/page", ["Sec-Fetch-Site: cross-site"], "forward"),
        ("a public route", "POST", "/public/x", ["Sec-Fetch-Site: cross-site"], "forward"),
        ("an extension method", "PURGE", "/x", ["Sec-Fetch-Site: cross-site"], "403"),
        ("GraphQL from here", "POST", "/graphql", ["Sec-Fetch-Site: same-origin"], "forward"),
        (
            "GraphQL from a sibling", "POST", "/graphql",
            ["Sec-Fetch-Site: same-site", "Content-Type: application/json"], "403"
        ),
        (
            "a program's JSON", "POST", "/graphql",
            ["Content-Type: application/json; charset=utf-8"], "forward"
        ),
        ("a program's text", "POST", "/graphql", ["Content-Type: text/plain"], "403"),
        ("a program's silence", "POST", "/graphql", [], "403"),
        ("a query by GET", "GET", "/graphql?query=%7Ba%7D", [], "forward"),
        (
            "a cross-site query by GET", "GET", "/graphql?query=%7Ba%7D",
            ["Sec-Fetch-Site: cross-site"], "403"
        ),
        ("a cross-site visit", "GET", "/graphql", navigation + ["Origin: null"], "forward"),
        (
            "a mutation by GET", "GET", "/graphql?query=mutation%7Ba%7D",
            ["Sec-Fetch-Site: cross-site"], "405"
        ),
        ("a mutation by HEAD", "HEAD", "/graphql?query=mutation%7Ba%7D", [], "405"),
        (
            "a named mutation", "GET",
            "/graphql?operationName=B&query=query+A%7Ba%7Dmutation+B%7Bb%7D", [], "405"
        ),
        (
            "a query beside a mutation", "GET",
            "/graphql?operationName=A&query=query+A%7Ba%7Dmutation+B%7Bb%7D", [], "forward"
        ),
        ("nobody knows which", "GET", "/graphql?query=query+A%7Ba%7Dmutation+B%7Bb%7D", [], "405"),
        ("half a query", "GET", "/graphql?query=%7B", [], "400"),
        ("two queries", "GET", "/graphql?query=%7Ba%7D&%71uery=%7Ba%7D", [], "400"),
        ("a broken escape", "GET", "/graphql?query=%7Ba%7D%zz", [], "400"),
        (
            "a socket from here", "GET", "/s", webSocket + ["Origin: https://portal.example.com"],
            "forward"
        ),
        (
            "a socket from elsewhere", "GET", "/s",
            webSocket + ["Origin: https://x.test", "Sec-Fetch-Site: same-origin"], "403"
        ),
        ("a program's socket", "GET", "/s", webSocket, "forward"),
        ("a socket by POST", "POST", "/s", webSocket, "400"),
        (
            "a socket of version 8", "GET", "/s",
            Array(webSocket[..<2]) + ["Sec-WebSocket-Version: 8"], "426"
        ),
        (
            "a socket or h2c", "GET", "/s",
            ["Connection: upgrade", "Upgrade: websocket, h2c", "Sec-WebSocket-Version: 13"], "400"
        ),
        ("another upgrade", "GET", "/s", ["Connection: upgrade", "Upgrade: h2c"], "forward"),
    ]

    @Test(arguments: calls.indices) func `what a session does not open`(_ index: Int) throws {
        let (what, method, target, lines, expected) = Self.calls[index]
        let door = try Door()
        let reply = try door.ask(method, target, lines + [door.signedIn()])
        #expect(reply.word == expected, "\(what)")
        if reply.status == 403, target.hasPrefix("/graphql") {
            #expect(reply.body.contains("\"code\":\"CROSS_SITE\""))
        }
        if reply.status == 405 { #expect(reply.field("Allow") == "POST") }
    }

    static let keys: [(String, String)] = [
        ("dGhlIHNhbXBsZSBub25jZQ==", "forward"), ("AAAAAAAAAAAAAAAAAAAA+/==", "400"),
        ("AAAAAAAAAAAAAAAAAAA+/w==", "forward"), ("!!!!!!!!!!!!!!!!!!!!!!!!", "400"),
        ("!!!!!!!!!!!!!!!!!!!!!!==", "400"), ("AAAAAAAAAAAAAAAAAAA-_w==", "400"),
        ("AAAAAAAAAAAAAAAAAAAAAAAA", "400"), ("AAAAAAAAAAAAAAAAAAAAAAA=", "400"),
        ("AAAAAAAAAAAAAAAAAAAA", "400"), ("", "400"),
    ]

    @Test(arguments: keys) func `the key of a handshake is 16 octets in base64`(
        _ row: (String, String)
    ) throws {
        let door = try Door()
        let lines = Self.webSocket.dropLast() + ["Sec-WebSocket-Key: \(row.0)", door.signedIn()]
        #expect(try door.ask("GET", "/s", Array(lines)).word == row.1)
    }

    @Test func `a handshake keeps what the upstream needs of it`() throws {
        let door = try Door()
        let reply = try door.ask("GET", "/s", Self.webSocket + [door.signedIn()])
        #expect(reply.plan?.upgrade == .webSocket)
        #expect(reply.sent("Upgrade").isEmpty && reply.sent("Connection").isEmpty)
        #expect(reply.sent("Sec-WebSocket-Key") == ["dGhlIHNhbXBsZSBub25jZQ=="])
    }
}

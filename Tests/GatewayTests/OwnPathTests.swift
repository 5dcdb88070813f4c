import Configuration
import HTTP
import JSON
import Sessions
import Testing
import Values

@testable import Gateway

@Suite struct `Paths of our own` {
    static let unknown = [
        "/.auth/", "/.auth/x", "/.auth/login/", "/.auth/LOGIN", "/.auth/me/x", "/.auth/callback/x",
        "/public/../.auth/x", "/.%61uth/x",
        "//.auth//x",
        "/.auth/login;x",
    ]

    @Test(arguments: unknown) func `anything else under them is not found and never forwarded`(
        _ target: String
    ) throws {
        let word = try Door().ask("GET", target).word
        #expect(word == "404" || (target.contains(";") && word == "400"))
    }

    static let methods: [(String, String, String)] = [
        ("POST", "/.auth/login", "GET, HEAD"), ("POST", "/.auth/callback", "GET, HEAD"),
        ("PUT", "/.auth/logout", "GET, HEAD, POST"), ("POST", "/.auth/me", "GET, HEAD"),
        ("DELETE", "/.auth/signed-out", "GET, HEAD"),
        ("GET", "/.auth/backchannel-logout", "POST"),
        ("POST", "/.auth/frontchannel-logout", "GET, HEAD"),
    ]

    @Test(arguments: methods.indices) func `other methods are refused`(_ index: Int) throws {
        let (method, target, allow) = Self.methods[index]
        let reply = try Door().ask(method, target)
        #expect(reply.status == 405 && reply.field("Allow") == allow)
    }

    @Test func `a logout token is a form's one field`() throws {
        let door = try Door()
        let form = "Content-Type: application/x-www-form-urlencoded;charset=utf-8"
        func post(_ lines: [String], _ content: String?) throws -> Reply {
            try door.ask(
                "POST", "/.auth/backchannel-logout", lines + ["Content-Length: 5"],
                gathered: content.map { Array($0.utf8) })
        }
        #expect(try post([form], nil).kind == "gather")
        for lines in [[], ["Content-Type: application/json"], ["Content-Type: text/plain"]] {
            let reply = try post(lines, nil)
            #expect(reply.status == 400 && reply.field("Content-Type") == "application/json")
        }
        for content in [
            "", "x=1", "logout_token=", "logout_token=a&logout_token=b", "logout_token=%zz",
        ] {
            #expect(try post([form], content).status == 400, "\(content)")
        }
        let reply = try post(
            [form, "Origin: null", "Sec-Fetch-Site: cross-site"], "logout_token=a.b.c&more=1")
        guard case .backchannelLogout(let intent)? = reply.work else {
            Issue.record("\(reply.word)")
            return
        }
        #expect(intent.token == "a.b.c")
    }

    static let frames: [(String, String)] = [
        ("", "400"), ("iss=https://login.example.com", "400"), ("sid=s-1", "400"),
        ("iss=https://login.example.com&sid=", "400"),
        ("iss=https://login.example.com&sid=s-1&sid=s-1", "400"),
        ("iss=https://evil.test&sid=s-1", "400"),
        ("iss=https://login.example.com/&sid=s-1", "400"),
        ("iss=https%3A%2F%2Flogin.example.com&sid=s-1", "frontchannel-logout"),
    ]

    @Test(arguments: frames) func `a frame names issuer and session`(_ row: (String, String)) throws
    {
        #expect(try Door().ask("GET", "/.auth/frontchannel-logout?" + row.0).word == row.1)
    }

    @Test func `a frame means the browser's session only where it is the one named`() throws {
        for (named, own, isMeant) in [
            ("s-1", "s-1", true), ("s-2", "s-1", false), ("s-1", nil, false),
        ] {
            let door = try Door()
            let cookie = door.signedIn { $0.providerSessionID = own }
            let reply = try door.ask(
                "GET", "/.auth/frontchannel-logout?iss=https://login.example.com&sid=" + named,
                [cookie])
            guard case .frontchannelLogout(let intent)? = reply.work else {
                Issue.record("\(reply.word)")
                return
            }
            #expect(intent.sessions.isEmpty != isMeant && intent.sessionID == named)
        }
        let head = try Door().ask(
            "HEAD", "/.auth/frontchannel-logout?iss=https://login.example.com&sid=s-1")
        #expect(head.status == 200)
    }

    static let links: [(String, String)] = [
        ("return_to=%2Fa%3Fb", "/a?b"), ("return_to=https%3A%2F%2Fevil.test%2F", "/"),
        ("return_to=%2F%2Fevil.test", "/"), ("return_to=%2F%5Cevil.test", "/"),
        ("return_to=%2F%09%2Fevil.test", "/"), ("return_to=%2F.auth%2Flogout", "/"), ("", "/"),
        ("return_to=javascript%3Aalert(1)", "/"),
        ("target_link_uri=https%3A%2F%2Fevil.test%2Fx", "/"),
        (
            "target_link_uri=https%3A%2F%2Fportal.example.com%2Fdeep%3Fx&iss=https%3A%2F%2Flogin.example.com",
            "/deep?x"
        ),
        ("target_link_uri=https%3A%2F%2Fportal.example.com%40evil.test%2F", "/"),
    ]

    @Test(arguments: links) func `a login leads to a path of ours`(_ row: (String, String)) throws {
        let reply = try Door().ask("GET", "/.auth/login?\(row.0)")
        guard case .beginLogin(let intent)? = reply.work else {
            Issue.record("\(reply.word)")
            return
        }
        #expect(intent.returnTo == row.1)
        #expect(intent.redirectURI == "https://portal.example.com/.auth/callback")
    }

    @Test func `a login that is asked for in two ways, or at a stranger, is 400`() throws {
        for query in [
            "return_to=/&return_to=/x", "iss=", "iss=https://evil.test", "provider=nobody",
            "return_to=%zz",
        ] {
            #expect(try Door().ask("GET", "/.auth/login?\(query)").status == 400, "\(query)")
        }
    }

    @Test func `what a link may say to the provider is configured`() throws {
        let door = try Door { configuration in
            configuration.with(
                providers: configuration.providers.map { $0.with(passing: ["ui_locales"]) })
        }
        func passed(_ query: String) throws -> [String] {
            guard case .beginLogin(let intent)? = try door.ask("GET", "/.auth/login?\(query)").work
            else { return ["none"] }
            return intent.parameters.map { "\($0.name)=\($0.value)" }
        }
        #expect(try passed("ui_locales=de&login_hint=al&prompt=none") == ["ui_locales=de"])
        #expect(try passed("login_hint=al&iss=https://login.example.com") == ["login_hint=al"])
    }

    @Test func `a prefetch or a HEAD spends nothing`() throws {
        let door = try Door()
        for target in ["/.auth/login", "/.auth/callback?code=x&state=y"] {
            let reply = try door.ask("GET", target, ["Sec-Purpose: prefetch"])
            #expect(reply.status == 503 && reply.field("Set-Cookie") == nil)
        }
        #expect(try door.ask("HEAD", "/.auth/callback?code=x").status == 200)
    }

    @Test func `the callback hands over what came and who is here`() throws {
        let door = try Door()
        let cookie = door.signedIn()
        let reply = try door.ask(
            "GET", "/.auth/callback?code=x&state=y",
            [cookie, "Cookie: __Host-gatehouse-login.a=1; b=2"])
        guard case .completeLogin(let intent)? = reply.work else {
            Issue.record("\(reply.word)")
            return
        }
        #expect(
            intent.response == Array("code=x&state=y".utf8) && intent.session?.subject == "alice-id"
        )
        #expect(intent.asked.loginCookies.map(\.name) == ["__Host-gatehouse-login.a"])
        #expect(intent.asked.sessionCookieNames == ["__Host-gatehouse"])
        #expect(intent.asked.host == "portal.example.com")
    }

    @Test func `me says who is signed in, and no token`() throws {
        let door = try Door()
        #expect(try door.ask("GET", "/.auth/me").status == 401)
        let cookie = door.signedIn()
        door.now = noon + .seconds(100)
        let reply = try door.ask("GET", "/.auth/me", [cookie])
        #expect(reply.status == 200 && reply.field("Content-Type") == "application/json")
        let json = try JSON(parsing: Array(reply.body.utf8))
        #expect(json["sub"]?.string == "alice-id" && json["expires_in"]?.integer == 1700)
        #expect(json["claims"]?["groups"] == ["readers", "writers"])
        #expect(json["logout_url"]?.string == "https://portal.example.com/.auth/logout")
        #expect(!reply.body.contains("access-1") && !reply.body.contains("refresh-1"))
    }

    static let logouts: [(String, [String], String)] = [
        ("our own form", ["Sec-Fetch-Site: same-origin"], "logout"),
        ("our origin", ["Origin: https://portal.example.com"], "logout"),
        ("another site", ["Sec-Fetch-Site: cross-site"], "403"),
        ("a sibling", ["Sec-Fetch-Site: same-site"], "403"),
        ("the origin null", ["Origin: null"], "403"), ("a program", [], "gather"),
    ]

    @Test(arguments: logouts.indices) func `only our own form signs out`(_ index: Int) throws {
        let (who, lines, expected) = Self.logouts[index]
        let door = try Door()
        #expect(
            try door.ask("POST", "/.auth/logout", lines + [door.signedIn()]).word == expected,
            "\(who)")
        #expect(try door.ask("POST", "/.auth/logout", lines).word == "logout", "nobody to do it to")
    }

    @Test func `the form's token is this session's`() throws {
        let door = try Door()
        let cookie = door.signedIn()
        let page = try door.ask("GET", "/.auth/logout", [cookie])
        let token = try #require(page.body.firstMatch(of: /name="token" value="([^"]+)"/)?.1)
        func post(_ content: String, _ cookie: String) throws -> String {
            try door.ask("POST", "/.auth/logout", [cookie], gathered: Array(content.utf8)).word
        }
        #expect(try post("token=\(token)", cookie) == "logout")
        #expect(try post("token=x", cookie) == "403")
        #expect(try post("", cookie) == "403")
        #expect(try post("token=\(token)", door.signedIn { $0.id[0] = 9 }) == "403")
        door.now = noon + .seconds(3601)
        #expect(
            try post("token=\(token)", door.signedIn { $0.sealedAt = noon + .seconds(3600) })
                == "403")
    }

    @Test func `logout ends every session of the browser`() throws {
        let door = try Door()
        let reply = try door.ask(
            "POST", "/.auth/logout", ["Sec-Fetch-Site: same-origin", door.signedIn()])
        guard case .logout(let intent)? = reply.work else { return }
        #expect(intent.sessions.map(\.session.subject) == ["alice-id"])
        #expect(intent.signedOutURI == "https://portal.example.com/.auth/signed-out")
    }
}

@Suite struct `Several providers` {
    static let text = """
        external_url: https://portal.example.com
        provider: { issuer: "https://staff.example.com", client_id: p, client_secret: s }
        upstreams: { site: { url: "http://127.0.0.1:1" } }
        routes:
          - { path: /staff/*, upstream: site }
          - { path: /both/*, upstream: site }
          - { path: /guests/*, upstream: site }

        """

    /// `staff` and `guests`; the second route takes both, the third guests.
    func door() throws -> Door {
        try Door(Self.text) { configuration in
            let one = configuration.providers[0]
            var routes = configuration.routes
            routes[1] = routes[1].with(providers: [1, 0])
            routes[2] = routes[2].with(providers: [1])
            return configuration.with(
                providers: [
                    one.with(name: "staff"), one.with(name: "guests", host: "guests.example.com"),
                ],
                routes: routes)
        }
    }

    @Test func `a visitor chooses where there is a choice`() throws {
        let door = try door()
        let reply = try door.ask("GET", "/both/x?y=1", Asking.navigation)
        #expect(reply.status == 200 && reply.field("Set-Cookie") == nil)
        #expect(
            reply.body.contains("/.auth/login?return_to=%2Fboth%2Fx%3Fy%3D1&amp;provider=staff"))
        guard
            case .beginLogin(let intent)? = try door.ask("GET", "/.auth/login?provider=guests").work
        else {
            Issue.record("no login")
            return
        }
        #expect(intent.redirectURI == "https://portal.example.com/.auth/callback/guests")
    }

    @Test func `a session is its provider's`() throws {
        let door = try door()
        let session = door.session {
            $0.binding = door.binding(issuer: "https://staff.example.com", client: "p")
        }
        let cookie = "Cookie: " + door.cookie(session, provider: 0)
        #expect(cookie.hasPrefix("Cookie: __Host-gatehouse.staff="))
        for (target, word) in [
            ("/staff/x", "forward"), ("/both/x", "forward"), ("/guests/x", "401"),
        ] {
            let reply = try door.ask("GET", target, [cookie, "Cookie: a=1"])
            #expect(reply.word == word, "\(target)")
            #expect(reply.sent("Cookie") == (word == "forward" ? ["a=1"] : []))
        }
        let renamed =
            "Cookie: " + door.cookie(session, provider: 0).replacing(".staff", with: ".guests")
        #expect(try door.ask("GET", "/both/x", [renamed]).status == 401)
        #expect(try door.ask("GET", "/.auth/callback").status == 404)
    }
}

@Suite struct `Pages of our own` {
    @Test func `each page is complete, escaped and forbids everything else`() throws {
        let door = try Door(Door.site + "hsts: 365d\n")
        for target in [
            "/.auth/signed-out", "/.auth/logout", "/.auth/error?error=%3Cscript%3E",
            "/.auth/login?provider=%3Cb%3E",
        ] {
            let reply = try door.ask("GET", target, ["Accept: text/html", "X-Request-Id: id-7"])
            let policy = reply.field("Content-Security-Policy") ?? ""
            #expect(policy.hasPrefix("default-src 'none'; style-src 'sha256-"), "\(target)")
            #expect(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"))
            #expect(!reply.body.contains("<script") && !reply.body.contains("<b>"))
            #expect(reply.body.contains("id-7") && reply.body.contains("prefers-color-scheme"))
            #expect(reply.field("X-Content-Type-Options") == "nosniff")
            // A form's origin has to be told to us.
            let policyOfReferrer = target == "/.auth/logout" ? "same-origin" : "no-referrer"
            #expect(reply.field("Referrer-Policy") == policyOfReferrer)
            #expect(reply.field("Cache-Control") == "no-store")
            #expect(reply.field("Strict-Transport-Security") == "max-age=31536000")
            if let code = reply.answer?.code { #expect(reply.body.contains(code)) }
        }
    }

    @Test func `what a text holds stays text`() {
        #expect(
            Pages.escaped("<a href=\"'`&\u{2028}\u{0}é")
                == "&lt;a href=&quot;&#39;&#96;&amp;\u{FFFD}\u{FFFD}é")
    }

    @Test(arguments: LoginRefusal.allCases)
    func `a refused login has a page for a person and a problem for a program`(
        _ refusal: LoginRefusal
    ) throws {
        let door = try Door()
        let origin = door.snapshot.configuration.externalURL
        let page = door.snapshot.answer(
            refusal, to: Asked(requestID: "id-1", host: "h", origin: origin))
        #expect(page.status == refusal.status && page.code == refusal.code)
        #expect((page.field("Retry-After") != nil) == (refusal.retryAfter != nil))
        #expect(String(decoding: page.body, as: UTF8.self).contains(refusal.code))
        let program = Asked(requestID: "id-1", host: "h", origin: origin, asker: .program)
        #expect(
            door.snapshot.answer(refusal, to: program).field("Content-Type")
                == "application/problem+json")
    }
}

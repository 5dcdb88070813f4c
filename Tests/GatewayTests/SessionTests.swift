import Configuration
import Sessions
import Testing
import Values

@testable import Gateway

@Suite struct `Sessions at the door` {
    static let changes: [(String, @Sendable (inout Session, Door) -> Void, String)] = [
        ("as it is", { _, _ in }, "forward"),
        ("another host's", { $0.binding = $1.binding(host: "other.example.com") }, "401"),
        ("another issuer's", { $0.binding = $1.binding(issuer: "https://evil.test") }, "401"),
        ("another client's", { $0.binding = $1.binding(client: "other") }, "401"),
        ("one second before its end", { s, _ in s.expires = noon + .seconds(1) }, "forward"),
        ("at its end", { s, _ in s.expires = noon }, "401"),
        (
            "one second before it is idle", { s, _ in s.sealedAt = noon + .seconds(-1799) },
            "forward"
        ),
        ("idle", { s, _ in s.sealedAt = noon + .seconds(-1800) }, "401"),
    ]

    @Test(arguments: changes.indices) func `a session counts where and while it holds`(
        _ index: Int
    ) throws {
        let (what, change, expected) = Self.changes[index]
        let door = try Door()
        let cookie = door.signedIn { change(&$0, door) }
        #expect(try door.ask("GET", "/page", [cookie]).word == expected, "\(what)")
        #expect(
            try door.ask("GET", "/maybe/x", [cookie]).sent("X-Forwarded-User").isEmpty
                == (expected != "forward"))
        #expect(try door.ask("GET", "/public/x", [cookie]).sent("X-Forwarded-User").isEmpty)
    }

    @Test func `a cookie that does not open is as if absent`() throws {
        let door = try Door()
        for cookie in [
            "__Host-gatehouse=", "__Host-gatehouse=AAAA",
            "gatehouse=" + door.cookie(door.session()).dropFirst(17),
        ] {
            #expect(try door.ask("GET", "/page", ["Cookie: \(cookie)"]).status == 401)
        }
        let good = door.cookie(door.session())
        #expect(
            try door.ask("GET", "/page", ["Cookie: __Host-gatehouse=x; \(good)"]).kind == "forward")
    }

    static let groups: [(String, SessionGroup.Kind, String, [String])] = [
        ("the session at the provider", .providerSession, "s-1", ["a"]),
        ("another one", .providerSession, "s-9", []),
        ("the subject", .subject, "alice-id", ["a", "b", "c"]),
        ("another subject", .subject, "bob-id", []),
        ("the subject, where there is no sid", .subjectWithoutSession, "alice-id", ["c"]),
        ("a subject that reads as the sid", .subject, "s-1", []),
    ]

    @Test(arguments: groups.indices) func `sessions that end together are ended`(
        _ index: Int
    ) throws {
        let (what, kind, text, ended) = Self.groups[index]
        let door = try Door()
        let cookies = [
            "a": door.signedIn { $0.providerSessionID = "s-1" },
            "b": door.signedIn {
                $0.providerSessionID = "s-2"; $0.id[0] = 2
            },
            "c": door.signedIn { $0.id[0] = 3 },
        ]
        let group = SessionGroup(kind, text, of: door.snapshot.realms[0])
        door.gatekeeper.end(.group(group), from: noon, until: noon + .seconds(8 * 3600))
        for (name, cookie) in cookies {
            let word = try door.ask("GET", "/page", [cookie]).word
            #expect(word == (ended.contains(name) ? "401" : "forward"), "\(what): \(name)")
        }
        door.now = noon + .seconds(1)
        let later = door.signedIn {
            $0.providerSessionID = "s-1"; $0.startedAt = noon + .seconds(1)
        }
        #expect(try door.ask("GET", "/page", [later]).kind == "forward", "one that began later")
    }

    @Test func `another client's sessions of the same sid go on`() throws {
        let door = try Door()
        let realm = SessionRealm(issuer: "https://login.example.com", clientID: "other")
        door.gatekeeper.end(
            .group(SessionGroup(.providerSession, "s-1", of: realm)), from: noon,
            until: noon + .seconds(60))
        let cookie = door.signedIn { $0.providerSessionID = "s-1" }
        #expect(try door.ask("GET", "/page", [cookie]).kind == "forward")
    }

    @Test func `everybody's sessions end, and new ones begin`() throws {
        let door = try Door()
        door.gatekeeper.end(.everybody, from: noon, until: noon + .seconds(8 * 3600))
        #expect(try door.ask("GET", "/page", [door.signedIn()]).status == 401)
        door.now = noon + .seconds(1)
        let later = door.signedIn { $0.startedAt = noon + .seconds(1) }
        #expect(try door.ask("GET", "/page", [later]).kind == "forward")
        let hasEnded = door.gatekeeper.hasEnded(door.session(), of: 0, at: noon)
        #expect(hasEnded)
    }

    @Test func `what goes on for long asks by every name`() throws {
        let scopes: (Door) -> [EndedScope] = { door in
            [
                .session(Array(1...16)), .everybody,
                .group(SessionGroup(.providerSession, "s-1", of: door.snapshot.realms[0])),
                .group(SessionGroup(.subject, "alice-id", of: door.snapshot.realms[0])),
            ]
        }
        for index in 0..<4 {
            let door = try Door()
            let cookie = door.signedIn { $0.providerSessionID = "s-1" }
            #expect(try door.ask("GET", "/page", [cookie]).kind == "forward")
            let found = door.facts.watch(under: door.snapshot)
            let watch = try #require(found)
            let before = door.gatekeeper.hasEnded(watch, at: noon)
            door.gatekeeper.end(scopes(door)[index], from: noon, until: noon + .seconds(60))
            let after = door.gatekeeper.hasEnded(watch, at: noon)
            #expect(!before && after)
        }
    }

    @Test func `what is used under a session that is watched is noted, and polling is not`() throws
    {
        let door = try Door()
        #expect(try door.ask("GET", "/page", [door.signedIn()]).kind == "forward")
        let met = door.facts.session
        let session = try #require(met).key
        let cell = LastSeen(at: noon)
        door.gatekeeper.watch(session, cell)
        door.now = noon + .seconds(60)
        _ = try door.ask("GET", "/.auth/me", [door.signedIn()])
        _ = try door.ask("GET", "/public/x", [door.signedIn()])
        _ = try door.ask("GET", "/page", [door.signedIn { $0.id[0] = 9 }])
        #expect(cell.time == noon)
        _ = try door.ask("GET", "/page", [door.signedIn()])
        #expect(cell.time == noon + .seconds(60))
        let early = door.gatekeeper.isIdle(cell, at: noon + .seconds(60 + 1799))
        let idle = door.gatekeeper.isIdle(cell, at: noon + .seconds(60 + 1800))
        #expect(!early && idle)
        door.gatekeeper.unwatch(session, LastSeen(at: noon))
        door.now = noon + .seconds(90)
        _ = try door.ask("GET", "/page", [door.signedIn()])
        #expect(cell.time == noon + .seconds(90), "another cell was meant")
        door.gatekeeper.unwatch(session, cell)
        door.now = noon + .seconds(120)
        _ = try door.ask("GET", "/page", [door.signedIn()])
        #expect(cell.time == noon + .seconds(90))
    }

    @Test func `an ending takes less than 64 octets`() {
        #expect(MemoryLayout<SessionGroup>.stride + 2 * MemoryLayout<UnixTime>.size <= 40)
    }

    @Test func `an ended session stays ended, known to a flow or not`() throws {
        let door = try Door()
        let session = door.session()
        let cookie = door.signedIn()
        door.gatekeeper.end(
            .session(session.id), from: noon + .seconds(30), until: session.expires)
        #expect(try door.ask("GET", "/page", [cookie]).kind == "forward")
        door.now = noon + .seconds(30)
        #expect(try door.ask("GET", "/page", [cookie]).status == 401)
        #expect(
            try door.ask("GET", "/page", known: .session(session, setCookies: [])).status == 401)
        #expect(try door.ask("GET", "/page", [door.signedIn { $0.id[0] = 9 }]).kind == "forward")
    }

    @Test func `it is sealed again after a tenth of its idle time, and only then`() throws {
        let door = try Door()
        let cookie = door.signedIn()
        for (seconds, isExtended) in [(0, false), (179, false), (180, true), (1799, true)] {
            door.now = noon + .seconds(seconds)
            let lines = try door.relay(door.ask("GET", "/page", [cookie]))
            let new = values(of: "Set-Cookie", in: lines)
            #expect(new.isEmpty != isExtended, "\(seconds)")
            guard let pair = new.first?.split(separator: ";").first else { continue }
            door.now = door.now + .seconds(1799)
            #expect(try door.ask("GET", "/page", ["Cookie: \(pair)"]).kind == "forward")
        }
        door.now = noon + .seconds(180)
        #expect(try door.ask("GET", "/.auth/me", [cookie]).field("Set-Cookie") == nil)
        #expect(try door.relay(door.ask("GET", "/public/x", [cookie])).isEmpty)
    }

    static let tokens: [(String, String, @Sendable (inout Session) -> Void, String)] = [
        ("a fresh token", "/graphql?query=%7Ba%7D", { _ in }, "forward"),
        (
            "61 seconds left", "/graphql?query=%7Ba%7D",
            {
                $0.accessTokenExpires = noon + .seconds(61)
                $0.sealedAt = noon + .seconds(-600)
            }, "forward"
        ),
        (
            "60 seconds left", "/graphql?query=%7Ba%7D",
            {
                $0.accessTokenExpires = noon + .seconds(60)
                $0.sealedAt = noon + .seconds(-600)
            }, "refresh"
        ),
        (
            "a short token is not renewed at once", "/graphql?query=%7Ba%7D",
            { $0.accessTokenExpires = noon + .seconds(20) }, "forward"
        ),
        ("it has ended", "/graphql?query=%7Ba%7D", { $0.accessTokenExpires = noon }, "refresh"),
        (
            "no refresh token", "/graphql?query=%7Ba%7D",
            {
                $0.accessTokenExpires = noon
                $0.refreshToken = nil
            }, "401"
        ),
        (
            "no refresh token, still alive", "/graphql?query=%7Ba%7D",
            {
                $0.accessTokenExpires = noon + .seconds(1)
                $0.refreshToken = nil
            }, "forward"
        ),
        ("no token at all", "/graphql?query=%7Ba%7D", { $0.accessToken = nil }, "401"),
        ("no end is known", "/graphql?query=%7Ba%7D", { $0.accessTokenExpires = nil }, "forward"),
        ("another route needs none", "/page", { $0.accessTokenExpires = noon }, "forward"),
        (
            "another route, for a program", "/page",
            {
                $0.accessTokenExpires = noon
                $0.refreshToken = nil
            }, "forward"
        ),
    ]

    @Test(arguments: tokens.indices) func `a token is fresh when a call leaves`(_ index: Int) throws
    {
        let (what, target, change, expected) = Self.tokens[index]
        let door = try Door()
        let reply = try door.ask("GET", target, [door.signedIn(change)])
        #expect(reply.word == expected, "\(what)")
        if reply.status == 401 {
            #expect(reply.field("WWW-Authenticate")?.contains("invalid_token") == true)
            #expect(reply.body.contains("UNAUTHENTICATED"))
        }
    }

    @Test func `after a flow has looked, there is no second look`() throws {
        let door = try Door()
        let query = "/graphql?query=%7Ba%7D"
        let ended = door.session { $0.accessTokenExpires = noon }
        #expect(try door.ask("GET", query, known: .session(ended, setCookies: [])).status == 503)
        let spent = door.session {
            $0.accessTokenExpires = noon
            $0.refreshToken = nil
        }
        #expect(try door.ask("GET", query, known: .session(spent, setCookies: [])).status == 401)
        let ending = door.session {
            $0.accessTokenExpires = noon + .seconds(5)
            $0.sealedAt = noon + .seconds(-600)
        }
        #expect(
            try door.ask("GET", query, known: .session(ending, setCookies: [])).sent(
                "Authorization") == ["Bearer access-1"])
        let gone = try door.ask("GET", query, [door.signedIn()], known: .none)
        #expect(
            gone.status == 401 && gone.field("WWW-Authenticate")?.contains("invalid_token") == true)
    }

    @Test func `a flow's cookies go out with an answer of our own too`() throws {
        let door = try Door()
        let reply = try door.ask(
            "POST", "/form", ["Origin: null"],
            known: .session(door.session(), setCookies: ["a=1", "b=2"]))
        #expect(reply.status == 403)
        #expect(
            reply.answer?.fields.filter { $0.name == "Set-Cookie" }.map(\.value) == ["a=1", "b=2"])
    }

    @Test func `a session that ended while a flow worked brings no cookie`() throws {
        let door = try Door()
        let session = door.session()
        door.gatekeeper.end(.session(session.id), from: noon, until: session.expires)
        let reply = try door.ask(
            "GET", "/page", known: .session(session, setCookies: ["a=1"]))
        #expect(reply.status == 401)
        #expect(reply.answer?.field("Set-Cookie") == nil)
    }

    @Test func `a person whose token ended for good goes through the provider`() throws {
        let door = try Door()
        let cookie = door.signedIn {
            $0.accessTokenExpires = noon
            $0.refreshToken = nil
        }
        for target in ["/page", "/graphql"] {
            let reply = try door.ask("GET", target, Asking.navigation + [cookie])
            guard case .beginLogin(let intent)? = reply.work, case .tokenEnded = intent.reason
            else {
                Issue.record("\(target): \(reply.word)")
                continue
            }
            #expect(intent.returnTo == target)
        }
        let session = door.session {
            $0.accessTokenExpires = noon
            $0.refreshToken = nil
        }
        let again = KnownSession.session(session, setCookies: [])
        #expect(try door.ask("GET", "/page", Asking.navigation, known: again).kind == "forward")
        #expect(
            try door.ask("GET", "/graphql", Asking.navigation, known: again).field("Content-Type")
                == "text/html; charset=utf-8")
    }

    static let steps: [(String, @Sendable (inout Session) -> Void, String)] = [
        ("old", { $0.authenticatedAt = noon + .seconds(-301) }, "login"),
        (
            "young",
            {
                $0.authenticatedAt = noon + .seconds(-300)
                $0.authenticationContext = "gold"
                $0.scope = "openid pay"
            }, "forward"
        ),
        (
            "another context",
            {
                $0.authenticationContext = "silver"
                $0.scope = "openid pay"
            }, "login"
        ),
        (
            "fewer scopes",
            {
                $0.authenticationContext = "gold"
                $0.scope = "openid payments"
            }, "login"
        ),
    ]

    @Test(arguments: steps.indices) func `a weaker session steps up`(_ index: Int) throws {
        let (what, change, expected) = Self.steps[index]
        let text = Door.site.replacing(
            "routes:\n", with: "routes:\n  - { path: /pay, upstream: site }\n")
        let door = try Door(text) { configuration in
            var routes = configuration.routes
            routes[0] = routes[0].with(scopes: ["pay"], acrValues: ["gold"], maxAge: .seconds(300))
            return configuration.with(routes: routes)
        }
        let reply = try door.ask("GET", "/pay", Asking.navigation + [door.signedIn(change)])
        #expect(reply.word == expected, "\(what)")
        guard case .beginLogin(let intent)? = reply.work else { return }
        #expect(intent.requirements.acrValues == ["gold"] && intent.requirements.scopes == ["pay"])
    }
}

enum Asking {
    static let navigation = [
        "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Sec-Fetch-Site: none",
    ]
}

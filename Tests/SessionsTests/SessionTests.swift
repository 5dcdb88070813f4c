import Testing
import Values

@testable import Sessions

@Suite struct `A packed session` {
    static let tokens: [String?] = [
        nil, "", "opaque", "a.b", "..", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.AAEC",
        "AQIDBA==/+_-", "spare.bitZ.x", "\u{e4}", "a.b.c.d.e.f.g.h.i.j",
        String(repeating: "QUJD", count: 3000),
    ]

    @Test(arguments: tokens) func `comes back as it was`(_ token: String?) throws {
        var original = session(accessToken: token)
        #expect(Session(decoding: original.encoded()) == original)
        original.refreshToken = nil
        original.idToken = token
        original.claims = []
        original.authenticatedAt = nil
        original.providerSessionID = nil
        original.scope = nil
        original.authenticationContext = ""
        #expect(Session(decoding: original.encoded()) == original)
    }

    @Test func `of several tokens each goes to its resource server alone`() {
        var original = session(accessToken: "first.of.them")
        original.resourceTokens = [
            ResourceToken(audience: "https://one.example/", text: nil),
            ResourceToken(audience: "https://two.example/", text: "second.of.them"),
        ]
        let octets = original.encoded()
        #expect(octets[0] == 2)
        #expect(Session(decoding: octets) == original)
        for count in octets.indices { #expect(Session(decoding: Array(octets[..<count])) == nil) }
        var view = SessionView()
        let isRead = view.parse(octets)
        #expect(isRead)
        func sent(for audience: String?) -> String? {
            var token = OctetWriter()
            view.appendAccessToken(for: audience, to: &token)
            let has = view.hasAccessToken(for: audience)
            return has ? OctetText.string(token.span) : nil
        }
        #expect(sent(for: nil) == "first.of.them")
        #expect(sent(for: "https://one.example/") == "first.of.them")
        #expect(sent(for: "https://two.example/") == "second.of.them")
        #expect(sent(for: "https://three.example/") == nil)
        // Used again for a session that has but one: it is for all.
        let isReadAgain = view.parse(session(accessToken: "only").encoded())
        #expect(isReadAgain && sent(for: "https://two.example/") == "only")
    }

    @Test func `is smaller than its tokens where they are JSON Web Tokens`() {
        let token = (0..<3).map { _ in String(repeating: "QUJD", count: 300) }
            .joined(separator: ".")
        let small = session(accessToken: token).encoded().count
        let large = session(accessToken: token.replacing(".", with: "!")).encoded().count
        #expect(large - small > 3600 / 4 - 10)
    }

    @Test func `cut anywhere it is none`() {
        let octets = session(accessToken: "a.b.c").encoded()
        for count in octets.indices { #expect(Session(decoding: Array(octets[..<count])) == nil) }
        #expect(Session(decoding: octets + [0]) == nil)
    }

    @Test func `of another version it is none`() {
        var octets = session().encoded()
        for version in UInt8.min ... .max where version != Session.version {
            octets[0] = version
            #expect(Session(decoding: octets) == nil)
        }
    }

    @Test func `with any octet changed it is read or refused, and nothing traps`() {
        let octets = session(accessToken: "a.b.c").encoded()
        for index in octets.indices {
            for value: UInt8 in [0, 1, 2, 0x7f, 0x80, 0xff] {
                var changed = octets
                changed[index] = value
                if let read = Session(decoding: changed) { _ = read.encoded() }
            }
        }
    }

    @Test func `is bound to host, issuer and client`() {
        let own = Session.binding(host: "a", issuer: "b", clientID: "c")
        #expect(own.count == 16)
        #expect(own != Session.binding(host: "ab", issuer: "", clientID: "c"))
        #expect(own != Session.binding(host: "a", issuer: "bc", clientID: ""))
        #expect(own != Session.binding(host: "a", issuer: "b", clientID: "d"))
    }
}

@Suite struct `A session's view` {
    @Test func `gives every part in place`() throws {
        var view = SessionView()
        let original = session(accessToken: "eyJh.eyJz.AAEC")
        for _ in 0..<2 {  // a view is used again
            let isRead = view.parse(original.encoded())
            #expect(isRead)
            let octets = [UInt8](view.octets.span)
            #expect(String(decoding: octets[view.subject], as: UTF8.self) == "alice")
            #expect(Array(octets[view.id]) == original.id)
            #expect(view.generation == 3)
            let isBound = view.isBound(to: original.binding)
            let isBoundElsewhere = view.isBound(to: [UInt8](repeating: 0, count: 16))
            #expect(isBound && !isBoundElsewhere)
            #expect(view.claims.map(\.kind) == [.text, .list, .list, .number, .bool])
            let groups = view.valueRanges[view.claims[1].values]
            #expect(
                groups.map { String(decoding: octets[$0], as: UTF8.self) }
                    == ["admins", "r\u{e4}te, alle"])
            #expect(view.claims[2].values.isEmpty)
            #expect(view.hasAccessToken() && view.hasRefreshToken && view.hasIDToken)
            var token = OctetWriter()
            token.append("Bearer ")
            view.appendAccessToken(for: nil, to: &token)
            #expect(OctetText.string(token.span) == "Bearer eyJh.eyJz.AAEC")
            #expect(view.session() == original)
        }
    }

    @Test func `of a session without tokens has none`() {
        var view = SessionView()
        let isRead = view.parse(session().encoded())
        #expect(isRead && !view.hasAccessToken())
        var out = OctetWriter()
        view.appendAccessToken(for: nil, to: &out)
        let isEmpty = out.isEmpty
        #expect(isEmpty)
        #expect(view.accessTokenExpires == nil)
    }
}

@Suite struct `A session's end` {
    struct Row: Sendable {
        let idle: Duration
        let reseals: Duration
    }
    static let rows = [
        Row(idle: .seconds(1800), reseals: .seconds(180)),
        Row(idle: .seconds(300), reseals: .seconds(60)),
        Row(idle: .seconds(100), reseals: .seconds(50)),
        Row(idle: .seconds(2), reseals: .seconds(1)),
        Row(idle: .seconds(86_400), reseals: .seconds(8640)),
    ]

    @Test(arguments: rows)
    func `a cookie is sealed again after a tenth, a minute or half of idle_timeout`(_ row: Row) {
        let lifetime = SessionLifetime(idleTimeout: row.idle)
        #expect(lifetime.resealsAfter == row.reseals)
        var view = SessionView()
        let isRead = view.parse(session().encoded())
        #expect(isRead)
        let wantsBefore = lifetime.wantsSealing(view, at: noon + row.reseals - .seconds(1))
        let wantsThen = lifetime.wantsSealing(view, at: noon + row.reseals)
        #expect(!wantsBefore && wantsThen)
    }

    @Test func `is idle_timeout after sealing, or the lifetime, exactly`() {
        let lifetime = SessionLifetime(idleTimeout: .seconds(1800))
        var session = session()
        #expect(lifetime.isLive(session, at: noon + .seconds(1799)))
        #expect(!lifetime.isLive(session, at: noon + .seconds(1800)))
        session.expires = noon + .seconds(10)
        #expect(lifetime.isLive(session, at: noon + .seconds(9)))
        #expect(!lifetime.isLive(session, at: noon + .seconds(10)))
    }
}

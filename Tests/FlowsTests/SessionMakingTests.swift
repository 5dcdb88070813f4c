import Gateway
import HTTP
import JSON
import Sessions
import Testing
import Values

@testable import Flows

@Suite struct `A session keeps what is needed and no more` {
    private static let open = House.site.replacing(
        "  - { path: /graphql, graphql: true, upstream: api }\n", by: "")

    private func session(
        _ text: String = House.site, _ changes: JSONObject = [:]
    ) async throws -> Session {
        let house = try House(text)
        var browser = Browser()
        _ = try await house.signIn(&browser, changes)
        return try #require(browser.session(house))
    }

    @Test func `of the claims, those that a field sends`() async throws {
        let session = try await session()
        #expect(
            session.claims == [
                SessionClaim(name: "email", value: .text("alice@example.com")),
                SessionClaim(name: "groups", value: .list(["readers", "writers"])),
                SessionClaim(name: "email_verified", value: .bool(true)),
            ])
    }

    static let values: [(JSON, SessionClaim.Value?)] = [
        ("a@b", .text("a@b")), ("", nil), (.null, nil), (["a": "b"], nil), ([], nil),
        (.number("10000000000000000001"), .number("10000000000000000001")), (false, .bool(false)),
        (["a", "", .null, 1, true, ["x"]], .list(["a", "1", "true"])), ([""], nil),
    ]

    @Test(arguments: values) func `each kind of claim has one form`(
        _ value: JSON, _ expected: SessionClaim.Value?
    ) async throws {
        let session = try await session(House.site, ["email": value])
        #expect(session.claims.first { $0.name == "email" }?.value == expected)
    }

    @Test func `tokens, where a route sends one`() async throws {
        let session = try await session()
        #expect((session.accessToken, session.refreshToken) == ("access-1", "refresh-1"))
        #expect(session.accessTokenExpires == noon + .seconds(3600))
        let bare = try await self.session(Self.open)
        #expect((bare.accessToken, bare.refreshToken) == (nil, nil))
        #expect(bare.accessTokenExpires == nil)
    }

    @Test(arguments: [
        ("", true, true), ("session: { logout: { provider: false } }\n", true, false),
        ("", false, false),
    ]) func `the ID token, where logout at the provider will need it`(
        _ more: String, _ hasEndpoint: Bool, _ isKept: Bool
    ) async throws {
        let house = try House(House.site + more)
        if !hasEndpoint {
            house.provider.answer(
                "/.well-known/openid-configuration",
                .json(200, ScriptedProvider.discovery(["end_session_endpoint": .null])))
        }
        var browser = Browser()
        _ = try await house.signIn(&browser)
        #expect((try #require(browser.session(house)).idToken != nil) == isKept)
    }

    @Test(arguments: [(nil, 8 * 3600), (600, 600), (10 * 3600, 8 * 3600)] as [(Int64?, Int)])
    func `it ends with its lifetime or with the provider's own session`(
        _ providersEnd: Int64?, _ expected: Int
    ) async throws {
        let session = try await session(
            House.site + "session: { lifetime: 8h }\n",
            ["session_exp": providersEnd.map { .number("\(noon.seconds + $0)") } ?? .null])
        #expect(session.expires == noon + .seconds(expected))
        #expect(
            session.binding
                == Session.binding(host: House.host, issuer: issuer, clientID: "portal"))
        #expect(session.providerSessionID == "provider-session")
    }
}

extension String {
    func replacing(_ part: String, by other: String) -> String {
        split(separator: part, omittingEmptySubsequences: false).joined(separator: other)
    }
}

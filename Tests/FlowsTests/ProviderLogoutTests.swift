import Gateway
import HTTP
import JSON
import OpenID
import Sessions
import Testing
import Values

@testable import Flows

@Suite struct `The provider ends a session` {
    private static let event = "http://schemas.openid.net/event/backchannel-logout"

    private func token(_ changes: JSONObject = [:], by signer: Signer = .current) -> String {
        var claims: JSONObject = [
            "iss": .string(issuer), "aud": "portal", "sub": "alice-id", "sid": "s-1",
            "jti": "j-1", "iat": .number("\(noon.seconds)"),
            "exp": .number("\(noon.seconds + 120)"), "events": [Self.event: [:]],
        ]
        for (name, value) in changes.members { claims[name] = value.isNull ? .none : .some(value) }
        return signer.token(claims)
    }

    private func post(_ house: House, _ token: String) async throws -> Answer {
        try await house.answer(
            .backchannelLogout(BackchannelLogoutIntent(asked: Browser().asked, token: token)))
    }

    private func group(_ house: House, _ kind: SessionGroup.Kind, _ text: String) -> EndedScope {
        .group(SessionGroup(kind, text, of: house.snapshot.realms[0]))
    }

    @Test func `by sid, and by sub for sessions that came without one`() async throws {
        let house = try House()
        let answer = try await post(house, token())
        #expect(answer.status == 200 && answer.field("Cache-Control") == "no-store")
        #expect(
            house.announced.all.map(\.scope) == [
                group(house, .providerSession, "s-1"),
                group(house, .subjectWithoutSession, "alice-id"),
            ])
        #expect(house.announced.all.allSatisfy { $0.from == noon })
        #expect(house.announced.all.allSatisfy { $0.until == noon + .seconds(8 * 3600) })
    }

    @Test func `by sub alone all of the subject's`() async throws {
        let house = try House()
        _ = try await post(house, token(["sid": nil]))
        #expect(house.announced.all.map(\.scope) == [group(house, .subject, "alice-id")])
    }

    @Test func `a token counts once`() async throws {
        let house = try House()
        #expect(try await post(house, token()).status == 200)
        let again = try await post(house, token())
        #expect(again.status == 400 && house.announced.all.count == 2)
        #expect(try await post(house, token(["jti": "j-2"])).status == 200)
    }

    static let refused: [(String, JSONObject)] = [
        ("another issuer's", ["iss": "https://evil.test"]), ("another client's", ["aud": "other"]),
        ("without events", ["events": nil]), ("with a nonce", ["nonce": "n"]),
        ("old", ["iat": .number("\(noon.seconds - 3600)")]),
    ]

    @Test(arguments: refused.indices) func `what is wrong ends nothing, as JSON`(
        _ index: Int
    ) async throws {
        let house = try House()
        let answer = try await post(house, token(Self.refused[index].1))
        #expect(answer.status == 400 && answer.field("Content-Type") == "application/json")
        #expect(String(decoding: answer.body, as: UTF8.self).contains("invalid_request"))
        #expect(house.announced.all.isEmpty)
        #expect(house.log.all.contains { $0.contains("event=backchannel-logout-refused") })
    }

    @Test func `garbage makes one request for keys, and a login still gets one`() async throws {
        let house = try House()
        for number in 0..<50 {
            let stranger = Signer(key: Signer.next.key, kid: "unknown-\(number)")
            #expect(try await post(house, token(by: stranger)).status == 400)
            #expect(try await post(house, "a.b.\(number)").status == 400)
        }
        #expect(house.provider.count("/keys") == 2, "the first reading, and one more")
        house.provider.answer("/keys", .json(200, Signer.next.keySet))
        var browser = Browser()
        let asked = try await house.begin(&browser)
        house.provider.answer(
            "/token",
            tokens(idToken: Signer.next.token(claims(nonce: asked.first("nonce"), at: house.now))))
        #expect(try await house.complete(&browser, .code(for: asked)).status == 303)
    }

    @Test func `new keys are seen`() async throws {
        let house = try House()
        _ = try await post(house, token())
        house.provider.answer("/keys", .json(200, Signer.next.keySet))
        #expect(try await post(house, token(["jti": "j-2"], by: .next)).status == 200)
    }

    @Test func `a provider that cannot be reached is no reason to believe anybody`() async throws {
        let house = try House()
        house.provider.fail("/keys", .unreachable("x"))
        #expect(try await post(house, token()).status == 400)
        #expect(house.announced.all.isEmpty)
    }

    @Test func `a refresh that ends after it is revoked and dropped`() async throws {
        let house = try House()
        house.provider.answer(
            "/token", tokens(idToken: nil, access: "access-2", refresh: "refresh-2"))
        house.provider.answer("/revoke", .text(200, ""))
        house.ended.add(true)
        let outcome = await house.refresh(house.session())
        #expect(outcome.isWithoutSession)
        await house.settle()
        #expect(
            house.provider.requests(to: "/revoke").map { $0.form.first("token") } == ["refresh-2"])
    }

    // MARK: Front channel

    private func frame(
        _ house: House, _ browser: Browser = Browser(), _ sessionID: String = "s-1",
        _ session: Session? = nil
    ) async throws -> Answer {
        try await house.answer(
            .frontchannelLogout(
                FrontchannelLogoutIntent(
                    asked: browser.asked, providers: [0], sessionID: sessionID,
                    sessions: session.map { [(provider: 0, session: $0)] } ?? [])))
    }

    @Test func `a frame without cookies ends the session it names, and revokes nothing`()
        async throws
    {
        let house = try House()
        let answer = try await frame(house)
        #expect(answer.status == 200 && answer.setCookies.isEmpty)
        #expect(house.announced.all.map(\.scope) == [group(house, .providerSession, "s-1")])
        await house.settle()
        #expect(house.provider.count("/revoke") == 0)
        #expect(answer.field("X-Frame-Options") == nil)
        let policy = answer.field("Content-Security-Policy") ?? ""
        #expect(policy.hasSuffix("frame-ancestors https://login.example.com"))
    }

    @Test func `the authorization endpoint's origin may frame it too`() async throws {
        let house = try House()
        house.provider.answer(
            "/.well-known/openid-configuration",
            .json(
                200,
                ScriptedProvider.discovery(["authorization_endpoint": "https://in.example.com/a"])))
        let policy = try await frame(house).field("Content-Security-Policy") ?? ""
        #expect(
            policy.hasSuffix("frame-ancestors https://login.example.com https://in.example.com"))
    }

    @Test func `the browser's own session is cleared with its cookies`() async throws {
        let house = try House()
        var browser = Browser()
        _ = try await house.signIn(&browser)
        let session = try #require(browser.session(house))
        let answer = try await frame(house, browser, "provider-session", session)
        #expect(answer.setCookies.count == 1 && answer.setCookies[0].contains("Max-Age=0"))
        #expect(house.announced.all.first?.scope == .session(session.id))
        await house.settle()
        #expect(house.provider.count("/revoke") == 0)
    }

    @Test func `names that nobody has proved have a bound`() throws {
        let logouts = UnprovenLogouts()
        let until = noon + .seconds(3600)
        func mayEnd(_ name: String, _ client: UInt32 = 1) -> Bool {
            logouts.mayEnd(name, from: .v4(client), at: noon, until: until)
        }
        for number in 0..<UnprovenLogouts.entriesMaxForClient { #expect(mayEnd("\(number)")) }
        #expect(!mayEnd("one more"))
        #expect(mayEnd("0"), "known already")
        #expect(mayEnd("another client's", 2))
        var client: UInt32 = 3
        while logouts.count < UnprovenLogouts.entriesMax {
            for number in 0..<UnprovenLogouts.entriesMaxForClient {
                _ = mayEnd("\(client) \(number)", client)
            }
            client += 1
        }
        #expect(!mayEnd("a last one", client))
        #expect(logouts.mayEnd("later", from: .v4(client), at: until, until: until + .seconds(1)))
    }
}

import Gateway
import HTTP
import JSON
import OpenID
import Sessions
import Testing
import Values

@testable import Flows

@Suite struct `A visitor signs out` {
    private func logout(_ house: House, _ browser: Browser) async throws -> Answer {
        let sessions = browser.session(house).map { [(provider: 0, session: $0)] } ?? []
        return try await house.answer(
            .logout(
                LogoutIntent(
                    asked: browser.asked, provider: 0, sessions: sessions,
                    signedOutURI: "https://portal.example.com/.auth/signed-out")))
    }

    @Test func `the session ends here, in the browser and at the provider`() async throws {
        let house = try House()
        house.provider.answer("/revoke", .text(200, ""))
        var browser = Browser()
        _ = try await house.signIn(&browser)
        _ = try await house.begin(&browser)
        let session = try #require(browser.session(house))
        let answer = try await logout(house, browser)
        #expect(house.announced.all == [EndedSession(session, from: house.now)])
        let query = try answer.query(of: issuer + "/logout")
        #expect(query.first("id_token_hint") == session.idToken)
        #expect(
            query.first("post_logout_redirect_uri")
                == "https://portal.example.com/.auth/signed-out")
        #expect(query.first("state")?.isEmpty == false)
        browser.take(answer)
        #expect(browser.cookies.isEmpty)
        #expect(house.provider.count("/revoke") == 0, "nobody waits for it")
        await house.settle()
        let revocation = try #require(house.provider.requests(to: "/revoke").first)
        #expect(revocation.form.first("token") == "refresh-1")
        #expect(revocation.form.first("token_type_hint") == "refresh_token")
    }

    @Test func `without an ID token the client and the subject are named`() async throws {
        let house = try House()
        let answer = try await house.answer(
            .logout(
                LogoutIntent(
                    asked: Browser().asked, provider: 0,
                    sessions: [(provider: 0, session: house.session { $0.idToken = nil })],
                    signedOutURI: "/")))
        let query = try answer.query(of: issuer + "/logout")
        #expect(
            (query.first("client_id"), query.first("logout_hint")) == ("portal", "alice-id"))
    }

    static let local: [(String, String, ScriptedProvider.Reply?)] = [
        ("the provider is down", "", { _ in .failure(.unreachable("x")) }),
        (
            "it has no such endpoint", "",
            { _ in
                .success(.json(200, ScriptedProvider.discovery(["end_session_endpoint": .null])))
            }
        ),
        ("it is not to be told", "session: { logout: { provider: false } }\n", nil),
    ]

    @Test(arguments: local) func `otherwise it leads to our own page, and the session has ended`(
        _ name: String, _ more: String, _ reply: ScriptedProvider.Reply?
    ) async throws {
        let house = try House(House.site + more)
        if let reply { house.provider.answer("/.well-known/openid-configuration", by: reply) }
        let session = house.session()
        let answer = try await house.answer(
            .logout(
                LogoutIntent(
                    asked: Browser().asked, provider: 0,
                    sessions: [(provider: 0, session: session)], signedOutURI: "/")))
        #expect(answer.word == "303 /.auth/signed-out")
        #expect(house.announced.all.map(\.scope) == [.session(session.id)])
    }

    @Test func `without a session it leads to our own page, and clears what came`() async throws {
        let house = try House()
        var browser = Browser()
        browser.cookies = ["__Host-gatehouse": "old", "__Host-gatehouse.1": "old"]
        let answer = try await logout(house, browser)
        #expect(answer.word == "303 /.auth/signed-out")
        browser.take(answer)
        #expect(browser.cookies.isEmpty)
        #expect(house.announced.all.isEmpty)
    }

    @Test func `a revocation that fails is in the log`() async throws {
        let house = try House()
        house.provider.answer("/revoke", .text(503, ""))
        var browser = Browser()
        _ = try await house.signIn(&browser)
        _ = try await logout(house, browser)
        await house.settle()
        #expect(house.log.all.contains { $0.contains("event=revocation-failed") })
    }

    @Test func `the browser is asked to clear what the configuration names`() async throws {
        let house = try House(
            House.site + "session: { logout: { clear_site_data: [cache, storage] } }\n")
        let answer = try await logout(house, Browser())
        #expect(answer.field("Clear-Site-Data") == #""cache", "storage""#)
    }
}

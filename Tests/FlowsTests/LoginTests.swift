import Cryptography
import Gateway
import HTTP
import JSON
import OpenID
import Sessions
import Testing
import Values

@testable import Flows

@Suite struct `A login begins` {
    @Test func `the visitor is sent to the provider with everything a code login needs`()
        async throws
    {
        let house = try House()
        var browser = Browser()
        let asked = try await house.begin(&browser)
        let fixed = [
            "response_type": "code", "client_id": "portal", "scope": "openid offline_access",
            "redirect_uri": "https://portal.example.com/.auth/callback",
            "code_challenge_method": "S256", "ui_locales": "en",
        ]
        for (name, value) in fixed { #expect(asked.first(name) == value) }
        for (name, _) in asked.pairs { #expect(asked.count(of: name) == 1) }
        #expect(asked.first("response_mode") == nil && asked.first("prompt") == nil)
        #expect(house.provider.count("/token") == 0)
    }

    @Test func `the cookie holds what the answer will be checked against, and state only its name`()
        async throws
    {
        let house = try House()
        var browser = Browser()
        let answer = try await house.answer(.beginLogin(house.loginIntent(browser, to: "/a?b=c")))
        let asked = try answer.query(of: issuer + "/authorize")
        browser.take(answer)
        let line = try #require(answer.setCookies.first)
        #expect(answer.setCookies.count == 1)
        for attribute in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/", "; Max-Age="] {
            #expect(line.contains(attribute))
        }
        let state = try #require(
            LoginState(opening: asked.first("state") ?? "", with: house.sealer, at: noon))
        let cookies = house.snapshot.loginCookies
        let sealed = try #require(browser.cookies[cookies.name(of: state.loginID)])
        let attempt = try #require(
            LoginAttempt(
                opening: Array(sealed.utf8), of: state.loginID, with: house.sealer, for: cookies,
                at: noon))
        #expect(attempt.nonce == asked.first("nonce"))
        #expect(
            AuthorizationRequest.challenge(for: attempt.codeVerifier)
                == asked.first("code_challenge"))
        #expect((attempt.returnTo, state.returnTo) == ("/a?b=c", "/a?b=c"))
        #expect(!state.isRepeated)
    }

    @Test func `of six logins at once the oldest is dropped`() async throws {
        let house = try House()
        var browser = Browser()
        _ = try await house.begin(&browser)
        let oldest = try #require(browser.logins.first)
        for count in 2...6 {
            house.pass(1)
            _ = try await house.begin(&browser)
            #expect(browser.logins.count == min(count, 5))
        }
        #expect(!browser.logins.contains(oldest))
    }

    static let discoveries: [(String, Result<InboundResponse, ClientFailure>, String)] = [
        ("no route to it", .failure(.unreachable("no route")), "503 provider-not-ready"),
        ("no answer in time", .failure(.timedOut(sent: true)), "503 provider-not-ready"),
        ("a cut connection", .failure(.cut(sent: true)), "503 provider-not-ready"),
        ("a 500", .success(.text(500, "")), "503 provider-not-ready"),
        ("a 429", .success(.text(429, "")), "503 provider-not-ready"),
        ("a 404", .success(.text(404, "")), "502 provider-response-invalid"),
        ("a redirect", .success(.text(302, "")), "502 provider-response-invalid"),
        ("a foreign certificate", .failure(.untrusted("x")), "502 provider-response-invalid"),
        ("no HTTP", .failure(.malformed("x")), "502 provider-response-invalid"),
        ("too much", .failure(.tooLarge), "502 provider-response-invalid"),
        ("a page", .success(.text(200, "<html>")), "502 provider-response-invalid"),
        (
            "another issuer",
            .success(.json(200, ScriptedProvider.discovery(["issuer": "https://evil.example"]))),
            "502 provider-response-invalid"
        ),
        (
            "an endpoint without TLS",
            .success(
                .json(
                    200,
                    ScriptedProvider.discovery(["token_endpoint": "http://login.example.com/t"]))
            ), "502 provider-response-invalid"
        ),
    ]

    @Test(arguments: discoveries)
    func `a provider that cannot be used is a refusal with its status`(
        _ name: String, _ reply: Result<InboundResponse, ClientFailure>, _ expected: String
    ) async throws {
        let house = try House()
        house.provider.answer("/.well-known/openid-configuration") { _ in reply }
        let answer = try await house.answer(.beginLogin(house.loginIntent(Browser())))
        #expect(answer.word == expected)
        #expect((answer.field("Retry-After") != nil) == (answer.status == 503))
        #expect(answer.setCookies.isEmpty)
        #expect(house.log.all.contains { $0.contains("event=login-refused") })
    }
}

@Suite struct `A browser never goes in a circle through the provider` {
    @Test func `one that loses the session cookie is sent once more, then gets a page`()
        async throws
    {
        let house = try House()
        var browser = Browser()
        for _ in 1...2 {
            #expect(try await house.signIn(&browser).word == "303 /reports")
            browser.forget { $0 == "__Host-gatehouse" }
            house.pass(1)
        }
        let answer = try await house.answer(.beginLogin(house.loginIntent(browser)))
        #expect(answer.word == "400 cookies-missing")
        house.pass(60)
        #expect(
            try await house.answer(.beginLogin(house.loginIntent(browser))).status == 303,
            "a minute later it may try again")
    }

    @Test func `one whose sessions are never enough for the page gets a page of its own`()
        async throws
    {
        let house = try House()
        var browser = Browser()
        for _ in 1...2 { #expect(try await house.signIn(&browser).word == "303 /reports") }
        let answer = try await house.answer(.beginLogin(house.loginIntent(browser)))
        #expect(answer.word == "403 requirements-unmet")
        #expect(
            try await house.answer(.beginLogin(house.loginIntent(browser, to: "/other"))).status
                == 303, "a login to another page is no circle")
    }

    @Test func `who signs out and in again is not taken for one`() async throws {
        let house = try House()
        var browser = Browser()
        for _ in 1...4 {
            #expect(try await house.signIn(&browser).word == "303 /reports")
            let session = try #require(browser.session(house))
            browser.take(
                try await house.answer(
                    .logout(
                        LogoutIntent(
                            asked: browser.asked, provider: 0,
                            sessions: [(provider: 0, session: session)], signedOutURI: "/"))))
            #expect(browser.cookies.isEmpty)
        }
    }

    @Test
    func `a session without a token goes through the provider once a minute, and else goes on`()
        async throws
    {
        let house = try House()
        let session = house.session { $0.refreshToken = nil }
        func go(_ browser: Browser = Browser()) async -> Outcome {
            await house.perform(
                .beginLogin(house.loginIntent(browser, .tokenEnded(session))))
        }
        guard case .answer(let answer) = await go() else { throw Unexpected("no login") }
        #expect(answer.status == 303)
        #expect(await go().session?.0 == session)
        house.pass(60)
        guard case .answer = await go() else { throw Unexpected("no login after a minute") }
    }

    @Test func `a new session whose token has ended too does not go at once again`() async throws {
        let house = try House()
        var browser = Browser()
        _ = try await house.signIn(&browser)
        let session = try #require(browser.session(house))
        let outcome = await house.perform(
            .beginLogin(house.loginIntent(browser, .tokenEnded(session))))
        #expect(outcome.session?.0 == session)
    }

    @Test func `a session without a token goes on while the provider is down`() async throws {
        let house = try House()
        house.provider.fail("/.well-known/openid-configuration", .unreachable("down"))
        let session = house.session { $0.refreshToken = nil }
        let intent = house.loginIntent(Browser(), .tokenEnded(session))
        #expect(await house.perform(.beginLogin(intent)).session?.0 == session)
        house.provider.answer(
            "/.well-known/openid-configuration", .json(200, ScriptedProvider.discovery()))
        #expect(
            await house.perform(.beginLogin(intent)).session?.0 == session,
            "one slow attempt a minute is enough")
        house.pass(60)
        guard case .answer(let answer) = await house.perform(.beginLogin(intent)) else {
            throw Unexpected("no login after a minute")
        }
        #expect(answer.status == 303)
    }

    @Test func `what the throttle remembers is bounded`() {
        let throttle = RenewalThrottle()
        for number in 0..<(RenewalThrottle.entriesMax + 100) {
            let id = withUnsafeBytes(of: number) { Array($0) }
            #expect(throttle.mayGo(id, at: noon))
        }
        #expect(throttle.count == RenewalThrottle.entriesMax)
        #expect(throttle.mayGo([1], at: noon + .seconds(61)))
        #expect(throttle.count == 1)
    }
}

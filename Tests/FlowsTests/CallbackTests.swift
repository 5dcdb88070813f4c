import Cryptography
import Gateway
import HTTP
import JSON
import OpenID
import Sessions
import Testing
import Values

@testable import Flows

@Suite struct `The browser comes back from the provider` {
    @Test func `a login that ends well leads to its page with a session`() async throws {
        let house = try House()
        var browser = Browser()
        let asked = try await house.begin(&browser, to: "/reports?year=2026")
        house.grant(asked)
        let answer = try await house.complete(&browser, .code(for: asked))
        #expect((answer.status, answer.location) == (303, "/reports?year=2026"))
        #expect(browser.session(house)?.subject == "alice-id")
        let request = try #require(house.provider.requests(to: "/token").first)
        #expect(request.form.first("code") == "code-1")
        #expect(
            request.form.first("redirect_uri") == "https://portal.example.com/.auth/callback")
        let verifier = try #require(request.form.first("code_verifier"))
        #expect(AuthorizationRequest.challenge(for: verifier) == asked.first("code_challenge"))
        #expect(request.field("Authorization")?.hasPrefix("Basic ") == true)
        #expect(house.log.all.contains { $0.contains("event=login ") })
        #expect(!house.log.all.joined().contains("code-1"))
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let expected: String
        let change: @Sendable (inout Form, inout Browser, House) -> Void

        init(
            _ name: String, _ expected: String,
            _ change: @escaping @Sendable (inout Form, inout Browser, House) -> Void
        ) {
            testDescription = name
            self.expected = expected
            self.change = change
        }
    }

    static let refused: [Row] = [
        Row("nothing came", "400 response-invalid") { form, _, _ in form = Form() },
        Row("no code", "400 response-invalid") { form, _, _ in
            form = Form([("state", form.first("state") ?? "")])
        },
        Row("a code and an error", "400 response-invalid") { form, _, _ in
            form.append("error", "access_denied")
        },
        Row("state twice", "400 response-invalid") { form, _, _ in form.append("state", "x") },
        Row("no state", "400 state-invalid") { form, _, _ in form = Form([("code", "c")]) },
        Row("an empty state", "400 response-invalid") { form, _, _ in
            form = Form([("code", "c"), ("state", "")])
        },
        Row("a forged state", "400 state-invalid") { form, _, _ in
            form = Form([("code", "c"), ("state", "AQAAAAAAAAAA")])
        },
        Row("a state with one bit flipped", "400 state-invalid") { form, _, _ in
            var state = Array((form.first("state") ?? "").utf8)
            state[state.count / 2] ^= 1
            form = Form([("code", "c"), ("state", String(decoding: state, as: UTF8.self))])
        },
        Row("a state of another deployment", "400 state-invalid") { form, _, _ in
            var dice = SystemRandomNumberGenerator()
            let state = LoginState(loginID: LoginID(at: noon, using: &dice), returnTo: "/")
            let foreign = state.sealed(
                by: Sealer(KeyRing.ephemeral(using: &dice)), at: noon, using: &dice)
            form = Form([("code", "c"), ("state", foreign)])
        },
        Row("the login of another host", "400 state-invalid") { _, browser, _ in
            browser.host = "other.example.com"
        },
        Row("another issuer's answer", "400 issuer-mismatch") { form, _, _ in
            form.append("iss", "https://evil.example")
        },
        Row("another issuer's error", "400 issuer-mismatch") { form, _, _ in
            form = Form([
                ("error", "access_denied"), ("state", form.first("state") ?? ""),
                ("iss", "https://evil.example"),
            ])
        },
        Row("no issuer from a provider that always names it", "400 issuer-mismatch") {
            _, _, house in
            house.pass(3601)  // so that discovery is read again; the login may take longer
            house.provider.answer(
                "/.well-known/openid-configuration",
                .json(
                    200,
                    ScriptedProvider.discovery([
                        "authorization_response_iss_parameter_supported": true
                    ])))
        },
    ]

    private static let patient = House.site + "session: { login_timeout: 4h }\n"

    @Test(arguments: refused) func `what is not this browser's login spends no code`(
        _ row: Row
    ) async throws {
        let house = try House(Self.patient)
        var browser = Browser()
        let asked = try await house.begin(&browser)
        house.grant(asked)
        var response = Form.code(for: asked)
        row.change(&response, &browser, house)
        if house.now != noon {
            // Stale documents are read again in the background.
            _ = try await house.answer(.beginLogin(house.loginIntent(browser)))
            await house.settle()
        }
        let before = browser.cookies
        let answer = try await house.complete(&browser, response)
        #expect(answer.word == row.expected)
        #expect(house.provider.count("/token") == 0)
        #expect(browser.cookies == before, "nothing changed")
    }

    @Test(arguments: [
        ("access_denied", "403 declined"), ("login_required", "403 declined"),
        ("server_error", "503 provider-unavailable"),
        ("temporarily_unavailable", "503 provider-unavailable"),
    ]) func `an error ends the login, with or without its cookie`(
        _ error: String, _ expected: String
    ) async throws {
        for hasCookie in [true, false] {
            let house = try House()
            var browser = Browser()
            let asked = try await house.begin(&browser)
            if !hasCookie { browser.forgetLogins() }
            let response = Form([
                ("error", error), ("error_description", "<b>no</b>"),
                ("state", asked.first("state") ?? ""),
            ])
            let answer = try await house.complete(&browser, response)
            #expect(answer.word == expected)
            #expect(browser.cookies.isEmpty)
            #expect(!String(decoding: answer.body, as: UTF8.self).contains("<b>no</b>"))
            #expect(house.provider.count("/token") == 0)
        }
    }

    @Test func `an issuer that is named and right is accepted`() async throws {
        let house = try House()
        var browser = Browser()
        let asked = try await house.begin(&browser)
        house.grant(asked)
        var response = Form.code(for: asked)
        response.append("iss", issuer)
        #expect(try await house.complete(&browser, response).word == "303 /reports")
    }

    // MARK: The login's cookie is gone

    @Test func `without its cookie, a visitor with a session goes to the page`() async throws {
        let house = try House()
        var browser = Browser()
        _ = try await house.signIn(&browser)
        let asked = try await house.begin(&browser, to: "/late")
        browser.forgetLogins()
        let sent = house.provider.count("/token")
        #expect(try await house.complete(&browser, .code(for: asked)).word == "303 /late")
        #expect(house.provider.count("/token") == sent)
        #expect(house.announced.all.isEmpty)
    }

    @Test func `one that takes too long begins afresh, and says so the second time`() async throws {
        let house = try House()
        var browser = Browser()
        let first = try await house.begin(&browser)
        house.pass(1201)
        let answer = try await house.complete(&browser, .code(for: first))
        let second = try answer.query(of: issuer + "/authorize")
        house.pass(1201)
        #expect(
            try await house.complete(&browser, .code(for: second)).word == "400 login-overdue")
        #expect(house.provider.count("/token") == 0)
    }

    @Test func `without its cookie and session, one fresh login begins, then a page`() async throws
    {
        let house = try House()
        var browser = Browser()
        let first = try await house.begin(&browser)
        browser.forgetLogins()
        let answer = try await house.complete(&browser, .code(for: first))
        let second = try answer.query(of: issuer + "/authorize")
        #expect(second.first("state") != first.first("state"))
        let state = LoginState(
            opening: second.first("state") ?? "", with: house.sealer, at: house.now)
        #expect(state?.isRepeated == true && state?.returnTo == "/reports")
        browser.forgetLogins()
        #expect(
            try await house.complete(&browser, .code(for: second)).word == "400 cookies-missing")
        #expect(house.provider.count("/token") == 0)
    }

    @Test func `the fresh login may end well`() async throws {
        let house = try House()
        var browser = Browser()
        let first = try await house.begin(&browser)
        browser.forgetLogins()
        let answer = try await house.complete(&browser, .code(for: first))
        let second = try answer.query(of: issuer + "/authorize")
        house.grant(second)
        #expect(try await house.complete(&browser, .code(for: second)).word == "303 /reports")
    }

    @Test(arguments: [(0, "303 /reports"), (1, "303 \(issuer)/authorize")])
    func `an overdue login is as one whose cookie is gone`(
        _ late: Int, _ expected: String
    ) async throws {
        let house = try House(House.site + "session: { login_timeout: 10m }\n")
        var browser = Browser()
        let asked = try await house.begin(&browser)
        house.pass(600 + late)
        house.grant(asked)
        #expect(try await house.complete(&browser, .code(for: asked)).word == expected)
        #expect(house.provider.count("/token") == 1 - late)
    }

    @Test func `a planted cookie of the login's name does no harm`() async throws {
        let house = try House()
        var browser = Browser()
        let asked = try await house.begin(&browser)
        house.grant(asked)
        var intent = house.callbackIntent(browser, .code(for: asked))
        let name = try #require(browser.logins.first)
        intent.asked.loginCookies.insert(BroughtCookie(name: name, value: [0x61]), at: 0)
        #expect(try await house.answer(.completeLogin(intent)).word == "303 /reports")
    }

    // MARK: The session that was there before

    @Test(arguments: [("alice-id", 30), ("bob-id", 0)])
    func `a new login ends the session it replaces, the same person's half a minute later`(
        _ subject: String, _ later: Int
    ) async throws {
        let house = try House()
        var browser = Browser()
        _ = try await house.signIn(&browser)
        let old = try #require(browser.session(house))
        _ = try await house.signIn(&browser, ["sub": .string(subject)])
        let new = try #require(browser.session(house))
        #expect(new.id != old.id && new.subject == subject)
        #expect(house.announced.all.map(\.scope) == [.session(old.id)])
        #expect(house.announced.all.first?.from == house.now + .seconds(later))
        #expect(house.announced.all.first?.until == old.expires)
    }
}

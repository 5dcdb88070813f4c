import Cryptography
import Gateway
import HTTP
import JSON
import OpenID
import Sessions
import Testing
import Values

@testable import Flows

@Suite struct `A code is redeemed once` {
    @Test func `copies of a callback wait for the first and get the same answer`() async throws {
        let house = try House()
        var browser = Browser()
        let asked = try await house.begin(&browser)
        house.grant(asked)
        let gate = house.provider.hold("/token")
        let intent = house.callbackIntent(browser, .code(for: asked))
        let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
            for _ in 1...50 { group.addTask { try await house.answer(.completeLogin(intent)) } }
            await gate.arrival()
            gate.open()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(house.provider.count("/token") == 1)
        #expect(Set(answers.map(\.location)) == ["/reports"])
        #expect(Set(answers.map(\.setCookies)).count == 1)
        #expect(answers.count == 50)
    }

    @Test func `for half a minute a copy gets that answer, later it is refused`() async throws {
        let house = try House()
        var browser = Browser()
        let asked = try await house.begin(&browser)
        house.grant(asked)
        let first = try await house.complete(&browser, .code(for: asked))
        house.pass(29)
        let copy = try await house.complete(&browser, .code(for: asked))
        #expect(copy.setCookies == first.setCookies)
        house.pass(1)
        #expect(try await house.complete(&browser, .code(for: asked)).word == "400 code-spent")
        #expect(house.provider.count("/token") == 1)
    }

    @Test func `another code for the same login is refused`() async throws {
        let house = try House()
        var browser = Browser()
        let asked = try await house.begin(&browser)
        house.grant(asked)
        _ = try await house.complete(&browser, .code(for: asked))
        #expect(
            try await house.complete(&browser, .code(for: asked, "other")).word == "400 code-spent")
        #expect(house.provider.count("/token") == 1)
    }

    static let endings: [(String, Result<InboundResponse, ClientFailure>, String, Bool)] = [
        ("nobody there", .failure(.unreachable("x")), "503 provider-unavailable", false),
        (
            "no connection in time", .failure(.timedOut(sent: false)), "503 provider-unavailable",
            false
        ),
        ("no answer in time", .failure(.timedOut(sent: true)), "503 provider-unavailable", true),
        ("cut", .failure(.cut(sent: true)), "503 provider-unavailable", true),
        ("TLS refused", .failure(.untrusted("x")), "502 provider-response-invalid", false),
        ("too large", .failure(.tooLarge), "502 provider-response-invalid", true),
        ("no HTTP", .failure(.malformed("x")), "502 provider-response-invalid", true),
        ("500", .success(.text(500, "")), "503 provider-unavailable", true),
        ("504", .success(.text(504, "")), "503 provider-unavailable", true),
        ("429", .success(.text(429, "")), "503 provider-unavailable", true),
        ("a redirect", .success(.text(302, "")), "502 provider-response-invalid", true),
        ("204", .success(.text(204, "")), "502 provider-response-invalid", true),
        ("400 with nothing", .success(.text(400, "")), "502 provider-response-invalid", true),
        ("401 with nothing", .success(.text(401, "")), "502 client-refused", true),
        ("a page", .success(.text(200, "<html>")), "502 provider-response-invalid", true),
        (
            "invalid_grant", .success(.json(400, ["error": "invalid_grant"])), "400 code-refused",
            true
        ),
        (
            "invalid_client", .success(.json(401, ["error": "invalid_client"])),
            "502 client-refused", true
        ),
        (
            "another error", .success(.json(400, ["error": "invalid_scope"])),
            "502 provider-response-invalid", true
        ),
        (
            "an error under 200", .success(.json(200, ["error": "invalid_grant"])),
            "400 code-refused", true
        ),
        (
            "no id_token", .success(tokens(idToken: nil)), "502 provider-response-invalid", true
        ),
        (
            "no bearer token",
            .success(.json(200, ["access_token": "a", "token_type": "DPoP", "id_token": "a.b.c"])),
            "502 provider-response-invalid", true
        ),
        ("a broken id_token", .success(tokens(idToken: "a.b.c")), "502 id-token-invalid", true),
        (
            "an id_token without a nonce",
            .success(tokens(idToken: Signer.current.token(claims(nonce: nil)))),
            "502 id-token-invalid", true
        ),
        (
            "an id_token for another client",
            .success(
                tokens(idToken: Signer.current.token(claims(nonce: "n", ["aud": "other"])))),
            "502 id-token-invalid", true
        ),
    ]

    @Test(arguments: endings) func `each way of failing has its status, and the code stays spent`(
        _ name: String, _ reply: Result<InboundResponse, ClientFailure>, _ expected: String,
        _ isSpent: Bool
    ) async throws {
        let house = try House()
        var browser = Browser()
        let asked = try await house.begin(&browser)
        house.provider.answer("/token") { _ in reply }
        let answer = try await house.complete(&browser, .code(for: asked))
        #expect(answer.word == expected)
        #expect(browser.session(house) == nil)
        #expect((answer.field("Retry-After") != nil) == (answer.status == 503))
        // A copy: the same answer, unless nothing can have been sent the first time.
        house.grant(asked)
        let copy = try await house.complete(&browser, .code(for: asked))
        #expect(copy.word == (isSpent ? expected : "303 /reports"))
        #expect(house.provider.count("/token") == (isSpent ? 1 : 2))
    }

    @Test func `a session that the provider has already ended is none`() async throws {
        let house = try House()
        var browser = Browser()
        let ended: JSONObject = ["session_exp": .number("\(noon.seconds)")]
        #expect(try await house.signIn(&browser, ended).word == "502 id-token-invalid")
    }

    @Test func `a session beyond the cookies' budget is kept in the process`() async throws {
        let house = try House()
        var browser = Browser()
        let groups = JSON.array((0..<900).map { .string("a-group-with-a-long-name-\($0)") })
        #expect(try await house.signIn(&browser, ["groups": groups]).word == "303 /reports")
        #expect(browser.sessionNames == ["__Host-gatehouse"])
        let session = try #require(browser.session(house))
        #expect(session.handle?.place == house.snapshot.memory.place)
        #expect(session.claims.contains { $0.name == "groups" })
        #expect(house.snapshot.memory.size.entries == 1)
    }

    @Test func `a session beyond every limit is a page that says so`() async throws {
        let house = try House()
        var browser = Browser()
        let asked = try await house.begin(&browser)
        let large = String(repeating: "t", count: 131_072)
        house.provider.answer(
            "/token",
            tokens(
                idToken: Signer.current.token(claims(nonce: asked.first("nonce"), at: house.now)),
                access: large, refresh: large))
        let answer = try await house.complete(&browser, .code(for: asked))
        #expect(answer.word == "503 session-too-large")
        #expect(house.log.all.contains { $0.contains("more than any store is given") })
    }

    // MARK: Keys

    @Test func `an unknown key is a reason to read the keys again, once, for everybody`()
        async throws
    {
        let house = try House()
        var browser = Browser()
        _ = try await house.signIn(&browser)
        #expect(house.provider.count("/keys") == 1)
        house.provider.answer("/keys", .json(200, Signer.next.keySet))
        let gate = house.provider.hold("/keys")
        var logins: [CallbackIntent] = []
        house.provider.answer("/token") { request in
            // Whose login it is stands in the code.
            let nonce = String((request.form.first("code") ?? "").dropFirst(2))
            return .success(tokens(idToken: Signer.next.token(claims(nonce: nonce))))
        }
        for _ in 1...20 {
            var browser = Browser()
            let asked = try await house.begin(&browser)
            let code = "c-" + (asked.first("nonce") ?? "")
            logins.append(house.callbackIntent(browser, .code(for: asked, code)))
        }
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for login in logins {
                group.addTask { try await house.answer(.completeLogin(login)).status }
            }
            await gate.arrival()
            gate.open()
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(statuses == [303])
        #expect(house.provider.count("/keys") == 2)
    }

    @Test func `tokens under keys that nobody has ask for the keys once a minute`() async throws {
        let house = try House()
        for attempt in 0..<6 {
            var browser = Browser()
            let asked = try await house.begin(&browser)
            house.provider.answer(
                "/token",
                tokens(
                    idToken: Signer.next.token(
                        claims(nonce: asked.first("nonce"), at: house.now))))
            #expect(
                try await house.complete(&browser, .code(for: asked)).word
                    == "502 id-token-invalid")
            #expect(house.provider.count("/keys") == (attempt < 3 ? 2 : 3))
            house.pass(20)
        }
    }

    @Test(arguments: [
        (ClientFailure.unreachable("x"), "503 provider-unavailable"),
        (ClientFailure.untrusted("x"), "502 provider-response-invalid"),
    ]) func `keys that cannot be read are the provider's failure`(
        _ failure: ClientFailure, _ expected: String
    ) async throws {
        let house = try House()
        house.provider.fail("/keys", failure)
        var browser = Browser()
        #expect(try await house.signIn(&browser).word == expected)
    }

    // MARK: Bounds

    @Test func `what is remembered of logins is bounded, and those under way stay`() async throws {
        let redemptions = Redemptions()
        var dice = SystemRandomNumberGenerator()
        let under = LoginID(at: noon, using: &dice)
        let gate = Gate()
        let good = Redemption(answer: .seeOther("/"), isSpent: true)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                _ = await redemptions.once(
                    under, "c", until: noon + .seconds(600), now: { noon }
                ) {
                    await gate.pass()
                    return good
                }
            }
            await gate.arrival()
            for _ in 0..<(Redemptions.entriesMax + 10) {
                _ = await redemptions.once(
                    LoginID(at: noon, using: &dice), "c", until: noon + .seconds(600),
                    now: { noon }
                ) { good }
            }
            #expect(redemptions.count <= Redemptions.entriesMax)
            gate.open()
        }
        // Past their time all of them are forgotten.
        _ = await redemptions.once(
            LoginID(at: noon, using: &dice), "c", until: noon + .seconds(9000),
            now: { noon + .seconds(601) }
        ) { good }
        #expect(redemptions.count == 1)
    }
}

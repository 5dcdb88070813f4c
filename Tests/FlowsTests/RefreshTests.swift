import Gateway
import HTTP
import JSON
import OpenID
import Sessions
import Testing
import Values

@testable import Flows

@Suite struct `A refresh renews a session's token` {
    private func renewing(
        _ house: House, access: String = "access-2", refresh: String? = "refresh-2",
        idToken: String? = nil, expiresIn: Int? = 3600
    ) {
        house.provider.answer(
            "/token",
            tokens(idToken: idToken, access: access, refresh: refresh, expiresIn: expiresIn))
    }

    @Test(arguments: [("refresh-2", "refresh-2"), (nil, "refresh-1")] as [(String?, String)])
    func `the request goes on with the new token, and the cookie follows`(
        _ brought: String?, _ kept: String
    ) async throws {
        let house = try House()
        renewing(house, refresh: brought)
        house.pass(3600)
        let outcome = await house.refresh(house.session())
        let (session, cookies) = try #require(outcome.session)
        #expect((session.accessToken, session.refreshToken) == ("access-2", kept))
        #expect((session.generation, session.id) == (1, house.session().id))
        #expect(session.accessTokenExpires == house.now + .seconds(3600))
        #expect(session.sealedAt == house.now)
        #expect(session.expires == house.session().expires, "a refresh extends no lifetime")
        var browser = Browser()
        for cookie in cookies { browser.take(cookie) }
        #expect(browser.session(house) == session)
        let request = try #require(house.provider.requests(to: "/token").first)
        #expect(request.form.first("grant_type") == "refresh_token")
        #expect(request.form.first("refresh_token") == "refresh-1")
        #expect(request.form.first("scope") == nil)
    }

    @Test func `two hundred requests at once send the refresh token once`() async throws {
        let house = try House()
        renewing(house)
        let gate = house.provider.hold("/token")
        let session = house.session()
        let tokens = await withTaskGroup(of: String?.self) { group in
            for _ in 1...200 {
                group.addTask { await house.refresh(session).session?.0.accessToken }
            }
            await gate.arrival()
            gate.open()
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(tokens == Array(repeating: "access-2", count: 200))
        #expect(house.provider.count("/token") == 1)
    }

    @Test func `ahead of need nobody waits`() async throws {
        let house = try House()
        renewing(house)
        let session = house.session()
        for _ in 1...5 {
            let outcome = await house.refresh(session, hasEnded: false)
            #expect(outcome.session?.0 == session)
            #expect(outcome.session?.setCookies.isEmpty == true)
        }
        #expect(house.provider.count("/token") == 0)
        await house.settle()
        #expect(house.provider.count("/token") == 1)
        let later = await house.refresh(session, hasEnded: false)
        #expect(later.session?.0.accessToken == "access-2")
    }

    @Test func `the old cookie gets the new token until that ends, and then nothing`() async throws
    {
        let house = try House()
        renewing(house)
        _ = await house.refresh(house.session())
        house.pass(3599)
        let again = await house.refresh(house.session())
        #expect(again.session?.0.accessToken == "access-2")
        #expect(again.session?.0.sealedAt == house.now, "idleness counts from this request")
        house.pass(1)
        #expect(await house.refresh(house.session()).isWithoutSession)
        #expect(house.provider.count("/token") == 1, "its refresh token is not sent again")
    }

    @Test func `a cookie two generations old never spends its refresh token again`() async throws {
        let house = try House()
        renewing(house)
        let first = try #require(await house.refresh(house.session()).session?.0)
        renewing(house, access: "access-3", refresh: "refresh-3")
        house.pass(3600)
        let second = try #require(await house.refresh(first).session?.0)
        #expect((second.accessToken, second.generation) == ("access-3", 2))
        #expect(await house.refresh(house.session()).session?.0.accessToken == "access-3")
        #expect(
            house.provider.requests(to: "/token").map { $0.form.first("refresh_token") }
                == ["refresh-1", "refresh-2"])
    }

    // MARK: Failing

    static let passing: [(String, Result<InboundResponse, ClientFailure>)] = [
        ("nobody there", .failure(.unreachable("x"))),
        ("TLS refused", .failure(.untrusted("x"))),
        ("no connection in time", .failure(.timedOut(sent: false))),
        ("cut before it was sent", .failure(.cut(sent: false))),
        ("500", .success(.text(500, ""))), ("503", .success(.text(503, ""))),
        ("429", .success(.text(429, ""))),
        ("invalid_client", .success(.json(401, ["error": "invalid_client"]))),
    ]

    @Test(arguments: passing) func `what may pass logs nobody out`(
        _ name: String, _ reply: Result<InboundResponse, ClientFailure>
    ) async throws {
        let house = try House()
        house.provider.answer("/token") { _ in reply }
        let outcome = await house.refresh(house.session())
        #expect(outcome.session?.0 == house.session())
        #expect(house.announced.all.isEmpty)
        renewing(house)
        house.pass(1)
        #expect(await house.refresh(house.session()).session?.0.accessToken == "access-2")
    }

    @Test func `a provider that cannot be discovered is one of those`() async throws {
        let house = try House()
        house.provider.fail("/.well-known/openid-configuration", .unreachable("x"))
        #expect(await house.refresh(house.session()).session?.0 == house.session())
    }

    @Test func `it is tried again after 1, 2, 4, 8, then 10 seconds`() async throws {
        let house = try House()
        house.provider.answer("/token", .text(500, ""))
        var times: [Int] = []
        for second in 0...40 {
            let before = house.provider.count("/token")
            _ = await house.refresh(house.session())
            if house.provider.count("/token") > before { times.append(second) }
            house.pass(1)
        }
        #expect(times == [0, 1, 3, 7, 15, 25, 35])
    }

    static let spending: [(String, Result<InboundResponse, ClientFailure>)] = [
        ("cut after it was sent", .failure(.cut(sent: true))),
        ("no answer in time", .failure(.timedOut(sent: true))),
        ("no HTTP", .failure(.malformed("x"))), ("too large", .failure(.tooLarge)),
        ("504", .success(.text(504, ""))), ("a page", .success(.text(200, "<html>"))),
        ("no bearer", .success(.json(200, ["access_token": "a", "token_type": "DPoP"]))),
    ]

    @Test(arguments: spending) func `what may have been read is never sent again`(
        _ name: String, _ reply: Result<InboundResponse, ClientFailure>
    ) async throws {
        let house = try House()
        house.provider.answer("/token") { _ in reply }
        let (session, cookies) = try #require(await house.refresh(house.session()).session)
        #expect(session.refreshToken == nil && session.accessToken == "access-1")
        #expect(!cookies.isEmpty && house.announced.all.isEmpty)
        house.pass(7200)
        let later = await house.refresh(house.session())
        #expect(later.session?.0.refreshToken == nil, "not with the old cookie either")
        #expect(house.provider.count("/token") == 1)
    }

    @Test(arguments: [
        InboundResponse.json(400, ["error": "invalid_grant"]),
        InboundResponse.json(400, ["error": "unauthorized_client"]),
    ]) func `a refused refresh token ends the session, once`(
        _ response: InboundResponse
    ) async throws {
        let house = try House()
        house.provider.answer("/token", response)
        let gate = house.provider.hold("/token")
        let session = house.session()
        let ended = await withTaskGroup(of: Bool.self) { group in
            for _ in 1...20 { group.addTask { await house.refresh(session).isWithoutSession } }
            await gate.arrival()
            gate.open()
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(ended == Array(repeating: true, count: 20))
        #expect(
            house.announced.all == [EndedSession(session, from: house.now)])
        #expect(await house.refresh(session).isWithoutSession)
        #expect(house.provider.count("/token") == 1 && house.announced.all.count == 1)
    }

    // MARK: A refreshed ID token

    @Test(arguments: [("alice-id", false), ("bob-id", true)])
    func `an ID token about somebody else ends the session`(
        _ subject: String, _ ends: Bool
    ) async throws {
        let house = try House()
        renewing(
            house,
            idToken: Signer.current.token(claims(nonce: nil, ["sub": .string(subject)])))
        #expect(await house.refresh(house.session { $0.idToken = nil }).isWithoutSession == ends)
        #expect(house.announced.all.isEmpty != ends)
    }

    @Test func `one that is not good is left alone, and the tokens count`() async throws {
        let house = try House()
        renewing(house, idToken: Signer.next.token(claims(nonce: nil)))
        let session = try #require(await house.refresh(house.session()).session?.0)
        #expect((session.accessToken, session.idToken) == ("access-2", "a.b.c"))
        #expect(house.log.all.contains { $0.contains("event=refreshed-id-token-refused") })
    }

    // MARK: The session ends meanwhile

    @Test func `a refresh that finishes after logout is revoked and dropped`() async throws {
        let house = try House()
        renewing(house)
        house.provider.answer("/revoke", .text(200, ""))
        let gate = house.provider.hold("/token")
        let session = house.session()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { #expect(await house.refresh(session).isWithoutSession) }
            await gate.arrival()
            _ = try await house.answer(
                .logout(
                    LogoutIntent(
                        asked: Browser().asked, provider: 0,
                        sessions: [(provider: 0, session: session)], signedOutURI: "/")))
            gate.open()
            try await group.waitForAll()
        }
        await house.settle()
        #expect(
            Set(house.provider.requests(to: "/revoke").map { $0.form.first("token") })
                == ["refresh-1", "refresh-2"])
        #expect(house.announced.all.count == 1)
        #expect(await house.refresh(session).isWithoutSession)
        #expect(house.provider.count("/token") == 1)
    }

    @Test func `logout with an old cookie revokes the newest token`() async throws {
        let house = try House()
        renewing(house)
        house.provider.answer("/revoke", .text(200, ""))
        _ = await house.refresh(house.session())
        _ = try await house.answer(
            .logout(
                LogoutIntent(
                    asked: Browser().asked, provider: 0,
                    sessions: [(provider: 0, session: house.session())], signedOutURI: "/")))
        await house.settle()
        #expect(
            house.provider.requests(to: "/revoke").map { $0.form.first("token") } == ["refresh-2"])
    }

    @Test func `tokens that no longer fit the cookies are kept in the process`() async throws {
        let house = try House()
        renewing(house, access: String(repeating: "a", count: 20_000))
        let (session, cookies) = try #require(await house.refresh(house.session()).session)
        #expect(session.accessToken?.count == 20_000)
        var browser = Browser()
        for cookie in cookies { browser.take(cookie) }
        #expect(browser.sessionNames == ["__Host-gatehouse"])
        #expect(browser.session(house) == session)
        // The old cookie gets the same place, not another.
        _ = await house.refresh(house.session())
        #expect(house.snapshot.memory.size.entries == 1)
    }

    @Test func `tokens past every limit are used while they live`() async throws {
        let house = try House()
        let large = String(repeating: "t", count: 131_072)
        renewing(house, access: large, refresh: large)
        let (session, cookies) = try #require(await house.refresh(house.session()).session)
        #expect(session.accessToken == large && cookies.isEmpty)
        #expect(house.log.all.contains { $0.contains("event=session-not-kept") })
    }

    @Test func `in a store the new token takes the old one's place, and no cookie changes`()
        async throws
    {
        let house = try House(House.site + "session: { storage: memory }\n")
        var browser = Browser()
        _ = try await house.signIn(&browser)
        let before = try #require(browser.session(house))
        renewing(house)
        let (session, cookies) = try #require(await house.refresh(before).session)
        #expect(session.accessToken == "access-2" && cookies.isEmpty)
        let after = try #require(browser.session(house))
        #expect((after.accessToken, after.generation) == ("access-2", 1))
        #expect(after.handle == before.handle)
    }

    @Test func `a refresh that ends after its entry is revoked and dropped`() async throws {
        let house = try House(House.site + "session: { storage: memory }\n")
        var browser = Browser()
        _ = try await house.signIn(&browser)
        let session = try #require(browser.session(house))
        renewing(house)
        house.provider.answer("/revoke", .text(200, ""))
        let name = try #require(session.handle?.entryName)
        house.snapshot.memory.end(name, from: house.now, at: house.now)
        #expect(await house.refresh(session).isWithoutSession)
        await house.settle()
        #expect(
            house.provider.requests(to: "/revoke").map { $0.form.first("token") } == ["refresh-2"])
        #expect(browser.session(house) == nil)
    }

    @Test func `whoever waits, waits a minute at most, discovery included`() async throws {
        let house = try House()
        renewing(house)
        house.provider.answer("/.well-known/openid-configuration") { _ in
            house.pass(9)
            return .success(.json(200, ScriptedProvider.discovery()))
        }
        _ = await house.refresh(house.session())
        #expect(house.provider.lastDeadline == .seconds(51))
    }

    // MARK: Bounds

    @Test func `what is remembered of sessions is bounded, and those under way stay`() async throws
    {
        let desk = RefreshDesk()
        let house = try House()
        let busy = house.session { $0.id = Array(repeating: 0xff, count: 16) }
        let entry = desk.entry(of: busy, at: noon)
        let gate = Gate()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                _ = await entry.refresh(busy, now: { noon }) {
                    await gate.pass()
                    return .renewed(busy)
                } drop: { _ in
                }
            }
            await gate.arrival()
            for number in 0..<(RefreshDesk.entriesMax + 10) {
                let id = (0..<16).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
                _ = desk.entry(of: house.session { $0.id = id }, at: noon + .seconds(1))
            }
            #expect(desk.count <= RefreshDesk.entriesMax)
            #expect(desk.entry(of: busy, at: noon + .seconds(1)) === entry)
            gate.open()
        }
        _ = desk.entry(of: house.session { $0.id[0] = 0xee }, at: noon + .seconds(9 * 3600))
        #expect(desk.count == 1, "past their lives all of them are forgotten")
    }
}

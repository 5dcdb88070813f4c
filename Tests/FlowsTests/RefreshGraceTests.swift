import Gateway
import Sessions
import Synchronization
import Testing
import Values

@testable import Flows

@Suite struct `What a refresh leaves behind` {
    private func renewing(_ house: House, expiresIn: Int = 3600) {
        house.provider.answer(
            "/token",
            tokens(idToken: nil, access: "access-2", refresh: "refresh-2", expiresIn: expiresIn))
    }

    @Test func `every loop is told of the newer cookie, and when it has come back`() async throws {
        let house = try House()
        renewing(house)
        let newest = try #require(await house.refresh(house.session()).session).0
        #expect(
            house.refreshed.take()
                == [RefreshedSession(newest, oldUntil: house.now + .seconds(3600))])
        await house.flows.noteReturned(
            [ReturnedCookie(id: newest.id, generation: 1)], house.environment)
        #expect(
            house.refreshed.take()
                == [
                    RefreshedSession(
                        newest, oldUntil: house.now + .seconds(30), isReturned: true)
                ])
        house.pass(29)
        #expect(await house.refresh(house.session()).session?.0.accessToken == "access-2")
        house.pass(1)
        #expect(await house.refresh(house.session()).isWithoutSession)
        #expect(house.provider.count("/token") == 1)
    }

    @Test func `another generation's return changes nothing`() async throws {
        let house = try House()
        renewing(house)
        let newest = try #require(await house.refresh(house.session()).session).0
        _ = house.refreshed.take()
        for cookie in [
            ReturnedCookie(id: newest.id, generation: 0), ReturnedCookie(id: [1], generation: 1),
        ] {
            await house.flows.noteReturned([cookie], house.environment)
        }
        #expect(house.refreshed.take().isEmpty)
        house.pass(60)
        #expect(await house.refresh(house.session()).session?.0.accessToken == "access-2")
    }

    @Test func `a token is written down before it is sent, and taken back where it was not`()
        async throws
    {
        let house = try House()
        renewing(house)
        house.provider.answer("/token") { _ in
            #expect(house.spent.all.count == 1)
            return .success(.text(503, ""))
        }
        _ = await house.refresh(house.session())
        let written = house.spent.take()
        #expect(written.map(\.0) == Array(repeating: SpentTokens.digest(house.session()), count: 2))
        #expect(written.map(\.1) == [house.session().expires, house.now])
    }

    @Test func `what the last process sent is not sent again`() async throws {
        let house = try House()
        renewing(house)
        let session = house.session()
        house.flows.spentTokens.note(
            SpentTokens.digest(session), until: session.expires, at: house.now)
        let (after, _) = try #require(await house.refresh(session).session)
        #expect(after.refreshToken == nil && after.accessToken == "access-1")
        #expect(house.provider.count("/token") == 0)
        var next = session
        next.generation = 1  // a provider that does not rotate gives the same token again
        #expect(await house.refresh(next).session?.0.accessToken == "access-2")
    }

    @Test func `so many refreshes are under way at once, and the others wait their turn`() async {
        let gate = RefreshGate()
        let inside = Inside()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<500 {
                group.addTask {
                    await gate.enter()
                    inside.seen.withLock {
                        $0.now += 1
                        $0.all += 1
                        $0.most = max($0.most, $0.now)
                    }
                    await Task.yield()
                    inside.seen.withLock { $0.now -= 1 }
                    gate.leave()
                }
            }
        }
        let seen = inside.seen.withLock { $0 }
        #expect(seen.all == 500 && seen.now == 0 && seen.most <= RefreshGate.placesMax)
    }
}

private final class Inside: Sendable {
    let seen = Mutex((now: 0, most: 0, all: 0))
}

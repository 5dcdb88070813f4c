import Sessions
import Testing
import Values

@testable import Gateway

@Suite struct `Cookies of a session that was refreshed` {
    private let newEnds = noon + .seconds(3600)

    private func refreshed(
        _ door: Door, _ generation: UInt32 = 1, oldUntil: UnixTime, isReturned: Bool = false
    ) -> RefreshedSession {
        RefreshedSession(
            door.session { $0.generation = generation }, oldUntil: oldUntil, isReturned: isReturned)
    }

    private func status(_ door: Door, _ cookie: String) throws -> String {
        try door.ask("GET", "/page", [cookie, "Accept: */*"]).kind
    }

    @Test func `the old one counts until the new one has come, and half a minute longer`() throws {
        let door = try Door()
        let (old, new) = (door.signedIn(), door.signedIn { $0.generation = 1 })
        door.gatekeeper.note(refreshed(door, oldUntil: newEnds), at: noon)
        #expect(try status(door, old) == "forward")
        var returned = door.gatekeeper.takeReturned()
        #expect(returned.isEmpty)
        #expect(try status(door, new) == "forward")
        returned = door.gatekeeper.takeReturned()
        #expect(returned == [ReturnedCookie(id: Array(1...16), generation: 1)])
        #expect(try status(door, new) == "forward")
        returned = door.gatekeeper.takeReturned()
        #expect(returned.isEmpty, "it is told once")
        door.gatekeeper.note(
            refreshed(door, oldUntil: noon + .seconds(30), isReturned: true), at: noon)
        door.now = noon + .seconds(29)
        #expect(try status(door, old) == "forward")
        door.now = noon + .seconds(30)
        #expect(try status(door, old) == "answer", "then it is as if absent")
        #expect(try status(door, new) == "forward")
    }

    @Test func `the old one counts to the new token's end at most`() throws {
        let door = try Door()
        door.gatekeeper.note(refreshed(door, oldUntil: noon + .seconds(5)), at: noon)
        door.now = noon + .seconds(5)
        #expect(try status(door, door.signedIn()) == "answer")
    }

    @Test func `an answer under way all the while brings no older one`() throws {
        let door = try Door()
        let old = door.signedIn { $0.sealedAt = noon - .seconds(600) }
        let extending = try door.ask("GET", "/page", [old])
        let made = try door.ask(
            "GET", "/page", [],
            known: .session(door.session { $0.generation = 1 }, setCookies: ["gatehouse=1"]))
        func cookies(_ reply: Reply) throws -> [String] {
            values(of: "Set-Cookie", in: try door.relay(reply))
        }
        #expect(try cookies(extending).count == 1)
        #expect(try cookies(made) == ["gatehouse=1"])
        door.gatekeeper.note(refreshed(door, oldUntil: newEnds), at: noon)
        #expect(try cookies(extending).isEmpty)
        #expect(try cookies(made) == ["gatehouse=1"], "it is the newest")
        door.gatekeeper.note(refreshed(door, 2, oldUntil: newEnds), at: noon)
        #expect(try cookies(made).isEmpty)
        #expect(try status(door, old) == "forward", "what is as it was goes on")
    }

    /// Seconds until the access token ends, how many the answer took, and whether it brings a cookie.
    static let underWay = [
        (3600, 600, true), (60, 0, true), (60, 1, true), (60, 2, false), (80, 2, true),
    ]

    @Test(arguments: underWay, [true, false])
    func `one that another node may have renewed meanwhile is left to the next request`(
        _ row: (ends: Int, took: Int, brings: Bool), _ isShared: Bool
    ) throws {
        let door =
            try isShared
            ? Door(Door.site + "session: { redis: { url: \"redis://127.0.0.1\" } }\n") : Door()
        let old = door.signedIn {
            $0.sealedAt = noon - .seconds(600)
            $0.accessTokenExpires = noon + .seconds(row.ends)
        }
        let extending = try door.ask("GET", "/page", [old])
        door.now = noon + .seconds(row.took)
        let cookies = values(of: "Set-Cookie", in: try door.relay(extending))
        #expect(cookies.isEmpty == (isShared && !row.brings))
    }

    @Test func `an answer brings none of a session that ended, or that a login replaces`() throws {
        let door = try Door()
        let old = door.signedIn { $0.sealedAt = noon - .seconds(600) }
        let extending = try door.ask("GET", "/page", [old])
        door.gatekeeper.end(
            .session(Array(1...16)), from: noon + .seconds(30), until: noon + .seconds(28_800))
        #expect(values(of: "Set-Cookie", in: try door.relay(extending)).isEmpty)
        #expect(try status(door, old) == "forward", "requests under way are served a little longer")
    }

    @Test func `what is known comes in any order`() {
        var sessions = RefreshedSessions()
        let session = Session(
            id: Array(1...16), generation: 2, binding: Array(1...16), subject: "a",
            startedAt: noon, sealedAt: noon, expires: newEnds)
        var older = session
        older.generation = 1
        sessions.insert(RefreshedSession(session, oldUntil: newEnds, isReturned: true), at: noon)
        sessions.insert(RefreshedSession(session, oldUntil: noon), at: noon)
        sessions.insert(RefreshedSession(older, oldUntil: newEnds), at: noon)
        let key = SessionKey(session.id.span)
        #expect(sessions.meet(key, 1, at: noon) == .superseded)
        #expect(sessions.meet(key, 2, at: noon) == .current)
        #expect(sessions.hasNewer(than: older))
        #expect(!sessions.hasNewer(than: session))
    }
}

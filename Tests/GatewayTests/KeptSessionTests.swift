import HTTP
import Sessions
import Testing
import Values

@testable import Gateway

@Suite struct `A request whose session is kept on the server side` {
    static let redis = Door.site + "session: { redis: { url: \"redis://127.0.0.1\" } }\n"
    private let other = MemoryStore(node: "other", process: [UInt8](repeating: 1, count: 16))

    private func handle(_ place: SessionHandle.Place) -> SessionHandle {
        var dice = SystemRandomNumberGenerator()
        return SessionHandle(place, expires: noon + .seconds(28_800), using: &dice)
    }

    private func cookie(_ door: Door, _ handle: SessionHandle) -> String {
        var dice = SystemRandomNumberGenerator()
        let octets = handle.encoded()
        let text = door.sealer.seal(
            octets.span, for: .session, named: "__Host-gatehouse", at: door.now, using: &dice)
        return "Cookie: __Host-gatehouse=" + String(decoding: text, as: UTF8.self)
    }

    private func entry(_ door: Door, _ handle: SessionHandle) -> [UInt8] {
        var dice = SystemRandomNumberGenerator()
        return handle.seal(door.session(), using: &dice)
    }

    @Test func `goes on at once where this process keeps it`() throws {
        let door = try Door()
        let handle = handle(door.snapshot.memory.place)
        _ = door.snapshot.memory.put(
            entry(door, handle), as: handle.entryName, expires: handle.expires,
            idleTimeout: .seconds(1800), at: noon)
        let reply = try door.ask("GET", "/page", [cookie(door, handle)])
        #expect(reply.kind == "forward" && reply.sent("X-Forwarded-User") == ["alice-id"])
        #expect(
            try values(of: "Set-Cookie", in: door.relay(reply)).isEmpty, "its cookie stays as it is"
        )
        door.now = noon + .seconds(1790)
        #expect(try door.ask("GET", "/.auth/me", [cookie(door, handle)]).status == 200)
        door.now = noon + .seconds(1800)
        #expect(
            try door.ask("GET", "/page", [cookie(door, handle), "Accept: */*"]).status == 401,
            "looking at /.auth/me extends nothing")
    }

    @Test func `is as good as none once its process has ended`() throws {
        let door = try Door()
        let gone = SessionHandle.Place.memory(
            node: "", process: [UInt8](repeating: 5, count: 16))
        let lines = [cookie(door, handle(gone)), "Accept: */*"]
        #expect(try door.ask("GET", "/page", lines).status == 401)
        #expect(try door.ask("GET", "/maybe/x", lines).kind == "forward")
    }

    @Test func `is told so where another node keeps it, and never sent to the provider`() throws {
        let door = try Door()
        let line = cookie(door, handle(other.place))
        let page = try door.ask(
            "GET", "/page", [line, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"])
        #expect(page.status == 503 && page.answer?.code == "session-elsewhere")
        let text = String(decoding: page.answer?.body ?? [], as: UTF8.self)
        #expect(text.contains("/.auth/login?return_to="))
        for target in ["/page", "/maybe/x", "/.auth/me"] {
            let problem = try door.ask("GET", target, [line, "Accept: */*"])
            #expect(
                problem.status == 503 && problem.answer?.code == "session-elsewhere", "\(target)")
        }
        #expect(try door.ask("GET", "/public/x", [line]).kind == "forward")
        #expect(try door.ask("GET", "/.auth/callback?code=c&state=s", [line]).kind == "callback")
        #expect(try door.ask("GET", "/.auth/login", [line]).kind == "login")
    }
}

import Glibc
import HTTP
import Platform
import Sessions
import Testing
import Values

@testable import Flows
@testable import Gateway
@testable import Server

@Suite(.timeLimit(.minutes(1))) struct `Long-lived exchanges` {
    static let handshake =
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    static let switched =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"

    static func session(lasting life: Duration = .seconds(3600)) -> Session {
        let now = Clock.wall()
        return Session(
            id: Array(1...16),
            binding: Session.binding(
                host: "localhost", issuer: "http://localhost:1", clientID: "portal"),
            subject: "alice", claims: [], startedAt: now, sealedAt: now, expires: now + life,
            accessToken: nil, accessTokenExpires: nil, refreshToken: nil, providerSessionID: nil,
            scope: nil)
    }

    /// Asks as somebody who is signed in, and returns with the head of the answer.
    static func ask(
        _ fields: String, under session: Session, at house: House
    ) throws -> (client: Plug, head: String) {
        let cookies = house.worker.snapshot.sessionCookies[0]
        var dice = SystemRandomNumberGenerator()
        let sealed = Sealer(house.worker.snapshot.ring).seal(
            session.encoded().span, for: .session, named: cookies.name, at: session.sealedAt,
            using: &dice)
        let pairs = cookies.split(sealed).map { "\($0.name)=\($0.value)" }
        let client = try house.client()
        client.send(
            "GET /x HTTP/1.1\r\nHost: localhost:8080\r\n\(fields)"
                + "Cookie: \(pairs.joined(separator: "; "))\r\n\r\n")
        return (client, try client.until("\r\n\r\n"))
    }

    static func end(_ session: Session, at house: House) throws {
        try house.onLoop { $0.end([EndedSession(session, from: Clock.wall())]) }
    }

    static let codes =
        [
            ("", [0x03, 0xF0]), ("Sec-WebSocket-Protocol: graphql-transport-ws\r\n", [0x11, 0x31]),
            ("Sec-WebSocket-Protocol: graphql-ws\r\n", [0x03, 0xF0]),
        ] as [(String, [UInt8])]

    @Test(arguments: codes) func `a WebSocket gets a Close frame behind the frame in hand`(
        _ row: (String, [UInt8])
    ) throws {
        let (goOn, ended) = (Signal(), Signal())
        let upstream = try ScriptedUpstream { plug, _ in
            _ = try plug.until("\r\n\r\n")
            plug.send(Array((Self.switched + row.0 + "\r\n").utf8) + [0x81, 0x02, 0x68])
            try goOn.wait()
            plug.send([0x69, 0x81, 0x01, 0x78])
            _ = plug.rest()
            ended.raise()
        }
        let house = try House(upstream: upstream.port, access: "signed_in")
        let session = Self.session()
        let (client, head) = try Self.ask(Self.handshake, under: session, at: house)
        #expect(head.hasPrefix("HTTP/1.1 101 "))
        #expect(try client.exactly(3) == [0x81, 0x02, 0x68])
        try Self.end(session, at: house)
        goOn.raise()
        #expect(client.rest() == ([0x69, 0x88, 0x02] + row.1, .end))
        try ended.wait()
        try eventually("it is forgotten") {
            (try? house.onLoop { $0.longLived.exchanges.isEmpty }) == true
        }
    }

    @Test func `a switch to two protocols in two lines is 502`() throws {
        let upstream = try ScriptedUpstream { plug, _ in
            _ = try plug.until("\r\n\r\n")
            plug.send(Self.switched + "Upgrade: h2c\r\n\r\n")
        }
        let house = try House(upstream: upstream.port, access: "signed_in")
        let (_, head) = try Self.ask(Self.handshake, under: Self.session(), at: house)
        #expect(head.hasPrefix("HTTP/1.1 502 "))
    }

    static let streams = ["text/event-stream", "Application/gRPC+proto", "text/event-stream; a=b"]

    @Test(arguments: streams) func `a stream is cut`(_ type: String) throws {
        let upstream = try ScriptedUpstream { plug, _ in
            _ = try plug.until("\r\n\r\n")
            plug.send(
                "HTTP/1.1 200 OK\r\nContent-Type: \(type)\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "5\r\nhello\r\n")
            _ = plug.rest()
        }
        let house = try House(upstream: upstream.port, access: "signed_in")
        let session = Self.session()
        let (client, _) = try Self.ask("", under: session, at: house)
        _ = try client.until("hello\r\n")
        try Self.end(session, at: house)
        #expect(client.rest() == ([], .end))
    }

    @Test func `a session's lifetime ends them too and only it`() throws {
        let upstream = try ScriptedUpstream { plug, _ in
            _ = try plug.until("\r\n\r\n")
            plug.send(Self.switched + "\r\n")
            _ = plug.rest()
        }
        let house = try House(upstream: upstream.port, access: "signed_in")
        let (brief, _) = try Self.ask(
            Self.handshake, under: Self.session(lasting: .seconds(2)), at: house)
        var other = Self.session()
        other.id = Array(2...17)
        let (long, _) = try Self.ask(Self.handshake, under: other, at: house)
        #expect(brief.rest() == ([0x88, 0x02, 0x03, 0xF0], .end))
        #expect(try house.onLoop { $0.longLived.exchanges.count } == 1)
        long.close()
    }
}

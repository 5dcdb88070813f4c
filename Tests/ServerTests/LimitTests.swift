import Gateway
import Glibc
import Platform
import Testing
import Values

@testable import Server

@Suite(.timeLimit(.minutes(2))) struct `Limits and the side that owes` {
    static let refused: [(String, Int)] = [
        ("GET /x HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400),
        ("GET /x HTTP/1.1\r\n\r\n", 400),
        ("GET /x HTTP/1.1\nHost: localhost\n\n", 400),
        ("GET /x HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
        ("GET /\(String(repeating: "x", count: 20_000)) HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (
            "GET /x HTTP/1.1\r\nHost: localhost\r\nX: \(String(repeating: "x", count: 70_000))\r\n\r\n",
            431
        ),
        ("POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (
            "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n", 400
        ),
        ("GET /x HTTP/1.1\r\nHost: localhost\r\nExpect: magic\r\n\r\n", 417),
    ]

    @Test(arguments: refused)
    func `a head that is refused is answered and ends the connection`(
        _ octets: String, _ status: Int
    ) throws {
        let upstream = try ScriptedUpstream(echoing)
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        client.send(octets)
        let answer = try client.message()
        #expect(answer.status == status)
        #expect(answer.field("Connection") == "close")
        #expect(answer.field("X-Request-Id") != nil)
        #expect(client.rest() == ([], .end))
        #expect(upstream.connections == 0)
    }

    @Test func `a head longer than a buffer is read`() throws {
        let upstream = try ScriptedUpstream(echoing)
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        let field = "X: \(String(repeating: "x", count: 40_000))"
        for _ in 0..<3 { #expect(try client.ask("GET /x HTTP/1.1\n\(field)").status == 200) }
    }

    @Test func `content longer than the limit is 413 with a length and without`() throws {
        let upstream = try ScriptedUpstream { plug, _ in _ = plug.rest() }
        let house = try House(upstream: upstream.port, extra: "limits: { request_body: 1KiB }")
        let client = try house.client()
        client.send("POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1025\r\n\r\n")
        #expect(try client.message().status == 413)
        #expect(upstream.connections == 0)
        let second = try house.client()
        second.send(
            "POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "400\r\n\(String(repeating: "x", count: 1024))\r\n")
        second.send("1\r\nx\r\n")
        #expect(try second.message().status == 413)
    }

    @Test func `chunks that are none are 400 and end both connections`() throws {
        let upstream = try ScriptedUpstream { plug, _ in _ = plug.rest() }
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        client.send(
            "POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX")
        let answer = try client.message()
        #expect(answer.status == 400)
        #expect(answer.field("Connection") == "close")
    }

    @Test func `a slow head is closed after its time in all`() throws {
        let upstream = try ScriptedUpstream(echoing)
        let house = try House(
            upstream: upstream.port, extra: "timeouts: { request_head: 400ms, keep_alive: 5s }")
        let client = try house.client()
        client.send("GET /x HT")
        for _ in 0..<4 {
            usleep(150_000)
            client.send("T")
        }
        let reading = client.rest().reading
        #expect(reading == .end || reading == .reset)
    }

    @Test func `an idle connection is closed after its time`() throws {
        let upstream = try ScriptedUpstream(echoing)
        let house = try House(
            upstream: upstream.port, extra: "timeouts: { keep_alive: 200ms }")
        let client = try house.client()
        _ = try client.ask("GET /x HTTP/1.1")
        #expect(client.rest() == ([], .end))
    }

    @Test func `slow content is 408 and only its own client's`() throws {
        let upstream = try ScriptedUpstream { plug, _ in _ = plug.rest() }
        let house = try House(
            upstream: upstream.port, extra: "timeouts: { request_body: 200ms }")
        let client = try house.client()
        client.send("POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhel")
        #expect(try client.message().status == 408)
    }

    @Test func `a whole request has its time`() throws {
        let signal = Signal()
        let upstream = try ScriptedUpstream { plug, _ in
            _ = try plug.message()
            try signal.wait()
        }
        let house = try House(upstream: upstream.port, extra: "timeouts: { request: 200ms }")
        let client = try house.client()
        #expect(try client.ask("GET /x HTTP/1.1").status == 504)
        signal.raise()
    }

    @Test func `past the limit the longest idle makes room`() throws {
        let upstream = try ScriptedUpstream(echoing)
        let house = try House(upstream: upstream.port, extra: "limits: { connections: 2 }")
        let clients = try (0..<3).map { _ in
            let client = try house.client()
            #expect(try client.ask("GET /x HTTP/1.1").status == 200)
            return client
        }
        #expect(clients[0].rest() == ([], .end))
        #expect(try clients[2].ask("GET /x HTTP/1.1").status == 200)
    }

    @Test func `the admin's connections make no room`() throws {
        let upstream = try ScriptedUpstream(echoing)
        let house = try House(upstream: upstream.port, extra: "limits: { connections: 1 }")
        let port = try house.onLoop { worker -> UInt16 in
            guard let descriptor = try? Socket.listen(on: .ip(.loopbackV4, port: 0)),
                let port = Socket.localAddress(descriptor.number)?.port
            else { return 0 }
            let listener = Listener(
                descriptor, of: worker, desk: .admin { _ in .text(200, "here") }, index: -1,
                isCounted: false)
            return (try? listener.start()) == nil ? 0 : port
        }
        let admin = try Plug.connect(port: port)
        #expect(try admin.ask("GET /livez HTTP/1.1").text == "here")
        let clients = try (0..<2).map { _ in
            let client = try house.client()
            #expect(try client.ask("GET /x HTTP/1.1").status == 200)
            return client
        }
        #expect(clients[0].rest() == ([], .end))
        #expect(try admin.ask("GET /livez HTTP/1.1").text == "here")
    }

    @Test func `accepting waits while nobody is idle`() throws {
        let go = Signal()
        let upstream = try ScriptedUpstream { plug, _ in
            _ = try plug.message()
            try go.wait()
            plug.send(reply("late"))
        }
        let house = try House(upstream: upstream.port, extra: "limits: { connections: 1 }")
        let first = try house.client()
        first.send("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try eventually("it is asked") { upstream.connections == 1 }
        let second = try house.client()
        second.send("GET /y HTTP/1.1\r\nHost: localhost\r\n\r\n")
        usleep(150_000)
        #expect(upstream.connections == 1)
        go.raise()
        #expect(try first.message().text == "late")
        #expect(try second.message().text == "late")
    }

    @Test func `one client may have only so many`() throws {
        let upstream = try ScriptedUpstream(echoing)
        let house = try House(
            upstream: upstream.port, extra: "limits: { connections_per_client: 2 }")
        let clients = try (0..<2).map { _ in try house.client() }
        for client in clients { #expect(try client.ask("GET /x HTTP/1.1").status == 200) }
        let third = try house.client()
        #expect(third.rest().octets.isEmpty)
        clients[0].close()
        try eventually("there is room") {
            (try? house.client().ask("GET /x HTTP/1.1").status) == 200
        }
    }

    @Test func `a drain closes who is idle and finishes who is not`() throws {
        let go = Signal()
        let upstream = try ScriptedUpstream { plug, _ in
            while true {
                let request = try plug.message()
                if request.head.hasPrefix("GET /slow") { try go.wait() }
                plug.send(reply("done"))
            }
        }
        let house = try House(upstream: upstream.port)
        let idle = try house.client()
        _ = try idle.ask("GET /x HTTP/1.1")
        let busy = try house.client()
        busy.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try eventually("it is asked") { upstream.connections >= 1 }
        usleep(50_000)
        _ = try house.onLoop { $0.startDraining() }
        #expect(idle.rest() == ([], .end))
        go.raise()
        let answer = try busy.message()
        #expect(answer.text == "done")
        #expect(answer.field("Connection") == "close")
        try eventually("nobody is left") { (try? house.onLoop { $0.openConnections }) == 0 }
        #expect(throws: (any Error).self) { try house.client() }
    }

    @Test func `the admin's desk answers for itself`() throws {
        let house = try House(
            upstream: 1,
            desk: .admin { request in
                .text(200, "\(request.method) \(request.path) \(request.content.count)")
            })
        let client = try house.client()
        #expect(try client.ask("GET /livez?x HTTP/1.1").text == "GET /livez 0")
        #expect(
            try client.ask("POST /sessions/end HTTP/1.1\nContent-Length: 5", "hello").text
                == "POST /sessions/end 5")
        let long = "POST /sessions/end HTTP/1.1\nContent-Length: 100000"
        #expect(try client.ask(long).status == 413)
    }
}

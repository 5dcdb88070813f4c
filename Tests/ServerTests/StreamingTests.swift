import Glibc
import Platform
import Testing

@testable import Server

@Suite(.timeLimit(.minutes(3))) struct `Content in motion` {
    static let sizes = [0, 1, 8191, 8192, 8193, 16_384, 131_071, 131_072, 131_073, 3_000_000]

    /// Octets that show where a piece went missing or came twice.
    /// The block's length is prime, so that no piece of ours fits it.
    static func pattern(_ count: Int) -> [UInt8] {
        var octets: [UInt8] = []
        octets.reserveCapacity(count)
        while octets.count + block.count <= count { octets += block }
        return octets + block[..<(count - octets.count)]
    }
    static let block = (0..<65_521).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 11) }

    @Test(arguments: sizes) func `uploads and answers by length arrive whole`(_ size: Int) throws {
        let upstream = try ScriptedUpstream { plug, _ in
            while true {
                let content = try plug.message().content
                plug.send("HTTP/1.1 200 OK\r\nContent-Length: \(content.count)\r\n\r\n")
                plug.send(content)
            }
        }
        let house = try House(upstream: upstream.port, extra: "timeouts: { upstream_idle: 60s }")
        let client = try house.client()
        let content = Self.pattern(size)
        for _ in 0..<2 {
            client.send("POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(size)\r\n\r\n")
            client.send(content)
            #expect(try client.message().content == content)
        }
        #expect(upstream.connections == 1)
    }

    @Test(arguments: [1, 100, 9000, 150_000])
    func `chunks are framed anew both ways`(_ piece: Int) throws {
        let upstream = try ScriptedUpstream { plug, _ in
            while true {
                let content = try plug.message().content
                plug.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                try sendChunked(content, piece, to: plug)
            }
        }
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        let content = Self.pattern(piece * 7 + 3)
        for _ in 0..<2 {
            client.send("POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
            try sendChunked(content, piece, to: client)
            let answer = try client.message()
            #expect(answer.field("Transfer-Encoding") == "chunked")
            #expect(answer.content == content)
        }
        #expect(upstream.connections == 1)
    }

    @Test func `trailers and extensions are dropped`() throws {
        let upstream = try ScriptedUpstream { plug, _ in
            while true {
                let request = try plug.message()
                plug.send(
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhi\r\n0\r\n"
                        + "Set-Cookie: x=y\r\n\r\n")
                guard request.text == "yo" else { return }
            }
        }
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        for _ in 0..<2 {
            client.send(
                "POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "2;q=\"w\"\r\nyo\r\n0\r\nX-Forwarded-User: root\r\n\r\n")
            #expect(try client.message().text == "hi")
        }
    }

    @Test func `an event stream flows as it comes`() throws {
        let next = (0..<3).map { _ in Signal() }
        let upstream = try ScriptedUpstream { plug, _ in
            _ = try plug.message()
            plug.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for signal in next {
                plug.send("6\r\ndata\n\n\r\n")
                try signal.wait()
            }
            plug.send("0\r\n\r\n")
        }
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        client.send("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        _ = try client.until("\r\n\r\n")
        for signal in next {
            _ = try client.until("data\n\n")
            signal.raise()
        }
        _ = try client.until("0\r\n\r\n")
    }

    @Test func `a slow reader stops the upstream and nothing grows`() throws {
        let size = 24_000_000
        let sent = Signal()
        let content = Self.pattern(size)
        let upstream = try ScriptedUpstream { plug, _ in
            _ = try plug.message()
            plug.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
            plug.send(content)
            sent.raise()
        }
        let house = try House(upstream: upstream.port)
        let client = try house.client(receiveBuffer: 8192)
        let before = residentOctets()
        client.send("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let head = try client.until("\r\n\r\n")
        #expect(head.hasPrefix("HTTP/1.1 200"))
        usleep(300_000)
        // The kernel's own queues hold some megabytes; the rest waits at the upstream.
        #expect(!sent.isRaised)
        #expect(residentOctets() - before < 60_000_000)
        while client.received.count < size, client.receive() == .octets {}
        #expect(client.received.count == size, "\(house.logged)")
        #expect(client.received == content)
    }

    @Test func `a reader that stops is let go`() throws {
        let ended = Signal()
        let upstream = try ScriptedUpstream { plug, _ in
            _ = try plug.message()
            plug.send("HTTP/1.1 200 OK\r\nContent-Length: 40000000\r\n\r\n")
            // In pieces: the test above weighs this process.
            let piece = Self.pattern(1_000_000)
            for _ in 0..<40 { guard plug.send(piece) else { break } }
            ended.raise()
        }
        let house = try House(
            upstream: upstream.port, extra: "timeouts: { client_write: 300ms }")
        let client = try house.client(receiveBuffer: 8192)
        client.send("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try ended.wait()
        try eventually("it is let go") { (try? house.onLoop { $0.openConnections }) == 0 }
    }

    @Test func `a stopped upstream stops the upload`() throws {
        let go = Signal()
        let size = 24_000_000
        let upstream = try ScriptedUpstream { plug, _ in
            _ = try plug.until("\r\n\r\n")
            try go.wait()
            var count = plug.received.count
            while count < size, plug.receive() == .octets { count = plug.received.count }
            plug.send(reply("\(count)"))
        }
        let house = try House(upstream: upstream.port)
        let body = Self.pattern(size)
        let client = try house.client()
        let finished = Signal()
        _ = Thread.start("upload") {
            client.send("POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(size)\r\n\r\n")
            client.send(body)
            finished.raise()
        }
        usleep(400_000)
        #expect(!finished.isRaised, "\(house.logged)")
        go.raise()
        try finished.wait()
        #expect(try client.message().text == "\(size)")
    }

    @Test func `an early answer reaches a client that still uploads`() throws {
        let upstream = try ScriptedUpstream { plug, _ in
            _ = try plug.until("\r\n\r\n")
            plug.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!")
        }
        let house = try House(upstream: upstream.port)
        for _ in 0..<5 {
            let client = try house.client()
            client.send("POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n")
            client.send([UInt8](repeating: 120, count: 2_000_000))
            let answer = try client.message()
            #expect(answer.status == 413)
            #expect(answer.text == "no!")
            #expect(answer.field("Connection") == "close")
        }
    }

    @Test func `an early answer to a short request keeps the client's connection`() throws {
        let upstream = try ScriptedUpstream { plug, _ in
            let head = try plug.until("\r\n\r\n")
            plug.send(reply(head.components(separatedBy: " ")[1]))
            _ = plug.rest()
        }
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        client.send("POST /1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nfirst")
        #expect(try client.message().text == "/1")
        client.send([UInt8](repeating: 120, count: 995))
        #expect(try client.ask("GET /2 HTTP/1.1").text == "/2")
        #expect(upstream.connections == 2)
    }
}

func sendChunked(_ content: [UInt8], _ piece: Int, to plug: Plug) throws {
    var octets: [UInt8] = []
    var at = 0
    while at < content.count {
        let end = min(at + piece, content.count)
        octets += Array("\(String(end - at, radix: 16))\r\n".utf8) + content[at..<end]
        octets += [13, 10]
        at = end
    }
    octets += Array("0\r\n\r\n".utf8)
    guard plug.send(octets) else { throw TestFailure("not sent") }
}

func residentOctets() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 200)
    guard fgets(&line, 200, file) != nil else { return 0 }
    let text = String(
        decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return (Int(text.split(separator: " ")[1]) ?? 0) * 4096
}

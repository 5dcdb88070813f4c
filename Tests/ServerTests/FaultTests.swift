import Glibc
import Testing

@testable import Server

@Suite(.timeLimit(.minutes(2))) struct `Upstreams that fail` {
    @Test func `nobody there is 502 with a code and an id`() throws {
        let upstream = try ScriptedUpstream(echoing)
        upstream.stop()
        let port = upstream.port
        let house = try House(upstream: port)
        let client = try house.client()
        let answer = try client.ask("GET /x HTTP/1.1")
        // The kernel may take the connection of a listener that is being shut, and end it then.
        #expect(answer.status == 502)
        #expect(answer.field("X-Request-Id") != nil)
        #expect(answer.field("Content-Type") == "application/problem+json")
    }

    static let cut = [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
    ]

    @Test(arguments: cut) func `a cut answer never ends cleanly`(_ octets: String) throws {
        let upstream = try ScriptedUpstream { plug, _ in
            _ = try plug.message()
            plug.send(octets)
        }
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        client.send("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let head = try client.until("\r\n\r\n")
        let content = String(decoding: client.rest().octets, as: UTF8.self)
        #expect(head.hasPrefix("HTTP/1.1 502") || !content.hasSuffix("0\r\n\r\n"))
        #expect(!head.contains("Content-Length: 5\r\n"))
    }

    @Test func `a cut answer to 1_0 ends in a reset`() throws {
        let upstream = try ScriptedUpstream { plug, _ in
            _ = try plug.message()
            plug.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            usleep(50_000)
        }
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        client.send("GET /x HTTP/1.0\r\nHost: localhost\r\n\r\n")
        #expect(client.rest().reading == .reset)
    }

    static let bad = [
        "hello there\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi",
        "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: x=y\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: \(String(repeating: "x", count: 100_000))\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "",
    ]

    @Test(arguments: bad) func `an answer that cannot be read is 502`(_ octets: String) throws {
        let upstream = try ScriptedUpstream { plug, _ in
            let request = try plug.message()
            plug.send(request.head.hasPrefix("POST /bad") ? octets : reply("good"))
        }
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        let answer = try client.ask("POST /bad HTTP/1.1")
        #expect(answer.status == 502)
        #expect(answer.field("X") == nil)
        #expect(try client.ask("GET /good HTTP/1.1").text == "good")
    }

    @Test func `interim answers have an end`() throws {
        let upstream = try ScriptedUpstream { plug, _ in
            _ = try plug.message()
            plug.send(String(repeating: "HTTP/1.1 102 Processing\r\n\r\n", count: 2000))
        }
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        client.send("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        var interim = 0
        var head = ""
        repeat {
            head = try client.until("\r\n\r\n")
            if head.hasPrefix("HTTP/1.1 102") { interim += 1 }
        } while head.hasPrefix("HTTP/1.1 102")
        #expect(head.hasPrefix("HTTP/1.1 502"))
        #expect(interim == Relay.interimHeadsMax)
    }

    @Test func `octets behind an answer reach nobody`() throws {
        let upstream = try ScriptedUpstream { plug, _ in
            while true {
                let request = try plug.message()
                plug.send(reply(request.head.components(separatedBy: " ")[1]) + reply("poison"))
            }
        }
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        for path in ["/1", "/2", "/3"] {
            #expect(try client.ask("GET \(path) HTTP/1.1").text == path)
        }
        #expect(upstream.connections == 3)
    }

    @Test func `octets on a connection that nobody uses end its use`() throws {
        let upstream = try ScriptedUpstream { plug, _ in
            while true {
                _ = try plug.message()
                plug.send(reply("asked"))
                usleep(20_000)
                plug.send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
            }
        }
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        for _ in 0..<3 {
            #expect(try client.ask("GET /x HTTP/1.1").text == "asked")
            usleep(60_000)
        }
        #expect(upstream.connections == 3)
    }

    @Test func `a kept connection that was closed is not noticed`() throws {
        let upstream = try ScriptedUpstream { plug, _ in
            _ = try plug.message()
            plug.send(reply("once"))
        }
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        for _ in 0..<20 { #expect(try client.ask("GET /x HTTP/1.1").text == "once") }
    }

    @Test func `a race with the upstream's close is tried again where that is safe`() throws {
        // The first connection answers once, then takes a request and closes without a word.
        let upstream = try ScriptedUpstream { plug, number in
            _ = try plug.message()
            plug.send(reply("\(number)"))
            _ = try plug.message()
            if number == 1 { return }
            plug.send(reply("\(number) again"))
        }
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        #expect(try client.ask("GET /x HTTP/1.1").text == "1")
        #expect(try client.ask("GET /x HTTP/1.1").text == "2")
        #expect(upstream.connections == 2)
    }

    @Test func `what may have been done is not done twice`() throws {
        let upstream = try ScriptedUpstream { plug, number in
            _ = try plug.message()
            plug.send(reply("\(number)"))
            _ = try plug.message()
        }
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        #expect(try client.ask("GET /x HTTP/1.1").text == "1")
        #expect(try client.ask("POST /x HTTP/1.1\nContent-Length: 4", "once").status == 502)
        #expect(upstream.connections == 1)
    }

    @Test func `an upstream that says nothing is 504`() throws {
        let signal = Signal()
        let upstream = try ScriptedUpstream { plug, _ in
            _ = try plug.message()
            try signal.wait()
        }
        let house = try House(
            upstream: upstream.port, extra: "timeouts: { response_start: 300ms }")
        let client = try house.client()
        #expect(try client.ask("GET /x HTTP/1.1").status == 504)
        signal.raise()
    }

    @Test func `silence within an answer cuts it`() throws {
        let signal = Signal()
        let upstream = try ScriptedUpstream { plug, _ in
            _ = try plug.message()
            plug.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")
            try signal.wait()
        }
        let house = try House(
            upstream: upstream.port, extra: "timeouts: { response_idle: 300ms }")
        let client = try house.client()
        client.send("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let rest = client.rest()
        #expect(rest.octets.suffix(5) == Array("hello".utf8))
        #expect(rest.reading != .silence)
        signal.raise()
    }

    @Test func `a client that goes away takes the upstream's work with it`() throws {
        let gone = Signal()
        let upstream = try ScriptedUpstream { plug, _ in
            _ = try plug.message()
            plug.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            let piece = [UInt8](repeating: 120, count: 65_536)
            while plug.send(piece) {}
            gone.raise()
        }
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        client.send("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        _ = try client.until("\r\n\r\n")
        client.reset()
        try gone.wait()
    }
}

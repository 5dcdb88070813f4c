import Testing

@testable import Server

@Suite(.timeLimit(.minutes(2))) struct `Requests forwarded over HTTP/1.1` {
    @Test func `a request reaches the upstream and its answer the client`() throws {
        let upstream = try ScriptedUpstream(echoing)
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        let answer = try client.ask("GET /a?b=c HTTP/1.1")
        #expect(answer.status == 200)
        #expect(answer.text == "GET /a?b=c HTTP/1.1|")
        #expect(answer.field("Date") != nil)
        #expect(answer.field("Connection") == nil)
    }

    @Test func `a client's connection and an upstream's are both used again`() throws {
        let upstream = try ScriptedUpstream(echoing)
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        for number in 0..<50 {
            #expect(try client.ask("GET /\(number) HTTP/1.1").text == "GET /\(number) HTTP/1.1|")
        }
        #expect(upstream.connections == 1)
        #expect(try house.onLoop { $0.openConnections } == 1)
        #expect(try house.onLoop { $0.idleConnections } == 1)
    }

    @Test func `pipelined requests are answered in order`() throws {
        let upstream = try ScriptedUpstream(echoing)
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        let count = 200
        client.send(
            (0..<count).map { "GET /\($0) HTTP/1.1\r\nHost: localhost\r\n\r\n" }.joined())
        for number in 0..<count {
            #expect(try client.message().text == "GET /\(number) HTTP/1.1|")
        }
    }

    @Test func `own answers take their place among pipelined ones`() throws {
        let upstream = try ScriptedUpstream(echoing)
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        client.send(
            """
            GET /1 HTTP/1.1\r\nHost: localhost\r\n\r\n\
            GET /.auth/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n\
            POST /3 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello\
            GET /4 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n\
            GET /5 HTTP/1.1\r\nHost: localhost\r\n\r\n
            """)
        #expect(try client.message().text == "GET /1 HTTP/1.1|")
        let own = try client.message()
        #expect(own.status == 404)
        #expect(own.field("X-Request-Id") != nil)
        #expect(own.field("Cache-Control") == "no-store")
        #expect(try client.message().text == "POST /3 HTTP/1.1|hello")
        let last = try client.message()
        #expect(last.text == "GET /4 HTTP/1.1|")
        #expect(last.field("Connection") == "close")
        let rest = client.rest()
        #expect(rest.octets.isEmpty)
        #expect(rest.reading == .end)
    }

    @Test func `a request arrives in single octets and is read all the same`() throws {
        let upstream = try ScriptedUpstream(echoing)
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        let text =
            "POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        for octet in text.utf8 { client.send([octet]) }
        #expect(try client.message().text == "POST /x HTTP/1.1|hello")
    }

    @Test func `HEAD has the length and no content`() throws {
        let upstream = try ScriptedUpstream { plug, _ in
            while true {
                let request = try plug.message()
                let content = request.head.hasPrefix("HEAD") ? "" : "hello"
                plug.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\(content)")
            }
        }
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        #expect(try client.ask("HEAD /x HTTP/1.1").field("Content-Length") == "5")
        #expect(try client.ask("GET /x HTTP/1.1").text == "hello")
        #expect(upstream.connections == 1)
    }

    @Test(arguments: [
        "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n",
    ])
    func `answers without content leave both connections whole`(_ head: String) throws {
        let upstream = try ScriptedUpstream { plug, _ in
            while true {
                let request = try plug.message()
                plug.send(request.head.hasPrefix("GET /none") ? head : reply("next"))
            }
        }
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        client.send("GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let none = try client.message(withoutContent: true)
        #expect(none.field("Content-Length") == nil)
        #expect(try client.ask("GET /x HTTP/1.1").text == "next")
        #expect(upstream.connections == 1)
    }

    @Test func `an answer that ends with its connection is chunked for 1_1`() throws {
        let upstream = try ScriptedUpstream { plug, _ in
            _ = try plug.message()
            plug.send("HTTP/1.1 200 OK\r\n\r\nhello")
        }
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        let answer = try client.ask("GET /x HTTP/1.1")
        #expect(answer.field("Transfer-Encoding") == "chunked")
        #expect(answer.text == "hello")
    }

    @Test func `a client of 1_0 gets content that ends with its connection`() throws {
        let upstream = try ScriptedUpstream { plug, _ in
            _ = try plug.message()
            plug.send(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        }
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        client.send("GET /x HTTP/1.0\r\nHost: localhost\r\n\r\n")
        let head = try client.until("\r\n\r\n")
        #expect(!head.contains("Transfer-Encoding"))
        #expect(head.contains("Connection: close"))
        let rest = client.rest()
        #expect(rest.octets == Array("hello".utf8))
        #expect(rest.reading == .end)
    }

    @Test func `a client of 1_0 keeps its connection where it asks to`() throws {
        let upstream = try ScriptedUpstream(echoing)
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        for _ in 0..<2 {
            let answer = try client.ask("GET /x HTTP/1.0\nConnection: keep-alive")
            #expect(answer.field("Connection") == "keep-alive")
            #expect(answer.text == "GET /x HTTP/1.1|")
        }
    }

    @Test func `an expectation is passed on and so is the answer to it`() throws {
        let upstream = try ScriptedUpstream { plug, _ in
            let head = try plug.until("\r\n\r\n")
            guard head.lowercased().contains("expect: 100-continue") else { return }
            plug.send("HTTP/1.1 100 Continue\r\n\r\n")
            let content = try plug.exactly(5)
            plug.send(reply(String(decoding: content, as: UTF8.self)))
        }
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        client.send(
            "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        )
        #expect(try client.until("\r\n\r\n").hasPrefix("HTTP/1.1 100 "))
        client.send("hello")
        #expect(try client.message().text == "hello")
    }

    @Test func `interim answers pass to 1_1 and not to 1_0`() throws {
        let upstream = try ScriptedUpstream { plug, _ in
            while true {
                _ = try plug.message()
                plug.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + reply("done"))
            }
        }
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        client.send("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try client.until("\r\n\r\n").contains("Link: </a>"))
        #expect(try client.message().text == "done")
        client.send("GET /x HTTP/1.0\r\nHost: localhost\r\n\r\n")
        #expect(try client.message().text == "done")
    }

    @Test func `a half-closed client gets its answer`() throws {
        let upstream = try ScriptedUpstream(echoing)
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        client.send("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        client.shutdownWrite()
        #expect(try client.message().text == "GET /x HTTP/1.1|")
        #expect(client.rest().reading == .end)
        try eventually("the connection is gone") {
            (try? house.onLoop { $0.openConnections }) == 0
        }
    }

    @Test func `an upgrade couples the two sides until one of them ends`() throws {
        let upstream = try ScriptedUpstream { plug, _ in
            let head = try plug.until("\r\n\r\n").lowercased()
            guard head.contains("upgrade: websocket"), head.contains("connection: upgrade") else {
                return
            }
            plug.send(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Accept: x\r\n\r\nhi")
            let octets = try plug.exactly(4)
            plug.send(octets + octets)
            _ = try plug.until("bye")
        }
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        client.send(
            "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nping"
        )
        let head = try client.until("\r\n\r\n")
        #expect(head.hasPrefix("HTTP/1.1 101 "))
        #expect(head.lowercased().contains("upgrade: websocket"))
        #expect(try client.exactly(10) == Array("hipingping".utf8))
        client.send("bye")
        #expect(client.rest().reading == .end)
    }

    @Test func `each request is a line in the log and a count`() throws {
        let upstream = try ScriptedUpstream(echoing)
        let house = try House(upstream: upstream.port)
        let client = try house.client()
        _ = try client.ask("GET /a?secret=1 HTTP/1.1")
        #expect(try house.onLoop { $0.openConnections } == 1)
        let log = house.logged
        #expect(log.contains("\"event\":\"request\""))
        #expect(log.contains("\"path\":\"/a\""))
        #expect(log.contains("\"upstream\":\"site\""))
        #expect(!log.contains("secret"))
    }
}

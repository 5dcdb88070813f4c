import HTTP
import Testing

@Suite struct `Whole messages` {
    static let response = HTTPMessage.Response(
        status: 200, fields: [("Content-Type", "text/plain"), ("X", "y")],
        body: octets("hello"))

    @Test func `a response that was written is read back, octet by octet too`() throws {
        let message = Self.response.serialized()
        var assembler = MessageAssembler(answering: .get)
        for (index, _) in message.enumerated() {
            let read = try assembler.feed(message.span.extracting(index..<index + 1))
            #expect((read != nil) == (index == message.count - 1))
            guard let read else { continue }
            #expect(read.status == 200)
            #expect(read.field("content-TYPE") == "text/plain")
            #expect(read.body == octets("hello"))
            #expect(assembler.keepsAlive)
        }
    }

    @Test func `chunks, interim answers and the end of the connection are understood`() throws {
        var chunked = MessageAssembler(answering: .get)
        let message = octets(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nA: b\r\n\r\n"
                + "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "3\r\nabc\r\n2\r\nde\r\n0\r\nT: x\r\n\r\n")
        #expect(try chunked.feed(message.span)?.body == octets("abcde"))

        var untilClose = MessageAssembler(answering: .get)
        #expect(try untilClose.feed(octets("HTTP/1.0 200 OK\r\n\r\nab").span) == nil)
        #expect(try untilClose.feed(octets("c").span) == nil)
        #expect(try untilClose.ended().body == octets("abc"))
        #expect(!untilClose.keepsAlive)

        var head = MessageAssembler(answering: .head)
        #expect(try head.feed(Self.response.serialized(answering: .head).span)?.body == [])
    }

    @Test func `a message that is cut, too large or endless is a fault`() throws {
        var cut = MessageAssembler(answering: .get)
        _ = try cut.feed(octets("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc").span)
        #expect(throws: MessageFault.cut) { try cut.ended() }
        var silent = MessageAssembler(answering: .get)
        #expect(throws: MessageFault.cut) { try silent.ended() }

        for limit in [4, 5, 6] {
            var assembler = MessageAssembler(answering: .get, contentOctetsMax: limit)
            let message = Self.response.serialized()
            if limit < 5 {
                #expect(throws: MessageFault.contentTooLarge) {
                    try assembler.feed(message.span)
                }
            } else {
                #expect(try assembler.feed(message.span)?.body.count == 5)
            }
        }
        var interim = MessageAssembler(answering: .get)
        let flood = octets(String(repeating: "HTTP/1.1 102 X\r\n\r\n", count: 20))
        #expect(throws: MessageFault.interimTooMany) { try interim.feed(flood.span) }
        var excess = MessageAssembler(answering: .get)
        #expect(try excess.feed((Self.response.serialized() + [0]).span) != nil)
        #expect(!excess.keepsAlive)
    }

    @Test func `requests come one after the other`() throws {
        let post = HTTPMessage.Request(
            method: "POST", target: "/x?y", fields: [("Host", "a"), ("Expect", "100-continue")],
            body: octets("body"))
        let get = HTTPMessage.Request(method: "GET", target: "/", fields: [("Host", "b")])
        var assembler = RequestAssembler()
        let message = post.serialized() + get.serialized()
        assembler.feed(message.span.extracting(0..<message.count - 3))
        let first = try #require(try assembler.next())
        #expect(first.method == "POST")
        #expect(first.target == "/x?y")
        #expect(first.body == octets("body"))
        #expect(try assembler.next() == nil)
        #expect(assembler.isMidRequest)
        assembler.feed(message.span.extracting(message.count - 3..<message.count))
        let second = try #require(try assembler.next())
        #expect(second.field("host") == "b")
        #expect(second.body.isEmpty)
        #expect(!assembler.isMidRequest)
        #expect(try assembler.next() == nil)
        assembler.feed(octets("GET / HTTP/1.1\r\n\r\n").span)
        #expect(throws: MessageFault.request(.hostMissing)) { try assembler.next() }
    }

    @Test func `no field can begin another line, and framing is only ours`() {
        let message = HTTPMessage.Request(
            method: "GET", target: "/",
            fields: [
                ("A", "b\r\nC: d"), ("E\r\nF", "g"), ("Content-Length", "9"),
                ("Transfer-Encoding", "chunked"), ("H", "i"),
            ]
        ).serialized()
        #expect(String(decoding: message, as: UTF8.self) == "GET / HTTP/1.1\r\nH: i\r\n\r\n")
    }

    @Test func `every status that is sent has a reason`() {
        for status in [
            100, 101, 200, 303, 308, 400, 401, 403, 404, 405, 413, 414, 417, 421, 426,
            431, 500, 501, 502, 503, 504, 505,
        ] {
            #expect(StatusText.reason(status).utf8CodeUnitCount > 0)
        }
        #expect(StatusText.reason(299).utf8CodeUnitCount == 0)
    }

    @Test func `methods are told apart by case`() {
        for method in HTTP.Method.allCases where method != .other {
            #expect(HTTP.Method.of(octets(method.token).span) == method)
            #expect(HTTP.Method(method.token) == method)
            #expect(HTTP.Method.of(octets(method.token.lowercased()).span) == .other)
        }
        #expect(!HTTP.Method.other.isSafe && !HTTP.Method.other.isIdempotent)
        #expect(HTTP.Method.get.isSafe && !HTTP.Method.post.isSafe && HTTP.Method.put.isIdempotent)
    }
}

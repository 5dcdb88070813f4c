import HTTP
import Testing
import Values

@testable import HTTP2

@Suite struct `Sessions, RFC 9113` {
    static let conversation =
        opening + request(1) + request(3, ends: false) + frame(0x0, stream: 3, octets("hello "))
        + frame(0x0, stream: 3, octets("there")) + frame(0x6, octets("12345678"))
        + frame(0x1, flags: 0x5, stream: 3, block([("x-sum", "1")])) + request(5, ends: false)
        + frame(0x0, flags: 0x1, stream: 5, octets("end")) + frame(0x3, stream: 1, [0, 0, 0, 8])

    static let line = "GET /x HTTP/1.1\r\nHost: a.test\r\n"
    static let chunks = "Transfer-Encoding: chunked\r\n\r\n"
    static let told = [
        "1 head last \(line)\r\n", "3 head \(line)\(chunks)", "3 content hello there",
        "3 trailers x-sum: 1\r\n", "5 head \(line)\(chunks)", "5 content end", "5 ended",
        "1 closed 8",
    ]

    @Test func `where the octets were cut never shows`() throws {
        let whole = Self.conversation
        #expect(feed(try server(), [whole[...]]).lines == Self.told)
        #expect(feed(try server(), whole.indices.map { whole[$0...$0] }).lines == Self.told)
        for cut in stride(from: 1, to: whole.count, by: 7) {
            #expect(feed(try server(), [whole[..<cut], whole[cut...]]).lines == Self.told)
        }
    }

    /// Answers a client's requests by hand.
    @Test func `an answer comes back as it was given`() throws {
        let client = try HTTP2Session(.client, HTTP2Terms(headOctetsMax: 16_384, fieldsMax: 128))
        let server = try server()
        let pseudo = RequestPseudoFields(
            method: octets("POST"), scheme: "http", authority: octets("a.test"),
            path: octets("/p?q"))
        let fields = octets("X-A: 1\r\nTE: trailers\r\n")
        let made = client.request(pseudo, fields.span, isLast: false, isHead: false)
        let stream = try #require(made)
        client.write(octets("content").span, to: stream, at: start)
        client.finish(stream, trailers: octets("X-T: 2\r\n").span)
        let asked = feed(server, [try sent(client)[...]])
        #expect(
            asked.lines == [
                "1 head POST /p?q HTTP/1.1\r\nHost: a.test\r\nx-a: 1\r\nte: trailers\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n",
                "1 content content", "1 trailers x-t: 2\r\n",
            ])
        let place = HTTP2Stream(number: 1, place: 0)
        server.respondInterim(place, status: 103, octets("Link: </a>\r\n").span)
        server.respond(
            place, status: 200, octets("Content-Type: text/plain\r\nConnection: close\r\n").span,
            isLast: false, at: start)
        server.write(octets("answer").span, to: place, at: start)
        server.finish(place, trailers: octets("Grpc-Status: 0\r\n").span)
        let answered = feed(client, [try sent(server)[...]])
        #expect(
            answered.lines == [
                "1 head HTTP/1.1 103 \r\nlink: </a>\r\n\r\n",
                "1 head HTTP/1.1 200 \r\ncontent-type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n",
                "1 content answer", "1 trailers grpc-status: 0\r\n", "1 closed 0",
            ])
        #expect(server.openStreams == 1)
        while server.nextEvent() != nil {}
        #expect(server.openStreams == 0)
    }

    @Test func `content waits for the window, and a stalled stream is known by the time`() throws {
        let server = try server()
        let settings = frame(0x4, [0, 4, 0, 0, 0, 10])
        _ = feed(server, [(HTTP2Preface.octets + settings + request(1))[...]])
        let stream = HTTP2Stream(number: 1, place: 0)
        server.respond(stream, status: 200, Span(), isLast: false, at: start)
        server.write(Array(repeating: 1, count: 25).span, to: stream, at: start)
        server.finish(stream)
        #expect(frames(try sent(server)).suffix(2) == ["HEADERS", "DATA"])
        #expect(server.unsentOctets(of: stream) == 15)
        #expect(server.stalledStreams(since: start) == [])
        let later = start + .seconds(1)
        #expect(server.stalledStreams(since: later) == [stream])
        _ = feed(server, [frame(0x8, stream: 1, [0, 0, 0, 10])[...]])
        #expect(frames(try sent(server)) == ["DATA"])
        #expect(server.unsentOctets == 5)
        _ = feed(server, [frame(0x8, stream: 1, [0, 0, 0, 10])[...]])
        #expect(frames(try sent(server)) == ["DATA"])
        #expect(server.unsentOctets == 0)
    }

    @Test func `the peer's window opens when content was taken, and not before`() throws {
        let server = try server()
        let content = Array(repeating: UInt8(0), count: 16_384)
        _ = try sent(server)
        _ = feed(server, [(opening + frame(0x4, flags: 0x1) + request(1, ends: false))[...]])
        _ = try sent(server)
        // Half of the window, which nobody says he has taken.
        var octets = (0..<4).flatMap { _ in frame(0x0, stream: 1, content) }
        while !octets.isEmpty {
            octets.removeFirst(try server.receive(octets.span, at: start))
            while server.nextEvent() != nil {}
        }
        #expect(frames(try sent(server)) == [])
        server.consume(65_536, of: HTTP2Stream(number: 1, place: 0))
        #expect(frames(try sent(server)) == ["WINDOW"])
    }

    @Test func `an end is announced first, and then meant`() throws {
        let server = try server()
        _ = feed(server, [(opening + request(1))[...]])
        _ = try sent(server)
        server.announceEnd()
        #expect(frames(try sent(server)) == ["GOAWAY 0"])
        #expect(feed(server, [request(3)[...]]).lines.count == 1)
        server.refuseStreams()
        #expect(frames(try sent(server)) == ["GOAWAY 0"])
        #expect(feed(server, [request(5)[...]]).lines == [])
        #expect(server.isAlive)
        server.terminate(.noError)
        _ = try sent(server)
        #expect(!server.isAlive)
    }

    @Test func `an answer ahead of the request's end asks for no more of it`() throws {
        let server = try server()
        _ = feed(server, [(opening + request(1, ends: false))[...]])
        let stream = HTTP2Stream(number: 1, place: 0)
        server.respond(stream, status: 413, Span(), isLast: true, at: start)
        server.stopReading(stream)
        #expect(frames(try sent(server)).suffix(2) == ["HEADERS", "RST 0"])
    }
}

@Suite struct `What a peer may ask of us without having asked for anything` {
    struct Flood: Sendable, CustomTestStringConvertible {
        let name: String
        let frames: @Sendable (UInt32) -> [UInt8]
        let what: String
        init(_ name: String, _ what: String, _ frames: @escaping @Sendable (UInt32) -> [UInt8]) {
            (self.name, self.what, self.frames) = (name, what, frames)
        }
        var testDescription: String { name }
    }

    static let floods: [Flood] = [
        Flood("rapid reset", "reset streams") {
            request(2 * $0 + 1) + frame(0x3, stream: 2 * $0 + 1, [0, 0, 0, 8])
        },
        Flood("pings", "PING frames") { _ in frame(0x6, octets("12345678")) },
        Flood("settings", "SETTINGS frames") { _ in frame(0x4) },
        Flood("priorities", "PRIORITY frames") { frame(0x2, stream: 2 * $0 + 1, [0, 0, 0, 0, 1]) },
        Flood("windows", "WINDOW_UPDATE frames") { _ in frame(0x8, [0, 0, 0, 1]) },
        Flood("empty content", "empty DATA frames") {
            ($0 == 0 ? request(1, ends: false) : []) + frame(0x0, stream: 1)
        },
        Flood("padding", "DATA frames of padding alone") {
            ($0 == 0 ? request(1, ends: false) : []) + frame(0x0, flags: 0x8, stream: 1, [2, 0, 0])
        },
        Flood("unknown frames", "frames of unknown types") { _ in frame(0x77, octets("x")) },
        Flood("continuations", "CONTINUATION frames in one header block") {
            $0 == 0 ? frame(0x1, stream: 1, block(pseudo)) : frame(0x9, stream: 1)
        },
        Flood("a block without an end", "a header block's length") {
            $0 == 0
                ? frame(0x1, stream: 1, block(pseudo))
                : frame(0x9, stream: 1, Array(repeating: 0x82, count: 16_000))
        },
        Flood("goodbyes", "GOAWAY frames") { _ in frame(0x7, [0, 0, 0, 0, 0, 0, 0, 0]) },
    ]

    @Test(arguments: floods) func `each flood ends within a thousand frames`(_ flood: Flood) throws
    {
        let session = try server()
        var told = feed(session, [opening[...]])
        var count: UInt32 = 0
        while told.fault == nil, count < 1100 {
            told = feed(session, [flood.frames(count)[...]])
            _ = try sent(session)
            count += 1
        }
        #expect(told.fault == .tooMuch(flood.what))
    }

    @Test func `what a peer makes us reset counts as what it resets`() throws {
        let session = try server()
        var told = feed(session, [opening[...]])
        var stream: UInt32 = 1
        while told.fault == nil, stream < 1000 {
            // Lawful, and then a window past all bounds.
            told = feed(
                session,
                [(request(stream) + frame(0x8, stream: stream, [0x7F, 0xFF, 0xFF, 0xFF]))[...]])
            _ = try sent(session)
            stream += 2
        }
        #expect(told.fault == .tooMuch("streams that had to be reset"))
        #expect(stream < 300)
    }

    @Test func `credit comes back with time`() throws {
        var budget = FrameBudget(.client, blockOctetsMax: 1024)
        let ping = frame(0x6, octets("12345678"))
        var now = start
        for second in 0..<20 {
            for _ in 0..<50 {
                var at = 0
                while at < ping.count {
                    at += try budget.step(ping.span.extracting(at...), at: now)
                }
            }
            now = start + .seconds(second + 1)
        }
    }
}

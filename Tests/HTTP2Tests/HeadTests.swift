import HTTP
import Testing

@testable import HTTP2

@Suite struct `Heads in HTTP/1.1's spelling, RFC 9113 section 8` {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let fields: [(String, String)]
        /// What is told of it after the stream's number; `nil`: the stream is reset.
        let told: String?
        init(_ name: String, _ fields: [(String, String)], _ told: String?) {
            (self.name, self.fields, self.told) = (name, fields, told)
        }
        var testDescription: String { name }
    }

    static let line = "GET /x HTTP/1.1\r\nHost: a.test\r\n"

    static let rows: [Row] = [
        Row("the least request", pseudo, "head last \(line)\r\n"),
        Row("a field", pseudo + [("x-a", "1")], "head last \(line)x-a: 1\r\n\r\n"),
        Row(
            "crumbs are one line, behind the others",
            pseudo + [("cookie", "a=1"), ("x-a", "1"), ("cookie", "b=2")],
            "head last \(line)x-a: 1\r\ncookie: a=1; b=2\r\n\r\n"),
        Row("the same host twice is one", pseudo + [("host", "a.test")], "head last \(line)\r\n"),
        Row(
            "another host is left for the reader to refuse", pseudo + [("host", "b.test")],
            "head last \(line)host: b.test\r\n\r\n"),
        Row(
            "a host alone is the Host",
            [(":method", "GET"), (":scheme", "https"), (":path", "/"), ("host", "b.test")],
            "head last GET / HTTP/1.1\r\nhost: b.test\r\n\r\n"),
        Row(
            "asterisk",
            [(":method", "OPTIONS"), (":scheme", "https"), (":path", "*"), (":authority", "a")],
            "head last OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
        Row(
            "CONNECT", [(":method", "CONNECT"), (":authority", "a.test:443")],
            "head last CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n"),
        Row("an upper-case name", pseudo + [("X-A", "1")], nil),
        Row("an empty name", pseudo + [("", "1")], nil),
        Row("a space in a name", pseudo + [("x a", "1")], nil),
        Row("a colon in a name", pseudo + [("x:a", "1")], nil),
        Row("a line end in a value", pseudo + [("x-a", "1\r\nhost: b")], nil),
        Row("a line feed in a value", pseudo + [("x-a", "1\nb: c")], nil),
        Row("a null in a value", pseudo + [("x-a", "1\0")], nil),
        Row("white space around a value", pseudo + [("x-a", " 1")], nil),
        Row("connection", pseudo + [("connection", "close")], nil),
        Row("keep-alive", pseudo + [("keep-alive", "1")], nil),
        Row("proxy-connection", pseudo + [("proxy-connection", "close")], nil),
        Row("transfer-encoding", pseudo + [("transfer-encoding", "chunked")], nil),
        Row("upgrade", pseudo + [("upgrade", "websocket")], nil),
        Row("te but for trailers", pseudo + [("te", "gzip")], nil),
        Row("te: trailers", pseudo + [("te", "trailers")], "head last \(line)te: trailers\r\n\r\n"),
        Row("a length without content", pseudo + [("content-length", "5")], nil),
        Row("a pseudo-field twice", pseudo + [(":path", "/y")], nil),
        Row("an unknown pseudo-field", pseudo + [(":x", "y")], nil),
        Row("an answer's pseudo-field", pseudo + [(":status", "200")], nil),
        Row(
            "a pseudo-field behind a field", Array(pseudo.prefix(3)) + [("x", "1"), pseudo[3]], nil),
        Row("no method", Array(pseudo.dropFirst()), nil),
        Row("no path", [pseudo[0], pseudo[1], pseudo[3]], nil),
        Row("an empty path", [pseudo[0], pseudo[1], (":path", ""), pseudo[3]], nil),
        Row("a path without a slash", [pseudo[0], pseudo[1], (":path", "x"), pseudo[3]], nil),
        Row(
            "an absolute URI as path",
            [pseudo[0], pseudo[1], (":path", "https://b.test/"), pseudo[3]], nil),
        Row("a space in the path", [pseudo[0], pseudo[1], (":path", "/a b"), pseudo[3]], nil),
        Row(
            "a request line in the method",
            [(":method", "GET /admin HTTP/1.1"), pseudo[1], pseudo[2], pseudo[3]], nil),
        Row("another scheme", [pseudo[0], (":scheme", "ftp"), pseudo[2], pseudo[3]], nil),
        Row(
            "a line end in the authority",
            [pseudo[0], pseudo[1], pseudo[2], (":authority", "a\r\nx: y")], nil),
        Row("CONNECT with a path", [(":method", "CONNECT"), pseudo[2], pseudo[3]], nil),
        Row(
            "a tunnel for another protocol",
            [(":method", "CONNECT"), (":protocol", "connect-udp")] + Array(pseudo.dropFirst()), nil),
    ]

    @Test(arguments: rows) func `a field list has one reading, or none`(_ row: Row) throws {
        let session = try server()
        let octets = opening + frame(0x1, flags: 0x5, stream: 1, block(row.fields))
        let told = feed(session, [octets[...]])
        #expect(told.fault == nil)
        if let expected = row.told {
            #expect(told.lines == ["1 \(expected)"])
        } else {
            #expect(told.lines == [])
            #expect(frames(try sent(session)).last == "RST 1")
        }
        // The next request on the connection is none the worse.
        let next = feed(session, [request(3)[...]])
        #expect(next.lines.last == "3 head last \(Self.line)\r\n")
    }

    @Test func `content of unknown length is in chunks`() throws {
        let told = feed(try server(), [(opening + request(1, ends: false))[...]])
        #expect(told.lines == ["1 head \(Self.line)Transfer-Encoding: chunked\r\n\r\n"])
    }

    @Test func `an extended CONNECT is the upgrade that HTTP/1.1 would ask for`() throws {
        let fields =
            [(":method", "CONNECT"), (":protocol", "websocket")] + Array(pseudo.dropFirst())
            + [("sec-websocket-version", "13"), ("sec-websocket-key", "x")]
        let session = try server()
        let told = feed(
            session, [(opening + frame(0x1, flags: 0x4, stream: 1, block(fields)))[...]])
        #expect(
            told.lines == [
                "1 head \(Self.line)Connection: Upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-version: 13\r\n\r\n"
            ])
        #expect(session.isTunnel)
    }

    @Test(arguments: [(3, true), (4, false)])
    func `fields are counted, crumbs as one`(_ count: Int, _ passes: Bool) throws {
        let fields = (0..<count - 1).map { ("x-\($0)", "1") }
        let told = feed(
            try server(fieldsMax: 4),
            [(opening + request(1, fields + [("cookie", "a=1"), ("cookie", "b=2")]))[...]])
        // Host is one of them.
        #expect((told.lines != ["1 refused fields-too-many"]) == passes)
    }

    @Test func `octets are counted, crumbs by theirs`() throws {
        let crumbs = (0..<12).map { _ in ("cookie", String(repeating: "a", count: 100)) }
        let told = feed(try server(headOctetsMax: 1024), [(opening + request(1, crumbs))[...]])
        #expect(told.lines == ["1 refused head-too-long"])
        let field = ("x", String(repeating: "a", count: 120))
        let long = feed(
            try server(headOctetsMax: 1024),
            [(opening + request(1, Array(repeating: field, count: 9)))[...]])
        #expect(long.lines == ["1 refused head-too-long"])
    }

    @Test func `a list that expands without end ends the connection`() throws {
        // One long field in the table, then an octet for each repetition of it.
        let long =
            [0x40, 1, UInt8(ascii: "x"), 120] + Array(repeating: UInt8(ascii: "a"), count: 120)
        let bomb = block(pseudo) + long + Array(repeating: 0xBE, count: 2000)
        let session = try server(headOctetsMax: 4096)
        let told = feed(session, [(opening + frame(0x1, flags: 0x5, stream: 1, bomb))[...]])
        #expect(told.fault == .tooMuch("a field list's length"))
        #expect(frames(try sent(session)).last == "GOAWAY 11")
    }
}

import HTTP
import Testing

@Suite struct `Response heads, RFC 9112 sections 4 and 6` {
    static let rows: [(String, ResponseFault?)] = [
        ("HTTP/1.1 200 OK\r\n\r\n", nil),
        ("HTTP/1.1 200 \r\n\r\n", nil),
        ("HTTP/1.1 200\r\n\r\n", nil),
        ("HTTP/1.0 404 Not Found at all\r\nA: b\r\n\r\n", nil),
        ("HTTP/1.1 200 \u{e9}t\u{e9}\r\n\r\n", nil),
        ("HTTP/1.1 599 X\r\n\r\n", nil),
        ("HTTP/1.1 100 Continue\r\n\r\n", nil),
        ("HTTP/1.1 099 X\r\n\r\n", .statusInvalid),
        ("HTTP/1.1 600 X\r\n\r\n", .statusInvalid),
        ("HTTP/1.1 20 OK\r\n\r\n", .statusInvalid),
        ("HTTP/1.1 2000 OK\r\n\r\n", .statusInvalid),
        ("HTTP/1.1 +20 OK\r\n\r\n", .statusInvalid),
        ("HTTP/1.1  200 OK\r\n\r\n", .statusInvalid),
        ("HTTP/1.1\t200 OK\r\n\r\n", .statusLineInvalid),
        ("HTTP/2.0 200 OK\r\n\r\n", .versionUnsupported),
        ("HTTP/1.2 200 OK\r\n\r\n", .versionUnsupported),
        ("http/1.1 200 OK\r\n\r\n", .statusLineInvalid),
        ("ICY 200 OK\r\n\r\n", .statusLineInvalid),
        ("<html>", .statusLineInvalid),
        ("\r\nHTTP/1.1 200 OK\r\n\r\n", .statusLineInvalid),
        ("HTTP/1.1 200 O\u{0}K\r\n\r\n", .statusLineInvalid),
        ("HTTP/1.1 200 OK\n\n", .fields(.bareLineFeed)),
        ("HTTP/1.1 200\n\n", .fields(.bareLineFeed)),
        ("HTTP/1.1 200 OK\rX", .fields(.bareCarriageReturn)),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", .fields(.folded)),
        ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", .fields(.spaceBeforeColon)),
        ("HTTP/1.1 200 OK\r\nA: b\rSet-Cookie: x\r\n\r\n", .fields(.bareCarriageReturn)),
        ("HTTP/1.1 200 OK\r\nA: b\nSet-Cookie: x\r\n\r\n", .fields(.bareLineFeed)),
        ("HTTP/1.1 200 OK\r\nA\u{0}: b\r\n\r\n", .fields(.nameInvalid)),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
            .framing(.lengthRepeated)
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", .framing(.lengthInvalid)),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            .framing(.bothFramings)
        ),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .framing(.codingBeforeHTTP11)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .framing(.codingUnknown)),
    ]

    @Test(arguments: rows) func `each head has one reading, however it is split`(
        _ message: String, _ fault: ResponseFault?
    ) {
        let reading = readResponseEveryWay(octets(message))
        #expect(reading.fault == fault)
        #expect(!reading.needsMore)
    }

    struct FramingRow: Sendable {
        var method = HTTP.Method.get
        let status: Int
        let lines: String
        let framing: ResponseFraming
        let keepsAlive: Bool
    }
    static let framings: [FramingRow] = [
        FramingRow(status: 200, lines: "", framing: .untilClose, keepsAlive: false),
        FramingRow(status: 200, lines: "Content-Length: 0", framing: .length(0), keepsAlive: true),
        FramingRow(status: 200, lines: "Content-Length: 7", framing: .length(7), keepsAlive: true),
        FramingRow(
            status: 200, lines: "Transfer-Encoding: chunked", framing: .chunked, keepsAlive: true),
        FramingRow(
            status: 200, lines: "Content-Length: 7\r\nConnection: close", framing: .length(7),
            keepsAlive: false),
        FramingRow(
            method: .head, status: 200, lines: "Content-Length: 7", framing: .none,
            keepsAlive: true),
        FramingRow(
            method: .head, status: 200, lines: "Transfer-Encoding: chunked", framing: .none,
            keepsAlive: true),
        FramingRow(method: .head, status: 200, lines: "", framing: .none, keepsAlive: true),
        FramingRow(status: 100, lines: "", framing: .none, keepsAlive: true),
        FramingRow(status: 101, lines: "", framing: .none, keepsAlive: true),
        FramingRow(status: 103, lines: "Link: x", framing: .none, keepsAlive: true),
        FramingRow(status: 204, lines: "", framing: .none, keepsAlive: true),
        FramingRow(status: 204, lines: "Content-Length: 0", framing: .none, keepsAlive: true),
        FramingRow(status: 204, lines: "Content-Length: 4", framing: .none, keepsAlive: false),
        FramingRow(
            status: 204, lines: "Transfer-Encoding: chunked", framing: .none, keepsAlive: false),
        FramingRow(status: 304, lines: "Content-Length: 9", framing: .none, keepsAlive: true),
        FramingRow(
            status: 304, lines: "Transfer-Encoding: chunked", framing: .none, keepsAlive: true),
        FramingRow(status: 205, lines: "Content-Length: 0", framing: .length(0), keepsAlive: true),
        FramingRow(method: .connect, status: 200, lines: "", framing: .none, keepsAlive: true),
        FramingRow(
            method: .connect, status: 403, lines: "Content-Length: 1", framing: .length(1),
            keepsAlive: true),
    ]

    @Test(arguments: framings) func `content ends where method, status and fields say`(
        _ row: FramingRow
    ) {
        let lines = row.lines.isEmpty ? "" : row.lines + "\r\n"
        let reading = readResponseEveryWay(
            octets("HTTP/1.1 \(row.status) X\r\n\(lines)\r\n"), to: row.method)
        #expect(reading.fault == nil)
        #expect(reading.framing == row.framing)
        #expect(reading.keepsAlive == row.keepsAlive)
    }

    @Test func `the limits hold for answers too`() {
        let limits = HTTPLimits(requestLineOctetsMax: 40, headOctetsMax: 100, fieldsMax: 2)
        let long = String(repeating: "x", count: 120)
        #expect(
            readResponseEveryWay(octets("HTTP/1.1 200 \(long)\r\n\r\n"), limits: limits).fault
                == .statusLineTooLong)
        #expect(
            readResponseEveryWay(octets("HTTP/1.1 200 OK\r\nA: \(long)\r\n"), limits: limits).fault
                == .fields(.tooLong))
        #expect(
            readResponseEveryWay(
                octets("HTTP/1.1 200 OK\r\nA:\r\nB:\r\nC:\r\n\r\n"), limits: limits
            ).fault == .fields(.tooMany))
    }
}

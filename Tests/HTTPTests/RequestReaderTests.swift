import HTTP
import Testing

struct RequestRow: Sendable, CustomTestStringConvertible {
    let name: String
    let message: [UInt8]
    let fault: RequestFault?

    init(_ name: String, _ message: String, _ fault: RequestFault?) {
        self.init(name, octets: Array(message.utf8), fault)
    }

    init(_ name: String, octets: [UInt8], _ fault: RequestFault?) {
        self.name = name
        message = octets
        self.fault = fault
    }

    /// A request with one field more, whose line is given without its CRLF.
    static func field(_ name: String, _ line: String, _ fault: RequestFault?) -> RequestRow {
        RequestRow(name, "GET / HTTP/1.1\r\nHost: a\r\n\(line)\r\n\r\n", fault)
    }

    static func octets(
        _ name: String, _ before: String, _ octet: UInt8, _ after: String,
        _ fault: RequestFault?
    ) -> RequestRow {
        RequestRow(name, octets: Array(before.utf8) + [octet] + Array(after.utf8), fault)
    }

    var testDescription: String { name }
}

@Suite struct `Request heads, RFC 9112 sections 2, 3 and 5` {
    static let rows: [RequestRow] = [
        RequestRow("the least request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", nil),
        RequestRow("HTTP/1.0 with Host", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", nil),
        RequestRow("HTTP/1.0 without Host is the gateway's", "GET / HTTP/1.0\r\n\r\n", nil),
        RequestRow("an extension method", "PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n", nil),
        RequestRow("a lower-case method is another one", "get / HTTP/1.1\r\nHost: a\r\n\r\n", nil),
        RequestRow("four blank lines", "\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", nil),
        RequestRow("five blank lines", "\r\n\r\n\r\n\r\n\r\nGET / ", .blankLinesTooMany),
        RequestRow("a blank line of LF", "\nGET / HTTP/1.1\r\n", .fields(.bareLineFeed)),
        RequestRow("a CR before the method", "\rGET / HTTP", .fields(.bareCarriageReturn)),
        RequestRow("a space before the method", " GET / HTTP/1.1\r\n", .requestLineInvalid),
        RequestRow("two spaces", "GET  / HTTP/1.1\r\n", .requestLineInvalid),
        RequestRow("a tab between", "GET\t/ HTTP/1.1\r\n", .requestLineInvalid),
        RequestRow("a tab behind the target", "GET /\tHTTP/1.1\r\n", .targetInvalid),
        RequestRow("a space in the target", "GET /a b HTTP/1.1\r\n", .versionInvalid),
        RequestRow("a space behind the version", "GET / HTTP/1.1 \r\n", .versionInvalid),
        RequestRow("a method with other octets", "G=\":<>\" / HTTP/1.1\r\n", .requestLineInvalid),
        RequestRow("a method too long", String(repeating: "A", count: 40) + " /", .methodTooLong),
        RequestRow("HTTP/0.9", "GET /\r\n", .versionMissing),
        RequestRow("LF in the request line", "GET / HTTP/1.1\nHost: a\r\n", .fields(.bareLineFeed)),
        RequestRow("LF behind the target", "GET /\n", .fields(.bareLineFeed)),
        RequestRow("CR in the request line", "GET / HTTP/1.1\rH", .fields(.bareCarriageReturn)),
        RequestRow("HTTP/1.2", "GET / HTTP/1.2\r\n", .versionUnsupported),
        RequestRow("HTTP/1.10", "GET / HTTP/1.10\r\n", .versionInvalid),
        RequestRow("HTTP/01.1", "GET / HTTP/01.1\r\n", .versionInvalid),
        RequestRow("HTTP/1", "GET / HTTP/1\r\n", .versionInvalid),
        RequestRow("http/1.1", "GET / http/1.1\r\n", .versionInvalid),
        RequestRow("HTTP/ 1.1", "GET / HTTP/ 1.1\r\n", .versionInvalid),
        RequestRow("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM", .versionUnsupported),
        RequestRow("HTTP/9.9", "GET / HTTP/9.9\r\n", .versionUnsupported),
        RequestRow("ICY", "GET / ICY\r\n", .versionInvalid),
        RequestRow("SMTP", "EHLO example.com\r\n", .versionMissing),
        RequestRow("a TLS hello", octets: [0x16, 3, 1, 2, 0, 1], .requestLineInvalid),
        .octets("NUL in the method", "G", 0, "T / HTTP/1.1\r\n", .requestLineInvalid),
        .octets("NUL in the target", "GET /", 0, " HTTP/1.1\r\n", .targetInvalid),
        .octets("DEL in the target", "GET /", 0x7f, " HTTP/1.1\r\n", .targetInvalid),
        .octets(
            "raw octets in the path are the path's to refuse", "GET /", 0xc3,
            " HTTP/1.1\r\nHost: a\r\n\r\n", nil),

        .field("a field", "A: b", nil),
        .field("a field without a value", "A:", nil),
        .field("white space around a value", "A: \t b c \t ", nil),
        .field("octets outside ASCII in a value", "A: \u{e9}", nil),
        .field("a tab in a value", "A: b\tc", nil),
        .field("every tchar in a name", "!#$%&'*+-.^_`|~09azAZ: x", nil),
        .field("a space before the colon", "A : b", .fields(.spaceBeforeColon)),
        .field(
            "a tab before the colon", "Transfer-Encoding\t: chunked",
            .fields(.spaceBeforeColon)),
        .field("an empty name", ": b", .fields(.nameEmpty)),
        .field("only a colon", ":", .fields(.nameEmpty)),
        .field("no colon", "Foo", .fields(.colonMissing)),
        .field("a folded field", "A: b\r\n c", .fields(.folded)),
        .field("a field folded by a tab", "A: b\r\n\tc", .fields(.folded)),
        RequestRow(
            "white space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
            .fields(.folded)),
        .field("LF ends a field", "A: b\nC: d", .fields(.bareLineFeed)),
        .field("LF in a name", "Te\nst: x", .fields(.bareLineFeed)),
        .field("CR in a value", "A: b\rc", .fields(.bareCarriageReturn)),
        .field("two CR before LF", "A: b\r", .fields(.bareCarriageReturn)),
        .field("parentheses in a name", "Foo(bar): x", .fields(.nameInvalid)),
        .field("an octet outside ASCII in a name", "F\u{85}: x", .fields(.nameInvalid)),
        .field("NUL in a name", "Content-Length\0: 5", .fields(.nameInvalid)),
        .field("NUL in a value", "A: b\0", .fields(.valueInvalid)),
        .field("a vertical tab in a value", "A: b\u{0b}", .fields(.valueInvalid)),
        .field("DEL in a value", "A: \u{7f}", .fields(.valueInvalid)),
        RequestRow(
            "the head ends in LF", "GET / HTTP/1.1\r\nHost: a\r\n\n",
            .fields(.bareLineFeed)),
        RequestRow(
            "the head ends in CR alone", "GET / HTTP/1.1\r\nHost: a\r\n\rX",
            .fields(.bareCarriageReturn)),

        RequestRow("no Host", "GET / HTTP/1.1\r\n\r\n", .hostMissing),
        .field("Host twice, the same", "Host: a", .hostRepeated),
        .field("Host twice, in another case", "hOST: b", .hostRepeated),
        .field("100-continue", "Expect: 100-Continue", nil),
        .field("another expectation", "Expect: 200-ok", .expectationUnknown),
        RequestRow(
            "Expect of HTTP/1.0 is ignored",
            "GET / HTTP/1.0\r\nHost: a\r\nExpect: x\r\n\r\n", nil),
    ]

    @Test(arguments: rows) func `each head has one reading, however it is split`(_ row: RequestRow)
    {
        let reading = readRequestEveryWay(row.message)
        #expect(reading.fault == row.fault)
        #expect(!reading.needsMore)
    }

    static let framings: [(String, Result<BodyFraming, FramingFault>)] = [
        ("", .success(.none)),
        ("Content-Length: 0", .success(.length(0))),
        ("Content-Length: 5", .success(.length(5))),
        ("content-length:\t5 ", .success(.length(5))),
        ("Content-Length: 2147483648", .success(.length(2_147_483_648))),
        ("Content-Length: 4294967297", .success(.length(4_294_967_297))),
        ("Content-Length: 9223372036854775808", .success(.length(9_223_372_036_854_775_808))),
        ("Content-Length: 18446744073709551615", .success(.length(.max))),
        ("Content-Length: 18446744073709551616", .failure(.lengthInvalid)),
        ("Content-Length: 1000000000000000000000000000000", .failure(.lengthInvalid)),
        ("Content-Length: +5", .failure(.lengthInvalid)),
        ("Content-Length: -1", .failure(.lengthInvalid)),
        ("Content-Length: -0", .failure(.lengthInvalid)),
        ("Content-Length: 0x5", .failure(.lengthInvalid)),
        ("Content-Length: 0o5", .failure(.lengthInvalid)),
        ("Content-Length: 005", .failure(.lengthInvalid)),
        ("Content-Length: 00", .failure(.lengthInvalid)),
        ("Content-Length: 5 5", .failure(.lengthInvalid)),
        ("Content-Length: 5,5", .failure(.lengthInvalid)),
        ("Content-Length: 5, 6", .failure(.lengthInvalid)),
        ("Content-Length: 1_0", .failure(.lengthInvalid)),
        ("Content-Length: 5;", .failure(.lengthInvalid)),
        ("Content-Length:", .failure(.lengthInvalid)),
        ("Content-Length: \u{0665}", .failure(.lengthInvalid)),
        ("Content-Length: 5\r\nContent-Length: 5", .failure(.lengthRepeated)),
        ("Content-Length: 5\r\nContent-Length: 6", .failure(.lengthRepeated)),
        ("Transfer-Encoding: chunked", .success(.chunked)),
        ("Transfer-Encoding: CHUNKED", .success(.chunked)),
        ("Transfer-Encoding:\tchunked ", .success(.chunked)),
        ("Transfer-Encoding: xchunked", .failure(.codingUnknown)),
        ("Transfer-Encoding: gzip", .failure(.codingUnknown)),
        ("Transfer-Encoding: identity", .failure(.codingUnknown)),
        ("Transfer-Encoding: gzip, chunked", .failure(.codingUnknown)),
        ("Transfer-Encoding: chunked, gzip", .failure(.codingInvalid)),
        ("Transfer-Encoding: chunked, chunked", .failure(.codingInvalid)),
        ("Transfer-Encoding: , chunked", .failure(.codingUnknown)),
        ("Transfer-Encoding: chunked,", .failure(.codingInvalid)),
        ("Transfer-Encoding: chunked;x=y", .failure(.codingInvalid)),
        ("Transfer-Encoding: \"chunked\"", .failure(.codingInvalid)),
        ("Transfer-Encoding: chunked\u{a0}", .failure(.codingInvalid)),
        ("Transfer-Encoding:", .failure(.codingInvalid)),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .failure(.codingRepeated)),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", .failure(.codingRepeated)),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", .failure(.bothFramings)),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", .failure(.bothFramings)),
        ("Transfer-Encoding: xchunked\r\nContent-Length: 5", .failure(.bothFramings)),
        ("Transfer_Encoding: chunked", .success(.none)),
        ("Content_Length: 5", .success(.none)),
    ]

    @Test(arguments: framings) func `each combination of framing fields has one reading`(
        _ lines: String, _ expected: Result<BodyFraming, FramingFault>
    ) {
        let lines = lines.isEmpty ? "" : lines + "\r\n"
        let reading = readRequestEveryWay(octets("POST / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n"))
        switch expected {
        case .success(let framing):
            #expect(reading.fault == nil)
            #expect(reading.framing == framing)
        case .failure(let fault): #expect(reading.fault == .framing(fault))
        }
    }

    @Test(arguments: ["", "Content-Length: 3\r\n"])
    func `a transfer coding of HTTP 1 0 is refused`(_ other: String) {
        let reading = readRequestEveryWay(
            octets("POST / HTTP/1.0\r\nHost: a\r\n\(other)Transfer-Encoding: chunked\r\n\r\n"))
        #expect(reading.fault == .framing(.codingBeforeHTTP11))
        #expect(reading.fault?.status == 400)
    }

    static let hosts: [(String, Bool)] = [
        ("a", true), ("A.example", true), ("a:80", true), ("a_b.test", true), ("a.test.", true),
        ("127.0.0.1:8080", true), ("[::1]", true), ("[::1]:8080", true),
        ("xn--bcher-kva.test", true),
        ("", false), ("a b", false), ("a,b", false), ("a/b", false), ("u@a", false),
        ("[::1", false), ("::1", false), ("[1.2.3.4]", false), ("[fe80::1%25eth0]", false),
        ("a:99999", false), ("a:65536", false), ("a:0", false), ("a:080", false), ("a:", false),
        ("a:b", false), (":80", false), ("a..b", false), (".a", false), (".", false),
        ("127.1", false), ("1.2.3.256", false), ("01.2.3.4", false), ("0x7f.0.0.1", false),
        ("a%2eb", false), ("\u{e9}.test", false), ("a?b", false), ("a#b", false),
        (String(repeating: "a", count: 64) + ".test", false),
        (Array(repeating: "abcdefg", count: 32).joined(separator: "."), false),
    ]

    @Test(arguments: hosts) func `Host is a name or an address with an optional port`(
        _ host: String, _ isValid: Bool
    ) {
        let reading = readRequestEveryWay(octets("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n"))
        #expect(reading.fault == (isValid ? nil : .hostInvalid))
    }

    struct TargetRow: Sendable {
        var method = "GET"
        let target: String
        var host = "a"
        let expected: String
    }
    static let targets: [TargetRow] = [
        TargetRow(target: "/", expected: "origin a / -"),
        TargetRow(target: "/x?y", expected: "origin a /x y"),
        TargetRow(target: "/x?", expected: "origin a /x "),
        TargetRow(target: "/x?a?b=/..", expected: "origin a /x a?b=/.."),
        TargetRow(target: "//x//y", expected: "origin a //x//y -"),
        TargetRow(target: "/x?\u{e9}", expected: "origin a /x \u{e9}"),
        TargetRow(target: "/x#y", expected: "target-invalid"),
        TargetRow(target: "/x?y#z", expected: "target-invalid"),
        TargetRow(target: "x", expected: "target-invalid"),
        TargetRow(target: "!", expected: "target-invalid"),
        TargetRow(target: "*", expected: "target-invalid"),
        TargetRow(method: "OPTIONS", target: "*", expected: "asterisk a  -"),
        TargetRow(method: "OPTIONS", target: "**", expected: "target-invalid"),
        TargetRow(target: "http://a/x?y", expected: "absolute a /x y"),
        TargetRow(target: "HTTP://A/x", expected: "absolute A /x -"),
        TargetRow(target: "http://a", expected: "absolute a  -"),
        TargetRow(target: "http://a?q", expected: "absolute a  q"),
        TargetRow(target: "http://a:80/", expected: "absolute a:80 / -"),
        TargetRow(target: "https://a:443/", expected: "absolute a:443 / -"),
        TargetRow(target: "https://a:80/", expected: "host-mismatch"),
        TargetRow(target: "http://b/", expected: "host-mismatch"),
        TargetRow(target: "http://u@a/", expected: "target-invalid"),
        TargetRow(target: "http://u:p@a/", expected: "target-invalid"),
        TargetRow(target: "http:/a", expected: "target-invalid"),
        TargetRow(target: "http:///x", expected: "target-invalid"),
        TargetRow(target: "ftp://a/", expected: "target-invalid"),
        TargetRow(target: "http://a/x#y", expected: "target-invalid"),
        TargetRow(target: "http://a\\b/", expected: "target-invalid"),
        TargetRow(
            method: "CONNECT", target: "a:443", host: "a:443", expected: "authority a:443  -"),
        TargetRow(method: "CONNECT", target: "a", expected: "target-invalid"),
        TargetRow(method: "CONNECT", target: "/", expected: "target-invalid"),
        TargetRow(target: "a:443", expected: "target-invalid"),
    ]

    @Test(arguments: targets) func `each target has one form, authority, path and query`(
        _ row: TargetRow
    ) {
        let message = octets(
            "\(row.method) \(row.target) HTTP/1.1\r\nHost: \(row.host)\r\n\r\n")
        var reader = RequestReader()
        var head = RequestHead()
        switch reader.step(message.span, into: &head) {
        case .needsMore: Issue.record("needs more")
        case .refused(let fault): #expect(fault.code == row.expected)
        case .head:
            let query = head.hasQuery ? text(message, head.query.range) : "-"
            #expect(
                "\(head.form) \(text(message, head.authority.range)) "
                    + "\(text(message, head.path.range)) \(query)" == row.expected)
        }
    }

    @Test func `a version without Host says so`() {
        let reading = readRequestEveryWay(octets("GET /health HTTP/1.0\r\n\r\n"))
        #expect(reading.fault == nil)
        var reader = RequestReader()
        var head = RequestHead()
        #expect(reader.step(octets("GET /h HTTP/1.0\r\n\r\n").span, into: &head) == .head)
        #expect(!head.hasHost)
        #expect(head.authority.isEmpty)
    }

    static let connections: [(String, Bool)] = [
        ("HTTP/1.1\r\n", true), ("HTTP/1.1\r\nConnection: close\r\n", false),
        ("HTTP/1.1\r\nConnection: keep-alive\r\n", true),
        ("HTTP/1.1\r\nConnection: x, Close\r\n", false),
        ("HTTP/1.1\r\nConnection:\r\nConnection: close\r\n", false),
        ("HTTP/1.1\r\nConnection: keep-alive, close\r\n", false),
        ("HTTP/1.0\r\n", false), ("HTTP/1.0\r\nConnection: Keep-Alive\r\n", true),
        ("HTTP/1.0\r\nConnection: keep-alive, close\r\n", false),
    ]

    @Test(arguments: connections) func `the version and Connection say whether it lasts`(
        _ rest: String, _ keepsAlive: Bool
    ) {
        var reader = RequestReader()
        var head = RequestHead()
        let message = octets("GET / \(rest)Host: a\r\n\r\n")
        #expect(reader.step(message.span, into: &head) == .head)
        #expect(head.keepsAlive == keepsAlive)
    }

    @Test func `Upgrade counts where Connection names it and the version has it`() {
        for (rest, expected) in [
            ("1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n", "websocket"),
            ("1.1\r\nConnection: keep-alive, upgrade\r\nUpgrade: h2c\r\n", "h2c"),
            ("1.1\r\nUpgrade: websocket\r\n", "-"),
            ("1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n", "-"),
        ] {
            var reader = RequestReader()
            var head = RequestHead()
            let message = octets("GET / HTTP/\(rest)Host: a\r\n\r\n")
            #expect(reader.step(message.span, into: &head) == .head)
            #expect((head.upgrade.map { text(message, $0.range) } ?? "-") == expected)
        }
    }

    @Test func `fields are found by what they are and keep their order`() {
        let message = octets(
            "GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nX: y\r\nCOOKIE: b=2\r\n\r\n")
        var reader = RequestReader()
        var head = RequestHead()
        #expect(reader.step(message.span, into: &head) == .head)
        #expect(head.count(of: .cookie) == 2)
        #expect(head.count(of: .te) == 0)
        #expect(head.first(.cookie).map { text(message, $0.value.range) } == "a=1")
        #expect(head.only(.cookie) == nil)
        #expect(head.only(.host) != nil)
        #expect(head.nextIndex(of: .cookie, from: 2) == 3)
        #expect(head.nextIndex(of: .cookie, from: 4) == nil)
        #expect(head.fields.map(\.known) == [.host, .cookie, .other, .cookie])
        #expect(
            head.fields.map { text(message, $0.line.range) }.joined()
                == "Host: a\r\nCookie: a=1\r\nX: y\r\nCOOKIE: b=2\r\n")
        #expect(head.octetCount == message.count)
    }

    @Test func `pipelined requests are read one after the other`() {
        let first = octets("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
        let both = first + octets("\r\nGET /2 HTTP/1.1\r\nHost: b\r\nX: y\r\n\r\n")
        var reader = RequestReader()
        var head = RequestHead()
        #expect(reader.step(both.span, into: &head) == .head)
        #expect(head.octetCount == first.count)
        let rest = Array(both[head.octetCount...])
        #expect(reader.step(rest.span, into: &head) == .head)
        #expect(text(rest, head.target.range) == "/2")
        #expect(head.octetCount == rest.count)
        #expect(head.fields.count == 2)
    }
}

@Suite struct `Limits of a request head` {
    /// A request whose request line has `line` octets, CRLF included.
    static func request(line: Int) -> [UInt8] {
        let target = "/" + String(repeating: "a", count: line - "GET / HTTP/1.1\r\n".utf8.count)
        return octets("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
    }

    @Test(arguments: [(99, nil), (100, nil), (101, RequestFault.targetTooLong)])
    func `a request line may be as long as the limit`(_ line: Int, _ fault: RequestFault?) {
        let limits = HTTPLimits(requestLineOctetsMax: 100, headOctetsMax: 200, fieldsMax: 4)
        #expect(readRequestEveryWay(Self.request(line: line), limits: limits).fault == fault)
    }

    @Test(arguments: [(199, nil), (200, nil), (201, RequestFault.fields(.tooLong))])
    func `a head may be as long as the limit`(_ count: Int, _ fault: RequestFault?) {
        let limits = HTTPLimits(requestLineOctetsMax: 100, headOctetsMax: 200, fieldsMax: 4)
        let start = "GET / HTTP/1.1\r\nHost: a\r\nX: "
        let value = String(repeating: "v", count: count - start.utf8.count - 4)
        let reading = readRequestEveryWay(octets(start + value + "\r\n\r\n"), limits: limits)
        #expect(reading.fault == fault)
    }

    @Test(arguments: [(3, nil), (4, nil), (5, RequestFault.fields(.tooMany))])
    func `there may be as many fields as the limit`(_ count: Int, _ fault: RequestFault?) {
        let limits = HTTPLimits(requestLineOctetsMax: 100, headOctetsMax: 200, fieldsMax: 4)
        let fields = String(repeating: "X: y\r\n", count: count - 1)
        let reading = readRequestEveryWay(
            octets("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"), limits: limits)
        #expect(reading.fault == fault)
        #expect(fault == nil || reading.fault?.status == 431)
    }

    @Test(arguments: [(2048, nil), (2049, RequestFault.fields(.connectionTooLong))])
    func `Connection lists so many names, over all its lines, or none is believed`(
        _ names: Int, _ fault: RequestFault?
    ) {
        let half = String(repeating: "x,,", count: names / 2)
        let lines =
            "Connection: \(half)\r\nConnection: keep-alive\r\n"
            + "Connection: \(half)\(names % 2 == 1 ? "x" : "")\r\n\r\n"
        let request = readRequest(octets("GET / HTTP/1.1\r\nHost: a\r\n" + lines))
        #expect(request.fault == fault && !request.needsMore)
        #expect(fault == nil || fault?.status == 400)

        var head = ResponseHead()
        var reader = ResponseReader()
        let step = reader.step(
            octets("HTTP/1.1 200 OK\r\n" + lines).span, into: &head, requestMethod: .get)
        #expect(step == (fault == nil ? .head : .refused(.fields(.connectionTooLong))))
    }

    /// Long values are looked through by blocks of several widths: none may overlook an octet.
    @Test func `a control is found in every place of a long value, and other octets in none`() {
        let front = Array("GET / HTTP/1.1\r\nHost: a\r\nCookie: ".utf8)
        let value = [UInt8](repeating: UInt8(ascii: "a"), count: 700)
        let back = Array("\r\n\r\n".utf8)
        for place in value.indices {
            for octet: UInt8 in [0x00, 0x1f, 0x7f, 0x09, 0x20, 0x80, 0xff] {
                var message = front + value + back
                message[front.count + place] = octet
                var head = RequestHead()
                var reader = RequestReader()
                let step = reader.step(message.span, into: &head)
                let isLawful = octet == 0x09 || octet == 0x20 || octet >= 0x80
                let expected: RequestReader.Step =
                    isLawful ? .head : .refused(.fields(.valueInvalid))
                if step != expected { Issue.record("\(octet) in place \(place): \(step)") }
            }
        }
    }

    @Test func `a fault before the limit is reported as itself however it is split`() {
        let limits = HTTPLimits(requestLineOctetsMax: 64, headOctetsMax: 80, fieldsMax: 4)
        let long = String(repeating: "v", count: 100)
        for (message, fault) in [
            ("GET / HTTP/1.1\r\nF(o: \(long)", RequestFault.fields(.nameInvalid)),
            ("GET / HTTP/1.1\r\nFoo : \(long)", .fields(.spaceBeforeColon)),
            ("GET / HTTP/1.1\r\nFoo: \(long)", .fields(.tooLong)),
            ("GET /\(long)", .targetTooLong), ("G(T \(long)", .requestLineInvalid),
            ("GET / http \(long)", .versionInvalid),
        ] {
            #expect(readRequestEveryWay(octets(message), limits: limits).fault == fault)
        }
        // A line limit beyond the head's.
        let inverted = HTTPLimits(requestLineOctetsMax: 500, headOctetsMax: 60, fieldsMax: 4)
        for (message, fault) in [
            ("GET /\(long)", RequestFault.fields(.tooLong)),
            ("GET / hTTP \(long)", .versionInvalid),
        ] {
            #expect(readRequestEveryWay(octets(message), limits: inverted).fault == fault)
        }
    }

    @Test(.timeLimit(.minutes(1))) func `a slow sender costs no more than it sends`() {
        // Octet by octet, 64 KB in one value and in many lines: each octet is searched once.
        for filling in [
            "X: " + String(repeating: "v", count: 60_000) + "\r\n",
            String(repeating: "Name-\u{41}: value\r\n", count: 120),
        ] {
            let message = octets("GET / HTTP/1.1\r\nHost: a\r\n\(filling)\r\n")
            let reading = readRequest(message, ends: Array(0...message.count))
            #expect(reading.octetCount == message.count)
        }
    }

    @Test func `every fault has a status, a code of its own and a sentence`() {
        var codes: Set<String> = []
        for fault in RequestFault.allCases {
            #expect([400, 413, 414, 417, 431, 501, 505].contains(fault.status))
            #expect(codes.insert(fault.code).inserted)
            #expect(fault.sentence.hasSuffix("."))
            #expect(fault.code.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "-" })
        }
        codes = []
        for fault in ResponseFault.allCases {
            #expect(fault.status == 502)
            #expect(codes.insert(fault.code).inserted)
            #expect(fault.sentence.hasSuffix("."))
        }
        codes = []
        for fault in ContentFault.allCases {
            #expect([400, 413, 431].contains(fault.status))
            #expect(codes.insert(fault.code).inserted)
            #expect(fault.sentence.hasSuffix("."))
        }
        codes = []
        for fault in PathFault.allCases {
            #expect(fault.status == 400)
            #expect(codes.insert(fault.code).inserted)
            #expect(fault.sentence.hasSuffix("."))
        }
    }
}

import HTTP
import Testing

@Suite struct `Content, RFC 9112 sections 6 and 7` {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let message: String
        let content: String
        var trailers = ""
        let end: ContentReading.End

        init(
            _ name: String, _ message: String, _ content: String, trailers: String = "",
            _ end: ContentReading.End = .whole
        ) {
            self.name = name
            self.message = message
            self.content = content
            self.trailers = trailers
            self.end = end
        }
        static func refused(
            _ name: String, _ message: String, _ content: String = "",
            _ fault: ContentFault = .chunkSizeInvalid
        ) -> Row { Row(name, message, content, .refused(fault)) }

        var testDescription: String { name }
    }

    static let chunked: [Row] = [
        Row("nothing", "0\r\n\r\n", ""),
        Row("one chunk", "3\r\nabc\r\n0\r\n\r\n", "abc"),
        Row("two chunks", "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde"),
        Row(
            "digits of both cases", "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n",
            "01234567890123456789a"),
        Row("sixteen digits", "0000000000000003\r\nabc\r\n0000000000000000\r\n\r\n", "abc"),
        Row("data that looks like framing", "7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n\r\n"),
        Row("an extension", "3;a=b\r\nabc\r\n0\r\n\r\n", "abc"),
        Row("extensions", "3;a;b=\"c;\\\" d\";e=f\r\nabc\r\n0;z\r\n\r\n", "abc"),
        Row("trailers", "0\r\nA: b\r\nC: d\r\n\r\n", "", trailers: "A: b\r\nC: d\r\n"),
        Row("no end yet", "3\r\nabc\r\n", "abc", .open),
        Row("within the last chunk", "3\r\nabc\r\n0\r\n", "abc", .open),

        .refused("seventeen digits", "00000000000000003\r\n", "", .chunkSizeTooLong),
        .refused("a thousand zeros", String(repeating: "0", count: 1000), "", .chunkSizeTooLong),
        .refused("more than 64 bits", "FFFFFFFFFFFFFFFF0\r\n", "", .chunkSizeTooLong),
        .refused("a prefix", "0x5\r\nabcde\r\n"),
        .refused("a plus", "+5\r\n"), .refused("a minus", "-1\r\n"),
        .refused("a space before", " 5\r\n"), .refused("a space behind", "5 \r\n"),
        .refused("a space before the extension", "5 ;a\r\n"),
        .refused("no size", "\r\n"), .refused("an underscore", "1_0\r\n"),
        .refused("another letter", "G\r\n"), .refused("a null", "5\0\r\n"),
        .refused("LF ends the line", "5\nabcde\r\n"), .refused("CR alone", "5\rabcde"),
        .refused("CR before the extension", "5\r;a\r\n"),
        .refused("an empty extension", "5;\r\n", "", .chunkExtensionInvalid),
        .refused(
            "an extension that begins with a space", "5; a\r\n", "",
            .chunkExtensionInvalid),
        .refused("no value", "5;a=\r\n", "", .chunkExtensionInvalid),
        .refused("a bad token", "5;a=b(\r\n", "", .chunkExtensionInvalid),
        .refused(
            "extensions that end at their limit, and one more",
            "5;\(String(repeating: "a", count: 1023));b\r\n", "", .chunkExtensionsTooLong),
        .refused("LF in an extension", "5;a\nb\r\n", "", .chunkExtensionInvalid),
        .refused("CR in an extension", "5;a\rb\r\n", "", .chunkExtensionInvalid),
        .refused("CRLF in a quoted value", "5;a=\"\r\n\"\r\n", "", .chunkExtensionInvalid),
        .refused("an unbalanced quote", "5;a=\"b\r\nabcde\r\n", "", .chunkExtensionInvalid),
        .refused("a null in an extension", "5;a=\"\0\"\r\n", "", .chunkExtensionInvalid),
        .refused("an escaped CR", "5;a=\"\\\r\"\r\n", "", .chunkExtensionInvalid),
        .refused(
            "an extension without end", "5;" + String(repeating: "a", count: 2000), "",
            .chunkExtensionsTooLong),
        .refused(
            "a quoted extension without end",
            "5;a=\"" + String(repeating: "a", count: 2000), "", .chunkExtensionsTooLong),
        .refused("longer data", "3\r\nabcd\r\n0\r\n\r\n", "abc", .chunkDataUnterminated),
        .refused("LF behind the data", "3\r\nabc\n0\r\n\r\n", "abc", .chunkDataUnterminated),
        .refused("two octets for CRLF", "3\r\nabcXX0\r\n\r\n", "abc", .chunkDataUnterminated),
        .refused("CR and another", "3\r\nabc\rX", "abc", .chunkDataUnterminated),
        .refused("an empty line before the last chunk", "3\r\nabc\r\n\r\n0\r\n\r\n", "abc"),
        .refused("a folded trailer", "0\r\nA: b\r\n c\r\n\r\n", "", .trailers(.folded)),
        .refused("a trailer without colon", "0\r\nA\r\n\r\n", "", .trailers(.colonMissing)),
        .refused("LF ends the trailers", "0\r\n\n", "", .trailers(.bareLineFeed)),
        .refused(
            "trailers too long", "0\r\nA: " + String(repeating: "b", count: 8200), "",
            .trailers(.tooLong)),
        .refused(
            "too many trailers", "0\r\n" + String(repeating: "A:\r\n", count: 65), "",
            .trailers(.tooMany)),
    ]

    @Test(arguments: chunked) func `chunks have one reading, however they are split`(_ row: Row) {
        let message = octets(row.message)
        // The long ones are only cut here and there.
        let reading =
            message.count < 400
            ? readContentEveryWay(ContentReader(BodyFraming.chunked), message)
            : readContent(ContentReader(BodyFraming.chunked), message)
        #expect(String(decoding: reading.content, as: UTF8.self) == row.content)
        #expect(reading.trailers == row.trailers)
        #expect(reading.end == row.end)
        if row.end == .whole {
            #expect(reading.consumed == message.count)
            let followed = readContent(
                ContentReader(BodyFraming.chunked), message + octets("GET / HTTP/1.1\r\n"))
            #expect(followed.consumed == message.count)
        }
    }

    @Test func `long trailers and extensions fail alike in one piece and octet by octet`() {
        for row in Self.chunked where row.message.utf8.count >= 400 {
            let message = octets(row.message)
            let trickled = readContent(
                ContentReader(BodyFraming.chunked), message, ends: Array(0...message.count))
            #expect(trickled.end == row.end)
        }
    }

    @Test func `a length ends by count and leaves what follows`() {
        let reading = readContentEveryWay(ContentReader(BodyFraming.length(3)), octets("abc"))
        #expect(reading.content == octets("abc"))
        let followed = readContent(ContentReader(BodyFraming.length(3)), octets("abcdef"))
        #expect(followed.content == octets("abc"))
        #expect(followed.consumed == 3)
        #expect(followed.end == .whole)
    }

    @Test func `no content is finished before it begins`() {
        #expect(ContentReader(BodyFraming.none).isFinished)
        #expect(ContentReader(BodyFraming.length(0)).isFinished)
        #expect(ContentReader(ResponseFraming.none).isFinished)
        #expect(!ContentReader(BodyFraming.chunked).isFinished)
    }

    @Test func `the end of a connection is lawful only where it ends the content`() {
        var untilClose = ContentReader(ResponseFraming.untilClose)
        #expect(untilClose.next(octets("abc").span) == .content(0..<3, consumed: 3))
        #expect(!untilClose.isFinished)
        #expect(untilClose.ended() == true)
        var length = ContentReader(ResponseFraming.length(5))
        #expect(length.next(octets("abc").span) == .content(0..<3, consumed: 3))
        #expect(length.ended() == false)
        var whole = ContentReader(ResponseFraming.length(3))
        #expect(whole.next(octets("abc").span) == .content(0..<3, consumed: 3))
        #expect(whole.isFinished)
        #expect(whole.ended() == true)
        var chunked = ContentReader(ResponseFraming.chunked)
        #expect(chunked.next(octets("3\r\nabc\r\n").span) == .content(3..<6, consumed: 8))
        #expect(chunked.ended() == false)
    }

    @Test func `ten megabytes in chunks of one octet pass`() {
        var reader = ContentReader(BodyFraming.chunked)
        let block = Array(repeating: octets("1\r\nx\r\n"), count: 1000).flatMap { $0 }
        var count = 0
        for _ in 0..<10_000 {
            var at = 0
            while at < block.count {
                guard
                    case .content(let range, let consumed) = reader.next(
                        block.span.extracting(at..<block.count))
                else {
                    Issue.record("not content")
                    return
                }
                count += range.count
                at += consumed
            }
        }
        #expect(count == 10_000_000)
        #expect(reader.contentOctets == 10_000_000)
    }

    @Test func `extensions are borne in proportion to the content`() {
        func read(data: Int, extensionCount: Int, chunks: Int) -> ContentReading.End {
            let size = String(data, radix: 16)
            let chunk =
                "\(size);s=" + String(repeating: "e", count: extensionCount) + "\r\n"
                + String(repeating: "d", count: data) + "\r\n"
            let one = octets(chunk)
            var reader = ContentReader(BodyFraming.chunked)
            for _ in 0..<chunks {
                guard case .content(_, let consumed) = reader.next(one.span) else {
                    return readContent(reader, one).end
                }
                #expect(consumed == one.count)
            }
            return .open
        }
        #expect(read(data: 8192, extensionCount: 85, chunks: 2000) == .open)
        #expect(
            read(data: 1, extensionCount: 85, chunks: 2000) == .refused(.chunkExtensionsTooLong))
        #expect(
            read(data: 1, extensionCount: 1000, chunks: 20) == .refused(.chunkExtensionsTooLong))
    }

    @Test func `what is written in chunks is read back`() {
        for count in [1, 9, 10, 15, 16, 255, 256, 4095, 4096, 65_535, 65_536] {
            var message: [UInt8] = []
            ChunkedCoding.appendSize(count, to: &message)
            #expect(message == octets(String(count, radix: 16) + "\r\n"))
            let content = Array(repeating: UInt8(7), count: count)
            message += content + octets("\r\n0\r\n\r\n")
            let reading = readContent(ContentReader(BodyFraming.chunked), message)
            #expect(reading.content == content)
            #expect(reading.end == .whole)
        }
        var none: [UInt8] = []
        ChunkedCoding.appendSize(0, to: &none)
        #expect(none.isEmpty)
        #expect("\(ChunkedCoding.last)" == "0\r\n\r\n")
    }

    @Test func `the lines of trailers are found again`() {
        let trailers = octets("A: b\r\nGrpc-Status: 0\r\n")
        let lines = ContentReader.fields(of: trailers.span)
        #expect(lines.map { text(trailers, $0.name.range) } == ["A", "Grpc-Status"])
        #expect(lines.map { text(trailers, $0.value.range) } == ["b", "0"])
    }
}

import HTTP
import Testing
import Values

@Suite struct `The PROXY protocol's preface` {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let octets: [UInt8]
        let expected: ProxyPreface

        var testDescription: String { name }
    }

    static func line(_ name: String, _ text: String, _ source: String?) -> Row {
        Row(
            name: name, octets: octets(text),
            expected: .source(source.flatMap { IPAddress(parsing: $0) }, consumed: text.utf8.count))
    }

    static func refused(
        _ name: String, _ text: String, _ fault: ProxyPrefaceFault = .lineInvalid
    ) -> Row { Row(name: name, octets: octets(text), expected: .refused(fault)) }

    static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]

    /// - Parameter length: of the block, where it is not what is there.
    static func binary(
        _ name: String, command: UInt8 = 0x21, family: UInt8, _ block: [UInt8], length: Int? = nil,
        _ expected: ProxyPreface
    ) -> Row {
        let count = length ?? block.count
        return Row(
            name: name,
            octets: signature + [command, family, UInt8(count >> 8), UInt8(count & 255)] + block,
            expected: expected)
    }

    static let v4: [UInt8] = [192, 0, 2, 1, 10, 0, 0, 1, 0x30, 0x39, 0, 80]
    static let v6: [UInt8] =
        [0x20, 1, 0x0D, 0xB8] + Array(repeating: 0, count: 11) + [1]
        + Array(repeating: 0, count: 15) + [1] + [0x30, 0x39, 0, 80]
    static let one = IPAddress(parsing: "192.0.2.1")
    static let two = IPAddress(parsing: "2001:db8::1")

    static let rows: [Row] = [
        line("a line", "PROXY TCP4 192.0.2.1 10.0.0.1 12345 80\r\n", "192.0.2.1"),
        line("a line of IPv6", "PROXY TCP6 2001:db8::1 ::1 0 65535\r\n", "2001:db8::1"),
        line("a mapped address", "PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", "192.0.2.1"),
        line("unknown", "PROXY UNKNOWN\r\n", nil),
        line("unknown, with more", "PROXY UNKNOWN ff::1 x 65535\r\n", nil),
        refused("a request", "GET / HTTP/1.1\r\n", .signatureMissing),
        refused("lower case", "proxy TCP4 ", .signatureMissing),
        refused("another family", "PROXY UDP4 192.0.2.1 10.0.0.1 1 2\r\n"),
        refused("IPv6 said to be IPv4", "PROXY TCP4 ::1 ::1 1 2\r\n"),
        refused("IPv4 said to be IPv6", "PROXY TCP6 192.0.2.1 10.0.0.1 1 2\r\n"),
        refused("two spaces", "PROXY TCP4  192.0.2.1 10.0.0.1 1 2\r\n"),
        refused("a space at the end", "PROXY TCP4 192.0.2.1 10.0.0.1 1 2 \r\n"),
        refused("one port", "PROXY TCP4 192.0.2.1 10.0.0.1 1\r\n"),
        refused("three ports", "PROXY TCP4 192.0.2.1 10.0.0.1 1 2 3\r\n"),
        refused("a port too large", "PROXY TCP4 192.0.2.1 10.0.0.1 65536 2\r\n"),
        refused("a port with a zero", "PROXY TCP4 192.0.2.1 10.0.0.1 01 2\r\n"),
        refused("a signed port", "PROXY TCP4 192.0.2.1 10.0.0.1 +1 2\r\n"),
        refused("an octal address", "PROXY TCP4 192.0.02.1 10.0.0.1 1 2\r\n"),
        refused("LF alone", "PROXY TCP4 192.0.2.1 10.0.0.1 1 2\n"),
        refused("CR alone", "PROXY TCP4 192.0.2.1 10.0.0.1 1 2\rX"),
        refused("a tab", "PROXY TCP4\t192.0.2.1 10.0.0.1 1 2\r\n"),
        refused("no family", "PROXY \r\n"),
        refused(
            "a line without end", "PROXY UNKNOWN " + String(repeating: "x", count: 93), .tooLong),

        binary("IPv4", family: 0x11, v4, .source(one, consumed: 28)),
        binary("IPv6", family: 0x21, v6, .source(two, consumed: 52)),
        binary(
            "a unix socket", family: 0x31, Array(repeating: 0, count: 216),
            .source(nil, consumed: 232)),
        binary("unspecified", family: 0, [], .source(nil, consumed: 16)),
        binary("unspecified, with octets", family: 0, [1, 2], .source(nil, consumed: 18)),
        binary("local", command: 0x20, family: 0x11, v4, .source(nil, consumed: 28)),
        binary("local, of no family", command: 0x20, family: 0xFF, [], .source(nil, consumed: 16)),
        binary(
            "with extensions", family: 0x11, v4 + [4, 0, 2, 0, 0] + [0xEA, 0, 1, 9],
            .source(one, consumed: 37)),
        binary("an extension cut", family: 0x11, v4 + [4, 0, 3, 0, 0], .refused(.extensionsCut)),
        binary("half an extension", family: 0x11, v4 + [4, 0], .refused(.extensionsCut)),
        binary(
            "addresses cut", family: 0x21, v4, .refused(.addressesCut)),
        binary("version 1", command: 0x11, family: 0x11, v4, .refused(.versionUnknown)),
        binary("another command", command: 0x22, family: 0x11, v4, .refused(.versionUnknown)),
        binary("datagrams", family: 0x12, v4, .refused(.familyUnknown)),
        binary("another family", family: 0x41, v4, .refused(.familyUnknown)),
        binary("too long", family: 0x11, v4, length: 4081, .refused(.tooLong)),
        binary("not all there", family: 0x11, v4, length: 4080, .needsMore),
        Row(
            name: "another signature", octets: [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 13],
            expected: .refused(.signatureMissing)),
        Row(name: "nothing", octets: [], expected: .needsMore),
    ]

    @Test(arguments: rows) func `each has one reading, however it arrives`(_ row: Row) {
        #expect(ProxyPreface.parse(row.octets.span) == row.expected)
        for cut in row.octets.indices {
            let part = ProxyPreface.parse(row.octets.span.extracting(0..<cut))
            guard part != .needsMore else { continue }
            #expect(part == row.expected, "cut at \(cut)")
        }
        guard row.expected != .needsMore else { return }
        let followed = row.octets + octets("GET / HTTP/1.1\r\n")
        #expect(ProxyPreface.parse(followed.span) == row.expected, "with a request behind it")
    }
}

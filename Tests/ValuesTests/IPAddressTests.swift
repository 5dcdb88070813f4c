// What is an address and what only looks like one; which addresses a block holds.
import Testing
import Values

/// 2001:db8::/32, the prefix for documentation (RFC 3849).
private let doc: UInt64 = 0x2001_0DB8_0000_0000

@Suite struct `IP addresses` {
    static let addresses: [(String, IPAddress, canonical: String)] = [
        ("0.0.0.0", .v4(0), "0.0.0.0"),
        ("127.0.0.1", .v4(0x7F00_0001), "127.0.0.1"),
        ("255.255.255.255", .v4(.max), "255.255.255.255"),
        ("::", .v6(0, 0), "::"),
        ("::1", .v6(0, 1), "::1"),
        ("1::", .v6(1 << 48, 0), "1::"),
        ("2001:db8::1", .v6(doc, 1), "2001:db8::1"),
        (
            "2001:DB8:0:0:1:0:0:1", .v6(doc, 0x0001_0000_0000_0001),
            "2001:db8::1:0:0:1"
        ),
        ("1:2:3:4:5:6:7:8", .v6(0x0001_0002_0003_0004, 0x0005_0006_0007_0008), "1:2:3:4:5:6:7:8"),
        ("1:2:3:4:5:6:7::", .v6(0x0001_0002_0003_0004, 0x0005_0006_0007_0000), "1:2:3:4:5:6:7:0"),
        ("::2:3:4:5:6:7:8", .v6(0x0000_0002_0003_0004, 0x0005_0006_0007_0008), "0:2:3:4:5:6:7:8"),
        ("0:0:1::", .v6(1 << 16, 0), "0:0:1::"),
        ("64:ff9b::192.0.2.1", .v6(0x0064_FF9B_0000_0000, 0xC000_0201), "64:ff9b::c000:201"),
        (
            "1:2:3:4:5:6:1.2.3.4", .v6(0x0001_0002_0003_0004, 0x0005_0006_0102_0304),
            "1:2:3:4:5:6:102:304"
        ),
        ("::ffff:192.0.2.1", .v4(0xC000_0201), "192.0.2.1"),
        ("::ffff:c000:201", .v4(0xC000_0201), "192.0.2.1"),
        ("::fffe:192.0.2.1", .v6(0, 0xFFFE_C000_0201), "::fffe:c000:201"),
    ]

    @Test(arguments: addresses)
    func `a text is one address, which has one canonical text`(
        _ text: String, _ address: IPAddress, _ canonical: String
    ) {
        #expect(IPAddress(parsing: text) == address)
        #expect(IPAddress(parsing: Array(text.utf8).span) == address)
        #expect(address.description == canonical)
        #expect(IPAddress(parsing: canonical) == address)
    }

    static let refused = [
        "", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "01.2.3.4", "1.2.3.00",
        "1.2.3.256", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4/8", "+1.2.3.4", "0x7f.0.0.1", "127.1",
        "1.2.3.1000", "1.2.3.\u{661}", ":", ":::", "1:", ":1", "1:2", "1::2::3", "::1:", ":1::",
        "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8",
        "1:2:3:4::5:6:7:8", "12345::", "g::", "fe80::1%eth0", "[::1]", "::1.2.3", "::1.2.3.4:5",
        "1.2.3.4::", "1:2:3:4:5:6:7:1.2.3.4", "::01.2.3.4", "::00001",
        String(repeating: "1:", count: 40), "1:2:3:4:5:6:7:",
    ]

    @Test(arguments: refused) func `what is not exactly an address is refused`(_ text: String) {
        #expect(IPAddress(parsing: text) == nil)
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.255.255.254", true), ("126.0.0.1", false), ("::1", true),
        ("::2", false), ("::ffff:127.0.0.1", true), ("0.0.0.0", false),
    ])
    func `loopback is 127/8 and ::1`(_ text: String, _ isLoopback: Bool) throws {
        #expect(try #require(IPAddress(parsing: text)).isLoopback == isLoopback)
    }

    @Test func `octets are in network order`() {
        #expect(IPAddress.v4(0xC000_0201).octets == [192, 0, 2, 1])
        #expect(IPAddress.v6(doc, 1).octets.prefix(4) == [0x20, 0x01, 0x0D, 0xB8])
        #expect(IPAddress.v6(0, 1).octets.count == 16)
    }
}

@Suite struct `Address blocks` {
    static let rows: [(String, inside: [String], outside: [String])] = [
        (
            "10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.1.1"],
            ["11.0.0.0", "9.255.255.255", "::"]
        ),
        ("192.0.2.7", ["192.0.2.7"], ["192.0.2.6", "192.0.2.8"]),
        ("192.0.2.7/32", ["192.0.2.7"], ["192.0.2.6"]),
        ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::1"]),
        ("::/0", ["::", "ffff::"], ["1.2.3.4"]),
        ("2001:db8::/32", ["2001:db8::", "2001:db8:ffff::1"], ["2001:db9::", "2001:db7::"]),
        ("2001:db8::/64", ["2001:db8::ffff:ffff:ffff:ffff"], ["2001:db8:0:1::"]),
        ("2001:db8::8/125", ["2001:db8::f"], ["2001:db8::10", "2001:db8::7"]),
        ("::1/128", ["::1"], ["::2"]),
        ("::ffff:10.0.0.0/104", ["10.9.9.9"], ["11.0.0.0"]),
        ("::ffff:10.0.0.1", ["10.0.0.1"], ["10.0.0.2"]),
    ]

    @Test(arguments: rows)
    func `a block holds its addresses and no others`(
        _ text: String, _ inside: [String], _ outside: [String]
    ) throws {
        let block = try #require(AddressBlock(parsing: text))
        for address in inside {
            #expect(block.contains(try #require(IPAddress(parsing: address))), "\(address)")
        }
        for address in outside {
            #expect(!block.contains(try #require(IPAddress(parsing: address))), "\(address)")
        }
    }

    @Test(arguments: [
        "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/+8", "10.0.0.0/8/8",
        "10.0.0.0/-1", "10.0.0.1/8", "10.0.0.0/255.0.0.0", "::/129", "::1/64", "2001:db8::1/64",
        "::ffff:0:0/90", "site.example", "10.0.0.0/1000", "10.0.0.0 /8",
    ])
    func `what is not exactly a block is refused`(_ text: String) {
        #expect(AddressBlock(parsing: text) == nil)
    }
}

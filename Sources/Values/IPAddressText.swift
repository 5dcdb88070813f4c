// Reading the text of an IP address, and nothing that only resembles one.
//
// Two readers of "010.0.0.1" find two addresses (octal or not), and inet_aton(3) reads "127.1". So
// this reads exactly dotted-decimal of RFC 3986 §3.2.2 (four parts, no leading zeros) and RFC 4291
// §2.2 for IPv6, `::` standing for at least one group, an IPv4 tail allowed, no zone, no brackets.

extension IPAddress {
    /// `nil` when the text is not exactly one address.
    package init?(parsing text: some StringProtocol) {
        guard text.utf8.count <= IPAddress.textOctetsMax else { return nil }
        self.init(parsing: Array(text.utf8).span)
    }

    /// `nil` when the octets are not exactly one address.
    package init?(parsing text: Span<UInt8>) {
        if let number = IPAddress.parseV4(text) {
            self = .v4(number)
        } else if let (high, low) = IPAddress.parseV6(text) {
            self = .ipv6(high, low)
        } else {
            return nil
        }
    }

    /// `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`
    static let textOctetsMax = 45

    static func parseV4(_ text: Span<UInt8>) -> UInt32? {
        guard (7...15).contains(text.count) else { return nil }
        var address: UInt32 = 0
        var part: UInt32 = 0
        var digits = 0
        var parts = 0
        for index in text.indices {
            let octet = text[index]
            if octet == UInt8(ascii: ".") {
                guard digits > 0, parts < 3 else { return nil }
                address = address << 8 | part
                parts += 1
                part = 0
                digits = 0
            } else {
                guard let digit = octet.decimalDigit, digits == 0 || part != 0 else { return nil }
                part = part * 10 + UInt32(digit)
                digits += 1
                guard part <= 255 else { return nil }
            }
        }
        guard parts == 3, digits > 0 else { return nil }
        return address << 8 | part
    }

    /// The 128 bits as written, v4-mapped or not.
    static func parseV6(_ text: Span<UInt8>) -> (high: UInt64, low: UInt64)? {
        guard (2...textOctetsMax).contains(text.count) else { return nil }
        var groups: [UInt16] = []
        var gap: Int?  // where in `groups` the zeros of `::` belong
        var index = 0
        if text[0] == colon {
            guard text[1] == colon else { return nil }
            gap = 0
            index = 2
        }
        while index < text.count {
            let start = index
            while index < text.count, text[index] != colon { index += 1 }
            let part = text.extracting(start..<index)
            if index == text.count, let tail = parseV4(part) {
                groups += [UInt16(tail >> 16), UInt16(truncatingIfNeeded: tail)]
                break
            }
            guard let group = hexGroup(part), groups.count < 8 else { return nil }
            groups.append(group)
            guard index < text.count else { break }
            index += 1  // past the colon, which must lead to a group or be the first of two
            guard index < text.count else { return nil }
            if text[index] == colon {
                guard gap == nil else { return nil }
                gap = groups.count
                index += 1
            }
        }
        if let gap {
            guard groups.count <= 7 else { return nil }
            groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap)
        }
        guard groups.count == 8 else { return nil }
        let half = { (part: ArraySlice<UInt16>) in
            part.reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        }
        return (half(groups[..<4]), half(groups[4...]))
    }

    private static func hexGroup(_ text: Span<UInt8>) -> UInt16? {
        guard (1...4).contains(text.count) else { return nil }
        var value: UInt16 = 0
        for index in text.indices {
            guard let digit = text[index].hexDigit else { return nil }
            value = value << 4 | UInt16(digit)
        }
        return value
    }
}

private let colon = UInt8(ascii: ":")

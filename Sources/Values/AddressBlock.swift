// A range of IP addresses as configuration writes it: 10.0.0.0/8, 2001:db8::/32, 192.0.2.7.
//
// A block whose address has bits beyond its prefix (10.1.2.3/8) is refused: whether one host or
// sixteen million are meant decides whom we trust, and the text does not say.

/// An address and how many of its leading bits count (RFC 4632 §3.1).
package struct AddressBlock: Hashable, Sendable, CustomStringConvertible {
    private let first: IPAddress
    private let prefix: Int

    /// CIDR notation, or a single address. `nil` when it is neither, exactly.
    package init?(parsing text: String) {
        let octets = [UInt8](utf8: text)
        guard octets.count <= IPAddress.textOctetsMax + 4 else { return nil }
        let slash = octets.firstIndex(of: UInt8(ascii: "/"))
        let address = octets.span.extracting(..<(slash ?? octets.count))
        var prefix: Int?
        if let slash {
            guard let number = AddressBlock.parsePrefix(octets.span.extracting((slash + 1)...))
            else { return nil }
            prefix = number
        }
        if let number = IPAddress.parseV4(address) {
            self.init(.v4(number), prefix ?? 32)
        } else if let (high, low) = IPAddress.parseV6(address) {
            if IPAddress.isMapped(high, low) {
                self.init(.ipv6(high, low), (prefix ?? 128) - 96)
            } else {
                self.init(.v6(high, low), prefix ?? 128)
            }
        } else {
            return nil
        }
    }

    package func contains(_ address: IPAddress) -> Bool {
        switch (first, address) {
        case (.v4(let first), .v4(let number)):
            // `>>` gives zero for a shift by the whole width, which is what a prefix of 0 means.
            first >> (32 - prefix) == number >> (32 - prefix)
        case (.v6(let high, let low), .v6(let otherHigh, let otherLow)):
            prefix <= 64
                ? high >> (64 - prefix) == otherHigh >> (64 - prefix)
                : high == otherHigh && low >> (128 - prefix) == otherLow >> (128 - prefix)
        case (.v4, .v6), (.v6, .v4): false
        }
    }

    package var description: String { "\(first)/\(prefix)" }

    private init?(_ first: IPAddress, _ prefix: Int) {
        let hasHostBits: Bool
        switch first {
        case .v4(let number):
            guard (0...32).contains(prefix) else { return nil }
            hasHostBits = number << prefix != 0
        case .v6(let high, let low):
            guard (0...128).contains(prefix) else { return nil }
            hasHostBits =
                prefix <= 64 ? high << prefix != 0 || low != 0 : low << (prefix - 64) != 0
        }
        guard !hasHostBits else { return nil }
        self.first = first
        self.prefix = prefix
    }

    /// One to three digits without leading zeros.
    private static func parsePrefix(_ text: Span<UInt8>) -> Int? {
        guard (1...3).contains(text.count) else { return nil }
        guard text.count == 1 || text[0] != UInt8(ascii: "0") else { return nil }
        var value = 0
        for index in text.indices {
            guard let digit = text[index].decimalDigit else { return nil }
            value = value * 10 + Int(digit)
        }
        return value
    }
}

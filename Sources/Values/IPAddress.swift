// An IP address as a number, and its text in one canonical form.
//
// A client that reaches a dual-stack socket over IPv4 appears as ::ffff:192.0.2.1 (RFC 4291
// §2.5.5.2). It is the same client as 192.0.2.1, and a rule about one must hold for the other, so the
// mapped form is never kept: whatever makes an address here turns it into `v4`. Reading text is in
// IPAddressText.swift.

/// An address without zone or port.
package enum IPAddress: Hashable, Sendable, CustomStringConvertible {
    /// In host order: 127.0.0.1 is 0x7F000001.
    case v4(UInt32)
    /// The high and the low 64 bits. Make one with `ipv6(_:_:)` where the number came from outside.
    case v6(UInt64, UInt64)

    /// The address with these 128 bits; a v4-mapped one becomes the `v4` it stands for.
    package static func ipv6(_ high: UInt64, _ low: UInt64) -> IPAddress {
        isMapped(high, low) ? .v4(UInt32(truncatingIfNeeded: low)) : .v6(high, low)
    }

    package static let loopbackV4 = IPAddress.v4(0x7F00_0001)
    package static let loopbackV6 = IPAddress.v6(0, 1)
    package static let anyV4 = IPAddress.v4(0)
    package static let anyV6 = IPAddress.v6(0, 0)

    /// 127.0.0.0/8 and ::1.
    package var isLoopback: Bool {
        switch self {
        case .v4(let number): number >> 24 == 127
        case .v6(let high, let low): high == 0 && low == 1
        }
    }

    /// 0.0.0.0 and ::, which a listener binds to hear on every interface.
    package var isUnspecified: Bool {
        switch self {
        case .v4(let number): number == 0
        case .v6(let high, let low): high == 0 && low == 0
        }
    }

    /// Four or sixteen octets, in network order.
    package var octets: [UInt8] {
        switch self {
        case .v4(let number):
            (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * UInt32($0))) }
        case .v6(let high, let low):
            [high, low].flatMap { half in
                (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * UInt64($0))) }
            }
        }
    }

    /// The canonical text of RFC 5952 §4: lower case, no leading zeros, the longest run of at least
    /// two zero groups (the first of equals) as `::`.
    package var description: String {
        switch self {
        case .v4(let number):
            return "\(number >> 24).\(number >> 16 & 255).\(number >> 8 & 255).\(number & 255)"
        case .v6(let high, let low):
            let groups = [high, low].flatMap { half in
                (0..<4).map { UInt16(truncatingIfNeeded: half >> (48 - 16 * UInt64($0))) }
            }
            let gap = IPAddress.longestZeroRun(in: groups)
            let text = { (part: ArraySlice<UInt16>) in
                part.map { String($0, radix: 16) }.joined(separator: ":")
            }
            guard gap.count >= 2 else { return text(groups[...]) }
            return text(groups[..<gap.lowerBound]) + "::" + text(groups[gap.upperBound...])
        }
    }

    static func isMapped(_ high: UInt64, _ low: UInt64) -> Bool {
        high == 0 && low >> 32 == 0xFFFF
    }

    private static func longestZeroRun(in groups: [UInt16]) -> Range<Int> {
        var longest = 0..<0
        var start = 0
        for index in 0...groups.count {
            if index < groups.count, groups[index] == 0 { continue }
            if index - start > longest.count { longest = start..<index }
            start = index + 1
        }
        return longest
    }
}

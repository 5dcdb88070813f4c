// The host and port of a Host field, of `:authority`, and of an origin.
//
// RFC 9110 §7.2, RFC 3986 §3.2.2, as narrow as names that resolve: letters, digits, `-`, `_` and dots,
// an IPv4 address, or an IPv6 address in brackets. No user information, no escapes, no zone, and no
// port that is empty, zero, or spelled with leading zeros. A name is compared in lower case and
// without the dot of the root.
import Values

package enum HostField {
    /// Where host and port stand; what `shape(of:)` says without making a String.
    struct Shape: Equatable {
        enum Kind: Equatable { case name, ipv4, ipv6 }
        var host: Range<Int>
        var port: UInt16?
        var kind: Kind
    }

    /// Host in lower case, IPv6 in brackets and in its canonical form; `nil` for what is no host.
    package static func parse(_ octets: Span<UInt8>) -> (host: String, port: UInt16?)? {
        guard let shape = shape(of: octets) else { return nil }
        let host = octets.extracting(shape.host)
        if shape.kind == .ipv6 {
            let inner = host.extracting(1..<host.count - 1)
            // An IPv4 address in IPv6's clothes keeps them: it is another origin to a browser.
            if case .v6(let high, let low)? = IPAddress(parsing: inner) {
                return ("[\(IPAddress.v6(high, low))]", shape.port)
            }
        }
        var lowered: [UInt8] = []
        lowered.reserveCapacity(host.count)
        for index in host.indices { lowered.append(host[index].asciiLowercased) }
        // Only ASCII passed `shape(of:)`.
        return (String(decoding: lowered, as: UTF8.self), shape.port)
    }

    package static func parse(_ text: String) -> (host: String, port: UInt16?)? {
        parse([UInt8](utf8: text).span)
    }

    package static func isValid(_ octets: Span<UInt8>) -> Bool { shape(of: octets) != nil }

    /// Whether two authorities name the same host and port.
    static func areSame(_ a: Span<UInt8>, _ b: Span<UInt8>, defaultPort: UInt16?) -> Bool {
        if OctetText.equalsIgnoringASCIICase(a, b) { return true }
        guard let a = parse(a), let b = parse(b) else { return false }
        return a.host == b.host && (a.port ?? defaultPort) == (b.port ?? defaultPort)
    }

    static func shape(of octets: Span<UInt8>) -> Shape? {
        let count = octets.count
        // 253 of a name, the root's dot, a colon and five digits.
        guard count > 0, count <= 260 else { return nil }
        if octets[0] == UInt8(ascii: "[") {
            guard let close = OctetText.index(of: UInt8(ascii: "]"), in: octets),
                IPAddress(parsing: octets.extracting(1..<close)) != nil,
                OctetText.index(of: .colon, in: octets.extracting(1..<close)) != nil
            else { return nil }
            if close + 1 == count { return Shape(host: 0..<count, port: nil, kind: .ipv6) }
            guard octets[close + 1] == .colon,
                let port = port(octets.extracting(close + 2..<count))
            else { return nil }
            return Shape(host: 0..<close + 1, port: port, kind: .ipv6)
        }
        var end = 0
        var labelStart = 0
        while end < count, octets[end] != .colon {
            switch octets[end] {
            case .dot:
                guard end > labelStart, end - labelStart <= 63 else { return nil }
                labelStart = end + 1
            case let octet
            where octet.isASCIILetter || octet.decimalDigit != nil || octet == UInt8(ascii: "-")
                || octet == UInt8(ascii: "_"):
                break
            default: return nil
            }
            end += 1
        }
        var port: UInt16?
        if end < count {
            port = HostField.port(octets.extracting(end + 1..<count))
            guard port != nil else { return nil }
        }
        var hostEnd = end
        if labelStart == end {
            // Empty, or ends in the dot of the root.
            guard end > 1 else { return nil }
            hostEnd = end - 1
            labelStart = hostEnd
            while labelStart > 0, octets[labelStart - 1] != .dot { labelStart -= 1 }
        }
        guard hostEnd <= 253, hostEnd - labelStart <= 63 else { return nil }
        let host = octets.extracting(0..<hostEnd)
        guard endsInNumber(octets.extracting(labelStart..<hostEnd)) else {
            return Shape(host: 0..<hostEnd, port: port, kind: .name)
        }
        // `127.1`, `0x7f.1` and `1.2.3.08` are addresses to some readers and names to others.
        guard hostEnd == end, IPAddress(parsing: host) != nil else { return nil }
        return Shape(host: 0..<hostEnd, port: port, kind: .ipv4)
    }

    /// Whether a browser takes a name with this last label for an IPv4 address (WHATWG URL, "ends in
    /// a number").
    private static func endsInNumber(_ label: Span<UInt8>) -> Bool {
        var isDecimal = true
        for index in label.indices where label[index].decimalDigit == nil {
            isDecimal = false
            break
        }
        if isDecimal { return true }
        guard label.count >= 2, label[0] == UInt8(ascii: "0"), label[1] | 0x20 == UInt8(ascii: "x")
        else { return false }
        for index in 2..<label.count where label[index].hexDigit == nil { return false }
        return true
    }

    /// 1...65535, without sign or leading zero.
    static func port(_ digits: Span<UInt8>) -> UInt16? {
        guard digits.count > 0, digits.count <= 5, digits[0] != UInt8(ascii: "0"),
            let value = OctetText.decimal(digits)
        else { return nil }
        return UInt16(exactly: value)
    }
}

// Percent-encoding, in the two dialects that must not be confused.
//
// A URI component follows RFC 3986 §2.1: all but the unreserved is escaped and a space is %20. A form
// follows application/x-www-form-urlencoded (WHATWG URL §5, RFC 6749 Appendix B): a space is `+`,
// and `*` stays while `~` does not. A broken escape is refused; guessing what it meant is how two
// readers come to differ.

package enum PercentEncoding {
    /// For a path segment or a query's part: only the unreserved of RFC 3986 §2.3 stay.
    package static func encodeComponent(_ text: String) -> String {
        var output: [UInt8] = []
        for octet in text.utf8 {
            if isUnreserved(octet) { output.append(octet) } else { escape(octet, to: &output) }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// For a form's name or value.
    package static func encodeForm(_ text: String) -> String {
        var output: [UInt8] = []
        appendForm(text, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    /// A form's name or value as text; `nil` on a broken escape or when it is not UTF-8.
    package static func decodeForm(_ text: Span<UInt8>) -> String? {
        guard let octets = decode(text, plusIsSpace: true) else { return nil }
        return String(validating: octets, as: UTF8.self)
    }

    /// The octets that the text stands for; `nil` on a broken escape. `+` stays.
    package static func decode(_ text: Span<UInt8>) -> [UInt8]? {
        decode(text, plusIsSpace: false)
    }

    /// ALPHA / DIGIT / "-" / "." / "_" / "~"
    package static func isUnreserved(_ octet: UInt8) -> Bool {
        if octet.isASCIILetter || octet.decimalDigit != nil { return true }
        return switch octet {
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
        default: false
        }
    }

    /// `%2F`: upper case, as RFC 3986 §2.1 asks of those who write.
    package static func escape(_ octet: UInt8, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "%"))
        output.append(Hex.digit(octet >> 4, uppercase: true))
        output.append(Hex.digit(octet & 15, uppercase: true))
    }

    static func appendForm(_ text: String, to output: inout [UInt8]) {
        for octet in text.utf8 {
            switch octet {
            case UInt8(ascii: " "): output.append(UInt8(ascii: "+"))
            case UInt8(ascii: "*"): output.append(octet)
            case UInt8(ascii: "~"): escape(octet, to: &output)
            default:
                if isUnreserved(octet) { output.append(octet) } else { escape(octet, to: &output) }
            }
        }
    }

    private static func decode(_ text: Span<UInt8>, plusIsSpace: Bool) -> [UInt8]? {
        var octets: [UInt8] = []
        octets.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let octet = text[index]
            if octet == UInt8(ascii: "%") {
                guard text.count - index > 2, let high = text[index + 1].hexDigit,
                    let low = text[index + 2].hexDigit
                else { return nil }
                octets.append(high << 4 | low)
                index += 3
            } else {
                octets.append(plusIsSpace && octet == UInt8(ascii: "+") ? 0x20 : octet)
                index += 1
            }
        }
        return octets
    }
}

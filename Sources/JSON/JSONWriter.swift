// Writes a JSON text, compact, and safe to stand in a page: `<`, `>`, `&` and the two line separators
// that scripts do not bear are escaped.

extension JSON {
    package func serialized() -> String {
        var octets: [UInt8] = []
        append(to: &octets)
        // What strings hold is UTF-8, and so is what is written around them.
        return String(decoding: octets, as: UTF8.self)
    }

    package var octets: [UInt8] {
        var octets: [UInt8] = []
        append(to: &octets)
        return octets
    }

    /// Recurses as deep as the value is nested, which the parser bounds.
    package func append(to octets: inout [UInt8]) {
        switch self {
        case .null: octets.append(contentsOf: "null".utf8)
        case .bool(let value): octets.append(contentsOf: (value ? "true" : "false").utf8)
        case .number(let text):
            // One that was made by hand and is none would break the text around it.
            let number = Array(text.utf8)
            let isNumber = JSONNumber.end(in: number.span, from: 0) == number.count
            octets.append(contentsOf: isNumber ? number : Array("null".utf8))
        case .string(let text): JSON.append(text, to: &octets)
        case .array(let values):
            octets.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { octets.append(UInt8(ascii: ",")) }
                value.append(to: &octets)
            }
            octets.append(UInt8(ascii: "]"))
        case .object(let object):
            octets.append(UInt8(ascii: "{"))
            for (index, member) in object.members.enumerated() {
                if index > 0 { octets.append(UInt8(ascii: ",")) }
                JSON.append(member.name, to: &octets)
                octets.append(UInt8(ascii: ":"))
                member.value.append(to: &octets)
            }
            octets.append(UInt8(ascii: "}"))
        }
    }

    private static func append(_ text: String, to octets: inout [UInt8]) {
        octets.append(UInt8(ascii: "\""))
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\":
                octets.append(UInt8(ascii: "\\"))
                octets.append(contentsOf: UTF8.encode(scalar) ?? .init())
            case "\n": octets.append(contentsOf: "\\n".utf8)
            case "\r": octets.append(contentsOf: "\\r".utf8)
            case "\t": octets.append(contentsOf: "\\t".utf8)
            case "\0"..<" ", "\u{7f}", "<", ">", "&", "\u{2028}", "\u{2029}":
                appendEscape(UInt16(truncatingIfNeeded: scalar.value), to: &octets)
            default:
                // Every scalar of a String has an encoding.
                octets.append(contentsOf: UTF8.encode(scalar) ?? .init())
            }
        }
        octets.append(UInt8(ascii: "\""))
    }

    private static func appendEscape(_ unit: UInt16, to octets: inout [UInt8]) {
        octets.append(contentsOf: "\\u".utf8)
        for shift in [12, 8, 4, 0] as [UInt16] {
            let digit = UInt8(truncatingIfNeeded: unit >> shift) & 0xf
            octets.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit)
        }
    }
}

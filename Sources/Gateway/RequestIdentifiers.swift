// The names a request goes by: X-Request-Id, and `traceparent` of W3C Trace Context.
//
// A client's own pass if they are harmless wherever they are written (a log, a page, an upstream's
// parser); anything else is replaced. They are names, not secrets: a fast generator seeded once is
// enough, and tests seed it.

internal import Values

struct RequestIdentifiers {
    private var state: UInt64

    static let idOctetsMax = 128

    init(seed: UInt64) { state = seed }

    mutating func appendRequestID(_ sent: Span<UInt8>?, to out: inout OctetWriter) {
        if let sent, RequestIdentifiers.isSafeID(sent) {
            out.append(contentsOf: sent)
        } else {
            let (high, low) = (next(), next())
            out.append(addingCapacity: 32) { output in
                Hex.append(high, to: &output)
                Hex.append(low, to: &output)
            }
        }
    }

    /// - Returns: whether the client's was taken; only then does its `tracestate` mean anything.
    mutating func appendTraceparent(_ sent: Span<UInt8>?, to out: inout OctetWriter) -> Bool {
        if let sent, RequestIdentifiers.isTraceparent(sent) {
            out.append(contentsOf: sent)
            return true
        }
        let (high, low, parent) = (next() | 1, next(), next() | 1)
        out.append(addingCapacity: 55) { output in
            output.append(UInt8(ascii: "0"))
            output.append(UInt8(ascii: "0"))
            output.append(UInt8(ascii: "-"))
            Hex.append(high, to: &output)
            Hex.append(low, to: &output)
            output.append(UInt8(ascii: "-"))
            Hex.append(parent, to: &output)
            output.append(UInt8(ascii: "-"))
            output.append(UInt8(ascii: "0"))
            output.append(UInt8(ascii: "1"))
        }
        return false
    }

    static func isSafeID(_ id: Span<UInt8>) -> Bool {
        guard (1...idOctetsMax).contains(id.count) else { return false }
        for index in id.indices {
            switch id[index] {
            case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"),
                UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="), UInt8(ascii: "@"):
                continue
            case let octet where octet.isASCIILetter || octet.decimalDigit != nil: continue
            default: return false
            }
        }
        return true
    }

    /// Trace Context §3.2.2: version, trace id, parent id and flags in lower-case hexadecimal, the
    /// ids not all zero. A later version may say more behind a `-`.
    static func isTraceparent(_ text: Span<UInt8>) -> Bool {
        guard text.count >= 55, text.count <= 256 else { return false }
        var isZero = true
        for index in 0..<55 {
            let octet = text[index]
            switch index {
            case 2, 35, 52:
                guard octet == UInt8(ascii: "-") else { return false }
                if index > 2, isZero { return false }
                isZero = true
            default:
                guard octet.hexDigit != nil, !octet.isUppercaseASCII else { return false }
                if octet != UInt8(ascii: "0") { isZero = false }
            }
        }
        let isVersion0 = text[0] == UInt8(ascii: "0") && text[1] == UInt8(ascii: "0")
        if isVersion0 { return text.count == 55 }
        if text[0] == UInt8(ascii: "f"), text[1] == UInt8(ascii: "f") { return false }
        return text.count == 55 || text[55] == UInt8(ascii: "-")
    }

    /// SplitMix64.
    private mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

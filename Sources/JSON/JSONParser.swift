// Reads a JSON text, strictly: one value and nothing else, each name of an object once.
//
// RFC 8259. What it leaves to implementations and two readers could decide differently (two members
// of one name, half a surrogate pair, a byte order mark) is refused: these texts carry who somebody
// is. Nesting is bounded before it is entered, and so is the stack.

extension JSON {
    /// What a caller may raise `depthMax` to.
    package static let depthCeiling = 256

    package init(
        parsing text: Span<UInt8>, depthMax: Int = 32, octetsMax: Int = 1 << 20
    ) throws(JSONFault) {
        guard text.count <= octetsMax else { throw JSONFault(reason: .tooLong, offset: octetsMax) }
        var parser = JSONParser(depthMax: min(depthMax, JSON.depthCeiling))
        self = try parser.document(text)
    }

    package init(
        parsing text: [UInt8], depthMax: Int = 32, octetsMax: Int = 1 << 20
    ) throws(JSONFault) {
        try self.init(parsing: text.span, depthMax: depthMax, octetsMax: octetsMax)
    }

    package init(
        parsing text: String, depthMax: Int = 32, octetsMax: Int = 1 << 20
    ) throws(JSONFault) {
        try self.init(parsing: Array(text.utf8), depthMax: depthMax, octetsMax: octetsMax)
    }
}

/// A cursor over the text, which is given to each function anew.
private struct JSONParser {
    let depthMax: Int
    private var at = 0

    init(depthMax: Int) { self.depthMax = depthMax }

    mutating func document(_ text: Span<UInt8>) throws(JSONFault) -> JSON {
        if text.count >= 3, text[0] == 0xef, text[1] == 0xbb, text[2] == 0xbf {
            throw fault(.byteOrderMark)
        }
        let value = try value(text, depth: 0)
        skipSpace(text)
        guard at == text.count else { throw fault(.trailing) }
        return value
    }

    private mutating func value(_ text: Span<UInt8>, depth: Int) throws(JSONFault) -> JSON {
        skipSpace(text)
        switch try peek(text) {
        case UInt8(ascii: "{"): return .object(try object(text, depth: depth + 1))
        case UInt8(ascii: "["): return .array(try array(text, depth: depth + 1))
        case UInt8(ascii: "\""): return .string(try string(text))
        case UInt8(ascii: "t"):
            try literal(text, "true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try literal(text, "false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try literal(text, "null")
            return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            guard let end = JSONNumber.end(in: text, from: at) else { throw fault(.numberInvalid) }
            let number = copy(text, at..<end)
            at = end
            // Digits, signs and dots alone.
            return .number(String(decoding: number, as: UTF8.self))
        default: throw fault(.unexpected)
        }
    }

    private mutating func object(
        _ text: Span<UInt8>, depth: Int
    ) throws(JSONFault) -> JSONObject {
        guard depth <= depthMax else { throw fault(.tooDeep) }
        at += 1
        var members: [(name: String, value: JSON)] = []
        var names: Set<[UInt8]> = []
        skipSpace(text)
        if try peek(text) == UInt8(ascii: "}") {
            at += 1
            return JSONObject()
        }
        while true {
            skipSpace(text)
            guard try peek(text) == UInt8(ascii: "\"") else { throw fault(.unexpected) }
            let start = at
            let name = try string(text)
            guard names.insert(Array(name.utf8)).inserted else {
                throw JSONFault(reason: .duplicateMember, offset: start)
            }
            skipSpace(text)
            guard try peek(text) == UInt8(ascii: ":") else { throw fault(.unexpected) }
            at += 1
            members.append((name, try value(text, depth: depth)))
            skipSpace(text)
            switch try peek(text) {
            case UInt8(ascii: ","): at += 1
            case UInt8(ascii: "}"):
                at += 1
                return JSONObject(uniqueMembers: members)
            default: throw fault(.unexpected)
            }
        }
    }

    private mutating func array(_ text: Span<UInt8>, depth: Int) throws(JSONFault) -> [JSON] {
        guard depth <= depthMax else { throw fault(.tooDeep) }
        at += 1
        var values: [JSON] = []
        skipSpace(text)
        if try peek(text) == UInt8(ascii: "]") {
            at += 1
            return values
        }
        while true {
            values.append(try value(text, depth: depth))
            skipSpace(text)
            switch try peek(text) {
            case UInt8(ascii: ","): at += 1
            case UInt8(ascii: "]"):
                at += 1
                return values
            default: throw fault(.unexpected)
            }
        }
    }

    private mutating func string(_ text: Span<UInt8>) throws(JSONFault) -> String {
        let start = at
        at += 1
        var octets: [UInt8] = []
        while true {
            let octet = try peek(text)
            switch octet {
            case UInt8(ascii: "\""):
                at += 1
                // Exact: no overlong form, no encoded surrogate, nothing cut short.
                guard let string = String(validating: octets, as: UTF8.self) else {
                    throw JSONFault(reason: .notUTF8, offset: start)
                }
                return string
            case UInt8(ascii: "\\"): try escape(text, into: &octets)
            case 0..<0x20: throw fault(.controlInString)
            default:
                octets.append(octet)
                at += 1
            }
        }
    }

    private mutating func escape(
        _ text: Span<UInt8>, into octets: inout [UInt8]
    ) throws(JSONFault) {
        let start = at
        at += 1
        let octet = try peek(text)
        at += 1
        switch octet {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): octets.append(octet)
        case UInt8(ascii: "b"): octets.append(0x08)
        case UInt8(ascii: "f"): octets.append(0x0c)
        case UInt8(ascii: "n"): octets.append(0x0a)
        case UInt8(ascii: "r"): octets.append(0x0d)
        case UInt8(ascii: "t"): octets.append(0x09)
        case UInt8(ascii: "u"):
            var units = [try codeUnit(text)]
            if UTF16.isLeadSurrogate(units[0]) {
                guard at + 1 < text.count, text[at] == UInt8(ascii: "\\"),
                    text[at + 1] == UInt8(ascii: "u")
                else { throw JSONFault(reason: .surrogateAlone, offset: start) }
                at += 2
                units.append(try codeUnit(text))
            }
            guard let decoded = String(validating: units, as: UTF16.self) else {
                throw JSONFault(reason: .surrogateAlone, offset: start)
            }
            octets.append(contentsOf: decoded.utf8)
        default: throw JSONFault(reason: .escapeInvalid, offset: start)
        }
    }

    /// The four digits of a `\u` escape.
    private mutating func codeUnit(_ text: Span<UInt8>) throws(JSONFault) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            let octet = try peek(text)
            let digit: UInt8
            switch octet {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = octet - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = octet - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = octet - UInt8(ascii: "A") + 10
            default: throw fault(.escapeInvalid)
            }
            unit = unit << 4 | UInt16(digit)
            at += 1
        }
        return unit
    }

    private mutating func literal(
        _ text: Span<UInt8>, _ expected: String
    ) throws(JSONFault) {
        for octet in expected.utf8 {
            guard try peek(text) == octet else { throw fault(.unexpected) }
            at += 1
        }
    }

    private mutating func skipSpace(_ text: Span<UInt8>) {
        while at < text.count {
            switch text[at] {
            case 0x20, 0x09, 0x0a, 0x0d: at += 1
            default: return
            }
        }
    }

    private func peek(_ text: Span<UInt8>) throws(JSONFault) -> UInt8 {
        guard at < text.count else { throw fault(.ended) }
        return text[at]
    }

    private func copy(_ text: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
        var octets: [UInt8] = []
        octets.reserveCapacity(range.count)
        for index in range { octets.append(text[index]) }
        return octets
    }

    private func fault(_ reason: JSONFault.Reason) -> JSONFault {
        JSONFault(reason: reason, offset: at)
    }
}

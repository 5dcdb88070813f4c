// Octets to tokens (§2.1). One token at a time, each counted against the limit.
//
// Commas, white space, comments and byte order marks say nothing and are passed over. A control
// character other than tab and the line ends is refused wherever it stands, and so is text that is
// not UTF-8.

struct Token: Equatable {
    enum Kind: Equatable {
        case end
        /// One of `! $ & ( ) : = @ [ ] { | }`, by its octet.
        case punctuator(UInt8)
        case spread
        case name(String)
        case int(String)
        case float(String)
        case string(String)
    }
    var kind: Kind
    var location: GraphQLLocation
}

struct Lexer {
    private let octets: [UInt8]
    private var position = 0
    private var line = 1
    private var lineStart = 0
    private var tokensLeft: Int

    init(_ octets: [UInt8], tokensMax: Int) {
        self.octets = octets
        tokensLeft = tokensMax
    }

    mutating func next() throws(GraphQLSyntaxFault) -> Token {
        try skipIgnored()
        let location = location(of: position)
        guard let first = peek() else { return Token(kind: .end, location: location) }
        guard tokensLeft > 0 else { throw fault("more tokens than are allowed") }
        tokensLeft -= 1
        switch first {
        case UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "("),
            UInt8(ascii: ")"), UInt8(ascii: ":"), UInt8(ascii: "="), UInt8(ascii: "@"),
            UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "{"), UInt8(ascii: "|"),
            UInt8(ascii: "}"):
            position += 1
            return Token(kind: .punctuator(first), location: location)
        case UInt8(ascii: "."):
            guard peek(1) == first, peek(2) == first else { throw fault("a lone \".\"") }
            position += 3
            return Token(kind: .spread, location: location)
        case UInt8(ascii: "\""):
            return Token(kind: .string(try string()), location: location)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return Token(kind: try number(), location: location)
        case _ where isNameStart(first):
            let start = position
            while let octet = peek(), isNameContinue(octet) { position += 1 }
            return Token(kind: .name(text(start..<position)), location: location)
        default:
            throw fault("a character that begins nothing")
        }
    }

    // MARK: Ignored text (§2.1.1 to §2.1.7)

    private mutating func skipIgnored() throws(GraphQLSyntaxFault) {
        while let octet = peek() {
            switch octet {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: ","):
                position += 1
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                endLine()
            case UInt8(ascii: "#"):
                let start = position
                while let inside = peek(), !isLineEnd(inside) {
                    guard inside >= 0x20 || inside == UInt8(ascii: "\t") else {
                        throw fault("a control character")
                    }
                    position += 1
                }
                guard isUTF8(start..<position) else { throw fault("text that is not UTF-8") }
            case 0xEF where peek(1) == 0xBB && peek(2) == 0xBF:
                position += 3
            default:
                return
            }
        }
    }

    /// Passes a line end: LF, CR, or both as one.
    private mutating func endLine() {
        if peek() == UInt8(ascii: "\r"), peek(1) == UInt8(ascii: "\n") { position += 1 }
        position += 1
        line += 1
        lineStart = position
    }

    // MARK: Numbers (§2.9.1, §2.9.2)

    private mutating func number() throws(GraphQLSyntaxFault) -> Token.Kind {
        let start = position
        if peek() == UInt8(ascii: "-") { position += 1 }
        if peek() == UInt8(ascii: "0") {
            position += 1
            if let next = peek(), isDigit(next) { throw fault("a number with a leading zero") }
        } else {
            try digits()
        }
        var isFloat = false
        if peek() == UInt8(ascii: ".") {
            isFloat = true
            position += 1
            try digits()
        }
        if peek() == UInt8(ascii: "e") || peek() == UInt8(ascii: "E") {
            isFloat = true
            position += 1
            if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
        // `0xF1` and `1.2.3` are neither numbers nor two tokens (§2.9.1).
        if let next = peek(), isNameStart(next) || next == UInt8(ascii: ".") {
            throw fault("a number that runs into a name")
        }
        let text = text(start..<position)
        return isFloat ? .float(text) : .int(text)
    }

    private mutating func digits() throws(GraphQLSyntaxFault) {
        guard let first = peek(), isDigit(first) else { throw fault("a digit was expected") }
        while let next = peek(), isDigit(next) { position += 1 }
    }

    // MARK: Strings (§2.9.4)

    private mutating func string() throws(GraphQLSyntaxFault) -> String {
        let quote = UInt8(ascii: "\"")
        if peek(1) == quote, peek(2) == quote {
            position += 3
            return try blockString()
        }
        position += 1
        var value: [UInt8] = []
        while let octet = peek() {
            switch octet {
            case quote:
                position += 1
                guard let text = String(validating: value, as: UTF8.self) else {
                    throw fault("text that is not UTF-8")
                }
                return text
            case UInt8(ascii: "\\"):
                position += 1
                try escape(into: &value)
            case 0x20..., UInt8(ascii: "\t"):
                value.append(octet)
                position += 1
            default:
                throw fault("a control character or line end in a string")
            }
        }
        throw fault("a string without its end")
    }

    private mutating func escape(into value: inout [UInt8]) throws(GraphQLSyntaxFault) {
        guard let octet = peek() else { throw fault("a string without its end") }
        position += 1
        switch octet {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): value.append(octet)
        case UInt8(ascii: "b"): value.append(0x08)
        case UInt8(ascii: "f"): value.append(0x0C)
        case UInt8(ascii: "n"): value.append(0x0A)
        case UInt8(ascii: "r"): value.append(0x0D)
        case UInt8(ascii: "t"): value.append(0x09)
        case UInt8(ascii: "u"):
            var code = try escapedCode()
            if (0xD800...0xDBFF).contains(code) {
                // A leading surrogate counts only with its trailing one, both as four digits.
                guard peek() == UInt8(ascii: "\\"), peek(1) == UInt8(ascii: "u") else {
                    throw fault("half of a surrogate pair")
                }
                position += 2
                let low = try escapedCode()
                guard (0xDC00...0xDFFF).contains(low) else {
                    throw fault("half of a surrogate pair")
                }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw fault("no such character") }
            value.append(contentsOf: Array(String(Character(scalar)).utf8))
        default:
            throw fault("an unknown escape")
        }
    }

    /// Four hexadecimal digits, or any number up to eight in braces.
    private mutating func escapedCode() throws(GraphQLSyntaxFault) -> UInt32 {
        let isBraced = peek() == UInt8(ascii: "{")
        if isBraced { position += 1 }
        var code: UInt32 = 0
        var count = 0
        while count < (isBraced ? 8 : 4), let octet = peek(), let digit = hexDigit(octet) {
            code = code << 4 | digit
            count += 1
            position += 1
        }
        if isBraced {
            guard count > 0, peek() == UInt8(ascii: "}"), code <= 0x10FFFF,
                !(0xD800...0xDFFF).contains(code)
            else { throw fault("a broken \\u{…}") }
            position += 1
        } else if count < 4 {
            throw fault("a broken \\u")
        }
        return code
    }

    private mutating func blockString() throws(GraphQLSyntaxFault) -> String {
        let quote = UInt8(ascii: "\"")
        var lines: [[UInt8]] = [[]]
        while let octet = peek() {
            switch octet {
            case quote where peek(1) == quote && peek(2) == quote:
                position += 3
                let value = blockStringValue(lines)
                guard let text = String(validating: value, as: UTF8.self) else {
                    throw fault("text that is not UTF-8")
                }
                return text
            case UInt8(ascii: "\\") where peek(1) == quote && peek(2) == quote && peek(3) == quote:
                lines[lines.count - 1].append(contentsOf: [quote, quote, quote])
                position += 4
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                endLine()
                lines.append([])
            case 0x20..., UInt8(ascii: "\t"):
                lines[lines.count - 1].append(octet)
                position += 1
            default:
                throw fault("a control character in a string")
            }
        }
        throw fault("a string without its end")
    }

    // MARK: Small parts

    private func peek(_ ahead: Int = 0) -> UInt8? {
        let index = position + ahead
        return index < octets.count ? octets[index] : nil
    }

    private func text(_ range: Range<Int>) -> String {
        String(decoding: octets[range], as: UTF8.self)
    }

    private func isUTF8(_ range: Range<Int>) -> Bool {
        String(validating: octets[range], as: UTF8.self) != nil
    }

    private func location(of offset: Int) -> GraphQLLocation {
        let before = octets[lineStart..<offset].count { $0 & 0xC0 != 0x80 }
        return GraphQLLocation(line: line, column: before + 1)
    }

    private func fault(_ what: String) -> GraphQLSyntaxFault {
        let place = location(of: min(position, octets.count))
        return GraphQLSyntaxFault(line: place.line, column: place.column, what: what)
    }
}

/// §2.9.4, BlockStringValue: the common indentation goes, and blank lines at either end.
func blockStringValue(_ lines: [[UInt8]]) -> [UInt8] {
    func isBlank(_ line: [UInt8]) -> Bool { line.allSatisfy { $0 == 0x20 || $0 == 0x09 } }
    func indentation(_ line: [UInt8]) -> Int { line.prefix { $0 == 0x20 || $0 == 0x09 }.count }
    let common = lines.dropFirst().filter { !isBlank($0) }.map(indentation).min() ?? 0
    var result = lines.prefix(1) + lines.dropFirst().map { Array($0.dropFirst(common)) }
    while let first = result.first, isBlank(first) { result.removeFirst() }
    while let last = result.last, isBlank(last) { result.removeLast() }
    return Array(result.joined(separator: [UInt8(ascii: "\n")]))
}

private func isLineEnd(_ octet: UInt8) -> Bool { octet == 0x0A || octet == 0x0D }

private func isDigit(_ octet: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet)
}

private func isNameStart(_ octet: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(octet | 0x20) || octet == UInt8(ascii: "_")
}

private func isNameContinue(_ octet: UInt8) -> Bool { isNameStart(octet) || isDigit(octet) }

private func hexDigit(_ octet: UInt8) -> UInt32? {
    switch octet {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(octet - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(octet - UInt8(ascii: "a")) + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(octet - UInt8(ascii: "A")) + 10
    default: nil
    }
}

// The field section: lines of `name: value` up to an empty line, read left to right.
//
// One reading serves request heads, response heads and trailers (RFC 9112 §5). The fault reported is
// always the one at the lowest offset, so it does not depend on how the octets were split. What the
// fields mean together is for the heads.

/// Where the reading of a field section stands. It holds no octets: between calls the buffer may
/// move, only its front must stay.
struct FieldScanner: Sendable {
    enum Outcome: Equatable {
        case needsMore
        /// The offset behind the empty line.
        case end(Int)
        case refused(FieldFault)
    }

    /// The first octet of the line being read.
    private(set) var position: Int
    /// Within that line, all octets before this one are judged: a slow sender costs no second look.
    private var searched = 0
    /// Where that line's colon is, once it has been found.
    private var colon = 0
    private var linesRead = 0

    init(at start: Int = 0) {
        position = start
        beginLine(at: start)
    }

    /// Reads on. With `fields`, each complete line is added; without, lines are only judged.
    mutating func read(
        _ octets: Span<UInt8>, linesMax: Int, recording: Bool, into fields: inout [FieldLine]
    ) -> Outcome {
        let count = octets.count
        while position < count {
            let start = position
            if recording, searched == start, linesRead < linesMax,
                let line = octets.plainFieldLine(from: start)
            {
                fields.append(line)
                linesRead += 1
                beginLine(at: Int(line.line.end))
                continue
            }
            if colon <= start {
                let nameEnd = octets.tokenEnd(from: max(start, searched))
                searched = nameEnd
                guard nameEnd < count else { return .needsMore }
                guard octets[nameEnd] == .colon, nameEnd > start else {
                    guard nameEnd == start, octets[start] == .carriageReturn else {
                        return .refused(nameFault(octets[nameEnd], isFirst: nameEnd == start))
                    }
                    guard start + 1 < count else { return .needsMore }
                    guard octets[start + 1] == .lineFeed else {
                        return .refused(.bareCarriageReturn)
                    }
                    beginLine(at: start + 2)
                    return .end(start + 2)
                }
                guard linesRead < linesMax else { return .refused(.tooMany) }
                colon = nameEnd
            }
            let valueEnd = octets.fieldValueEnd(from: max(colon + 1, searched))
            searched = valueEnd
            guard valueEnd < count else { return .needsMore }
            guard octets[valueEnd] == .carriageReturn else {
                return .refused(octets[valueEnd] == .lineFeed ? .bareLineFeed : .valueInvalid)
            }
            guard valueEnd + 1 < count else { return .needsMore }
            guard octets[valueEnd + 1] == .lineFeed else { return .refused(.bareCarriageReturn) }

            if recording {
                var valueStart = colon + 1
                var trimmedEnd = valueEnd
                while valueStart < trimmedEnd, octets[valueStart].isOWS { valueStart += 1 }
                while trimmedEnd > valueStart, octets[trimmedEnd - 1].isOWS { trimmedEnd -= 1 }
                fields.append(
                    FieldLine(
                        name: OctetRange(start, colon), value: OctetRange(valueStart, trimmedEnd),
                        line: OctetRange(start, valueEnd + 2),
                        known: KnownField.of(octets.extracting(start..<colon))))
            }
            linesRead += 1
            beginLine(at: valueEnd + 2)
        }
        return .needsMore
    }

    private mutating func beginLine(at start: Int) {
        position = start
        searched = start
        colon = start
    }

    /// Why `octet` cannot end a name.
    private func nameFault(_ octet: UInt8, isFirst: Bool) -> FieldFault {
        switch octet {
        case .lineFeed: .bareLineFeed
        case .space, .tab: isFirst ? .folded : .spaceBeforeColon
        case .colon: .nameEmpty
        case .carriageReturn: .colonMissing
        default: .nameInvalid
        }
    }
}

extension UInt8 {
    static let tab = UInt8(ascii: "\t")
    static let lineFeed = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")
    static let space = UInt8(ascii: " ")
    static let colon = UInt8(ascii: ":")
    static let comma = UInt8(ascii: ",")
    static let semicolon = UInt8(ascii: ";")
    static let equals = UInt8(ascii: "=")
    static let quote = UInt8(ascii: "\"")
    static let backslash = UInt8(ascii: "\\")
    static let slash = UInt8(ascii: "/")
    static let question = UInt8(ascii: "?")
    static let numberSign = UInt8(ascii: "#")
    static let percent = UInt8(ascii: "%")
    static let dot = UInt8(ascii: ".")
}

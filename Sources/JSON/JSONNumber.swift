// What a number's text means: exact where an integer is asked for, nearest where a double is.

enum JSONNumber {
    /// `nil` when the number is no integer or does not fit: `1.7e9` is 1700000000, `1.5` is none.
    static func integer(_ text: String) -> Int64? {
        var isNegative = false
        var digits: [UInt8] = []
        var fractionCount = 0
        var exponent = 0
        var part = Part.whole
        var isExponentNegative = false
        for octet in text.utf8 {
            switch (octet, part) {
            case (UInt8(ascii: "-"), .whole): isNegative = true
            case (UInt8(ascii: "-"), .exponent): isExponentNegative = true
            case (UInt8(ascii: "+"), .exponent): break
            case (UInt8(ascii: "."), .whole): part = .fraction
            case (UInt8(ascii: "e"), .whole), (UInt8(ascii: "E"), .whole),
                (UInt8(ascii: "e"), .fraction), (UInt8(ascii: "E"), .fraction):
                part = .exponent
            case (UInt8(ascii: "0")...UInt8(ascii: "9"), .exponent):
                // Far beyond what any number of digits here could make up for.
                exponent = min(exponent * 10 + Int(octet - UInt8(ascii: "0")), 1 << 40)
            case (UInt8(ascii: "0")...UInt8(ascii: "9"), _):
                digits.append(octet - UInt8(ascii: "0"))
                if part == .fraction { fractionCount += 1 }
            default: return nil
            }
        }
        // The number is digits × 10^power.
        var power = (isExponentNegative ? -exponent : exponent) - fractionCount
        guard let firstDigit = digits.firstIndex(where: { $0 != 0 }) else {
            return digits.isEmpty ? nil : 0
        }
        while power < 0, digits.last == 0 {
            digits.removeLast()
            power += 1
        }
        guard power >= 0, digits.count - firstDigit + power <= 19 else { return nil }
        var value: Int64 = 0
        for digit in digits[firstDigit...] + Array(repeating: 0, count: power) {
            let (product, overflows) = value.multipliedReportingOverflow(by: 10)
            // Downward, so that the least integer can be reached.
            let (difference, borrows) = product.subtractingReportingOverflow(Int64(digit))
            guard !overflows, !borrows else { return nil }
            value = difference
        }
        if isNegative { return value }
        return value == .min ? nil : -value
    }

    /// `nil` when the number is beyond the largest double.
    static func double(_ text: String) -> Double? {
        guard let value = Double(text), value.isFinite else { return nil }
        return value
    }

    private enum Part { case whole, fraction, exponent }

    /// The end of the number that begins at `start`:
    /// [ "-" ] ( "0" / digit1-9 *DIGIT ) [ "." 1*DIGIT ] [ ( "e" / "E" ) [ "+" / "-" ] 1*DIGIT ];
    /// `nil` when there is none.
    static func end(in text: Span<UInt8>, from start: Int) -> Int? {
        var at = start
        if at < text.count, text[at] == UInt8(ascii: "-") { at += 1 }
        let wholeStart = at
        at = digitsEnd(in: text, from: at)
        guard at > wholeStart, text[wholeStart] != UInt8(ascii: "0") || at == wholeStart + 1
        else { return nil }
        if at < text.count, text[at] == UInt8(ascii: ".") {
            let end = digitsEnd(in: text, from: at + 1)
            guard end > at + 1 else { return nil }
            at = end
        }
        if at < text.count, text[at] | 0x20 == UInt8(ascii: "e") {
            at += 1
            if at < text.count, text[at] == UInt8(ascii: "+") || text[at] == UInt8(ascii: "-") {
                at += 1
            }
            let end = digitsEnd(in: text, from: at)
            guard end > at else { return nil }
            at = end
        }
        return at
    }

    private static func digitsEnd(in text: Span<UInt8>, from start: Int) -> Int {
        var at = start
        while at < text.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[at]) {
            at += 1
        }
        return at
    }
}

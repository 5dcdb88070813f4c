// Where a reply ends, and that it is none too large: found before anything is made of it.
//
// RESP version 2: a line `+`, `-` or `:`; `$` and a length, then so many octets; `*` and a count, then
// so many replies. The scan goes on where it stopped when more octets have come.

struct ReplyExtent {
    /// A line is a status, an error or a number.
    static let lineOctetsMax = 65_536

    /// Replies still to come before the first is whole.
    private var owed = 1
    private var members = 0
    /// Behind the last part that is whole.
    private var position = 0

    /// The reply's length once it is whole, `nil` before. `octets` begin where the reply does, and have
    /// only grown since the last call.
    mutating func end(in octets: Span<UInt8>) throws(RedisFault) -> Int? {
        while owed > 0 {
            guard let line = try lineEnd(in: octets) else { return nil }
            let number = octets.extracting(position + 1..<line)
            switch octets[position] {
            case UInt8(ascii: "+"), UInt8(ascii: "-"): position = line + 2
            case UInt8(ascii: ":"):
                _ = try Self.decimal(number)
                position = line + 2
            case UInt8(ascii: "$"):
                let count = try Self.count(number, atMost: Redis.replyOctetsMax)
                let end = line + 2 + (count.map { $0 + 2 } ?? 0)
                guard end <= Redis.replyOctetsMax + 64 else { throw RedisFault("too large") }
                guard end <= octets.count else { return nil }
                position = end
            case UInt8(ascii: "*"):
                let count = try Self.count(number, atMost: Redis.membersMax) ?? 0
                members += count
                guard members <= Redis.membersMax else { throw RedisFault("too many members") }
                owed += count
                position = line + 2
            default: throw RedisFault("no reply begins with the octet \(octets[position])")
            }
            guard position <= Redis.replyOctetsMax + 64 else { throw RedisFault("too large") }
            owed -= 1
        }
        return position
    }

    private func lineEnd(in octets: Span<UInt8>) throws(RedisFault) -> Int? {
        var index = position
        while index + 1 < octets.count {
            if octets[index] == 13, octets[index + 1] == 10 {
                guard index > position else { throw RedisFault("an empty line") }
                return index
            }
            index += 1
            guard index - position <= Self.lineOctetsMax else {
                throw RedisFault("a line without an end")
            }
        }
        return nil
    }

    /// `nil` for −1, which says that there is nothing.
    private static func count(
        _ text: Span<UInt8>, atMost most: Int
    ) throws(RedisFault) -> Int? {
        let value = try decimal(text)
        if value == -1 { return nil }
        guard value >= 0, value <= most else { throw RedisFault("a length of \(value)") }
        return value
    }

    private static func decimal(_ text: Span<UInt8>) throws(RedisFault) -> Int {
        let isNegative = !text.isEmpty && text[0] == UInt8(ascii: "-")
        let digits = text.extracting((isNegative ? 1 : 0)...)
        guard (1...19).contains(digits.count) else { throw RedisFault("a number without digits") }
        var value = 0
        for index in digits.indices {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digits[index]) else {
                throw RedisFault("a number that is none")
            }
            let (tens, over) = value.multipliedReportingOverflow(by: 10)
            let (sum, past) = tens.addingReportingOverflow(Int(digits[index] & 15))
            guard !over, !past else { throw RedisFault("a number past 64 bits") }
            value = sum
        }
        return isNegative ? -value : value
    }
}

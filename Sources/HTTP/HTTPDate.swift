// Dates in fields: written as IMF-fixdate, read in the three forms of RFC 9110 §5.6.7.
package import Values

package enum HTTPDate {
    private static let days: [StaticString] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let longDays: [StaticString] = [
        "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
    ]
    private static let months: [StaticString] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `Sun, 06 Nov 1994 08:49:37 GMT`
    package static func format(_ time: UnixTime) -> String {
        var octets = OctetWriter(capacity: 64)
        append(time, to: &octets)
        return octets.text
    }

    package static func append(_ time: UnixTime, to octets: inout OctetWriter) {
        // Beyond the four digits of a year the nearest date that can be written is.
        let date = CivilDate(min(max(time, earliest), latest))
        octets.append(days[date.weekday])
        octets.append(", ")
        append(date.day, digits: 2, to: &octets)
        octets.append(.space)
        octets.append(months[date.month - 1])
        octets.append(.space)
        append(date.year, digits: 4, to: &octets)
        octets.append(.space)
        append(date.hour, digits: 2, to: &octets)
        octets.append(.colon)
        append(date.minute, digits: 2, to: &octets)
        octets.append(.colon)
        append(date.second, digits: 2, to: &octets)
        octets.append(" GMT")
    }

    /// `nil` for what is none of the three forms, names no day, or names the wrong weekday.
    ///
    /// The two-digit year of the RFC 850 form is taken for 1970 to 2069, where the RFC reckons from
    /// the present day: this room has no clock, and no sender of that form is left.
    package static func parse(_ text: Span<UInt8>) -> UnixTime? {
        var reader = Reader()
        guard let weekday = reader.weekday(text) else { return nil }
        let date: CivilDate?
        switch weekday.form {
        case .fixdate: date = reader.fixdate(text)
        case .rfc850: date = reader.rfc850(text)
        case .asctime: date = reader.asctime(text)
        }
        guard let date, reader.at == text.count, date.weekday == weekday.day else { return nil }
        return date.unixTime
    }

    package static func parse(_ text: String) -> UnixTime? { parse([UInt8](utf8: text).span) }

    /// 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z.
    private static let earliest = UnixTime(seconds: -62_167_219_200)
    private static let latest = UnixTime(seconds: 253_402_300_799)

    private static func append(_ value: Int, digits: Int, to octets: inout OctetWriter) {
        var divisor = 1
        for _ in 1..<digits { divisor *= 10 }
        while divisor > 0 {
            octets.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / divisor % 10))
            divisor /= 10
        }
    }

    /// A cursor over the text; each part either moves it on or makes the whole `nil`.
    private struct Reader {
        enum Form { case fixdate, rfc850, asctime }
        var at = 0

        mutating func skip(_ text: Span<UInt8>, _ expected: StaticString) -> Bool {
            let count = expected.utf8CodeUnitCount
            guard text.count - at >= count,
                OctetText.equals(text.extracting(at..<at + count), expected)
            else { return false }
            at += count
            return true
        }

        mutating func number(_ text: Span<UInt8>, digits: Int) -> Int? {
            guard text.count - at >= digits,
                let value = OctetText.decimal(text.extracting(at..<at + digits))
            else { return nil }
            at += digits
            return Int(value)
        }

        mutating func month(_ text: Span<UInt8>) -> Int? {
            for index in months.indices where skip(text, months[index]) { return index + 1 }
            return nil
        }

        mutating func weekday(_ text: Span<UInt8>) -> (day: Int, form: Form)? {
            for index in longDays.indices where skip(text, longDays[index]) {
                return skip(text, ", ") ? (index, .rfc850) : nil
            }
            for index in days.indices where skip(text, days[index]) {
                if skip(text, ", ") { return (index, .fixdate) }
                return skip(text, " ") ? (index, .asctime) : nil
            }
            return nil
        }

        mutating func time(_ text: Span<UInt8>) -> (hour: Int, minute: Int, second: Int)? {
            guard let hour = number(text, digits: 2), skip(text, ":"),
                let minute = number(text, digits: 2), skip(text, ":"),
                let second = number(text, digits: 2)
            else { return nil }
            // A leap second, which POSIX time does not have.
            return (hour, minute, min(second, second == 60 ? 59 : second))
        }

        mutating func fixdate(_ text: Span<UInt8>) -> CivilDate? {
            guard let day = number(text, digits: 2), skip(text, " "), let month = month(text),
                skip(text, " "), let year = number(text, digits: 4), skip(text, " "),
                let time = time(text), skip(text, " GMT")
            else { return nil }
            return date(year, month, day, time)
        }

        mutating func rfc850(_ text: Span<UInt8>) -> CivilDate? {
            guard let day = number(text, digits: 2), skip(text, "-"), let month = month(text),
                skip(text, "-"), let year = number(text, digits: 2), skip(text, " "),
                let time = time(text), skip(text, " GMT")
            else { return nil }
            return date(year < 70 ? 2000 + year : 1900 + year, month, day, time)
        }

        mutating func asctime(_ text: Span<UInt8>) -> CivilDate? {
            guard let month = month(text), skip(text, " ") else { return nil }
            // The day is padded with a space.
            let isPadded = skip(text, " ")
            guard let day = number(text, digits: isPadded ? 1 : 2), skip(text, " "),
                let time = time(text), skip(text, " "), let year = number(text, digits: 4)
            else { return nil }
            return date(year, month, day, time)
        }

        func date(
            _ year: Int, _ month: Int, _ day: Int, _ time: (hour: Int, minute: Int, second: Int)
        ) -> CivilDate? {
            CivilDate(
                year: year, month: month, day: day, hour: time.hour, minute: time.minute,
                second: time.second)
        }
    }
}

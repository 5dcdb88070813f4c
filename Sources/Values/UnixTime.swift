// A moment of civil time: what tokens, cookies and log lines say.
//
// It is a whole number of seconds since 1970-01-01T00:00:00Z, leap seconds not counted (POSIX, and
// NumericDate of RFC 7519 §2). It is never compared with a `MonotonicInstant`. A peer may send any
// number as an `exp`, so all arithmetic saturates.

/// Seconds since 1970-01-01T00:00:00Z.
package struct UnixTime: Comparable, Hashable, Sendable {
    package var seconds: Int64

    @inlinable package init(seconds: Int64) { self.seconds = seconds }

    package static var distantFuture: UnixTime { UnixTime(seconds: .max) }
    package static var distantPast: UnixTime { UnixTime(seconds: .min) }

    package static func < (a: UnixTime, b: UnixTime) -> Bool { a.seconds < b.seconds }

    /// The moment `duration` later, parts of a second dropped downwards.
    package func advanced(by duration: Duration) -> UnixTime {
        let distance = duration.wholeSeconds
        let (sum, overflows) = seconds.addingReportingOverflow(distance)
        return UnixTime(seconds: overflows ? (distance < 0 ? .min : .max) : sum)
    }

    /// How long from here to `other`; negative when `other` is earlier.
    package func duration(to other: UnixTime) -> Duration {
        let (difference, overflows) = other.seconds.subtractingReportingOverflow(seconds)
        return .seconds(overflows ? (other < self ? Int64.min : .max) : difference)
    }

    package static func + (moment: UnixTime, duration: Duration) -> UnixTime {
        moment.advanced(by: duration)
    }

    package static func - (moment: UnixTime, duration: Duration) -> UnixTime {
        moment.advanced(by: .zero - duration)
    }

    package static func - (later: UnixTime, earlier: UnixTime) -> Duration {
        earlier.duration(to: later)
    }

    /// `2026-11-25T22:16:46Z`, the profile of RFC 3339.
    package var iso8601: String {
        let date = CivilDate(self)
        var text = ""
        text.reserveCapacity(20)
        text.append(decimal: date.year, digits: 4)
        text.append("-")
        text.append(decimal: date.month, digits: 2)
        text.append("-")
        text.append(decimal: date.day, digits: 2)
        text.append("T")
        text.append(decimal: date.hour, digits: 2)
        text.append(":")
        text.append(decimal: date.minute, digits: 2)
        text.append(":")
        text.append(decimal: date.second, digits: 2)
        text.append("Z")
        return text
    }
}

extension String {
    fileprivate mutating func append(decimal number: Int, digits: Int) {
        let text = String(number.magnitude)
        if number < 0 { append("-") }
        append(String(repeating: "0", count: max(0, digits - text.utf8.count)))
        append(text)
    }
}

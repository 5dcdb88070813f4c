// A moment on the clock that never jumps: what deadlines and time-outs are measured by.
//
// A deadline and a token's expiry must never be compared, so this type and `UnixTime` share no
// operator. Reading the clock is Platform's; here is only the arithmetic, and it saturates, because a
// duration may come from configuration and a moment in the far future is a useful answer.

/// Nanoseconds since an arbitrary start, the same for every thread of this process. `public`, as what
/// every event compares, so that it is inlined in every room.
@frozen public struct MonotonicInstant: Comparable, Hashable, Sendable {
    public var nanoseconds: UInt64

    @inlinable public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// Later than any moment the clock will show.
    @inlinable public static var distantFuture: MonotonicInstant {
        MonotonicInstant(nanoseconds: .max)
    }

    @inlinable public static func == (a: MonotonicInstant, b: MonotonicInstant) -> Bool {
        a.nanoseconds == b.nanoseconds
    }

    @inlinable public static func < (a: MonotonicInstant, b: MonotonicInstant) -> Bool {
        a.nanoseconds < b.nanoseconds
    }

    /// The moment `duration` later, or earlier when it is negative; held within what can be said.
    package func advanced(by duration: Duration) -> MonotonicInstant {
        advanced(byNanoseconds: duration.wholeNanoseconds)
    }

    /// As `advanced(by:)`, for callers that converted their durations once: on a request's way the
    /// division inside `Duration` would cost more than everything else about a deadline.
    @inlinable public func advanced(byNanoseconds distance: Int64) -> MonotonicInstant {
        let magnitude = distance.magnitude
        if distance < 0 {
            let isBeforeStart = nanoseconds < magnitude
            return MonotonicInstant(nanoseconds: isBeforeStart ? 0 : nanoseconds - magnitude)
        }
        let (sum, overflows) = nanoseconds.addingReportingOverflow(magnitude)
        return MonotonicInstant(nanoseconds: overflows ? .max : sum)
    }

    /// How long from here to `other`; negative when `other` is earlier.
    package func duration(to other: MonotonicInstant) -> Duration {
        other < self
            ? .zero - Duration(nanoseconds: nanoseconds - other.nanoseconds)
            : Duration(nanoseconds: other.nanoseconds - nanoseconds)
    }

    package static func + (moment: MonotonicInstant, duration: Duration) -> MonotonicInstant {
        moment.advanced(by: duration)
    }

    package static func - (moment: MonotonicInstant, duration: Duration) -> MonotonicInstant {
        moment.advanced(by: .zero - duration)
    }

    package static func - (later: MonotonicInstant, earlier: MonotonicInstant) -> Duration {
        earlier.duration(to: later)
    }
}

extension Duration {
    /// Rounded towards zero, and held within ±292 years.
    package var wholeNanoseconds: Int64 {
        Int64(clamping: attoseconds / 1_000_000_000)
    }

    /// Rounded down to the second, and held within what an `Int64` can say.
    package var wholeSeconds: Int64 {
        let (seconds, rest) = attoseconds.quotientAndRemainder(
            dividingBy: 1_000_000_000_000_000_000)
        return Int64(clamping: rest < 0 ? seconds - 1 : seconds)
    }

    fileprivate init(nanoseconds: UInt64) {
        self.init(attoseconds: Int128(nanoseconds) * 1_000_000_000)
    }
}

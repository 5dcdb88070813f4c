// The two clocks. Loops read them once a turn; cores are told the time.
import CLinux
import Glibc
package import Values

package enum Clock {
    package static func monotonic() -> MonotonicInstant {
        let time = read(CLOCK_MONOTONIC)
        return MonotonicInstant(
            nanoseconds: UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec))
    }

    package static func wall() -> UnixTime {
        UnixTime(seconds: Int64(read(CLOCK_REALTIME).tv_sec))
    }

    /// Since 1970, for log lines.
    package static func wallMilliseconds() -> Int64 {
        let time = read(CLOCK_REALTIME)
        return Int64(time.tv_sec) &* 1000 &+ Int64(time.tv_nsec) / 1_000_000
    }

    private static func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        // It fails only for a clock that does not exist, and these two always do.
        let result = clock_gettime(clock, &time)
        precondition(result == 0)
        return time
    }
}

// A time in four octets, for tables that have an entry for each session that ended or was refreshed.

internal import Values

/// Whole seconds from 1970 to 2106; of what lies beyond, the nearest.
struct ShortTime {
    private let seconds: UInt32

    init(_ time: UnixTime) { seconds = UInt32(clamping: time.seconds) }

    var time: UnixTime { UnixTime(seconds: Int64(seconds)) }
}

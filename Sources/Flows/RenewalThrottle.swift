// How often a session whose token nobody can renew is sent through the provider for a new one: once a
// minute, as the process remembers (product.md, "Refresh").

internal import Synchronization
internal import Values

final class RenewalThrottle: Sendable {
    private static let pause = Duration.seconds(60)
    static let entriesMax = 50_000

    private struct State {
        var sentAt: [[UInt8]: UnixTime] = [:]
        var sweptAt: UnixTime?
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.sentAt.count } }

    func mayGo(_ session: [UInt8], at now: UnixTime) -> Bool {
        state.withLock { state in
            if let last = state.sentAt[session], last <= now, now < last + Self.pause {
                return false
            }
            // A full table is looked through once a second at most, not with every request.
            if state.sentAt.count >= Self.entriesMax, state.sweptAt != now {
                state.sweptAt = now
                state.sentAt = state.sentAt.filter {
                    $0.value <= now && now < $0.value + Self.pause
                }
            }
            // A flood of sessions may go more often; it never fills memory. That no browser goes in a
            // circle does not depend on this (`LoginCircle`).
            if state.sentAt.count < Self.entriesMax { state.sentAt[session] = now }
            return true
        }
    }
}

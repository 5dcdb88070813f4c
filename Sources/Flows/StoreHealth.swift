// Whether the shared store serves, as the process knows it: said in the log when it changes, and in
// `/readyz` while it does not. A fleet does not become unready by it.

internal import Synchronization
internal import Telemetry
package import Values

package final class StoreHealth: Sendable {
    private struct State {
        var trouble: String?
        var saidAt: MonotonicInstant?
    }

    /// Loops find out one after the other, and a store may come and go: a line in so much time.
    private static let saysEvery = Duration.seconds(10)

    private let log: Log
    private let state = Mutex(State())

    init(log: Log) { self.log = log }

    package var trouble: String? { state.withLock { $0.trouble } }

    package func failed(_ failure: RedisFailure, at place: String, now: MonotonicInstant) {
        let says = state.withLock { state in
            let isNew = state.trouble == nil
            state.trouble = failure.sentence
            guard isNew || state.saidAt.map({ $0 + Self.saysEvery <= now }) ?? true else {
                return false
            }
            state.saidAt = now
            return true
        }
        guard says else { return }
        log.event(
            .error, "redis-failed",
            [("server", .string(place)), ("reason", .string(failure.sentence))])
    }

    package func works(at place: String) {
        let wasTroubled = state.withLock { state in
            defer { state.trouble = nil }
            return state.trouble != nil
        }
        if wasTroubled { log.event(.info, "redis-recovered", [("server", .string(place))]) }
    }
}

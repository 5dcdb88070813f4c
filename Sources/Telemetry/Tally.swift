// What is counted off the request path, by whichever loop or thread it happens on: logins, refreshes,
// reloads, the age of the provider's keys. Rare enough for one lock.

import Synchronization
package import Values

package final class Tally: Sendable {
    package struct Counted: Sendable {
        struct Login: Hashable { let succeeded: Bool, reason: String }

        var logins: [Login: UInt64] = [:]
        var refreshes = OutcomeCount()
        var reloads = OutcomeCount()
        /// When each provider's key set was last read, by the provider's name.
        var keysRead: [String: UnixTime] = [:]
        var logLinesDropped: UInt64 = 0
    }

    struct OutcomeCount: Sendable {
        var success: UInt64 = 0
        var failure: UInt64 = 0
    }

    private let state = Mutex(Counted())

    package init() {}

    /// - Parameter reason: the error code of the page a refused login ended with; `nil` is a success.
    package func login(refusedFor reason: String?) {
        state.withLock {
            $0.logins[.init(succeeded: reason == nil, reason: reason ?? ""), default: 0] &+= 1
        }
    }

    package func refresh(succeeded: Bool) {
        state.withLock { Self.count(&$0.refreshes, succeeded) }
    }

    package func reload(succeeded: Bool) {
        state.withLock { Self.count(&$0.reloads, succeeded) }
    }

    package func keysRead(provider: String, at time: UnixTime) {
        state.withLock { $0.keysRead[provider] = time }
    }

    package func logLinesDropped(_ lines: Int) {
        state.withLock { $0.logLinesDropped &+= UInt64(lines) }
    }

    package var counted: Counted { state.withLock { $0 } }

    private static func count(_ outcome: inout OutcomeCount, _ succeeded: Bool) {
        if succeeded { outcome.success &+= 1 } else { outcome.failure &+= 1 }
    }
}

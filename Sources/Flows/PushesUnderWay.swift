// How many authorization requests are on their way to one provider (RFC 9126): each visitor who is not
// signed in costs one, so that a crowd of them at a slow provider has an end.

internal import Synchronization

final class PushesUnderWay: Sendable {
    static let max = 64

    private let count = Mutex(0)

    /// Whether there is a place; `leave` gives it back.
    func enter() -> Bool {
        count.withLock { count in
            guard count < Self.max else { return false }
            count += 1
            return true
        }
    }

    func leave() { count.withLock { $0 -= 1 } }
}

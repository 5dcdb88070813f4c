// Work that several may ask for at once and that is done once: the first to ask does it, the others
// wait for its result, whichever loop they are on. A waiter that goes away changes nothing for the
// others, because the work belongs to the process and not to a request.

import Synchronization

final class SingleFlight<Value: Sendable>: Sendable {
    private typealias Waiter = CheckedContinuation<Value?, Never>

    /// Who waits; `nil` while nothing is under way.
    private let waiters = Mutex<[Waiter]?>(nil)

    var isUnderWay: Bool { waiters.withLock { $0 != nil } }

    /// - Parameter work: has a deadline of its own; nobody here can end it.
    func run(_ work: () async -> Value) async -> Value {
        if let value = await wait(orLead: true) { return value }
        let value = await work()
        let waiting = waiters.withLock { waiters in
            defer { waiters = nil }
            return waiters ?? []
        }
        for waiter in waiting { waiter.resume(returning: value) }
        return value
    }

    /// The result of what is under way; `nil` when nothing is.
    func join() async -> Value? { await wait(orLead: false) }

    /// `nil`: nothing was under way. With `leads` it is from here on, and the caller does it.
    private func wait(orLead leads: Bool) async -> Value? {
        await withCheckedContinuation { (waiter: Waiter) in
            let waits = waiters.withLock { waiters in
                guard waiters != nil else {
                    if leads { waiters = [] }
                    return false
                }
                waiters?.append(waiter)
                return true
            }
            if !waits { waiter.resume(returning: nil) }
        }
    }
}

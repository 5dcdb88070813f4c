// Waiting on a loop: one value that comes once, a pause, and a limit on how long something may take.
//
// Timers are the loop's own: `Task.sleep` would start threads and resume on them. A cancellation
// handler runs on whichever thread cancels, so it only posts to the loop.

/// A value that comes once, from the loop, to one task that waits for it. The first wins; what comes
/// later is dropped, so that result, deadline and cancellation need not know of each other.
///
/// `@unchecked Sendable`: it is read and changed on its loop alone.
final class Awaited<Value: Sendable>: @unchecked Sendable {
    private enum State {
        case idle
        case waiting(CheckedContinuation<Value, Never>)
        case come(Value)
        case over
    }

    private let loop: EventLoop
    private var state = State.idle
    private var timer: TimerID?

    init(on loop: EventLoop) { self.loop = loop }

    /// Whether a task waits.
    var isWaiting: Bool {
        if case .waiting = state { true } else { false }
    }

    /// Waits for the value: what `come(_:)` gives, `late` once `limit` has passed, or `cancelled` when
    /// the task is. On the loop, and once.
    func value(
        within limit: Duration? = nil, late: @autoclosure @escaping () -> Value,
        cancelled: Value
    ) async -> Value {
        loop.preconditionOnLoop()
        if let limit {
            timer = loop.schedule(after: limit) { self.come(late()) }
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in begin(continuation) }
        } onCancel: {
            loop.post { self.come(cancelled) }
        }
    }

    /// On the loop.
    func come(_ value: Value) {
        switch state {
        case .idle: state = .come(value)
        case .waiting(let continuation):
            state = .over
            stopTimer()
            continuation.resume(returning: value)
        case .come, .over: break
        }
    }

    private func begin(_ continuation: CheckedContinuation<Value, Never>) {
        switch state {
        case .idle: state = .waiting(continuation)
        case .come(let value):
            state = .over
            stopTimer()
            continuation.resume(returning: value)
        case .waiting, .over: preconditionFailure("waited for twice")
        }
    }

    private func stopTimer() {
        if let timer { loop.cancel(timer) }
        timer = nil
    }
}

extension EventLoop {
    /// Suspends the task for so long, or until it is cancelled. Call it on the loop.
    package func sleep(for duration: Duration) async {
        await Awaited<Void>(on: self).value(within: duration, late: (), cancelled: ())
    }

    /// For entry points from async code: it must have been started with `start`.
    package func preconditionOnLoop() {
        precondition(isOnLoop, "async code that left loop \(index): was it begun with start?")
    }
}

/// What `withDeadline` throws when the time is up.
package struct DeadlinePassed: Error, Equatable {
    package init() {}
}

/// Runs `body` on the loop, for at most `limit`: then it is cancelled, and once it has ended
/// `DeadlinePassed` is thrown in place of whatever it threw. A value that it brings after all is
/// returned: the work is done. Everything that waits on a loop ends when it is cancelled.
package func withDeadline<Value: Sendable>(
    _ limit: Duration, on loop: EventLoop,
    _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask(executorPreference: loop) { try await body() }
        group.addTask(executorPreference: loop) {
            await loop.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        if let value = try await group.next() ?? nil { return value }
        // The pause ended first: the time is up, or we were cancelled and so was the body.
        let isCancelled = Task.isCancelled
        group.cancelAll()
        do {
            if let value = try await group.next() ?? nil { return value }
        } catch  where isCancelled {
            throw error
        } catch {}
        throw DeadlinePassed()
    }
}

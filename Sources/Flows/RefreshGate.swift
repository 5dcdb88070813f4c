// How many refreshes are under way at one provider at once: when it comes back after an hour, ten thousand
// tokens have ended, and it should not fall over again.

internal import Synchronization

final class RefreshGate: Sendable {
    static let placesMax = 32

    private struct State {
        var taken = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
        var first = 0
    }

    private let state = Mutex(State())

    /// Returns once there is a place, in the order of asking; `leave` gives it back.
    func enter() async {
        await withCheckedContinuation { continuation in
            let isIn = state.withLock { state in
                guard state.taken >= Self.placesMax else {
                    state.taken += 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if isIn { continuation.resume() }
        }
    }

    func leave() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.first < state.waiting.count else {
                state.taken -= 1
                return nil
            }
            defer {
                state.first += 1
                if state.first == state.waiting.count || state.first > 1024 {
                    state.waiting.removeFirst(state.first)
                    state.first = 0
                }
            }
            return state.waiting[state.first]
        }
        next?.resume()
    }
}

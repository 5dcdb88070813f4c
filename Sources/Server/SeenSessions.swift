// Which sessions every loop keeps an eye on, because something long goes on under them.
//
// The first exchange of a session makes its cell and posts it to every loop, the last takes it away
// again. Posts are made under the lock, so that each loop gets them in the order they were decided.

import Gateway
import Platform
import Synchronization
import Values

package final class SeenSessions: Sendable {
    typealias Change =
        @Sendable (_ session: SessionKey, _ cell: LastSeen, _ isWatched: Bool) -> Void

    private struct State {
        var loops: [Change] = []
        var sessions: [SessionKey: (cell: LastSeen, exchanges: Int)] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    func join(_ loop: EventLoop, _ change: @escaping Change) {
        let post: Change = { session, cell, isWatched in
            loop.post { change(session, cell, isWatched) }
        }
        state.withLock { $0.loops.append(post) }
    }

    /// - Parameter now: when its request was seen.
    func watch(_ session: SessionKey, at now: UnixTime) -> LastSeen {
        state.withLock { state in
            if let known = state.sessions[session] {
                known.cell.note(at: now)
                state.sessions[session] = (known.cell, known.exchanges + 1)
                return known.cell
            }
            let cell = LastSeen(at: now)
            state.sessions[session] = (cell, 1)
            for post in state.loops { post(session, cell, true) }
            return cell
        }
    }

    func unwatch(_ session: SessionKey) {
        state.withLock { state in
            guard let known = state.sessions[session] else { return }
            guard known.exchanges == 1 else {
                state.sessions[session] = (known.cell, known.exchanges - 1)
                return
            }
            state.sessions[session] = nil
            for post in state.loops { post(session, known.cell, false) }
        }
    }
}

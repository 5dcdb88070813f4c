// Which sessions every loop keeps an eye on, because something long goes on under them.
//
// The first exchange of a session makes its cell and posts it to every loop, the last takes it away
// again. Posts are made under the lock, so that each loop gets them in the order they were decided.
// Sessions that another node keeps an eye on are among them, where nodes share a redis.

package import Flows
package import Gateway
import Platform
import Synchronization
package import Values

package final class SeenSessions: Sendable {
    typealias Change =
        @Sendable (_ session: SessionKey, _ cell: LastSeen, _ isWatched: Bool) -> Void

    private struct Watched {
        let cell: LastSeen
        /// Of this process.
        var exchanges = 0
        var isElsewhere = false
    }

    private struct State {
        var loops: [Change] = []
        var sessions: [SessionKey: Watched] = [:]

        mutating func begin(_ session: SessionKey, at now: UnixTime) -> Watched {
            if let known = sessions[session] { return known }
            let watched = Watched(cell: LastSeen(at: now))
            for post in loops { post(session, watched.cell, true) }
            return watched
        }

        /// Keeps it while anybody watches it.
        mutating func put(_ watched: Watched, _ session: SessionKey) {
            guard watched.exchanges == 0, !watched.isElsewhere else {
                return sessions[session] = watched
            }
            sessions[session] = nil
            for post in loops { post(session, watched.cell, false) }
        }
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
            var watched = state.begin(session, at: now)
            watched.cell.note(at: now)
            watched.exchanges += 1
            state.put(watched, session)
            return watched.cell
        }
    }

    func unwatch(_ session: SessionKey) {
        state.withLock { state in
            guard var watched = state.sessions[session], watched.exchanges > 0 else { return }
            watched.exchanges -= 1
            state.put(watched, session)
        }
    }

    // MARK: Other nodes

    package var sightings: [Sighting] {
        state.withLock { state in
            state.sessions.map { session, watched in
                Sighting(session, at: watched.cell.time, isHere: watched.exchanges > 0)
            }
        }
    }

    /// - Parameter others: what nodes have said of the sessions that any of them watches.
    package func take(_ others: [SessionKey: UnixTime]) {
        state.withLock { state in
            for (session, time) in others {
                var watched = state.begin(session, at: time)
                watched.cell.note(at: time)
                watched.isElsewhere = true
                state.put(watched, session)
            }
            for (session, watched) in state.sessions
            where watched.isElsewhere && others[session] == nil {
                var watched = watched
                watched.isElsewhere = false
                state.put(watched, session)
            }
        }
    }
}

// When a session was last seen, kept for those alone that something long goes on under.
//
// A WebSocket does not extend its session and ends when nobody has seen the session for the idle
// timeout. Its cookie is sealed again only now and then, and other requests may come by other loops: so
// while such an exchange lasts, every loop has a cell that it writes the time into. Where there is none,
// a request looks at an empty table.

internal import Configuration
internal import Sessions
internal import Synchronization
package import Values

package final class LastSeen: Sendable {
    private let seconds: Atomic<Int64>

    package init(at now: UnixTime) { seconds = Atomic(now.seconds) }

    package var time: UnixTime { UnixTime(seconds: seconds.load(ordering: .relaxed)) }

    /// A time is written once a second, whoever comes first.
    package func note(at now: UnixTime) {
        guard seconds.load(ordering: .relaxed) < now.seconds else { return }
        seconds.store(now.seconds, ordering: .relaxed)
    }
}

struct WatchedSessions {
    private var cells: [SessionKey: LastSeen] = [:]

    var isEmpty: Bool { cells.isEmpty }

    mutating func insert(_ key: SessionKey, _ cell: LastSeen) { cells[key] = cell }

    /// Another cell may have taken its place.
    mutating func remove(_ key: SessionKey, _ cell: LastSeen) {
        if cells[key] === cell { cells[key] = nil }
    }

    func note(_ session: SessionMark?, at now: UnixTime) {
        guard let session else { return }
        cells[session.key]?.note(at: now)
    }
}

extension Gatekeeper {
    /// From now on requests of the session are noted.
    package mutating func watch(_ session: SessionKey, _ cell: LastSeen) {
        watched.insert(session, cell)
    }

    package mutating func unwatch(_ session: SessionKey, _ cell: LastSeen) {
        watched.remove(session, cell)
    }

    /// Whether a session has not been seen for as long as it may be idle. Where another node may see
    /// it, that takes a moment to be known here.
    package func isIdle(_ cell: LastSeen, at now: UnixTime) -> Bool {
        let isShared = snapshot.configuration.session.redis != nil
        let hearsay = isShared ? Self.hearsayTakes : .zero
        return cell.time.advanced(by: snapshot.lifetime.idleTimeout + hearsay) <= now
    }

    private static let hearsayTakes = Duration.seconds(3)
}

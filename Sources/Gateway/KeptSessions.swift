// Sessions that a cookie only names: found in this process' memory, or fetched from redis by a flow.
//
// A request never waits here. What has to be fetched suspends it, and it is decided again with what
// was found; so is one whose store does not answer, which is 503 and never a login. Whoever looks for
// a session need not know: the obstacle is noted, and takes the place of whatever was ruled without
// the session.

internal import Configuration
package import Sessions
internal import Values

/// What a flow fetched.
package struct FetchedEntry: Sendable {
    package let name: EntryName
    /// `nil`: there is none of this name.
    package let found: MemoryStore.Found?
    /// Whether the session's idleness counts from here.
    package let extended: Bool

    package init(name: EntryName, found: MemoryStore.Found?, extended: Bool) {
        self.name = name
        self.found = found
        self.extended = extended
    }
}

package struct FetchIntent: Sendable {
    package let asked: Asked
    package let handle: SessionHandle
    package let extends: Bool

    package init(asked: Asked, handle: SessionHandle, extends: Bool) {
        self.asked = asked
        self.handle = handle
        self.extends = extends
    }
}

/// Why a session that a cookie names is not at hand.
enum Obstacle {
    case fetch(SessionHandle, extends: Bool)
    case unavailable
    case otherNode
}

/// Entries that were fetched less than a second ago: one loop's. They stay sealed. That there is none is
/// kept too: a browser that brings several gone ones would have one fetched after the other without end.
struct FetchedEntries {
    /// How long an entry is used again without asking.
    static let usedFor = Duration.seconds(1)
    private static let entriesMax = 4096
    private static let octetsMax = 32 << 20

    private var entries: [EntryName: (fetched: FetchedEntry, at: MonotonicInstant)] = [:]
    private var octets = 0

    mutating func insert(_ fetched: FetchedEntry, at now: MonotonicInstant) {
        if entries.count >= Self.entriesMax || octets >= Self.octetsMax {
            entries = entries.filter { now < $0.value.at + Self.usedFor }
            if entries.count >= Self.entriesMax / 2 { entries.removeAll() }
            octets = entries.reduce(0) { $0 + ($1.value.fetched.found?.entry.count ?? 0) }
        }
        octets += fetched.found?.entry.count ?? 0
        entries[fetched.name] = (fetched, now)
    }

    /// `nil` where it has to be asked for; within, `nil` where there is none of this name.
    func find(
        _ name: EntryName, extending: Bool, at now: MonotonicInstant
    ) -> MemoryStore.Found?? {
        guard let (fetched, at) = entries[name], now < at + Self.usedFor,
            fetched.extended || !extending || fetched.found == nil
        else { return nil }
        return .some(fetched.found)
    }

    mutating func remove(_ name: EntryName) { entries[name] = nil }
}

extension Gatekeeper {
    /// Puts the session that the view's handle names into the view.
    /// - Returns: whether it is there; otherwise it is as if absent, or `obstacle` says why not.
    mutating func openKept(
        _ handle: SessionHandle, _ inquiry: borrowing Inquiry, extending: Bool
    ) -> Bool {
        guard let found = findKept(handle, inquiry, extending: extending) else { return false }
        view.octets.removeAll()
        guard handle.open(found.entry, appendingTo: &view.octets), view.parse() else {
            return false
        }
        view.noteSeen(at: found.seenAt)
        return true
    }

    private mutating func findKept(
        _ handle: SessionHandle, _ inquiry: borrowing Inquiry, extending: Bool
    ) -> MemoryStore.Found? {
        switch handle.place {
        case .memory(let node, let process):
            switch snapshot.memory.reach(node: node, process: process) {
            case .here:
                return snapshot.memory.find(
                    handle.entryName, extending: extending,
                    idleTimeout: snapshot.lifetime.idleTimeout, at: inquiry.now)
            case .gone: return nil
            case .otherNode:
                obstacle = .otherNode
                return nil
            }
        case .redis:
            guard snapshot.configuration.session.redis != nil else { return nil }
            switch inquiry.known {
            case .fetched(let fetched) where fetched.name == handle.entryName:
                return fetched.found
            case .unavailable:
                obstacle = .unavailable
                return nil
            case .fetched, .unread, .session, .none: break
            }
            if let found = fetchedEntries.find(handle.entryName, extending: extending, at: turn) {
                return found
            }
            obstacle = .fetch(handle, extends: extending)
            return nil
        }
    }

    /// The verdict in the place of one that was made without the session.
    mutating func resolve(
        _ obstacle: Obstacle, _ request: borrowing Request, _ inquiry: borrowing Inquiry,
        _ facts: borrowing RequestFacts
    ) -> Verdict {
        switch obstacle {
        case .fetch(let handle, let extends):
            .suspend(
                .fetchSession(
                    FetchIntent(
                        asked: asked(request, inquiry, facts), handle: handle, extends: extends)))
        case .unavailable: refuse(.storeUnavailable, request, inquiry, facts)
        case .otherNode: refuse(.keptElsewhere, request, inquiry, facts)
        }
    }
}

// Sessions in cookies that were refreshed here, as one loop knows them.
//
// A refresh makes a new cookie, and the old one goes on for a while, since requests left the browser
// before the new one arrived: until a request has come with the new cookie, and half a minute longer;
// then it is as if absent. So a loop remembers, for a session's remaining life, which generation is the
// newest: also so that an answer that was under way all the while does not bring an older cookie back.

package import Sessions
package import Values

package struct RefreshedSession: Sendable, Equatable {
    /// As in `Session`.
    package let id: [UInt8]
    /// The newest.
    package let generation: UInt32
    /// Until when a cookie of an earlier generation counts.
    package let oldUntil: UnixTime
    /// Whether the new cookie has come with a request.
    package let isReturned: Bool
    /// The session's end: until when it has to be remembered.
    package let until: UnixTime

    package init(
        _ session: Session, oldUntil: UnixTime, isReturned: Bool = false
    ) {
        id = session.id
        generation = session.generation
        self.oldUntil = oldUntil
        self.isReturned = isReturned
        until = session.expires
    }
}

/// A request came with the cookie that a refresh had made.
package struct ReturnedCookie: Sendable, Equatable {
    package let id: [UInt8]
    package let generation: UInt32

    package init(id: [UInt8], generation: UInt32) {
        self.id = id
        self.generation = generation
    }
}

struct RefreshedSessions {
    /// There may be one for each session, in every loop.
    private struct Note {
        /// Of 31 bits, and whether its cookie has come back.
        private var generationAndReturn: UInt32
        private var oldLast: ShortTime
        private let last: ShortTime

        init(_ refreshed: RefreshedSession) {
            generationAndReturn = refreshed.generation << 1 | (refreshed.isReturned ? 1 : 0)
            oldLast = ShortTime(refreshed.oldUntil)
            last = ShortTime(refreshed.until)
        }

        var generation: UInt32 { generationAndReturn >> 1 }
        var isReturned: Bool {
            get { generationAndReturn & 1 == 1 }
            set { generationAndReturn = generation << 1 | (newValue ? 1 : 0) }
        }
        var oldUntil: UnixTime {
            get { oldLast.time }
            set { oldLast = ShortTime(newValue) }
        }
        var until: UnixTime { last.time }
    }

    /// What an entry of the table takes; a table is between three and six eighths full.
    static let octetsOfEntry = MemoryLayout<SessionKey>.stride + MemoryLayout<Note>.stride

    enum Meeting: Equatable { case current, returned, superseded }

    private var notes: [SessionKey: Note] = [:]
    private var sweepsAt = 1024

    var isEmpty: Bool { notes.isEmpty }

    mutating func insert(_ refreshed: RefreshedSession, at now: UnixTime) {
        let key = SessionKey(refreshed.id.span)
        var note = Note(refreshed)
        if let known = notes[key] {
            guard known.generation <= note.generation else { return }
            if known.generation == note.generation {
                note.isReturned = note.isReturned || known.isReturned
                note.oldUntil = min(note.oldUntil, known.oldUntil)
            }
        }
        notes[key] = note
        guard notes.count >= sweepsAt else { return }
        notes = notes.filter { now < $0.value.until }
        sweepsAt = max(1024, notes.count * 2)
    }

    /// A request brought a cookie of this generation.
    mutating func meet(_ key: SessionKey, _ generation: UInt32, at now: UnixTime) -> Meeting {
        guard let note = notes[key] else { return .current }
        if generation < note.generation { return now < note.oldUntil ? .current : .superseded }
        guard !note.isReturned else { return .current }
        notes[key]?.isReturned = true
        return .returned
    }

    /// Whether a newer cookie than this session's has been made.
    func hasNewer(than session: Session) -> Bool {
        guard !notes.isEmpty, let note = notes[SessionKey(session.id.span)] else { return false }
        return session.generation < note.generation
    }
}

extension Gatekeeper {
    /// A session in cookies has been refreshed, or its new cookie has come back to another loop.
    package mutating func note(_ refreshed: RefreshedSession, at now: UnixTime) {
        refreshedSessions.insert(refreshed, at: now)
    }

    /// The new cookies that requests have brought since the last time this was asked.
    package mutating func takeReturned() -> [ReturnedCookie] {
        defer { returned = [] }
        return returned
    }

    /// Whether the session in the view is of a generation that counts no more.
    mutating func isSuperseded(at now: UnixTime) -> Bool {
        guard !refreshedSessions.isEmpty else { return false }
        let key = SessionKey(view.octets.span.extracting(view.id))
        switch refreshedSessions.meet(key, view.generation, at: now) {
        case .current: return false
        case .superseded: return true
        case .returned:
            let id = [UInt8](view.octets.span.extracting(view.id))
            returned.append(ReturnedCookie(id: id, generation: view.generation))
            return false
        }
    }

    /// Whether an answer that leaves now may bring this session's cookie: not where a newer one was made
    /// meanwhile, and not where the session ended, or another login took its place.
    func mayBring(_ session: Session, of provider: Int, under snapshot: Snapshot) -> Bool {
        if session.handle == nil, refreshedSessions.hasNewer(than: session) { return false }
        guard snapshot.realms.indices.contains(provider) else { return false }
        // Of what ends a little later the cookie is not made again either.
        return !endedSessions.contains(
            session, of: snapshot.realms[provider], at: .distantFuture)
    }
}

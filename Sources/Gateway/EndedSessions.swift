// The sessions that are over before their time, as one loop knows them.
//
// A sealed cookie goes on opening after logout, so what has ended is remembered for as long as it
// could have lived: one session by its id; those of a session or a subject at the provider by a digest
// and until when they had begun; all of them by that time alone. Flows announces an ending to every
// loop and waits until each has it here; a request asks without a lock, and where nothing has ended
// lately, without a look-up.

package import Sessions
internal import Values

/// Under which session a request was accepted: what outlives the request asks by this whether the
/// session still lives.
package struct SessionMark: Sendable {
    package let key: SessionKey
    fileprivate let startedAt: UnixTime
    /// The end of its life, whatever happens.
    let expires: UnixTime
    /// An index into the providers of the snapshot that the request was decided under.
    let provider: Int32

    init(_ view: borrowing SessionView, provider: Int) {
        key = SessionKey(view.octets.span.extracting(view.id))
        startedAt = view.startedAt
        expires = view.expires
        self.provider = Int32(truncatingIfNeeded: provider)
    }
}

/// The same for what goes on for long: every name that the session can end under.
package struct SessionWatch: Sendable {
    package let mark: SessionMark
    fileprivate let groups: [SessionGroup]

    init(_ mark: SessionMark, _ groups: [SessionGroup]) {
        self.mark = mark
        self.groups = groups
    }
}

/// 16 random octets, as two words: looking one up makes no array.
package struct SessionKey: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64

    /// Whatever has not 16 octets is the key of no session.
    init(_ id: Span<UInt8>) {
        high = id.count == 16 ? id.bigEndian64(at: 0) : 0
        low = id.count == 16 ? id.bigEndian64(at: 8) : 0
    }

    package init?(octets: [UInt8]) {
        guard octets.count == 16 else { return nil }
        self.init(octets.span)
    }

    package var octets: [UInt8] {
        [high, low].flatMap { word in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) }
        }
    }
}

/// Which sessions an ending is about.
package enum EndedScope: Hashable, Sendable {
    /// By `Session.id`.
    case session([UInt8])
    case group(SessionGroup)
    case everybody
}

struct EndedSessions {
    /// There may be a hundred thousand of them, in every loop.
    private struct Ending {
        private let first: ShortTime
        private let last: ShortTime

        init(from: UnixTime, until: UnixTime) {
            first = ShortTime(from)
            last = ShortTime(until)
        }

        /// One session is refused from then on; of several those that had begun by then.
        var from: UnixTime { first.time }
        var until: UnixTime { last.time }
    }

    /// What an entry of the table takes; a table is between three and six eighths full.
    static let octetsOfEntry = MemoryLayout<SessionKey>.stride + MemoryLayout<Ending>.stride

    private var endings: [SessionKey: Ending] = [:]
    private var groups: [SessionGroup: Ending] = [:]
    private var hints: Set<UInt32> = []
    private var everybody: Ending?
    private var sweepsAt = 1024

    mutating func insert(_ scope: EndedScope, from: UnixTime, until: UnixTime) {
        switch scope {
        case .session(let id):
            let key = SessionKey(id.span)
            let known = endings[key]
            // Of two endings of one session the earlier counts.
            endings[key] = Ending(
                from: min(from, known?.from ?? from), until: max(until, known?.until ?? until))
        case .group(let group):
            groups[group] = Self.later(Ending(from: from, until: until), groups[group])
            hints.insert(group.hint)
        case .everybody:
            everybody = Self.later(Ending(from: from, until: until), everybody)
        }
        if endings.count + groups.count >= sweepsAt { sweep(at: from) }
    }

    /// Of two endings of one group the later one is about more sessions.
    private static func later(_ ending: Ending, _ known: Ending?) -> Ending {
        Ending(
            from: max(ending.from, known?.from ?? ending.from),
            until: max(ending.until, known?.until ?? ending.until))
    }

    private mutating func sweep(at now: UnixTime) {
        endings = endings.filter { now < $0.value.until }
        groups = groups.filter { now < $0.value.until }
        hints = Set(groups.keys.map(\.hint))
        sweepsAt = max(1024, (endings.count + groups.count) * 2)
    }

    private var isEmpty: Bool { endings.isEmpty && groups.isEmpty && everybody == nil }

    func contains(
        _ view: borrowing SessionView, of realm: @autoclosure () -> SessionRealm, at now: UnixTime
    ) -> Bool {
        guard !isEmpty else { return false }
        if let everybody, view.startedAt <= everybody.from { return true }
        if !endings.isEmpty, hasEnded(SessionKey(view.octets.span.extracting(view.id)), at: now) {
            return true
        }
        guard !groups.isEmpty else { return false }
        return isInGroup(view, realm())
    }

    func contains(_ session: Session, of realm: SessionRealm, at now: UnixTime) -> Bool {
        if let everybody, session.startedAt <= everybody.from { return true }
        if hasEnded(SessionKey(session.id.span), at: now) { return true }
        return session.groups(of: realm).contains { hasEnded($0, startedAt: session.startedAt) }
    }

    func contains(_ watch: SessionWatch, at now: UnixTime) -> Bool {
        guard !isEmpty else { return false }
        if let everybody, watch.mark.startedAt <= everybody.from { return true }
        return hasEnded(watch.mark.key, at: now)
            || watch.groups.contains { hasEnded($0, startedAt: watch.mark.startedAt) }
    }

    private func hasEnded(_ key: SessionKey, at now: UnixTime) -> Bool {
        guard let ending = endings[key] else { return false }
        return ending.from <= now
    }

    private func hasEnded(_ group: SessionGroup, startedAt: UnixTime) -> Bool {
        guard let ending = groups[group] else { return false }
        return startedAt <= ending.from
    }

    /// A digest is made only for a session whose hint is known.
    private func isInGroup(_ view: borrowing SessionView, _ realm: SessionRealm) -> Bool {
        let subject = view.octets.span.extracting(view.subject)
        if isInGroup(.subject, subject, realm, view.startedAt) { return true }
        guard let range = view.providerSessionID else {
            return isInGroup(.subjectWithoutSession, subject, realm, view.startedAt)
        }
        return isInGroup(
            .providerSession, view.octets.span.extracting(range), realm, view.startedAt)
    }

    private func isInGroup(
        _ kind: SessionGroup.Kind, _ text: Span<UInt8>, _ realm: SessionRealm,
        _ startedAt: UnixTime
    ) -> Bool {
        guard hints.contains(SessionGroup.hint(kind, text, of: realm)) else { return false }
        return hasEnded(SessionGroup(kind, text, of: realm), startedAt: startedAt)
    }
}

extension Session {
    /// Every group that the session is in.
    func groups(of realm: SessionRealm) -> [SessionGroup] {
        SessionGroup.all(
            subject: Array(subject.utf8), session: providerSessionID.map { Array($0.utf8) },
            of: realm)
    }
}

extension SessionGroup {
    /// - Parameter session: its `sid`, where it has one.
    static func all(
        subject: [UInt8], session: [UInt8]?, of realm: SessionRealm
    ) -> [SessionGroup] {
        let rest =
            session.map { SessionGroup(.providerSession, $0.span, of: realm) }
            ?? SessionGroup(.subjectWithoutSession, subject.span, of: realm)
        return [SessionGroup(.subject, subject.span, of: realm), rest]
    }
}

// The sessions that are over before their time, as one loop knows them.
//
// A sealed cookie goes on opening after logout, so what has ended is remembered for as long as it
// could have lived. Flows announces an ending to every loop and waits until each has it here; a
// request asks without a lock, and where nothing has ended lately, without a look-up.

internal import Sessions
internal import Values

/// Under which session a request was accepted: what outlives the request asks by this whether the
/// session still lives.
package struct SessionMark: Sendable {
    fileprivate let key: SessionKey
    /// The end of its life, whatever happens.
    let expires: UnixTime

    init(_ view: borrowing SessionView) {
        key = SessionKey(view.octets[view.id])
        expires = view.expires
    }
}

/// 16 random octets, as two words: looking one up makes no array.
private struct SessionKey: Hashable {
    let high: UInt64
    let low: UInt64

    init(_ id: some Collection<UInt8>) {
        var words: (UInt64, UInt64) = (0, 0)
        for octet in id.prefix(8) { words.0 = words.0 << 8 | UInt64(octet) }
        for octet in id.dropFirst(8).prefix(8) { words.1 = words.1 << 8 | UInt64(octet) }
        (high, low) = words
    }
}

struct EndedSessions {
    private struct Ending {
        var from: UnixTime
        var until: UnixTime
    }

    private var endings: [SessionKey: Ending] = [:]
    private var sweepsAt = 1024

    /// Of two endings of one session the earlier counts.
    mutating func insert(_ id: [UInt8], from: UnixTime, until: UnixTime) {
        let key = SessionKey(id)
        let known = endings[key]
        endings[key] = Ending(
            from: min(from, known?.from ?? from), until: max(until, known?.until ?? until))
        guard endings.count >= sweepsAt else { return }
        endings = endings.filter { from < $0.value.until }
        sweepsAt = max(1024, endings.count * 2)
    }

    func contains(_ view: borrowing SessionView, at now: UnixTime) -> Bool {
        guard !endings.isEmpty else { return false }
        return contains(SessionMark(view), at: now)
    }

    func contains(_ session: SessionMark, at now: UnixTime) -> Bool {
        guard let ending = endings[session.key] else { return false }
        return ending.from <= now
    }
}

// Refreshes under way and their recent results, once a process: however many requests and loops ask,
// a session's refresh token is sent once (RFC 9700 §4.14: a token used twice looks stolen).
//
// The result outlives the flight: requests that left the browser before its new cookie arrived still
// bring the old one, and get the new token and the cookie again. Once the result is no longer kept, an
// old cookie is as if absent; what it holds is never sent again.

internal import Gateway
internal import Sessions
internal import Synchronization
internal import Values

final class RefreshDesk: Sendable {
    enum Result: Sendable {
        case renewed(Session)
        /// The refresh token counts as spent; the session goes on without one.
        case spent(Session)
        /// The provider refused, or somebody signed out: the session is over.
        case ended
        /// The cookie is of an earlier generation, and nobody should have it any more.
        case superseded
        /// Nothing is known to have changed; worth another try later.
        case failed
        /// Nothing was tried: the store does not answer, or another node is still at work.
        case putOff
    }

    /// One session's refreshes.
    final class Entry: Sendable {
        fileprivate struct State {
            /// The generation whose refresh token was sent last, and what came of it.
            var latest: (generation: UInt32, result: Result, keptUntil: UnixTime)?
            var endedFrom: UnixTime?
            var failures = 0
            var pause: Range<UnixTime>?
        }

        fileprivate let state = Mutex(State())
        fileprivate let flight = SingleFlight<Result>()

        var isRefreshing: Bool { flight.isUnderWay }

        /// What is known without asking the provider; `nil` where it is to be asked.
        func result(for session: Session, at now: UnixTime) -> Result? {
            state.withLock { state in
                if let ended = state.endedFrom, ended <= now { return .ended }
                guard let latest = state.latest, session.generation <= latest.generation else {
                    return nil
                }
                return now < latest.keptUntil ? latest.result : .superseded
            }
        }

        /// Whether a failure is recent enough that another try would only add to it.
        func isPausing(at now: UnixTime) -> Bool {
            state.withLock { $0.pause?.contains(now) ?? false }
        }

        /// Refreshes, or waits for the refresh under way.
        /// - Parameter drop: is given a session that was renewed after it had ended.
        func refresh(
            _ session: Session, now: @Sendable () -> UnixTime, _ work: () async -> Result,
            drop: (Session) -> Void
        ) async -> Result {
            await flight.run {
                // Between the caller's look and this one another may have done it, or tried to.
                if let result = self.result(for: session, at: now()) { return result }
                if self.isPausing(at: now()) { return .failed }
                let result = await work()
                let kept = self.keep(result, of: session, at: now())
                if case (.renewed(let late), .ended) = (result, kept) { drop(late) }
                return kept
            }
        }

        /// The result as it counts: of a session that has ended meanwhile, nothing does.
        private func keep(_ result: Result, of session: Session, at now: UnixTime) -> Result {
            state.withLock { state in
                if let ended = state.endedFrom, ended <= now { return .ended }
                switch result {
                case .failed:
                    state.failures += 1
                    // 1, 2, 4, 8, then 10 seconds.
                    let seconds = min(10, 1 << min(state.failures - 1, 4))
                    state.pause = now..<now + .seconds(seconds)
                case .renewed(let newest), .spent(let newest):
                    // Another node may have been ahead by more than one.
                    let sent = max(session.generation, newest.generation &- 1)
                    state.settle((sent, result, newest.keptUntil(result, at: now)))
                case .ended:
                    state.settle((session.generation, result, session.expires))
                    state.endedFrom = now
                case .superseded, .putOff: break  // never what the provider's answer comes to
                }
                return result
            }
        }

        fileprivate func returned(_ generation: UInt32, _ until: UnixTime) -> Session? {
            state.withLock { state in
                switch state.latest?.result {
                case .renewed(let newest)?, .spent(let newest)?:
                    guard newest.generation == generation, var latest = state.latest else {
                        return nil
                    }
                    latest.keptUntil = min(until, latest.keptUntil)
                    state.latest = latest
                    return newest
                case .ended, .superseded, .failed, .putOff, nil: return nil
                }
            }
        }

        /// Marks the session as over. What is under way finishes for nobody.
        /// - Returns: its newest form, which need not be the one whose cookie came.
        fileprivate func end(_ session: Session, from: UnixTime) -> Session {
            state.withLock { state in
                state.endedFrom = min(from, state.endedFrom ?? from)
                return switch state.latest?.result {
                case .renewed(let newest)? where newest.generation > session.generation: newest
                case .spent(let newest)? where newest.generation > session.generation: newest
                case .renewed, .spent, .ended, .superseded, .failed, .putOff, nil: session
                }
            }
        }

        /// Lets go of tokens that nobody can ask for any more; that they were sent stays known.
        fileprivate func forget(at now: UnixTime) {
            state.withLock { state in
                guard let latest = state.latest, latest.keptUntil <= now else { return }
                state.latest = (latest.generation, .superseded, latest.keptUntil)
            }
        }
    }

    fileprivate static let keptWithoutEnd = Duration.seconds(300)
    static let entriesMax = 50_000
    private static let sweepEvery = Duration.seconds(30)

    private struct State {
        var entries: [[UInt8]: (entry: Entry, until: UnixTime, usedAt: UnixTime)] = [:]
        var sweptAt = UnixTime(seconds: 0)
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.entries.count } }

    func entry(of session: Session, at now: UnixTime) -> Entry {
        state.withLock { state in
            if let known = state.entries[session.id] {
                state.entries[session.id]?.usedAt = now
                return known.entry
            }
            if state.entries.count >= Self.entriesMax
                || !(state.sweptAt <= now && now < state.sweptAt + Self.sweepEvery)
            {
                Self.sweep(&state, at: now)
            }
            let entry = Entry()
            state.entries[session.id] = (entry, session.expires, now)
            return entry
        }
    }

    /// The cookie of the latest result has come back: old ones get it a little longer, and no more.
    /// - Returns: the newest session, where that is what came back.
    func returned(_ cookie: ReturnedCookie, keptUntil until: UnixTime) -> Session? {
        state.withLock { $0.entries[cookie.id]?.entry }?.returned(cookie.generation, until)
    }

    /// Notes that a session is over, so that a refresh which is under way, or asked for by a request
    /// that was let in before, brings nobody a token.
    /// - Returns: the session's newest form, whose refresh token is the one to revoke.
    func end(_ session: Session, from: UnixTime, at now: UnixTime) -> Session {
        guard session.refreshToken != nil else { return session }
        return entry(of: session, at: now).end(session, from: from)
    }

    /// Forgets ended sessions and old tokens, and in a flood also the sessions that have not asked for
    /// longest: a quarter at a time, so that the next sweep is far. What is under way stays.
    private static func sweep(_ state: inout State, at now: UnixTime) {
        state.sweptAt = now
        state.entries = state.entries.filter { now < $0.value.until || $0.value.entry.isRefreshing }
        for (entry, _, _) in state.entries.values { entry.forget(at: now) }
        guard state.entries.count >= entriesMax else { return }
        let idle = state.entries.filter { !$0.value.entry.isRefreshing }
        for (id, _) in idle.sorted(by: { $0.value.usedAt < $1.value.usedAt })
            .prefix(entriesMax / 4)
        {
            state.entries[id] = nil
        }
    }
}

extension RefreshDesk.Entry.State {
    fileprivate mutating func settle(
        _ latest: (generation: UInt32, result: RefreshDesk.Result, keptUntil: UnixTime)
    ) {
        failures = 0
        pause = nil
        self.latest = latest
    }
}

extension Session {
    /// How long an old cookie gets this result, unless the new cookie comes back before.
    func keptUntil(_ result: RefreshDesk.Result, at now: UnixTime) -> UnixTime {
        guard case .renewed = result else { return expires }
        return min(accessTokenExpires ?? now + RefreshDesk.keptWithoutEnd, expires)
    }
}

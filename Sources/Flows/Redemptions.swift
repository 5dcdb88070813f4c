// Which logins have spent their code. A browser repeats a callback (a double click, a tab restored, a
// proxy that retries), and a code spent twice makes a provider revoke what the first one gave
// (RFC 6749 §4.1.2): so a copy waits for the first and gets the same answer.

internal import Cryptography
internal import Gateway
internal import Sessions
internal import Synchronization
internal import Values

/// How a login's one redemption ended.
struct Redemption: Sendable {
    let answer: Answer
    /// Not where nothing can have reached the provider: a copy of the callback may then try again.
    let isSpent: Bool
    /// Whether the browser was given a session.
    let isSignedIn: Bool
}

/// A login that ended with a session, less than a minute ago.
struct FinishedLogin: Equatable, Sendable {
    let returnTo: String
    /// The name of the provider it went to.
    let provider: String
    /// It took the place of one that had ended well for nothing, or had lost its cookie.
    let isRepeated: Bool
}

final class Redemptions: Sendable {
    /// How long a copy of the callback gets the first one's answer.
    private static let answerKept = Duration.seconds(30)
    /// How long the cookie of a finished login stays with the browser.
    static let markKept = Duration.seconds(60)
    static let entriesMax = 50_000

    private final class Entry: Sendable {
        struct Ending {
            /// With its cookies; `nil` once no copy gets it any more.
            var answer: Answer?
            let isSignedIn: Bool
            let at: UnixTime
        }

        /// The code's SHA-256: whoever writes the callback chooses the code's length.
        let codeDigest: [UInt8]
        let finished: FinishedLogin
        let began: UnixTime
        /// From then on the login's cookie is overdue, and spends no code.
        let until: UnixTime
        let flight = SingleFlight<Answer>()
        let ending = Mutex<Ending?>(nil)

        init(codeDigest: [UInt8], _ finished: FinishedLogin, began: UnixTime, until: UnixTime) {
            self.codeDigest = codeDigest
            self.finished = finished
            self.began = began
            self.until = until
        }

        func answer(at now: UnixTime) -> Answer?? {
            ending.withLock { ending in
                ending.map { now < $0.at + Redemptions.answerKept ? $0.answer : nil }
            }
        }

        func dropAnswer(at now: UnixTime) {
            ending.withLock { ending in
                if let at = ending?.at, at + Redemptions.answerKept <= now { ending?.answer = nil }
            }
        }
    }

    private struct State {
        var entries: [LoginID: Entry] = [:]
        var sweptAt = UnixTime(seconds: 0)
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.entries.count } }

    /// The answer to a callback: `redeem`'s, for the first; the first one's, for a copy; `nil` for a
    /// late copy and for another code.
    /// - Parameter until: when the login is overdue.
    func once(
        _ login: LoginID, _ code: String, _ finished: FinishedLogin, until: UnixTime,
        now: @Sendable () -> UnixTime, _ redeem: () async -> Redemption
    ) async -> Answer? {
        let digest = SHA256.digest(Array(code.utf8).span)
        let entry = entry(of: login, digest, finished, until: until, at: now())
        guard entry.codeDigest == digest else { return nil }
        if let known = entry.answer(at: now()) { return known }
        return await entry.flight.run {
            // Between the look above and this one the first may have ended.
            if let answer = entry.answer(at: now()) ?? nil { return answer }
            let redemption = await redeem()
            guard redemption.isSpent else { return redemption.answer }
            entry.ending.withLock {
                $0 = Entry.Ending(
                    answer: redemption.answer, isSignedIn: redemption.isSignedIn, at: now())
            }
            return redemption.answer
        }
    }

    /// `nil` for a login that is unknown, has not ended with a session, or did so a minute ago.
    func finished(_ login: LoginID, at now: UnixTime) -> FinishedLogin? {
        guard let entry = state.withLock({ $0.entries[login] }),
            let ending = entry.ending.withLock({ $0 }), ending.isSignedIn,
            now < ending.at + Self.markKept
        else { return nil }
        return entry.finished
    }

    private func entry(
        of login: LoginID, _ codeDigest: [UInt8], _ finished: FinishedLogin, until: UnixTime,
        at now: UnixTime
    ) -> Entry {
        state.withLock { state in
            if let entry = state.entries[login] { return entry }
            if state.entries.count >= Self.entriesMax
                || !(state.sweptAt <= now && now < state.sweptAt + Self.answerKept)
            {
                Self.sweep(&state, at: now)
            }
            let entry = Entry(codeDigest: codeDigest, finished, began: now, until: until)
            state.entries[login] = entry
            return entry
        }
    }

    /// Forgets what no callback can ask for any more, and in a flood also what is oldest: a quarter at
    /// a time, so that the next sweep is far. What is under way stays, whatever its age.
    private static func sweep(_ state: inout State, at now: UnixTime) {
        state.sweptAt = now
        state.entries = state.entries.filter { now <= $0.value.until || $0.value.flight.isUnderWay }
        for entry in state.entries.values { entry.dropAnswer(at: now) }
        guard state.entries.count >= entriesMax else { return }
        let idle = state.entries.filter { !$0.value.flight.isUnderWay }
        for (login, _) in idle.sorted(by: { $0.value.began < $1.value.began })
            .prefix(entriesMax / 4)
        {
            state.entries[login] = nil
        }
    }
}

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
}

final class Redemptions: Sendable {
    /// How long a copy of the callback gets the first one's answer.
    private static let answerKept = Duration.seconds(30)
    static let entriesMax = 50_000

    private final class Entry: Sendable {
        struct Ending {
            /// With its cookies; `nil` once no copy gets it any more.
            var answer: Answer?
            let at: UnixTime
        }

        /// The code's SHA-256: whoever writes the callback chooses the code's length.
        let codeDigest: [UInt8]
        let began: UnixTime
        /// From then on the login's cookie is overdue, and spends no code.
        let until: UnixTime
        let flight = SingleFlight<Answer>()
        let ending = Mutex<Ending?>(nil)

        init(codeDigest: [UInt8], began: UnixTime, until: UnixTime) {
            self.codeDigest = codeDigest
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
    /// - Parameters:
    ///   - hasEnded: its cookie says so: then, where this process knows nothing of it, another did it.
    ///   - until: when the login is overdue.
    func once(
        _ login: LoginID, _ code: String, hasEnded: Bool = false, until: UnixTime,
        now: @Sendable () -> UnixTime, _ redeem: () async -> Redemption
    ) async -> Answer? {
        let digest = SHA256.digest(Array(code.utf8).span)
        guard
            let entry = entry(
                of: login, digest, hasEnded: hasEnded, until: until, at: now()),
            entry.codeDigest == digest
        else { return nil }
        if let known = entry.answer(at: now()) { return known }
        return await entry.flight.run {
            // Between the look above and this one the first may have ended.
            if let answer = entry.answer(at: now()) ?? nil { return answer }
            let redemption = await redeem()
            guard redemption.isSpent else { return redemption.answer }
            entry.ending.withLock {
                $0 = Entry.Ending(answer: redemption.answer, at: now())
            }
            return redemption.answer
        }
    }

    private func entry(
        of login: LoginID, _ codeDigest: [UInt8], hasEnded: Bool, until: UnixTime, at now: UnixTime
    ) -> Entry? {
        state.withLock { state in
            if let entry = state.entries[login] { return entry }
            guard !hasEnded else { return nil }
            if state.entries.count >= Self.entriesMax
                || !(state.sweptAt <= now && now < state.sweptAt + Self.answerKept)
            {
                Self.sweep(&state, at: now)
            }
            let entry = Entry(codeDigest: codeDigest, began: now, until: until)
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

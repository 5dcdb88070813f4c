// A document of a provider's that is kept: read once by whoever needs it first, read again in the
// background when it has aged, served stale while it cannot be read.

internal import Synchronization
internal import Values

final class KeptDocument<Document: Sendable>: Sendable {
    /// One reading, by a number of its own: who finds its content wanting says which one it was.
    struct Edition: Sendable {
        let document: Document
        let number: Int
        let readAt: UnixTime
    }

    private struct State {
        var edition: Edition?
        var failure: (why: DirectoryFailure, at: UnixTime)?
        var askedAgainAt: UnixTime?
        var askedForStrangerAt: UnixTime?
    }

    /// Oracle advises an hour; providers that rotate more often publish keys before they sign.
    private static var refreshAfter: Duration { .seconds(3600) }
    private static var failureKept: Duration { .seconds(1) }
    private static var againAfter: Duration { .seconds(60) }

    typealias Fetch = @Sendable () async throws(DirectoryFailure) -> Document

    private let state = Mutex(State())
    private let flight = SingleFlight<Result<Edition, DirectoryFailure>>()

    /// What went wrong, while there is nothing to serve.
    var trouble: String? {
        state.withLock { $0.edition == nil ? $0.failure?.why.sentence ?? "not read yet" : nil }
    }

    func value(
        in environment: FlowEnvironment, _ fetch: @escaping Fetch
    ) async throws(DirectoryFailure) -> Edition {
        let now = environment.now()
        let known = state.withLock { $0 }
        if let edition = known.edition {
            // A clock that was set back makes the document no younger.
            let isOld = !Self.isWithin(Self.refreshAfter, of: edition.readAt, now)
            let hasFailed = Self.isWithin(Self.againAfter, of: known.failure?.at, now)
            if isOld, !hasFailed, !flight.isUnderWay {
                environment.start { _ = await self.read(environment, fetch) }
            }
            return edition
        }
        if let failure = known.failure, Self.isWithin(Self.failureKept, of: failure.at, now) {
            throw failure.why
        }
        return try await read(environment, fetch).get()
    }

    /// A later edition than one that does not seem to be true any more: the one that somebody else has
    /// asked for meanwhile, else a new reading; `nil` when that was tried less than a minute ago, or
    /// did not work.
    /// - Parameter isStranger: whether anybody could have brought about the question. It has a minute of
    ///   its own, so that no stranger can keep a login from seeing new keys.
    func edition(
        after number: Int, forStranger isStranger: Bool = false, in environment: FlowEnvironment,
        _ fetch: @escaping Fetch
    ) async -> Edition? {
        let now = environment.now()
        let (newer, mayAsk) = state.withLock { state -> (Edition?, Bool) in
            if let edition = state.edition, edition.number > number { return (edition, false) }
            let askedAt = isStranger ? state.askedForStrangerAt : state.askedAgainAt
            guard !Self.isWithin(Self.againAfter, of: askedAt, now) else { return (nil, false) }
            if isStranger { state.askedForStrangerAt = now } else { state.askedAgainAt = now }
            return (nil, true)
        }
        if let newer { return newer }
        // When keys change, many logins find out at once: all of them wait for the one reading.
        let result = mayAsk ? await read(environment, fetch) : await flight.join()
        switch result {
        case .success(let edition)?: return edition.number > number ? edition : nil
        case .failure?: return nil
        case nil:
            // It may have ended between the two looks.
            return state.withLock { state in state.edition.flatMap { $0.number > number ? $0 : nil }
            }
        }
    }

    private func read(
        _ environment: FlowEnvironment, _ fetch: @escaping Fetch
    ) async -> Result<Edition, DirectoryFailure> {
        await flight.run {
            do throws(DirectoryFailure) {
                let document = try await fetch()
                let now = environment.now()
                let edition = self.state.withLock { state in
                    let edition = Edition(
                        document: document, number: (state.edition?.number ?? 0) &+ 1, readAt: now)
                    state.edition = edition
                    state.failure = nil
                    return edition
                }
                return .success(edition)
            } catch {
                let now = environment.now()
                self.state.withLock { $0.failure = (error, now) }
                return .failure(error)
            }
        }
    }

    private static func isWithin(_ span: Duration, of time: UnixTime?, _ now: UnixTime) -> Bool {
        guard let time else { return false }
        return time <= now && now < time + span
    }
}

// The front of the room of what waits: discovery, login, callback, refresh, logout.
//
// Gateway hands out `Work`; a flow does it as ordinary async code on the loop of the request, always
// with a deadline and a bound on what it reads, and gives an `Outcome` back. A flow belongs to the
// process: when its client goes, only the waiting ends. Making requests and judging answers is
// OpenID's; what a page or cookie looks like is Gateway's and Sessions'.

package import Gateway
package import Sessions
package import Telemetry
package import Values

/// What a flow is handed by the loop it runs on.
package struct FlowEnvironment: Sendable {
    package let client: any HTTPClient
    /// `nil` where none is configured.
    package let redis: (any RedisClient)?
    package let now: @Sendable () -> UnixTime
    /// Starts work that nobody waits for, on the same loop.
    package let start: @Sendable (@escaping @Sendable () async -> Void) -> Void
    /// Whether a session of a provider (an index) has been ended, as the loop knows.
    package let hasEnded: @Sendable (Session, Int) -> Bool
    package let pause: @Sendable (Duration) async -> Void

    package init(
        client: any HTTPClient, redis: (any RedisClient)? = nil,
        now: @escaping @Sendable () -> UnixTime,
        start: @escaping @Sendable (@escaping @Sendable () async -> Void) -> Void,
        pause: @escaping @Sendable (Duration) async -> Void,
        hasEnded: @escaping @Sendable (Session, Int) -> Bool = { _, _ in false }
    ) {
        self.client = client
        self.redis = redis
        self.now = now
        self.start = start
        self.hasEnded = hasEnded
        self.pause = pause
    }
}

/// What the request that waited gets.
package enum Outcome: Sendable {
    case answer(Answer)
    /// Decide again, knowing this.
    case proceed(KnownSession)
}

package final class Flows: Sendable {
    package let directory: ProviderDirectory
    let redemptions = Redemptions()
    let refreshes = RefreshDesk()
    let renewals = RenewalThrottle()
    let loads = ProviderLoads()
    package let spentTokens = SpentTokens()
    package let sharedSightings = SharedSightings()
    let logoutTokens = LogoutTokensSeen()
    let unprovenLogouts = UnprovenLogouts()
    package let storeHealth: StoreHealth
    package let sharedEndings = SharedEndings()
    let log: Log
    let tally: Tally
    /// Makes every loop refuse these sessions; returns when all of them do.
    let announceEnded: @Sendable ([EndedSession]) async -> Void

    /// Tells every loop of a newer cookie; returns when all of them know.
    let announceRefreshed: @Sendable (RefreshedSession) async -> Void
    /// Writes a refresh token's digest down before it is sent, where something outlives the process.
    let recordSpent: @Sendable ([UInt8], UnixTime) async -> Void

    package init(
        log: Log, tally: Tally,
        announceEnded: @escaping @Sendable ([EndedSession]) async -> Void,
        announceRefreshed: @escaping @Sendable (RefreshedSession) async -> Void = { _ in },
        recordSpent: @escaping @Sendable ([UInt8], UnixTime) async -> Void = { _, _ in }
    ) {
        self.announceRefreshed = announceRefreshed
        self.recordSpent = recordSpent
        self.log = log
        self.tally = tally
        let shared = sharedEndings
        self.announceEnded = { sessions in
            await announceEnded(sessions)
            shared.add(sessions)
        }
        directory = ProviderDirectory(log: log, tally: tally)
        storeHealth = StoreHealth(log: log)
    }

    /// Ends sessions, for refreshes that are under way too.
    /// - Returns: each in its newest form, whose refresh token is the one to revoke.
    func end(
        _ sessions: [Session], from: UnixTime, at now: UnixTime
    ) async -> [Session] {
        let newest = sessions.map { refreshes.end($0, from: from, at: now) }
        await announceEnded(sessions.map { EndedSession($0, from: from) })
        return newest
    }

    package func perform(
        _ work: Work, under snapshot: Snapshot, in environment: FlowEnvironment
    ) async -> Outcome {
        switch work {
        case .beginLogin(let intent): await beginLogin(intent, snapshot, environment)
        case .completeLogin(let intent): await completeLogin(intent, snapshot, environment)
        case .refresh(let intent): await refresh(intent, snapshot, environment)
        case .logout(let intent): await logout(intent, snapshot, environment)
        case .backchannelLogout(let intent):
            await backchannelLogout(intent, snapshot, environment)
        case .frontchannelLogout(let intent):
            await frontchannelLogout(intent, snapshot, environment)
        case .fetchSession(let intent): await fetchSession(intent, snapshot, environment)
        }
    }
}

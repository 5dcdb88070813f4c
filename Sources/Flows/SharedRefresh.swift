// A refresh among several nodes: under the store's lock, with a result that the others get.

internal import Configuration
internal import Gateway
internal import Redis
internal import Sessions
internal import Telemetry
internal import Values

extension Flows {
    private static let waitsMax = Duration.seconds(60)
    private static let asksEvery = Duration.milliseconds(100)
    private static let resultName = "refresh"

    /// `nil` where no other node can have the session's refresh token.
    func lock(
        of session: Session, _ snapshot: Snapshot, _ environment: FlowEnvironment
    ) -> RefreshLock? {
        guard snapshot.configuration.session.redis != nil, let redis = environment.redis else {
            return nil
        }
        if let handle = session.handle, handle.place != .redis { return nil }
        return RefreshLock(session, redis)
    }

    /// Refreshes under the lock, or waits for the node that does.
    func refresh(
        _ session: Session, under lock: RefreshLock, _ snapshot: Snapshot,
        _ environment: FlowEnvironment, _ work: () async -> RefreshDesk.Result
    ) async -> RefreshDesk.Result {
        let began = environment.now()
        do throws(RedisFailure) {
            while true {
                switch try await lock.take(at: environment.now()) {
                case .yours:
                    let result = await work()
                    await finish(lock, result, snapshot, environment)
                    return result
                case .lost:
                    let spent = session.withoutRefreshToken(at: environment.now())
                    let result = RefreshDesk.Result.spent(spent)
                    await finish(lock, result, snapshot, environment)
                    return result
                case .done(let octets):
                    return await shared(octets, session, snapshot, environment)
                case .ended: return .ended
                case .wait:
                    guard environment.now() < began + Self.waitsMax else { return .putOff }
                    await environment.pause(Self.asksEvery)
                }
            }
        } catch { return .putOff }  // the store's health has been said where it was found
    }

    /// Says what came of it. Should the store be away just now, it is told as soon as it is back.
    private func finish(
        _ lock: RefreshLock, _ result: RefreshDesk.Result, _ snapshot: Snapshot,
        _ environment: FlowEnvironment
    ) async {
        let now = environment.now()
        var ending = RefreshLock.Ending.done
        var octets: [UInt8] = []
        var keptFor = Duration.zero
        switch result {
        case .renewed(let session), .spent(let session):
            octets = sealed(session, snapshot, at: now)
            keptFor = now.duration(to: session.keptUntil(result, at: now))
        case .failed, .putOff: ending = .notSent
        case .ended, .superseded: ending = .ended
        }
        do throws(RedisFailure) {
            try await lock.finish(ending, result: octets, keptFor: keptFor, at: now)
        } catch {
            let (octets, keptFor, ending) = (octets, keptFor, ending)
            environment.start {
                for _ in 0..<120 {
                    await environment.pause(.milliseconds(500))
                    do throws(RedisFailure) {
                        return try await lock.finish(
                            ending, result: octets, keptFor: keptFor, at: environment.now())
                    } catch {}  // its health is said where it is asked
                }
            }
        }
    }

    /// Of a session that redis has, the place; of another all of it.
    private func sealed(_ session: Session, _ snapshot: Snapshot, at now: UnixTime) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        let plaintext = session.handle?.encoded() ?? session.encoded()
        return Sealer(snapshot.ring).seal(
            plaintext.span, for: .store, named: Self.resultName, at: now, using: &generator)
    }

    /// What another node's refresh came to.
    private func shared(
        _ octets: [UInt8]?, _ session: Session, _ snapshot: Snapshot,
        _ environment: FlowEnvironment
    ) async -> RefreshDesk.Result {
        var newest: Session?
        if let octets {
            var plaintext: [UInt8] = []
            let opened = Sealer(snapshot.ring).open(
                octets.span, for: .store, named: Self.resultName, appendingTo: &plaintext,
                at: environment.now())
            // Under a key that has not been read here yet it is tried again with the next request.
            guard opened != nil else { return .putOff }
            if let handle = SessionHandle(decoding: plaintext.span) {
                newest = await entry(of: handle, environment)
            } else {
                newest = Session(decoding: plaintext)
            }
        } else if let handle = session.handle {
            newest = await entry(of: handle, environment)
        }
        guard let newest, newest.generation > session.generation else { return .superseded }
        return newest.refreshToken == nil ? .spent(newest) : .renewed(newest)
    }

    private func entry(of handle: SessionHandle, _ environment: FlowEnvironment) async -> Session? {
        guard handle.place == .redis,
            let reply = try? await environment.redis?.call(  // said where the store is asked
                RedisCommand("GET", handle.redisKey), key: handle.redisKey),
            let entry = reply.octets
        else { return nil }
        var plaintext = OctetWriter()
        guard handle.open(entry, appendingTo: &plaintext) else { return nil }
        var session = Session(decoding: [UInt8](plaintext.span))
        session?.handle = handle
        return session
    }
}

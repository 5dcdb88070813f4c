// Where a session is kept: in its cookies, in this process, or in the store that nodes share.
//
// A session that its cookies cannot hold is kept on this side by itself, in redis where that is
// configured. What a store holds is sealed with a key that is in the cookie alone (`SessionHandle`).

internal import Configuration
internal import Gateway
internal import HTTP
internal import Redis
internal import Sessions
internal import Values

/// Why a session could not be kept.
enum KeepingFailure: Error {
    /// Past every limit there is.
    case tooLarge(octets: Int)
    case memoryFull
    case unavailable(RedisFailure)
    /// It was in a store, and has ended there.
    case ended
}

extension Flows {
    /// Keeps a new session, or what a refresh made of one.
    /// - Returns: the session, which knows its handle where a store has it now.
    func keep(
        _ session: Session, of provider: Int, _ snapshot: Snapshot,
        _ environment: FlowEnvironment, at now: UnixTime
    ) async throws(KeepingFailure) -> Session {
        if let handle = session.handle {
            try await replace(session, handle, snapshot, environment, at: now)
            return session
        }
        if snapshot.configuration.session.storage == .cookie,
            snapshot.fitsCookies(session, of: provider)
        {
            return session
        }
        let octets = session.encoded().count
        guard octets <= SessionHandle.plaintextOctetsMax else {
            throw .tooLarge(octets: octets)
        }
        var generator = SystemRandomNumberGenerator()
        let handle = SessionHandle(
            snapshot.keepingPlace, expires: session.expires, using: &generator)
        try await put(session, handle, snapshot, environment, at: now)
        var kept = session
        kept.handle = handle
        return kept
    }

    private func put(
        _ session: Session, _ handle: SessionHandle, _ snapshot: Snapshot,
        _ environment: FlowEnvironment, at now: UnixTime
    ) async throws(KeepingFailure) {
        var generator = SystemRandomNumberGenerator()
        let entry = handle.seal(session, using: &generator)
        switch handle.place {
        case .memory:
            let hasRoom = snapshot.memory.put(
                entry, as: handle.entryName, expires: session.expires,
                idleTimeout: snapshot.configuration.session.idleTimeout, at: now)
            guard hasRoom else { throw .memoryFull }
        case .redis:
            _ = try await ask(
                RedisCommand(
                    "SET", handle.redisKey, entry, Array("PX".utf8),
                    handle.redisLife(snapshot, at: now)), handle, environment)
        }
    }

    /// Of a session that has ended meanwhile nothing is written.
    private func replace(
        _ session: Session, _ handle: SessionHandle, _ snapshot: Snapshot,
        _ environment: FlowEnvironment, at now: UnixTime
    ) async throws(KeepingFailure) {
        var generator = SystemRandomNumberGenerator()
        let entry = handle.seal(session, using: &generator)
        switch handle.place {
        case .memory:
            guard snapshot.memory.replace(handle.entryName, with: entry) else { throw .ended }
        case .redis:
            let reply = try await ask(
                RedisCommand(
                    "SET", handle.redisKey, entry, Array("XX".utf8), Array("PX".utf8),
                    handle.redisLife(snapshot, at: now)), handle, environment)
            if reply == .null { throw .ended }
        }
    }

    private func ask(
        _ command: RedisCommand, _ handle: SessionHandle, _ environment: FlowEnvironment
    ) async throws(KeepingFailure) -> RedisReply {
        guard let redis = environment.redis else {
            throw .unavailable(.unreachable("session.redis is not configured any more"))
        }
        do throws(RedisFailure) {
            return try await redis.call(command, key: handle.redisKey)
        } catch { throw .unavailable(error) }
    }

    /// Lets go of what a store has of sessions that are over, at once or from a little later on. Nobody
    /// waits for it, and nobody is let in by what stays: ended sessions are refused by their id.
    func letGo(
        _ sessions: [Session], from: UnixTime, _ snapshot: Snapshot,
        _ environment: FlowEnvironment, at now: UnixTime
    ) {
        for handle in sessions.compactMap(\.handle) {
            switch handle.place {
            case .memory: snapshot.memory.end(handle.entryName, from: from, at: now)
            case .redis:
                let command =
                    from <= now
                    ? RedisCommand("DEL", handle.redisKey)
                    : RedisCommand(
                        "PEXPIRE", handle.redisKey,
                        [UInt8](decimal: now.duration(to: from).wholeMilliseconds))
                environment.start {
                    // The store says in the log that it is away, and forgets by itself in time.
                    _ = try? await environment.redis?.call(command, key: handle.redisKey)
                }
            }
        }
    }

    /// Whether a session could be kept now: asked before a code is spent for one.
    func storeFailure(
        _ snapshot: Snapshot, _ environment: FlowEnvironment
    ) async -> RedisFailure? {
        guard snapshot.configuration.session.storage == .redis else { return nil }
        guard let redis = environment.redis else { return .unreachable("it is not configured") }
        let probe = Array("gatehouse:probe".utf8)
        do throws(RedisFailure) {
            _ = try await redis.call(RedisCommand("EXISTS", probe), key: probe)
            return nil
        } catch { return error }
    }

    // MARK: Fetching

    /// A request brought the handle of a session that redis has.
    func fetchSession(
        _ intent: FetchIntent, _ snapshot: Snapshot, _ environment: FlowEnvironment
    ) async -> Outcome {
        let handle = intent.handle
        guard let redis = environment.redis else { return .proceed(.unavailable) }
        let now = environment.now()
        let idle = snapshot.configuration.session.idleTimeout
        let second =
            intent.extends
            ? RedisCommand("PEXPIRE", handle.redisKey, handle.redisLife(snapshot, at: now))
            : RedisCommand("PTTL", handle.redisKey)
        do throws(RedisFailure) {
            let replies = try await redis.call(
                [RedisCommand("GET", handle.redisKey), second], key: handle.redisKey)
            var found: MemoryStore.Found?
            if let entry = replies.first?.octets {
                var seenAt = now
                if !intent.extends, let left = replies.last?.integer, left >= 0 {
                    seenAt = now + .milliseconds(left) - idle
                }
                found = MemoryStore.Found(entry: entry, seenAt: min(seenAt, now))
            }
            return .proceed(
                .fetched(
                    FetchedEntry(
                        name: handle.entryName, found: found, extended: intent.extends)))
        } catch { return .proceed(.unavailable) }
    }
}

extension SessionHandle {
    var redisKey: [UInt8] {
        Array("gatehouse:s:\(Hex.encode(entryName.octets.span))".utf8)
    }

    /// Milliseconds: idleness from now on, and no longer than the session.
    fileprivate func redisLife(_ snapshot: Snapshot, at now: UnixTime) -> [UInt8] {
        let life = min(snapshot.configuration.session.idleTimeout, now.duration(to: expires))
        return [UInt8](decimal: max(1, life.wholeMilliseconds))
    }
}

extension Snapshot {
    /// Where a session goes that is not kept in its cookies.
    fileprivate var keepingPlace: SessionHandle.Place {
        switch (configuration.session.storage, configuration.session.redis) {
        case (.memory, _), (.cookie, nil), (.redis, nil): memory.place
        case (.cookie, .some), (.redis, .some): .redis
        }
    }
}

extension Duration {
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}

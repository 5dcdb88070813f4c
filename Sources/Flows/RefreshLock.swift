// Which node may send a session's refresh token, where several share a store.
//
// A refresh token is often good for one use, and a second use looks like theft (RFC 9700 §4.14). So
// before it is sent, a node writes in the store that this generation's token is being sent; whoever
// comes later waits, and gets what came of it. The mark stays for the session's remaining life: a
// token that was ever sent is never sent again, also where the sender died in the middle. Without the
// store's word nothing is sent.
//
// Two entries for a session, in one slot of a cluster: `…:t` has generation, state and who is at work;
// `…:r` what came of it, sealed by the ring, for as long as an old cookie counts. Each step is one
// script, which the server carries out whole.

internal import Cryptography
internal import Redis
internal import Sessions
internal import Values

struct RefreshLock: Sendable {
    enum Taken: Sendable {
        /// Nobody has sent this token, and nobody else will.
        case yours
        /// Somebody is at work.
        case wait
        /// Whoever sent it never said what came of it: the token counts as spent, and is ours to end.
        case lost
        /// It was sent; what came of it, where that is still kept.
        case done([UInt8]?)
        case ended
    }

    /// What is left behind.
    enum Ending: String, Sendable {
        case done = "d"
        case ended = "e"
        /// The token was not read by the provider: it may be sent again.
        case notSent = "f"
    }

    /// Longer than a refresh may take, so that a mark which is older is that of a node which died.
    static let sendingMax = Duration.seconds(75)

    private let redis: any RedisClient
    private let stateKey: [UInt8]
    private let resultKey: [UInt8]
    private let generation: UInt32
    private let expires: UnixTime
    /// Tells this try from every other.
    private let token: [UInt8]

    init(_ session: Session, _ redis: any RedisClient) {
        self.redis = redis
        let name = Self.name(session.id)
        stateKey = Array((name + ":t").utf8)
        resultKey = Array((name + ":r").utf8)
        generation = session.generation
        expires = session.expires
        var generator = SystemRandomNumberGenerator()
        token = Array(Hex.encode(Session.newID(using: &generator).span).utf8)
    }

    private static func name(_ id: [UInt8]) -> String {
        let digest = SHA256.digest((Array("gatehouse refresh\0".utf8) + id).span)
        return "gatehouse:{\(Hex.encode(digest.span.extracting(..<16)))}"
    }

    func take(at now: UnixTime) async throws(RedisFailure) -> Taken {
        let until = now + Self.sendingMax
        let reply = try await redis.call(
            RedisCommand(
                "EVAL", Self.takeScript, [UInt8](decimal: 2), stateKey, resultKey,
                [UInt8](decimal: generation), [UInt8](decimal: now.seconds),
                [UInt8](decimal: until.seconds), life(at: now), token), key: stateKey)
        let members = reply.members ?? []
        switch members.first?.text {
        case "yours": return .yours
        case "wait": return .wait
        case "lost": return .lost
        case "ended": return .ended
        case "done":
            let result = members.dropFirst().first?.octets ?? []
            return .done(result.isEmpty ? nil : result)
        default: throw .refused("an answer of no script of ours")
        }
    }

    /// - Parameters:
    ///   - result: sealed; for others who still bring the old cookie.
    ///   - keptFor: how long they get it.
    func finish(
        _ ending: Ending, result: [UInt8] = [], keptFor: Duration = .zero, at now: UnixTime
    ) async throws(RedisFailure) {
        let seconds = max(1, keptFor.components.seconds)
        _ = try await redis.call(
            RedisCommand(
                "EVAL", Self.finishScript, [UInt8](decimal: 2), stateKey, resultKey,
                [UInt8](decimal: generation), token, Array(ending.rawValue.utf8), life(at: now),
                result, [UInt8](decimal: seconds)), key: stateKey)
    }

    /// The new cookie has come back: what came of it is kept a little longer, and no more.
    static func noteReturned(
        _ id: [UInt8], keptFor: Duration, _ redis: any RedisClient
    ) async throws(RedisFailure) {
        let key = Array((name(id) + ":r").utf8)
        _ = try await redis.call(
            RedisCommand("EXPIRE", key, [UInt8](decimal: keptFor.components.seconds)), key: key)
    }

    private func life(at now: UnixTime) -> [UInt8] {
        [UInt8](decimal: max(1, now.duration(to: expires).components.seconds))
    }

    // The state is `generation state until token`; an older generation than one that was sent has been
    // sent too.
    private static let takeScript = Array(
        """
        local t = redis.call('GET', KEYS[1])
        if t then
            local g, s, u = string.match(t, '^(%d+) (%a) (%d+) ')
            if g and tonumber(g) >= tonumber(ARGV[1]) then
                if s == 'e' then return {'ended'} end
                if s == 's' and tonumber(u) > tonumber(ARGV[2]) then return {'wait'} end
                if s ~= 's' or tonumber(g) > tonumber(ARGV[1]) then
                    return {'done', redis.call('GET', KEYS[2]) or ''}
                end
                redis.call('SET', KEYS[1], g .. ' s ' .. ARGV[3] .. ' ' .. ARGV[5], 'EX', ARGV[4])
                return {'lost'}
            end
        end
        redis.call('SET', KEYS[1], ARGV[1] .. ' s ' .. ARGV[3] .. ' ' .. ARGV[5], 'EX', ARGV[4])
        return {'yours'}
        """.utf8)

    private static let finishScript = Array(
        """
        local t = redis.call('GET', KEYS[1])
        if not t or string.match(t, '^%d+ s %d+ (%x+)$') ~= ARGV[2] then return 0 end
        if ARGV[3] == 'f' and ARGV[1] == '0' then
            redis.call('DEL', KEYS[1])
        elseif ARGV[3] == 'f' then
            redis.call('SET', KEYS[1], (tonumber(ARGV[1]) - 1) .. ' d 0 -', 'EX', ARGV[4])
        else
            redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[3] .. ' 0 -', 'EX', ARGV[4])
            if ARGV[5] ~= '' then redis.call('SET', KEYS[2], ARGV[5], 'EX', ARGV[6]) end
        end
        return 1
        """.utf8)
}

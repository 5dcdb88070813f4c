// What one node ends is ended at every node: through redis, where several share one, within a second.
//
// The endings stand in a stream in the form they have in the state file; each node adds its own and reads
// what came since its last look, three times a second. A node that was away, or has just started, reads
// what it missed; a redis that was away is handed what waited. A stream that is not the one we read from (a
// replica that took over and was behind, a redis that began anew) is read from its start, and handed once
// more what this node ended lately: to be told twice changes nothing. No request waits for any of it.

internal import Configuration
internal import Cryptography
package import Gateway
internal import HTTP
internal import Redis
internal import Synchronization
internal import Values

package final class SharedEndings: Sendable {
    package static let pause = Duration.milliseconds(300)
    static let waitingMax = 65_536
    /// A replica that takes over is behind by less.
    static let recentMax = 4096
    /// In redis.
    private static let entriesMax = 200_000
    private static let readAtOnce = 1000

    private struct State {
        var waiting: [EndedSession] = []
        /// The latest that were handed over.
        var recent: [EndedSession] = []
        var stream: [UInt8] = []
        /// The stream's last entry that was read.
        var last = beginning
        /// The last one that this node added, until it has been read.
        var added = beginning

        /// What stood in the stream does no more.
        mutating func beginAgain(at now: UnixTime) {
            (last, added) = (beginning, beginning)
            waiting = recent.filter { $0.until > now } + waiting
            recent = []
        }
    }
    private static let beginning = Array("0-0".utf8)

    private let state = Mutex(State())

    /// For the other nodes, with the next turn.
    func add(_ sessions: [EndedSession]) {
        state.withLock { state in
            // A store that is away for long is handed the newest; the nodes have their own memory.
            state.waiting += sessions
            if state.waiting.count > Self.waitingMax {
                state.waiting.removeFirst(state.waiting.count - Self.waitingMax / 2)
            }
        }
    }

    /// One turn: hands over what waits, and reads what others did.
    /// - Returns: what other nodes have ended; empty where there is no redis, or it is away.
    package func exchange(
        _ snapshot: Snapshot, _ environment: FlowEnvironment
    ) async -> [EndedSession] {
        guard let redis = environment.redis else {
            state.withLock { $0.waiting = [] }
            return []
        }
        let configuration = snapshot.configuration
        let stream = configuration.redisKey(of: "ended")
        state.withLock { state in
            guard state.stream != stream else { return }
            state.stream = stream
            (state.last, state.added) = (Self.beginning, Self.beginning)
        }
        do throws(RedisFailure) {
            if try await !stands(stream, redis) {
                state.withLock { $0.beginAgain(at: environment.now()) }
            }
            try await handOver(to: stream, configuration, redis)
            return try await read(stream, redis)
        } catch { return [] }  // said in the log by the client; tried again with the next turn
    }

    /// Whether the stream is still the one that was read and added to.
    private func stands(
        _ stream: [UInt8], _ redis: any RedisClient
    ) async throws(RedisFailure) -> Bool {
        let known = state.withLock { [$0.last, $0.added] }.filter { $0 != Self.beginning }
        guard !known.isEmpty else { return true }
        let replies = try await redis.call(
            known.map { RedisCommand("XRANGE", stream, $0, $0) }, key: stream)
        return replies.allSatisfy { $0.members?.isEmpty == false }
    }

    private func handOver(
        to stream: [UInt8], _ configuration: Configuration, _ redis: any RedisClient
    ) async throws(RedisFailure) {
        let waiting = state.withLock { $0.waiting }
        guard !waiting.isEmpty else { return }
        let replies = try await redis.call(
            Self.adding(waiting, to: stream, configuration), key: stream)
        let name = replies.prefix(waiting.count).last?.octets
        state.withLock { state in
            // What was handed over stands in front, unless that was too much to keep.
            state.waiting.removeFirst(min(waiting.count, state.waiting.count))
            state.recent += waiting
            state.recent.removeFirst(max(0, state.recent.count - Self.recentMax))
            if let name { state.added = name }
        }
    }

    private static func adding(
        _ sessions: [EndedSession], to stream: [UInt8], _ configuration: Configuration
    ) -> [RedisCommand] {
        let commands = sessions.map { session in
            RedisCommand(
                "XADD", stream, Array("MAXLEN".utf8), Array("~".utf8),
                [UInt8](decimal: entriesMax), Array("*".utf8), Array("r".utf8),
                StateRecord.ended(session).encoded)
        }
        // Nobody asks for what is older than a session can be.
        let lifetime = configuration.session.lifetime.components.seconds
        let life = [UInt8](decimal: lifetime &+ 60)
        return commands + [RedisCommand("EXPIRE", stream, life)]
    }

    private func read(
        _ stream: [UInt8], _ redis: any RedisClient
    ) async throws(RedisFailure) -> [EndedSession] {
        var ended: [EndedSession] = []
        var last = state.withLock { $0.last }
        // A node that was away reads at most so much in one turn.
        var isAtEnd = false
        for _ in 0..<64 where !isAtEnd {
            let reply = try await redis.call(
                RedisCommand(
                    "XREAD", Array("COUNT".utf8), [UInt8](decimal: Self.readAtOnce),
                    Array("STREAMS".utf8), stream, last), key: stream)
            let entries = reply.members?.first?.members?.last?.members ?? []
            for entry in entries {
                guard let parts = entry.members, parts.count == 2, let name = parts[0].octets,
                    name.count <= 64
                else { continue }
                last = name
                if let octets = parts[1].members?.last?.octets,
                    case .ended(let session)? = StateRecord(decoding: octets)
                {
                    ended.append(session)
                }
            }
            isAtEnd = entries.count < Self.readAtOnce
        }
        let (reached, hasReadAll) = (last, isAtEnd)
        state.withLock { state in
            state.last = reached
            if hasReadAll { state.added = Self.beginning }
        }
        return ended
    }
}

extension Configuration {
    /// What a deployment's nodes share under one name. Two deployments at one redis do not end each other's
    /// sessions.
    func redisKey(of what: String) -> [UInt8] {
        let digest = SHA256.digest(Array(externalURL.description.utf8).span)
        return Array("gatehouse:\(what):\(Hex.encode(digest.span.extracting(0..<8)))".utf8)
    }
}

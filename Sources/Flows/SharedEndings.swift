// What one node ends is ended at every node: through redis, where several share one, within a second.
//
// The endings stand in a stream in the form they have in the state file; each node adds its own and reads
// what came since its last look, three times a second. A node that was away, or has just started, reads
// what it missed; a redis that was away is handed what waited. No request waits for any of it.

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
    /// In redis.
    private static let entriesMax = 200_000
    private static let readAtOnce = 1000

    private struct State {
        var waiting: [EndedSession] = []
        /// The stream's last entry that was read, or ours.
        var last = Array("0-0".utf8)
        var stream: [UInt8] = []
    }

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
        let (waiting, last) = state.withLock { state in
            if state.stream != stream { (state.stream, state.last) = (stream, Array("0-0".utf8)) }
            return (state.waiting, state.last)
        }
        do throws(RedisFailure) {
            if !waiting.isEmpty {
                _ = try await redis.call(
                    Self.adding(waiting, to: stream, configuration), key: stream)
                state.withLock { state in
                    // What was handed over stands in front, unless that was too much to keep.
                    state.waiting.removeFirst(min(waiting.count, state.waiting.count))
                }
            }
            return try await read(stream, after: last, redis)
        } catch { return [] }  // said in the log by the client; tried again with the next turn
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
        _ stream: [UInt8], after last: [UInt8], _ redis: any RedisClient
    ) async throws(RedisFailure) -> [EndedSession] {
        var ended: [EndedSession] = []
        var last = last
        // A node that was away reads at most so much in one turn.
        for _ in 0..<64 {
            let reply = try await redis.call(
                RedisCommand(
                    "XREAD", Array("COUNT".utf8), [UInt8](decimal: Self.readAtOnce),
                    Array("STREAMS".utf8), stream, last), key: stream)
            guard let entries = reply.members?.first?.members?.last?.members, !entries.isEmpty
            else { break }
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
            if entries.count < Self.readAtOnce { break }
        }
        let reached = last
        state.withLock { if $0.stream == stream { $0.last = reached } }
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

// When sessions were last seen, told from node to node: for those alone that something long goes on
// under somewhere, since only that has to know whether another node sees its session.
//
// They stand in one hash in redis, a field a session. A node writes its own where something goes on, and
// every node the times at which it has seen a session that stands there; once a second. A session whose
// last exchange has ended is taken out by the node that had it, and put back by another that still has
// one; what a node left behind that is no more goes when nobody can have seen it for long.

internal import Configuration
package import Gateway
internal import Redis
internal import Synchronization
package import Values

package final class SharedSightings: Sendable {
    package static let pause = Duration.seconds(1)
    /// How long after its idle timeout what a node left behind is taken out.
    private static let forgottenAfter = Duration.seconds(60)

    /// Those that stand there for us.
    private let published = Mutex<Set<SessionKey>>([])

    package init() {}

    /// One turn.
    /// - Parameter seen: what this process knows of.
    /// - Returns: what stands there; `nil` where there is no redis, or it is away.
    package func exchange(
        _ seen: [Sighting], _ snapshot: Snapshot, _ environment: FlowEnvironment
    ) async -> [SessionKey: UnixTime]? {
        guard let redis = environment.redis else { return nil }
        let configuration = snapshot.configuration
        let hash = configuration.redisKey(of: "seen")
        do throws(RedisFailure) {
            let reply = try await redis.call(RedisCommand("HGETALL", hash), key: hash)
            let known = Self.times(in: reply)
            let commands = commands(
                seen, known, hash, idle: configuration.session.idleTimeout, at: environment.now())
            if !commands.isEmpty { _ = try await redis.call(commands, key: hash) }
            return known
        } catch { return nil }  // said in the log by the client; tried again with the next turn
    }

    private static func times(in reply: RedisReply) -> [SessionKey: UnixTime] {
        var times: [SessionKey: UnixTime] = [:]
        let members = reply.members ?? []
        for index in stride(from: 0, to: members.count - 1, by: 2) {
            guard let key = members[index].octets.flatMap(SessionKey.init(octets:)),
                let octets = members[index + 1].octets,
                let seconds = OctetText.decimal(octets.span), seconds < UInt64(Int64.max)
            else { continue }
            times[key] = UnixTime(seconds: Int64(seconds))
        }
        return times
    }

    private func commands(
        _ seen: [Sighting], _ known: [SessionKey: UnixTime], _ hash: [UInt8], idle: Duration,
        at now: UnixTime
    ) -> [RedisCommand] {
        let here = Set(seen.filter(\.isHere).map(\.session))
        let left = published.withLock { published in
            defer { published = here }
            return published.subtracting(here)
        }
        var set: [[UInt8]] = []
        for sighting in seen {
            let told = known[sighting.session]
            guard sighting.isHere || told != nil, told.map({ $0 < sighting.time }) ?? true,
                sighting.time.seconds >= 0
            else { continue }
            set += [sighting.session.octets, [UInt8](decimal: sighting.time.seconds)]
        }
        let forgotten = known.filter { $0.value.advanced(by: idle + Self.forgottenAfter) < now }
        let gone = left.union(forgotten.keys).subtracting(here).map(\.octets)
        var commands: [RedisCommand] = []
        if !set.isEmpty {
            let life = [UInt8](decimal: (idle + Self.forgottenAfter).components.seconds)
            commands.append(RedisCommand([Array("HSET".utf8), hash] + set))
            commands.append(RedisCommand("EXPIRE", hash, life))
        }
        if !gone.isEmpty { commands.append(RedisCommand([Array("HDEL".utf8), hash] + gone)) }
        return commands
    }
}

/// When this process saw a session.
package struct Sighting: Sendable {
    package let session: SessionKey
    package let time: UnixTime
    /// Whether something long goes on under it here, and not only at another node.
    package let isHere: Bool

    package init(_ session: SessionKey, at time: UnixTime, isHere: Bool) {
        self.session = session
        self.time = time
        self.isHere = isHere
    }
}

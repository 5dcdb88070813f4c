// One loop's face of the shared store: which server has a key, and a connection to it.
//
// A single server; the master that sentinels name; or a cluster, whose slots are learned from its own
// redirections. A server that cannot be reached is left alone for a moment, so that while it is away
// a call fails at once and not after its time-out, and half a second after its return it is found.

import Configuration
package import Flows
import Platform
package import Redis
import Values

/// `@unchecked Sendable`: it belongs to its loop, and `call` checks that it is called there.
package final class LoopRedis: RedisClient, @unchecked Sendable {
    /// For all of a call, names and handshakes included.
    static let callDeadline = Duration.seconds(1)
    private static let redirectionsMax = 5
    private static let linksMax = 1024
    private static let pauseMax = Duration.milliseconds(500)

    /// A server, and the connection to it where there is one.
    private final class Link {
        var connection: RedisConnection?
        var dialling: [CheckedContinuation<Void, Never>]?
        var failure: RedisFailure?
        var pause = Duration.milliseconds(50)
        var pausedUntil = MonotonicInstant(nanoseconds: 0)
    }

    let settings: RedisSettings
    private let location: RedisLocation
    private let loop: EventLoop
    private let health: StoreHealth
    private let dialer: RedisDialer
    private var links: [RedisAddress: Link] = [:]
    private var slots: [Int: RedisAddress] = [:]
    private var master: RedisAddress?
    /// Where the next question begins: a seed or a sentinel that fails makes room for the next.
    private var turn = 0
    private var isRetired = false

    init?(
        _ settings: RedisSettings, on loop: EventLoop, _ resolver: Resolver, _ health: StoreHealth
    ) {
        guard let location = settings.location else { return nil }
        self.settings = settings
        self.location = location
        self.loop = loop
        self.health = health
        dialer = RedisDialer(settings, on: loop, resolver)
    }

    /// Closes what is open. Calls under way fail.
    func retire() {
        isRetired = true
        let open = links.values.compactMap(\.connection)
        links = [:]
        for connection in open { connection.close() }
    }

    package func call(
        _ commands: [RedisCommand], key: [UInt8]
    ) async throws(RedisFailure) -> [RedisReply] {
        loop.preconditionOnLoop()
        let until = loop.now + Self.callDeadline
        do throws(RedisFailure) {
            let replies = try await exchange(commands, RedisSlot.of(key), until: until)
            health.works(at: settings.url ?? "")
            return replies
        } catch {
            health.failed(error, at: settings.url ?? "", now: loop.now)
            throw error
        }
    }

    // MARK: Whom to ask

    private func exchange(
        _ commands: [RedisCommand], _ slot: Int, until: MonotonicInstant
    ) async throws(RedisFailure) -> [RedisReply] {
        var address = try await home(of: slot, until: until)
        var asking = false
        for _ in 0...Self.redirectionsMax {
            let replies: [RedisReply]
            do throws(RedisFailure) {
                replies = try await send(asking ? asked(commands) : commands, to: address, until)
            } catch {
                forget(address)
                throw error
            }
            switch replies.lazy.compactMap({ RedisRedirection($0, from: address) }).first {
            case .moved(let slot, let new)?:
                slots[slot] = new
                (address, asking) = (new, false)
            case .ask(let new)?: (address, asking) = (new, true)
            case nil:
                if let words = replies.lazy.compactMap(\.errorText).first {
                    // A master that was one no longer: the sentinels, or the cluster, know the next.
                    if Self.isNoMaster(words) { forget(address) }
                    throw .refused(words)
                }
                return asking
                    ? replies.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
                    : replies
            }
        }
        throw .refused("its servers send each other's keys around")
    }

    /// ASKING is good for the one command behind it.
    private func asked(_ commands: [RedisCommand]) -> [RedisCommand] {
        commands.flatMap { [RedisCommand("ASKING"), $0] }
    }

    private static func isNoMaster(_ words: String) -> Bool {
        ["READONLY", "MASTERDOWN", "CLUSTERDOWN"].contains { words.hasPrefix($0) }
    }

    private func home(
        of slot: Int, until: MonotonicInstant
    ) async throws(RedisFailure) -> RedisAddress {
        switch location.arrangement {
        case .single: return location.addresses[0]
        case .cluster: return slots[slot] ?? location.addresses[turn % location.addresses.count]
        case .sentinel(let name):
            if let master { return master }
            let found = try await askSentinels(for: name, until: until)
            master = found
            return found
        }
    }

    private func askSentinels(
        for name: String, until: MonotonicInstant
    ) async throws(RedisFailure) -> RedisAddress {
        let question = RedisCommand(
            "SENTINEL", Array("get-master-addr-by-name".utf8), Array(name.utf8))
        var failure = RedisFailure.unreachable("no sentinel knows a master \(name)")
        let share = loop.now.duration(to: until) / location.addresses.count
        for _ in location.addresses {
            let address = location.addresses[turn % location.addresses.count]
            do throws(RedisFailure) {
                let replies = try await send(
                    [question], to: address, as: .sentinel, min(until, loop.now + share))
                if let found = replies.first?.members?.compactMap(\.text), found.count == 2,
                    let port = UInt16(found[1])
                {
                    return RedisAddress(host: found[0], port: port)
                }
            } catch { failure = error }
            turn += 1
        }
        throw failure
    }

    private func forget(_ address: RedisAddress) {
        if master == address { master = nil }
        turn = turn &+ 1 & 0xffff
        if !slots.isEmpty { slots = slots.filter { $0.value != address } }
    }

    // MARK: Connections

    private func send(
        _ commands: [RedisCommand], to address: RedisAddress, as role: RedisDialer.Role = .store,
        _ until: MonotonicInstant
    ) async throws(RedisFailure) -> [RedisReply] {
        let connection = try await connection(to: address, as: role)
        return try await connection.call(commands, within: loop.now.duration(to: until)).get()
    }

    private func connection(
        to address: RedisAddress, as role: RedisDialer.Role
    ) async throws(RedisFailure) -> RedisConnection {
        guard !isRetired else { throw .cut }
        let link = link(to: address)
        if let connection = link.connection { return connection }
        if loop.now < link.pausedUntil, let failure = link.failure { throw failure }
        if link.dialling != nil {
            await withCheckedContinuation { link.dialling?.append($0) }
        } else {
            link.dialling = []
            await dial(link, address, role)
            let waiting = link.dialling ?? []
            link.dialling = nil
            for waiter in waiting { waiter.resume() }
        }
        guard let connection = link.connection else { throw link.failure ?? .cut }
        return connection
    }

    private func link(to address: RedisAddress) -> Link {
        if let link = links[address] { return link }
        if links.count >= Self.linksMax {
            links = links.filter { $0.value.connection != nil || $0.value.dialling != nil }
        }
        let link = Link()
        links[address] = link
        return link
    }

    private func dial(_ link: Link, _ address: RedisAddress, _ role: RedisDialer.Role) async {
        do throws(RedisFailure) {
            let connection = try await dialer.dial(
                address, as: role, until: loop.now + Self.callDeadline)
            guard !isRetired, connection.isOpen else {
                connection.close()
                link.failure = .cut
                return
            }
            connection.whenClosed = { [weak link] in link?.connection = nil }
            link.connection = connection
            link.failure = nil
            link.pause = .milliseconds(50)
        } catch {
            link.failure = error
            link.pausedUntil = loop.now + link.pause
            link.pause = min(link.pause * 2, Self.pauseMax)
        }
    }
}

extension RedisReply {
    fileprivate var errorText: String? {
        if case .error(let text) = self { text } else { nil }
    }
}

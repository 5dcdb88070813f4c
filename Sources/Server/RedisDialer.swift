// A connection to a Redis server that is ready for commands: name, socket, TLS, user, database.

import Configuration
import Cryptography
import Flows
import Platform
import Redis
import TLS
import Values

/// Not `Sendable`: one loop's.
final class RedisDialer {
    private let settings: RedisSettings
    private let loop: EventLoop
    private let resolver: Resolver
    /// By host: whom to expect in TLS, and the session to resume.
    private var contexts: [String: TLSContext] = [:]

    init(_ settings: RedisSettings, on loop: EventLoop, _ resolver: Resolver) {
        self.settings = settings
        self.loop = loop
        self.resolver = resolver
    }

    /// What a server is to us.
    enum Role { case store, sentinel }

    func dial(
        _ address: RedisAddress, as role: Role, until: MonotonicInstant
    ) async throws(RedisFailure) -> RedisConnection {
        let socket = try await socket(to: address, until: until)
        let connection = RedisConnection(
            socket, at: address, tls: try tls(to: address), on: loop)
        connection.start()
        do throws(RedisFailure) {
            try await introduce(connection, as: role, until: until)
            return connection
        } catch {
            connection.close()
            throw error
        }
    }

    private func socket(
        to address: RedisAddress, until: MonotonicInstant
    ) async throws(RedisFailure) -> AsyncSocket {
        let found: [IPAddress]
        do throws(ResolveFailure) {
            found = try await resolver.addresses(
                of: address.host, on: loop, deadline: loop.now.duration(to: until))
        } catch { throw .unreachable("\(error)") }
        var failure = RedisFailure.timedOut
        for candidate in found.prefix(3) {
            let left = loop.now.duration(to: until)
            guard left > .zero else { break }
            do throws(Errno) {
                return try await AsyncSocket.connect(
                    to: .ip(candidate, port: address.port), on: loop, deadline: left)
            } catch { failure = .unreachable("\(error)") }
        }
        throw failure
    }

    private func tls(to address: RedisAddress) throws(RedisFailure) -> TLSConnection? {
        guard settings.location?.isTLS == true else { return nil }
        do {
            let context =
                try contexts[address.host]
                ?? TLSContext(
                    client: ClientSettings(caFile: settings.ca, serverName: address.host))
            contexts[address.host] = context
            return try TLSConnection(context)
        } catch { throw .unreachable("TLS: \(error)") }
    }

    /// AUTH with a user and a password, or the password alone (ACL and before); SELECT; and whether
    /// the server serves at all.
    private func introduce(
        _ connection: RedisConnection, as role: Role, until: MonotonicInstant
    ) async throws(RedisFailure) {
        var commands: [RedisCommand] = []
        var wantsMaster = false
        if role == .store {
            if let password = settings.password {
                let user = settings.user.map { [$0.exposed] } ?? []
                commands.append(
                    RedisCommand([Array("AUTH".utf8)] + user + [password.exposed]))
            }
            if let database = settings.location?.database, database != 0 {
                commands.append(RedisCommand("SELECT", [UInt8](decimal: database)))
            }
            if case .sentinel = settings.location?.arrangement {
                wantsMaster = true
                commands.append(RedisCommand("ROLE"))
            }
        }
        commands.append(RedisCommand("PING"))
        let replies = try await connection.call(commands, within: loop.now.duration(to: until))
            .get()
        for reply in replies {
            if case .error(let words) = reply { throw .refused(words) }
        }
        if wantsMaster, replies.dropLast().last?.members?.first?.text != "master" {
            throw .unreachable("\(connection.address) is not the master that sentinels call it")
        }
    }
}

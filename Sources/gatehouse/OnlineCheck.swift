// `gatehouse check --online`: what can only be known by asking. Discovery, keys, the provider's clock,
// whether it takes our client, redis, TLS and reachability, each explained, all of them in one run.

import Configuration
import Flows
import Gateway
import HTTP
import OpenID
import Platform
import Server
import Sessions
import Synchronization
import Telemetry
import Values

struct OnlineCheck {
    private let configuration: Configuration

    init(_ configuration: Configuration) { self.configuration = configuration }

    /// - Returns: whether all is well.
    func run() throws -> Bool {
        let loop = try EventLoop(index: 0)
        let log = Log(.init(level: .error, format: .text, access: false), tally: Tally())
        var generator = SystemRandomNumberGenerator()
        let snapshot = Snapshot(
            configuration: configuration, ring: .ephemeral(using: &generator), generation: 0)
        let flows = Flows(log: log, tally: Tally(), announceEnded: { _ in })
        let worker = Worker(
            loop: loop, snapshot: snapshot,
            surroundings: Surroundings(
                flows: flows, resolver: Resolver(), log: log,
                connections: ConnectionCount(max: 1, maxForClient: nil)))
        let findings = Mutex<[Finding]>([])
        let parking = Parking()
        let thread = Thread.start("check") { loop.run() }
        let configuration = configuration
        loop.post {
            let environment = FlowEnvironment(
                client: worker.client, redis: worker.redis, now: { Clock.wall() },
                start: { loop.start($0) }, pause: { await loop.sleep(for: $0) })
            loop.start {
                for provider in configuration.providers {
                    let found = await flows.examine(provider, configuration, in: environment)
                    findings.withLock { $0 += found }
                }
                let store = await flows.examineStore(in: environment)
                findings.withLock { $0 += store }
                for upstream in configuration.upstreams {
                    let found = await Self.reach(upstream, on: loop, environment)
                    findings.withLock { $0 += found }
                }
                parking.wake()
            }
        }
        parking.park()
        loop.stop()
        thread.join()
        let all = findings.withLock { $0 }
        for finding in all { print(finding) }
        return all.allSatisfy(\.isGood)
    }

    private static let connectDeadline = Duration.seconds(5)

    /// Whether each server of an upstream can be connected to, and under https trusted.
    private static func reach(
        _ upstream: UpstreamSettings, on loop: EventLoop, _ environment: FlowEnvironment
    ) async -> [Finding] {
        var findings: [Finding] = []
        for server in upstream.servers {
            let subject = "upstream \(upstream.name) \(server)"
            // Another name in TLS than the address's is the relay's matter, and cannot be tried here.
            if case .tcp(let origin) = server, origin.scheme == .https, upstream.serverName == nil {
                findings.append(
                    Finding(subject, await handshake(with: origin, upstream, environment)))
                continue
            }
            do {
                let addresses: [SocketAddress]
                switch server {
                case .unix(let path): addresses = [.unix(path)]
                case .tcp(let origin):
                    addresses = try await Resolver().addresses(
                        of: origin.unbracketedHost, on: loop, deadline: connectDeadline
                    ).map { .ip($0, port: origin.port) }
                }
                try await connect(to: addresses, on: loop)
                findings.append(
                    Finding(
                        subject,
                        upstream.scheme == .https
                            ? .doubtful(
                                "can be reached; its certificate was not checked under server_name",
                                fix: "send a request through gatehouse and look for upstream-failed"
                            )
                            : .good("can be reached")))
            } catch {
                findings.append(
                    Finding(
                        subject,
                        .bad(
                            "cannot be reached: \(error)",
                            fix: "start it, or correct upstreams.\(upstream.name).url")))
            }
        }
        return findings
    }

    /// Asks for nothing but an answer, whatever its status.
    private static func handshake(
        with origin: Origin, _ upstream: UpstreamSettings, _ environment: FlowEnvironment
    ) async -> Finding.Judgement {
        guard let url = HTTPURL(origin: origin) else { return .bad("is no URL", fix: "correct it") }
        let identity = ClientIdentity(
            ca: upstream.ca, certificate: upstream.clientCertificate, key: upstream.clientKey)
        do throws(ClientFailure) {
            let response = try await environment.client.send(
                OutboundRequest(method: "HEAD", url: url), as: identity, deadline: connectDeadline,
                octetsMax: 1 << 16)
            return .good("can be reached and is trusted; it answered \(response.status)")
        } catch {
            return .bad(
                error.sentence,
                fix: "start it, or correct upstreams.\(upstream.name)'s url or ca_file")
        }
    }

    private static func connect(
        to addresses: [SocketAddress], on loop: EventLoop
    ) async throws {
        var last: (any Error)?
        for address in addresses {
            do {
                try await AsyncSocket.connect(to: address, on: loop, deadline: connectDeadline)
                    .close()
                return
            } catch { last = error }
        }
        if let last { throw last }
    }
}

extension Origin {
    /// Without the brackets of an IPv6 literal, as a resolver wants it.
    fileprivate var unbracketedHost: String {
        host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    }
}

// What the process knows of its upstreams' servers: which rest, which are unwell, and why.
//
// Loops choose for themselves (`ServerChoice`) and tell each other here what they have found out, so
// that a server that is down is found to be once and not once a loop. It is asked and told when a
// server goes or comes, never for a request.

package import Configuration
import Platform
import Synchronization
package import Telemetry
import Values

package final class ServerDesk: Sendable {
    struct Key: Hashable, Sendable {
        let upstream: String
        let server: UpstreamAddress
    }

    enum News: Sendable {
        case failing(why: String)
        case rests(until: MonotonicInstant, failures: Int, why: String)
        case back
        case unwell(why: String)
        case well
    }

    struct Known: Sendable {
        /// Why requests do not reach it; `nil` when they do, as far as is known.
        var failing: String?
        var restsUntil = MonotonicInstant(nanoseconds: 0)
        var failures = 0
        /// What active checks find wrong.
        var unwell: String?
        var isChecked = false
    }

    /// A server that cannot be used, or may not be.
    package struct Trouble: Sendable {
        package let upstream: String
        package let server: String
        package let why: String
    }

    private let log: Log
    private let known = Mutex<[Key: Known]>([:])
    private let listeners = Mutex<[@Sendable (Key, News) -> Void]>([])

    package init(_ log: Log) { self.log = log }

    /// - Parameter hear: is called on the loop.
    func join(_ loop: EventLoop, hear: @escaping @Sendable (Key, News) -> Void) {
        listeners.withLock { $0.append { key, news in loop.post { hear(key, news) } } }
    }

    /// Tells every loop, the one that says it too.
    func announce(_ news: News, of key: Key) {
        let (isNews, wasWell) = known.withLock { known in
            let wasWell = known[key].map { $0.failing == nil && $0.unwell == nil } ?? true
            return (known[key, default: Known()].take(news), wasWell)
        }
        guard isNews else { return }
        let isWell = known(key).map { $0.failing == nil && $0.unwell == nil } ?? true
        if isWell != wasWell { note(news, key) }
        for listener in listeners.withLock({ $0 }) { listener(key, news) }
    }

    func known(_ key: Key) -> Known? { known.withLock { $0[key] } }

    /// A reload has taken servers away.
    package func adopt(_ configuration: Configuration) {
        let keys = Set(
            configuration.upstreams.flatMap { upstream in
                upstream.servers.map { Key(upstream: upstream.name, server: $0) }
            })
        let checked = Set(configuration.upstreams.filter { $0.healthCheck != nil }.map(\.name))
        known.withLock { known in
            known = known.filter { keys.contains($0.key) }
            for key in known.keys where !checked.contains(key.upstream) {
                known[key]?.unwell = nil
                known[key]?.isChecked = false
            }
        }
    }

    /// In the configuration's order.
    package func troubles(_ configuration: Configuration) -> [Trouble] {
        let known = known.withLock { $0 }
        return configuration.upstreams.flatMap { upstream in
            upstream.servers.compactMap { server in
                let known = known[Key(upstream: upstream.name, server: server)]
                guard let why = known?.failing ?? known?.unwell else { return nil }
                return Trouble(upstream: upstream.name, server: "\(server)", why: why)
            }
        }
    }

    private func note(_ news: News, _ key: Key) {
        let pairs: [(String, LogValue)] = [
            ("upstream", .string(key.upstream)), ("server", .string("\(key.server)")),
        ]
        switch news {
        case .failing: break  // each request that failed has a line of its own
        case .rests(_, _, let why):
            log.event(
                .warning, "server-out",
                pairs + [("reason", .string(why)), ("by", .string("requests"))])
        case .unwell(let why):
            log.event(
                .warning, "server-out",
                pairs + [("reason", .string(why)), ("by", .string("check"))])
        case .back: log.event(.info, "server-back", pairs + [("by", .string("requests"))])
        case .well: log.event(.info, "server-back", pairs + [("by", .string("check"))])
        }
    }
}

extension ServerDesk.Known {
    /// - Returns: whether it was news.
    fileprivate mutating func take(_ news: ServerDesk.News) -> Bool {
        switch news {
        case .failing(let why):
            defer { failing = why }
            return failing == nil
        case .rests(let until, let failures, let why):
            failing = why
            // Several loops find it out at once.
            guard restsUntil < until, self.failures < failures else { return false }
            restsUntil = until
            self.failures = failures
            return true
        case .back:
            defer {
                failing = nil
                failures = 0
                restsUntil = MonotonicInstant(nanoseconds: 0)
            }
            return failing != nil
        case .unwell(let why):
            defer {
                unwell = why
                isChecked = true
            }
            return unwell == nil
        case .well:
            defer {
                unwell = nil
                failing = nil
                isChecked = true
            }
            return unwell != nil
        }
    }
}

// MARK: - A pool's part

extension UpstreamPool {
    private func key(_ server: Int) -> ServerDesk.Key {
        ServerDesk.Key(upstream: target.name, server: target.servers[server])
    }

    /// What the process knew before this pool was made.
    func recallServers() {
        guard target.isUpstream else { return }
        let now = worker.loop.now
        for server in target.servers.indices {
            guard let known = worker.surroundings.servers.known(key(server)) else { continue }
            if known.unwell != nil { choice.setWell(server, false, at: now) }
            if isSeveral, now < known.restsUntil {
                choice.rest(server, until: known.restsUntil, failures: known.failures, at: now)
            }
        }
    }

    /// Another server than those; `nil` after the last.
    func nextServer(except tried: [Bool]) -> Int? {
        choice.next(at: worker.loop.now, except: tried)
    }

    func leaseBegan(_ server: Int) { choice.leaseBegan(server) }

    func leaseMoved(from server: Int, to other: Int) {
        guard isSeveral, server != other else { return }
        choice.leaseEnded(server)
        choice.leaseBegan(other)
    }

    func leaseEnded(_ server: Int, isWell: Bool) {
        choice.leaseEnded(server)
        if isWell, choice.noteAnswer(server, at: worker.loop.now) { announce(.back, server) }
    }

    func noteUnreachable(_ server: Int, _ failure: ExchangeFailure) {
        let effect = choice.noteUnreachable(server, at: worker.loop.now)
        announce(effect, server, failure)
    }

    func noteFault(_ server: Int, _ failure: ExchangeFailure) {
        guard isSeveral else { return }
        announce(choice.noteFault(server, at: worker.loop.now), server, failure)
    }

    func noteConnected(_ server: Int) {
        if choice.noteConnected(server, at: worker.loop.now) { announce(.back, server) }
    }

    private func announce(_ effect: ServerChoice.Effect, _ server: Int, _ failure: ExchangeFailure)
    {
        let why = failure.detail ?? failure.code
        switch effect {
        case .none: break
        case .failing: announce(.failing(why: why), server)
        case .rests(let until):
            announce(.rests(until: until, failures: choice.failures(of: server), why: why), server)
        }
    }

    private func announce(_ news: ServerDesk.News, _ server: Int) {
        guard target.isUpstream else { return }
        worker.surroundings.servers.announce(news, of: key(server))
    }

    /// What another loop, or a check, has found out.
    func hear(_ news: ServerDesk.News, of address: UpstreamAddress) {
        let now = worker.loop.now
        for server in target.servers.indices where target.servers[server] == address {
            switch news {
            case .failing: break
            case .rests(let until, let failures, _):
                if isSeveral { choice.rest(server, until: until, failures: failures, at: now) }
            case .back: choice.comeBack(server, at: now)
            case .unwell: choice.setWell(server, false, at: now)
            case .well: choice.setWell(server, true, at: now)
            }
        }
    }
}

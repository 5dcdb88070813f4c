// Asks each server of an upstream, again and again, whether it is well. One loop does it for the whole
// process; what it finds goes through the `ServerDesk` to all of them.
//
// The first answer decides at once. After that two in a row do, so that one lost packet takes no
// server out, and one good answer of a server that comes and goes brings none back.

import Configuration
import Flows
import HTTP
import OpenID
import Platform
import Values

final class HealthChecks {
    private var checks: [ServerCheck] = []

    /// Begins anew with what a configuration asks for.
    func adopt(_ configuration: Configuration, _ worker: Worker) {
        stop()
        for upstream in configuration.upstreams {
            guard let settings = upstream.healthCheck else { continue }
            checks += upstream.servers.map {
                ServerCheck(worker, upstream, $0, settings, configuration.externalURL)
            }
        }
        for check in checks { check.begin() }
    }

    func stop() {
        for check in checks { check.stop() }
        checks.removeAll()
    }
}

private final class ServerCheck {
    /// An answer may be this long; what it says is not read.
    static let octetsMax = 1 << 20
    static let inARow = 2

    private let worker: Worker
    private let key: ServerDesk.Key
    private let settings: HealthCheck
    private let request: OutboundRequest?
    /// Retired from the beginning: each check makes a connection, since that is what requests need.
    private let pool: UpstreamPool
    private var timer: TimerID?
    private var call: ClientCall?
    private var isStopped = false
    /// What the desk was told last.
    private var isWell: Bool?
    private var contrary = 0

    init(
        _ worker: Worker, _ upstream: UpstreamSettings, _ server: UpstreamAddress,
        _ settings: HealthCheck, _ external: Origin
    ) {
        self.worker = worker
        self.settings = settings
        key = ServerDesk.Key(upstream: upstream.name, server: server)
        pool = UpstreamPool(worker, UpstreamTarget(upstream, server: server))
        pool.retire()
        let origin = if case .tcp(let origin) = server { origin } else { upstream.origin }
        let host = upstream.hostSent == .client ? external.hostField : origin.hostField
        request = HTTPURL(origin: origin, path: settings.path).map { url in
            OutboundRequest(
                method: "GET", url: url,
                fields: [
                    ("Host", host), ("User-Agent", "gatehouse-health-check"),
                    ("Connection", "close"),
                ])
        }
        if let known = worker.surroundings.servers.known(key), known.isChecked {
            isWell = known.unwell == nil
        }
    }

    func begin() {
        guard !isStopped, let request else { return }
        let startedAt = worker.loop.now
        let call = ClientCall(request, worker: worker, octetsMax: Self.octetsMax)
        self.call = call
        call.begin(pool, within: settings.timeout) { [self] result in
            self.call = nil
            guard !isStopped else { return }
            switch result {
            case .success(let response) where (200..<400).contains(response.status): judge(nil)
            case .success(let response): judge("\(settings.path) answered \(response.status)")
            case .failure(let failure): judge("\(settings.path): \(failure.sentence)")
            }
            let next = settings.interval - startedAt.duration(to: worker.loop.now)
            timer = worker.loop.schedule(after: max(.milliseconds(10), next)) { [self] in
                timer = nil
                begin()
            }
        }
    }

    func stop() {
        isStopped = true
        if let timer { worker.loop.cancel(timer) }
        timer = nil
        call?.cancel()
    }

    private func judge(_ trouble: String?) {
        let isGood = trouble == nil
        guard isGood != isWell else {
            contrary = 0
            return
        }
        contrary += 1
        guard isWell == nil || contrary >= Self.inARow else { return }
        isWell = isGood
        contrary = 0
        let servers = worker.surroundings.servers
        servers.announce(trouble.map { .unwell(why: $0) } ?? .well, of: key)
    }
}

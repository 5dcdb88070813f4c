// The loops of the process and what listens on them, as one thing that the supervisor can start, hand
// a new snapshot, and end.

import Configuration
import Flows
import Gateway
import Platform
import Server
import Synchronization
import TLS
import Telemetry
import Values

/// Used on the main thread alone, but for `gathered` and `end`, which any loop may await.
final class Fleet: @unchecked Sendable {
    // SAFETY: `workers` and `loops` never change after init. What changes is touched by the main thread
    // only, or is behind a lock.
    private let loops: [EventLoop]
    private(set) var workers: [Worker] = []
    private let connections: ConnectionCount
    private let servers: ServerDesk
    let flows: Flows
    private let log: Log
    private let tally: Tally
    private let journal: StateJournal?
    private var threads: [ThreadHandle] = []
    /// Each address's listener on each worker, in the workers' order.
    private var listeners: [ListenAddress: [Listener]] = [:]
    private var adminListener: (address: ListenAddress, listener: Listener)?
    private var controlListener: (path: String, listener: Listener)?
    /// Of every TLS listener that has no file of its own.
    private let tickets = TicketKeys()
    private let shared: Mutex<Shared>

    private struct Shared {
        var snapshot: Snapshot
        /// What was counted under earlier configurations.
        var earlier = Totals()
        var hasDiscovered = false
        var isDraining = false
    }

    init(_ snapshot: Snapshot, log: Log, tally: Tally) throws {
        let configuration = snapshot.configuration
        self.log = log
        self.tally = tally
        journal = try configuration.session.stateDirectory.map {
            try StateJournal($0, log: log)
        }
        shared = Mutex(Shared(snapshot: snapshot))
        connections = ConnectionCount(
            max: configuration.limits.connections,
            maxForClient: configuration.limits.connectionsPerClient)
        var loops: [EventLoop] = []
        for index in 0..<(configuration.threads ?? Platform.Limits.processorCount) {
            loops.append(try EventLoop(index: index))
        }
        self.loops = loops
        let announced = Announced()
        flows = Flows(
            log: log, tally: tally, announceEnded: { await announced.fleet?.end($0) },
            announceRefreshed: { await announced.fleet?.note($0) },
            recordSpent: { await announced.fleet?.recordSpent($0, until: $1) })
        let surroundings = Surroundings(
            flows: flows, resolver: Resolver(), log: log, connections: connections)
        servers = surroundings.servers
        workers = loops.map { Worker(loop: $0, snapshot: snapshot, surroundings: surroundings) }
        for worker in workers { worker.isReady = false }
        announced.fleet = self
        if let journal { recall(try journal.load(at: Clock.wall())) }
    }

    /// What the last process knew of ended sessions, before this one serves anybody.
    private func recall(_ records: [StateRecord]) {
        let sessions = records.compactMap(\.endedSession)
        for worker in workers { worker.end(sessions) }
        let now = Clock.wall()
        for case .spentToken(let digest, let until) in records {
            flows.spentTokens.note(digest, until: until, at: now)
        }
        guard !records.isEmpty else { return }
        log.event(.info, "state-read", [("sessions", .int(sessions.count))])
    }

    var loopCount: Int { loops.count }
    var configuration: Configuration { shared.withLock { $0.snapshot.configuration } }
    var addresses: [String] { listeners.keys.map(\.description).sorted() }

    func start() {
        threads = loops.map { loop in Thread.start("loop-\(loop.index)") { loop.run() } }
        let first = workers[0]
        first.loop.post { first.checkServers() }
        journal?.start { [workers] records in
            let sessions = records.compactMap(\.endedSession)
            for worker in workers { worker.loop.post { worker.end(sessions) } }
        }
        discover()
        shareWithOtherNodes()
    }

    func stop() {
        for worker in workers { onLoop(of: worker) { $0.closeAll() } }
        for loop in loops { loop.stop() }
        for thread in threads { thread.join() }
        journal?.close()
    }

    /// Once a second.
    func tick() { journal?.tick() }

    var stateDirectory: String? { journal?.directory }

    // MARK: Listening

    /// What was opened and accepts nobody yet.
    struct Opened {
        fileprivate var listeners: [ListenAddress: [Listener]] = [:]
        fileprivate var admin: (address: ListenAddress, listener: Listener)?
        fileprivate var keepsAdmin = false
    }

    /// Opens what the configuration has and is not open yet. Throws before anything has changed; the
    /// first connection is accepted after `accept`.
    func listen(_ configuration: Configuration) throws -> Opened {
        var opened = Opened()
        for (index, settings) in configuration.listeners.enumerated()
        where listeners[settings.address] == nil {
            opened.listeners[settings.address] = try makeListeners(settings, index)
        }
        if let admin = configuration.admin, adminListener?.address != admin.address {
            let descriptor = try Socket.listen(on: admin.address.socketAddress)
            let listener = Listener(
                descriptor, of: workers[0],
                desk: .admin { [unowned self] in
                    await self.adminAnswer($0, by: AdminDoor(admin.address))
                },
                index: -1, isUnix: admin.address.isUnix, isCounted: false)
            opened.admin = (admin.address, listener)
        }
        try listenForCommands(configuration.admin?.control)
        opened.keepsAdmin = configuration.admin != nil && opened.admin == nil
        return opened
    }

    /// Accepts connections on what was opened: once every loop has the settings and contexts that the
    /// new listeners' indexes mean.
    func accept(_ opened: Opened) {
        if !opened.keepsAdmin { retireAdmin() }
        if let admin = opened.admin {
            adminListener = admin
            startListening([admin.listener])
        }
        for (address, list) in opened.listeners {
            listeners[address] = list
            startListening(list)
        }
    }

    /// The socket on which sessions are ended; for its owner alone.
    private func listenForCommands(_ path: String?) throws {
        guard path != controlListener?.path else { return }
        if let path {
            let listener = Listener(
                try Self.controlSocket(path), of: workers[0],
                desk: .admin { [unowned self] in await self.adminAnswer($0, by: .control) },
                index: -1, isUnix: true, isCounted: false)
            retire(controlListener?.listener)
            controlListener = (path, listener)
            startListening([listener])
        } else {
            retire(controlListener?.listener)
            controlListener = nil
        }
    }

    private static func controlSocket(_ path: String) throws -> Descriptor {
        do {
            let descriptor = try Socket.listen(on: .unix(path))
            try File.setMode(path, 0o600)
            return descriptor
        } catch { throw Refusal("admin.control: cannot listen on unix:\(path): \(error)") }
    }

    /// One descriptor for each loop: of TCP each with a queue of its own, of a unix socket the same.
    private func makeListeners(_ settings: ListenerSettings, _ index: Int) throws -> [Listener] {
        let address = settings.address.socketAddress
        do {
            if address.isUnix {
                let first = try Socket.listen(on: address)
                return try workers.map { worker in
                    Listener(
                        try first.duplicate(), of: worker, index: index, isUnix: true,
                        isShared: workers.count > 1)
                }
            }
            // SO_REUSEPORT would let a second gatehouse share the port unnoticed; without it the
            // kernel says that the port is taken. The probe does not listen: who connected to it
            // would be reset when it closes.
            let probe = try Socket.bind(to: address)
            let chosen = Socket.localAddress(probe.number) ?? address
            probe.close()
            return try workers.map { worker in
                Listener(
                    try Socket.listen(on: chosen, reusePort: true), of: worker, index: index)
            }
        } catch {
            throw Refusal(
                "cannot listen on \(settings.address): \(error); is another program there?")
        }
    }

    private func startListening(_ list: [Listener]) {
        for listener in list {
            onLoop(of: listener.worker) { _ in
                do {
                    try listener.start()
                } catch {
                    self.log.event(.error, "listen-failed", [("reason", .string("\(error)"))])
                }
            }
        }
    }

    private func retireAdmin() {
        retire(adminListener?.listener)
        adminListener = nil
    }

    private func retire(_ listener: Listener?) {
        guard let listener else { return }
        onLoop(of: listener.worker) { _ in listener.close() }
    }

    // MARK: Snapshots

    /// What the listeners show, for each loop. Throws before anything has changed.
    func makeContexts(_ listeners: [ListenerSettings]) throws -> [ListenerContexts] {
        try ListenerContexts.make(listeners, loops: workers.count, tickets: tickets)
    }

    /// From now on new connections are shown these.
    func show(_ contexts: [ListenerContexts]) {
        for (worker, contexts) in zip(workers, contexts) {
            onLoop(of: worker) { $0.contexts = contexts }
        }
    }

    /// From now on sessions are sealed under another key.
    func rotateTicketKeys() { tickets.rotate() }

    /// From now on every loop decides under this snapshot.
    /// - Parameter contexts: made for it, where its listeners are others than before.
    func adopt(_ snapshot: Snapshot, showing contexts: [ListenerContexts]? = nil) {
        let old = configuration
        let new = snapshot.configuration
        connections.setLimits(
            max: new.limits.connections, maxForClient: new.limits.connectionsPerClient)
        servers.adopt(new)
        let placed = listeners
        for (place, worker) in workers.enumerated() {
            let counts = onLoop(of: worker) { worker in
                let counts = worker.takeCounts(
                    routes: new.routes.count, upstreams: new.upstreams.count)
                worker.adopt(snapshot)
                // In the same turn: nobody is ever let in by another listener's rules.
                if let contexts { worker.contexts = contexts[place] }
                for (index, settings) in new.listeners.enumerated() {
                    placed[settings.address]?[place].index = index
                }
                return counts
            }
            shared.withLock { $0.earlier.add(counts, labelledBy: old) }
        }
        shared.withLock { $0.snapshot = snapshot }
        let addresses = Set(new.listeners.map(\.address))
        for (address, list) in listeners where !addresses.contains(address) {
            for listener in list { onLoop(of: listener.worker) { _ in listener.close() } }
            listeners[address] = nil
        }
        discover()
    }

    /// Asks each provider for its documents, in the background.
    private func discover() {
        let worker = workers[0]
        let providers = configuration.providers
        let loop = worker.loop
        loop.post {
            let environment = FlowEnvironment(
                client: worker.client, redis: worker.redis, now: { Clock.wall() },
                start: { loop.start($0) }, pause: { await loop.sleep(for: $0) })
            loop.start { [flows = self.flows] in
                await flows.directory.prepare(providers, in: environment)
                self.shared.withLock { $0.hasDiscovered = true }
                self.tellReadiness()
            }
        }
    }

    // MARK: Readiness and end

    var isReady: Bool { shared.withLock { $0.hasDiscovered && !$0.isDraining } }

    func becomeUnready() {
        shared.withLock { $0.isDraining = true }
        tellReadiness()
    }

    private func tellReadiness() {
        let isReady = isReady
        for worker in workers { worker.loop.post { worker.isReady = isReady } }
    }

    func startDraining() {
        for worker in workers { onLoop(of: worker) { $0.startDraining() } }
        adminListener = nil
        controlListener = nil
        listeners = [:]
    }

    /// The admin's connections aside: nobody waits for a monitor that keeps one open.
    var openConnections: Int { connections.current }

    // MARK: What loops are asked

    /// Every loop refuses these sessions when this returns, and a restart will not forget them.
    func end(_ sessions: [EndedSession]) async {
        await refuse(sessions)
        await journal?.add(sessions.map { .ended($0) })
    }

    func refuse(_ sessions: [EndedSession]) async {
        for worker in workers {
            await withCheckedContinuation { continuation in
                worker.loop.post {
                    worker.end(sessions)
                    continuation.resume()
                }
            }
        }
    }

    /// Every loop knows of the newer cookie when this returns.
    private func note(_ refreshed: RefreshedSession) async {
        for worker in workers {
            await withCheckedContinuation { continuation in
                worker.loop.post {
                    worker.note(refreshed)
                    continuation.resume()
                }
            }
        }
    }

    private func recordSpent(_ digest: [UInt8], until: UnixTime) async {
        await journal?.add([.spentToken(digest, until: until)])
    }

    func end(_ sessions: SessionsToEnd) async {
        await flows.end(sessions, configuration, at: Clock.wall())
    }

    /// What `/metrics` says, from every loop.
    func exposition() async -> String {
        var gathered = Gathered()
        for worker in workers {
            let part = await withCheckedContinuation { continuation in
                worker.loop.post { continuation.resume(returning: Gathered(worker)) }
            }
            gathered.add(part)
        }
        gathered.totals.add(shared.withLock { $0.earlier })
        return Exposition.text(
            totals: gathered.totals, tally: tally.counted, connections: gathered.gauges,
            servers: serverGauges,
            version: Version.number, at: Clock.wall())
    }

    /// Servers of upstreams that requests, or checks, find wanting.
    var serverTroubles: [ServerDesk.Trouble] { servers.troubles(configuration) }

    private var serverGauges: [ServerGauge] {
        let configuration = configuration
        let troubles = servers.troubles(configuration)
        return configuration.upstreams.flatMap { upstream in
            upstream.servers.map { server in
                let isDown = troubles.contains {
                    $0.upstream == upstream.name && $0.server == "\(server)"
                }
                return ServerGauge(upstream: upstream.name, server: "\(server)", isUp: !isDown)
            }
        }
    }

    /// What `/readyz` says of the store that nodes share, while it does not serve.
    var storeTrouble: String? {
        configuration.session.redis == nil ? nil : flows.storeHealth.trouble
    }

    /// What `/readyz` says of each provider that is not known.
    var degraded: [(provider: String, why: String)] {
        flows.directory.degraded(configuration.providers)
    }

    /// Does something on a worker's loop and waits for it; before the loops run, at once.
    @discardableResult
    private func onLoop<Value: Sendable>(
        of worker: Worker, _ body: @escaping @Sendable (Worker) -> Value
    ) -> Value {
        guard !threads.isEmpty, !worker.loop.isOnLoop else { return body(worker) }
        let parking = Parking()
        let result = Mutex<Value?>(nil)
        worker.loop.post {
            let value = body(worker)
            result.withLock { $0 = value }
            parking.wake()
        }
        while true {
            parking.park()
            if let value = result.withLock({ $0 }) { return value }
        }
    }
}

/// Closes the circle between flows, which announce, and the fleet, which is told.
private final class Announced: @unchecked Sendable {
    // SAFETY: written once, before any loop runs; read by the loops afterwards.
    weak var fleet: Fleet?
}

/// One loop's numbers, or all loops' together.
private struct Gathered: Sendable {
    var totals = Totals()
    var gauges: [ConnectionGauge] = []

    init() {}

    init(_ worker: Worker) {
        let configuration = worker.snapshot.configuration
        totals.add(worker.counts, labelledBy: configuration)
        gauges = configuration.listeners.enumerated().map { index, settings in
            let (active, idle) = worker.connections(ofListener: index)
            return ConnectionGauge(listener: settings.label, active: active, idle: idle)
        }
    }

    mutating func add(_ other: Gathered) {
        totals.add(other.totals)
        for gauge in other.gauges {
            if let index = gauges.firstIndex(where: { $0.listener == gauge.listener }) {
                gauges[index] = ConnectionGauge(
                    listener: gauge.listener, active: gauges[index].active + gauge.active,
                    idle: gauges[index].idle + gauge.idle)
            } else {
                gauges.append(gauge)
            }
        }
    }
}

extension Totals {
    fileprivate mutating func add(_ counts: Counts, labelledBy configuration: Configuration) {
        add(
            counts, routes: configuration.routes.map(\.name),
            upstreams: configuration.upstreams.map(\.name))
    }
}

extension ListenAddress {
    var socketAddress: SocketAddress {
        switch self {
        case .ip(let address, let port): .ip(address, port: port)
        case .unix(let path): .unix(path)
        }
    }

    var isUnix: Bool { if case .unix = self { true } else { false } }
}

extension StateRecord {
    fileprivate var endedSession: EndedSession? {
        if case .ended(let session) = self { session } else { nil }
    }
}

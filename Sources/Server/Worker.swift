// What one event loop owns: its gatekeeper, snapshot, pools, buffers, connections and counters.
//
// Everything here belongs to the loop's thread. Nothing is locked, and nothing a request touches is
// shared with another loop.

import Configuration
package import Flows
package import Gateway
import HTTP
import HTTP2
package import Platform
package import Telemetry
import Values

/// `@unchecked Sendable`: other threads may hold it and post to its loop; everything else is the
/// loop's own, or its maker's before the loop runs.
package final class Worker: @unchecked Sendable {
    /// Reads for one connection in one wake-up; what is left waits until the others have had theirs.
    static let readsATurn = 16
    /// An array that has grown beyond this is not kept for the next user: what gathers for a turn, to
    /// which an array comes by doubling from 4 KiB.
    static let arrayOctetsKept = 73_728
    private static let arraysKept = 64
    private static let smallBufferOctets = 16_384
    /// For what comes from an upstream, and for content: larger reads save many (measured).
    private static let largeBufferOctets = 131_072

    package let loop: EventLoop
    package let surroundings: Surroundings
    package private(set) var snapshot: Snapshot
    var gatekeeper: Gatekeeper
    package private(set) lazy var client = LoopClient(self)
    /// `nil` where none is configured.
    package private(set) var redis: LoopRedis?
    package var counts: Counts
    private let sink: AccessSink
    private var isSinkScheduled = false

    private var pools: [UpstreamPool] = []
    private var checks: HealthChecks?
    private var routeTerms: [Terms] = []
    private(set) var commonTerms: Terms
    private(set) var requestLimits: HTTPLimits
    private(set) var responseReader: ResponseReader
    private(set) var upstreamIdle: Duration

    // Connections.
    private(set) var clients: [ClientConnection] = []
    var memory: MemoryCount
    var isTimingPaces = false
    private(set) var hasMinimumRate = false
    private var listeners: [Listener] = []
    /// What TLS listeners show to who connects from now on.
    package var contexts = ListenerContexts.none
    var handshakeFailures = HandshakeFailures()
    var idle = IdleList()
    var longLived = LongLived()
    /// Clients whose answers gather until the turn ends.
    var unflushed: [Link<Multiplex>] = []
    /// Those whose requests wait for the end of the turn; the number says whether one still is in that
    /// use.
    var unsentHeads: [(exchange: Link<Exchange>, number: UInt64)] = []
    var prefaces = Prefaces()
    package private(set) var isDraining = false

    // Scratch, and what is used again.
    var heads = HeadBatch()
    let sessionPieces = SessionPieces()
    var requestHead = Lent { RequestHead() }
    var responseHead = Lent { ResponseHead() }
    let noOctets = OctetBuffer(capacity: 1)
    let lineEnd: [UInt8] = [13, 10]
    let nothing: [UInt8] = []
    let sealedOctets = OctetBuffer(capacity: 65_536)
    var openedOctets: [UInt8] = []
    private var smallBuffers = Spares<OctetBuffer>(most: 256)
    private var largeBuffers = Spares<OctetBuffer>(most: 32)
    var pipes = Pipes()
    private var arrays: [[UInt8]] = []
    private var spareWriter: OctetWriter? = OctetWriter()
    private var exchanges = Spares<Exchange>(most: 1024)
    private var date = OctetWriter(capacity: 64)
    private var dateOf = UnixTime(seconds: .min)

    /// Call it before the loop runs, or on the loop.
    package init(loop: EventLoop, snapshot: Snapshot, surroundings: Surroundings) {
        self.loop = loop
        self.surroundings = surroundings
        self.snapshot = snapshot
        gatekeeper = Gatekeeper(snapshot)
        memory = MemoryCount(surroundings.memory)
        let configuration = snapshot.configuration
        counts = Counts(
            routes: configuration.routes.count, upstreams: configuration.upstreams.count)
        sink = AccessSink(surroundings.log)
        commonTerms = Terms(configuration.timeouts, configuration.limits)
        requestLimits = HTTPLimits(configuration.limits)
        responseReader = ResponseReader(limits: HTTPLimits())
        upstreamIdle = configuration.timeouts.upstreamIdle
        apply(configuration)
        loop.turnEndHandler = self
        let here = self
        surroundings.connections.join(loop) { _ = here.closeLongestIdle() }
        surroundings.seen.join(loop) { session, cell, isWatched in
            if isWatched {
                here.gatekeeper.watch(session, cell)
            } else {
                here.gatekeeper.unwatch(session, cell)
            }
        }
        surroundings.memory.join(loop) { here.closeIdleForMemory() }
        surroundings.servers.join(loop) { key, news in
            for pool in here.pools where pool.target.name == key.upstream {
                pool.hear(news, of: key.server)
            }
        }
    }

    // MARK: Reload and end

    /// From now on (or from when each says) these sessions are refused on this loop.
    package func end(_ sessions: [EndedSession]) {
        for session in sessions {
            gatekeeper.end(session.scope, from: session.from, until: session.until)
        }
        endLongLived()
    }

    /// From now on requests are decided under this snapshot; what is in flight keeps its own.
    package func adopt(_ snapshot: Snapshot) {
        self.snapshot = snapshot
        gatekeeper.adopt(snapshot)
        apply(snapshot.configuration)
        checks?.adopt(snapshot.configuration, self)
        sink.refreshSettings()
    }

    /// Asks servers whether they are well, for the whole process. Call it on one loop.
    package func checkServers() {
        let checks = HealthChecks()
        self.checks = checks
        checks.adopt(snapshot.configuration, self)
    }

    /// Takes what was counted so far and begins anew: a reload changes what the indexes mean, so call
    /// it before `adopt`, with the configuration that they belonged to.
    package func takeCounts(routes: Int, upstreams: Int) -> Counts {
        defer { counts = Counts(routes: routes, upstreams: upstreams) }
        return counts
    }

    private func apply(_ configuration: Configuration) {
        let limits = configuration.limits
        commonTerms = Terms(configuration.timeouts, limits)
        routeTerms = configuration.routes.map { Terms($0.timeouts, $0.limits) }
        requestLimits = HTTPLimits(limits)
        upstreamIdle = configuration.timeouts.upstreamIdle
        for pool in pools { pool.retire() }
        pools = configuration.upstreams.map { settings in
            UpstreamPool(
                self, UpstreamTarget(settings, idle: configuration.timeouts.upstreamIdle))
        }
        client.retire()
        memory.setLimit(limits.memory)
        hasMinimumRate =
            commonTerms.minimumRate > 0 || routeTerms.contains { $0.minimumRate > 0 }
        timePaces()
        applyRedis(configuration.session.redis)
    }

    /// Connections to the same store as before go on.
    private func applyRedis(_ settings: RedisSettings?) {
        guard redis?.settings != settings else { return }
        redis?.retire()
        redis = settings.flatMap {
            LoopRedis($0, on: loop, surroundings.resolver, surroundings.flows.storeHealth)
        }
    }

    /// Closes the listeners and who is idle; every other connection ends with its answer. It is done
    /// when `openConnections` is 0.
    package func startDraining() {
        isDraining = true
        for listener in listeners { listener.close() }
        while let connection = idle.first { connection { $0.closeIdle() } }
        for connection in clients { connection.drain() }
        closePrefaces()
    }

    /// Closes what is still open, whatever it is doing.
    package func closeAll() {
        for listener in listeners { listener.close() }
        for connection in clients { connection.abort() }
        closePrefaces()
        checks?.stop()
        for pool in pools { pool.retire() }
        client.retire()
        redis?.retire()
    }

    /// Whether load balancers are to send traffic: what a listener's `health_path` answers.
    package var isReady: Bool {
        get { gatekeeper.isReady }
        set { gatekeeper.isReady = newValue }
    }

    package var openConnections: Int { clients.count }
    package var idleConnections: Int { idle.count }

    /// Open connections of a listener, and how many of them are idle: for the metrics.
    package func connections(ofListener index: Int) -> (active: Int, idle: Int) {
        var active = 0
        var waiting = 0
        for connection in clients where connection.listener.index == index {
            if connection.isListedIdle { waiting += 1 } else { active += 1 }
        }
        return (active, waiting)
    }

    // MARK: Connections

    var connections: ConnectionCount { surroundings.connections }

    func add(_ listener: Listener) {
        if !listeners.contains(where: { $0 === listener }) { listeners.append(listener) }
    }

    func remove(_ listener: Listener) { listeners.removeAll { $0 === listener } }

    func add(_ connection: ClientConnection) {
        connection.place = UInt32(truncatingIfNeeded: clients.count)
        clients.append(connection)
        memory.add(connection.footprint)
    }

    func forget(_ connection: ClientConnection) {
        let place = Int(connection.place)
        guard place < clients.count, clients[place] === connection else { return }
        let last = clients.removeLast()
        memory.remove(connection.footprint)
        guard last !== connection else { return }
        clients[place] = last
        last.place = connection.place
    }

    /// - Returns: whether there was one.
    func closeLongestIdle() -> Bool {
        guard let connection = idle.firstCounted else { return false }
        connection { $0.closeIdle() }
        return true
    }

    // MARK: What is used again

    // What is not kept may still be in use further up, or a span of it.

    func takeExchange() -> Held<Exchange> { exchanges.take() ?? Held(Exchange(self)) }

    func give(_ exchange: consuming Held<Exchange>) {
        exchange.link { $0.reset() }
        if let beyond = exchanges.give(exchange) { loop.keepUntilTurnEnds(beyond.object()) }
    }

    func takeBuffer(large: Bool) -> Held<OctetBuffer> {
        let octets = large ? Self.largeBufferOctets : Self.smallBufferOctets
        memory.add(octets)
        if let spare = large ? largeBuffers.take() : smallBuffers.take() { return spare }
        return Held(OctetBuffer(capacity: octets))
    }

    func give(_ buffer: consuming Held<OctetBuffer>) {
        buffer.link { $0.removeAll() }
        let capacity = buffer.link.capacity
        memory.remove(capacity)
        // One that has grown is not kept: its memory was for what needed it.
        switch capacity {
        case Self.smallBufferOctets: drop(smallBuffers.give(buffer))
        case Self.largeBufferOctets: drop(largeBuffers.give(buffer))
        default: drop(consume buffer)
        }
    }

    private func drop(_ buffer: consuming Held<OctetBuffer>?) {
        if let buffer { loop.keepUntilTurnEnds(buffer.object()) }
    }

    func lendArray(_ array: inout [UInt8]) {
        if var spare = arrays.popLast() {
            swap(&array, &spare)
        } else {
            array.reserveCapacity(4096)
        }
    }

    func takeBackArray(_ array: inout [UInt8]) {
        guard array.capacity > 0 else { return }
        var empty: [UInt8] = []
        swap(&array, &empty)
        guard arrays.count < Self.arraysKept, empty.capacity <= Self.arrayOctetsKept else { return }
        empty.removeAll(keepingCapacity: true)
        arrays.append(consume empty)
    }

    /// A head may be longer than the buffer it began in.
    func grow(_ buffer: OctetBuffer, to octets: Int) {
        let before = buffer.capacity
        buffer.grow(to: octets)
        memory.add(buffer.capacity - before)
    }

    // MARK: What requests ask for

    var responseHeadOctetsMax: Int { responseReader.limits.headOctetsMax }

    func terms(ofRoute route: Int) -> Terms {
        routeTerms.indices.contains(route) ? routeTerms[route] : commonTerms
    }

    func pool(ofUpstream index: Int) -> Link<UpstreamPool>? {
        pools.indices.contains(index) ? Link(pools[index]) : nil
    }

    /// As the loop's, which a caller further away would have to count (measured).
    @inline(never)
    func setDeadline(_ slot: LoopSlot, _ moment: MonotonicInstant?) {
        loop.setDeadline(slot, moment)
    }

    /// Room to write a head in, empty; it comes back by `takeBack`.
    func lendWriter() -> OctetWriter { spareWriter.take() ?? OctetWriter() }

    func takeBack(_ writer: consuming OctetWriter) {
        writer.removeAll(keepingAtMost: Self.arrayOctetsKept)
        spareWriter = consume writer
    }

    /// The Date field's line, formatted once a second.
    func writeDate(to lines: inout OctetWriter) {
        if dateOf != loop.wallTime {
            dateOf = loop.wallTime
            date.removeAll()
            date.append("Date: ")
            HTTPDate.append(dateOf, to: &date)
            date.append("\r\n")
        }
        lines.append(contentsOf: date)
    }

    // MARK: Work that waits

    private var environment: FlowEnvironment {
        let loop = loop
        return FlowEnvironment(
            client: client, redis: redis, now: { Clock.wall() }, start: { loop.start($0) },
            pause: { await loop.sleep(for: $0) },
            hasEnded: { [self] in gatekeeper.hasEnded($0, of: $1, at: loop.wallTime) })
    }

    /// Requests have brought cookies that a refresh had made: the old ones have not long to go.
    func tellReturned() {
        let cookies = gatekeeper.takeReturned()
        let (flows, environment) = (surroundings.flows, environment)
        loop.start { await flows.noteReturned(cookies, environment) }
    }

    /// A session in cookies has been refreshed.
    package func note(_ refreshed: RefreshedSession) {
        gatekeeper.note(refreshed, at: loop.wallTime)
    }

    /// Does a flow's work on this loop. Who asked may be gone when it ends; the work ends all the same.
    func perform(_ work: Work, for exchange: Exchange) {
        let flows = surroundings.flows
        let snapshot = snapshot
        let environment = environment
        let here = OnLoop((exchange, exchange.number))
        loop.start {
            let outcome = await flows.perform(work, under: snapshot, in: environment)
            let (exchange, number) = here.value
            if exchange.number == number { exchange.apply(outcome) }
        }
    }

    func perform(
        _ request: AdminRequest, _ answer: @escaping @Sendable (AdminRequest) async -> Answer,
        for exchange: Exchange
    ) {
        let here = OnLoop((exchange, exchange.number))
        loop.start {
            let answer = await answer(request)
            let (exchange, number) = here.value
            if exchange.number == number { exchange.applyAdmin(answer) }
        }
    }

    // MARK: Log and metrics

    /// A finished exchange.
    func record(_ exchange: Exchange) {
        guard exchange.isForSite else { return }
        let microseconds = exchange.startedAt.microseconds(to: loop.now)
        counts.request(
            route: exchange.facts.route, method: Int(exchange.facts.method.rawValue),
            status: exchange.status,
            seconds: Double(microseconds) / 1_000_000)
        if let answered = exchange.relay.answeredAt, exchange.plan != nil {
            let took = exchange.relay.sentAt.microseconds(to: answered)
            counts.upstream(exchange.facts.upstream, seconds: Double(took) / 1_000_000)
        }
        switch exchange.facts.sessionOutcome {
        case .none: break
        case .opened: counts.sessionsOpened &+= 1
        case .failed: counts.sessionsNotOpened &+= 1
        }
        if sink.isOn { writeAccessLine(exchange, exchange.facts, microseconds: microseconds) }
    }

    var logsAccess: Bool { sink.isOn }

    private func writeAccessLine(
        _ exchange: Exchange, _ facts: borrowing RequestFacts, microseconds: Int
    ) {
        let configuration = exchange.plan?.snapshot.configuration ?? snapshot.configuration
        let peer = exchange.client?.peer
        let client = facts.client ?? peer?.address
        let route =
            configuration.routes.indices.contains(facts.route)
            ? configuration.routes[facts.route].name : ""
        let upstream =
            configuration.upstreams.indices.contains(facts.upstream)
            ? configuration.upstreams[facts.upstream].name : ""
        let method = exchange.methodToken
        let clientText = client?.description ?? (peer?.isUnix == true ? "unix" : "unknown")
        sink.append(
            request: facts.requestID.span, client: clientText.utf8.span,
            method: method.span, host: facts.host.span, path: facts.path.span,
            status: exchange.status, octets: Int(clamping: exchange.octetsSent),
            microseconds: microseconds, route: route.utf8.span, upstream: upstream.utf8.span,
            subject: facts.subject.span)
        guard !isSinkScheduled else { return }
        isSinkScheduled = true
        loop.endOfTurn { [self] in
            isSinkScheduled = false
            sink.flush()
        }
    }

    func note(_ failure: ExchangeFailure, of exchange: Exchange) {
        let upstreams = exchange.plan?.snapshot.configuration.upstreams ?? []
        var pairs: [(String, LogValue)] = [("code", .string(failure.code))]
        if upstreams.indices.contains(exchange.facts.upstream) {
            pairs.append(("upstream", .string(upstreams[exchange.facts.upstream].name)))
        }
        if let detail = failure.detail { pairs.append(("reason", .string(detail))) }
        pairs.append(("cut", .bool(exchange.hasResponded)))
        surroundings.log.event(
            failure.isUpstreams ? .warning : .debug,
            failure.isUpstreams ? "upstream-failed" : "request-failed",
            request: exchange.requestID, pairs)
    }

    func noteEndedWithSession(_ exchange: Exchange) {
        surroundings.log.event(.debug, "ended-with-session", request: exchange.requestID, [])
    }

    /// The reason under the code that a page shows.
    func note(_ answer: Answer, of exchange: Exchange) {
        guard let reason = answer.logReason else { return }
        surroundings.log.event(
            answer.status >= 500 ? .warning : .info, "refused", request: exchange.requestID,
            [
                ("status", .int(answer.status)), ("code", .string(answer.code ?? "")),
                ("reason", .string(reason)),
            ])
    }

    func noteTimeout(_ waiting: Deadline.Waiting, _ exchange: Link<Exchange>?) {
        switch waiting {
        // The ordinary end of a connection that nobody uses.
        case .keepAlive, .lingering, .streams, .nothing: return
        default: break
        }
        surroundings.log.event(
            .debug, "client-timeout", request: exchange?.requestID,
            [("waiting", .string(waiting.rawValue))])
    }

    func noteAcceptFailure(_ error: Errno) {
        surroundings.log.event(.error, "accept-failed", [("reason", .string("\(error)"))])
    }
}

extension MonotonicInstant {
    fileprivate func microseconds(to later: MonotonicInstant) -> Int {
        Int(
            clamping: later.nanoseconds.subtractingReportingOverflow(nanoseconds).partialValue
                / 1000)
    }
}

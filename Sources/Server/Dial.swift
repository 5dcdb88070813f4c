// Makes one connection out of all the ways there are: a server's addresses, then the other servers.
//
// When a way fails the next is tried at once; when it neither fails nor succeeds, the next is tried
// beside it after a quarter of a second (RFC 8305 §5), so that an address that swallows packets costs
// that much and no more. Whoever connects first has the connection. It knows descriptors; TLS and what
// is said over them is the connection's, which comes back for another way where TLS fails.

import Configuration
import HTTP
import Platform
import Values

final class Dial {
    static let stagger: Int64 = 250_000_000

    fileprivate struct Way {
        let server: Int
        let address: SocketAddress
    }

    private let pool: UpstreamPool
    private let worker: Worker
    private let endsAt: MonotonicInstant
    /// Who waits; `nil` once nobody does.
    private var connection: UpstreamConnection?
    private var tried: [Bool]
    /// The server not to go to while there is another.
    private var avoided: Int?
    private var ways: [Way] = []
    private var attempts: [Attempt] = []
    /// Servers whose names are being looked up.
    private var resolving: [Int] = []
    private var timer: TimerID?
    private var failure = ExchangeFailure.noServer

    /// - Parameter avoided: a server that has failed the request already.
    init(_ connection: UpstreamConnection, avoiding avoided: Int?, until endsAt: MonotonicInstant) {
        self.connection = connection
        self.endsAt = endsAt
        pool = connection.pool
        worker = connection.worker
        tried = Array(repeating: false, count: pool.target.servers.count)
        if let avoided, tried.count > 1, tried.indices.contains(avoided) {
            tried[avoided] = true
            self.avoided = avoided
        }
    }

    /// Begins; the connection hears of the end, at the earliest when this has returned.
    func start(at server: Int) {
        if tried[server] { return advance() }
        prepare(server)
        advance()
    }

    /// The connection that was made is of no use: another way.
    func goOn(after failure: ExchangeFailure, ofServer server: Int) {
        fail(failure, server)
        advance()
    }

    /// How long the connection may take to become usable, when another way could be tried instead.
    var shareEndsAt: MonotonicInstant {
        guard hasMore else { return endsAt }
        let left = max(0, worker.loop.now.duration(to: endsAt).wholeNanoseconds)
        return worker.loop.now.advanced(byNanoseconds: left / 2)
    }

    /// Nobody waits any more.
    func cancel() {
        connection = nil
        stopTimer()
        for attempt in attempts { attempt.close() }
        attempts.removeAll()
    }

    // MARK: Ways

    private var hasMore: Bool { !ways.isEmpty || tried.contains(false) || avoided != nil }

    private func nextServer() -> Int? {
        if let server = pool.nextServer(except: tried) { return server }
        defer { avoided = nil }
        return avoided
    }

    /// Finds the server's addresses, now or in a while.
    private func prepare(_ server: Int) {
        tried[server] = true
        switch pool.target.servers[server] {
        case .unix(let path): ways.append(Way(server: server, address: .unix(path)))
        case .tcp(let origin):
            if let address = Self.literal(origin.host) {
                ways.append(Way(server: server, address: .ip(address, port: origin.port)))
            } else {
                resolve(origin, server)
            }
        }
    }

    private static func literal(_ host: String) -> IPAddress? {
        host.hasPrefix("[")
            ? IPAddress(parsing: host.dropFirst().dropLast()) : IPAddress(parsing: host)
    }

    private func resolve(_ origin: Origin, _ server: Int) {
        resolving.append(server)
        let loop = worker.loop
        let resolver = worker.surroundings.resolver
        let left = max(.zero, loop.now.duration(to: endsAt))
        let here = OnLoop(self)
        loop.start {
            let answer: Result<[IPAddress], ResolveFailure>
            do throws(ResolveFailure) {
                answer = .success(
                    try await resolver.addresses(of: origin.host, on: loop, deadline: left))
            } catch {
                answer = .failure(error)
            }
            here.value.resolved(answer, port: origin.port, server)
        }
    }

    private func resolved(
        _ answer: Result<[IPAddress], ResolveFailure>, port: UInt16, _ server: Int
    ) {
        guard connection != nil, let place = resolving.firstIndex(of: server) else { return }
        resolving.remove(at: place)
        switch answer {
        case .success(let found):
            ways += found.map { Way(server: server, address: .ip($0, port: port)) }
            // Beside one that is under way already it waits for its turn.
            if attempts.isEmpty { advance() }
        case .failure(let failure):
            fail(failure == .timedOut ? .connectTimedOut : .unreachable("\(failure)"), server)
            advance()
        }
    }

    // MARK: Attempts

    /// Begins one attempt more, or says that there is none left.
    private func advance() {
        guard connection != nil else { return }
        while true {
            if !ways.isEmpty {
                if open(ways.removeFirst()) { return startTimer() }
                continue
            }
            guard let server = nextServer() else { break }
            let lookUps = resolving.count
            prepare(server)
            if resolving.count > lookUps { return startTimer() }
        }
        if attempts.isEmpty, resolving.isEmpty { giveUp() } else { startTimer() }
    }

    private func open(_ way: Way) -> Bool {
        do throws(Errno) {
            attempts.append(try Attempt(way, of: self, on: worker.loop))
            return true
        } catch {
            fail(.unreachable("\(way.address): \(error)"), way.server)
            return false
        }
    }

    fileprivate func failed(_ attempt: Attempt, _ error: Errno) {
        attempt.close()
        attempts.removeAll { $0 === attempt }
        fail(.unreachable("\(attempt.way.address): \(error.sentence)"), attempt.way.server)
        advance()
    }

    fileprivate func connected(_ attempt: Attempt, _ readiness: Readiness) {
        guard let connection, let made = attempt.leave() else { return }
        stopTimer()
        attempts.removeAll { $0 === attempt }
        // Those that were slower can be tried again, should this one be of no use; a server that has
        // not answered by now is one to pass over.
        let slower = attempts.map(\.way)
        for attempt in attempts { attempt.close() }
        attempts.removeAll()
        for way in slower where way.server != attempt.way.server {
            fail(.unreachable("\(way.address): another server was faster"), way.server)
        }
        ways.insert(contentsOf: slower, at: 0)
        connection.dialled(made, server: attempt.way.server, readiness)
    }

    /// A server has failed when none of its ways is left.
    private func fail(_ failure: ExchangeFailure, _ server: Int) {
        self.failure = failure
        guard !ways.contains(where: { $0.server == server }),
            !attempts.contains(where: { $0.way.server == server }), !resolving.contains(server)
        else { return }
        pool.noteUnreachable(server, failure)
    }

    private func giveUp() {
        let waiting = connection
        cancel()
        waiting?.dialFailed(failure)
    }

    // MARK: Time

    private func startTimer() {
        stopTimer()
        let now = worker.loop.now
        let next = hasMore ? min(now.advanced(byNanoseconds: Self.stagger), endsAt) : endsAt
        timer = worker.loop.schedule(after: max(.zero, now.duration(to: next))) { [self] in
            timer = nil
            timePassed()
        }
    }

    private func stopTimer() {
        if let timer { worker.loop.cancel(timer) }
        timer = nil
    }

    private func timePassed() {
        guard endsAt <= worker.loop.now else { return advance() }
        let late = Set(attempts.map(\.way.server) + resolving)
        failure = .connectTimedOut
        for server in late { pool.noteUnreachable(server, failure) }
        giveUp()
    }
}

/// A connection that was made, and its registration for another handler to take over.
struct Established: ~Copyable {
    let slot: LoopSlot
    private let descriptor: Descriptor

    fileprivate init(_ descriptor: consuming Descriptor, _ slot: LoopSlot) {
        self.descriptor = descriptor
        self.slot = slot
    }

    consuming func take() -> Descriptor { descriptor }
}

/// One address on the way to being connected to.
private final class Attempt: LoopHandler {
    let way: Dial.Way
    private let dial: Dial
    private let loop: EventLoop
    private let number: Int32
    private var descriptor: Descriptor?
    private var slot: LoopSlot?

    init(_ way: Dial.Way, of dial: Dial, on loop: EventLoop) throws(Errno) {
        self.way = way
        self.dial = dial
        self.loop = loop
        let descriptor = try Socket.connect(to: way.address)
        number = descriptor.number
        self.descriptor = .some(descriptor)
        slot = try loop.register(self, number)
    }

    func ready(_ readiness: Readiness) {
        guard slot != nil, readiness.contains(.writable) || readiness.contains(.failed) else {
            return
        }
        if let error = Socket.connectionError(number) {
            dial.failed(self, error)
        } else {
            dial.connected(self, readiness)
        }
    }

    func deadlinePassed() {}

    func close() {
        if let slot { loop.deregister(slot) }
        slot = nil
        descriptor = nil
    }

    func leave() -> Established? {
        guard let slot, let descriptor = descriptor.take() else { return nil }
        self.slot = nil
        return Established(descriptor, slot)
    }
}

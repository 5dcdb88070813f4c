// One connection to a server we forward to, or ask for ourselves: made, leased, kept, closed.
//
// It knows octets and whose they are at the moment: a relay's, or a call's of our own client. While it
// is nobody's, anything that comes on it, an end too, means that it is of no more use: no octet that
// nobody asked for ever reaches a client. HTTP/1.1, one exchange at a time.

import Configuration
import Flows
import HTTP
import Platform
import TLS
import Values

final class UpstreamConnection: LoopHandler {
    enum State: UInt8 {
        case new
        /// The server's name is being looked up.
        case resolving
        case connecting
        case handshaking
        case leased
        case idle
        case closed
    }

    let worker: Worker
    let pool: UpstreamPool
    private(set) var state = State.new
    var wire: Wire
    private var slot: LoopSlot?
    private var buffer: OctetBuffer?
    // Whose it is.
    private(set) var relay: Relay?
    private(set) var call: ClientCall?

    private(set) var lastRead = MonotonicInstant(nanoseconds: 0)
    private(set) var lastWrite = MonotonicInstant(nanoseconds: 0)
    private var deadline = Deadline()
    private var isPumping = false

    // This lease.
    private(set) var wasReused = false
    private(set) var hasReceivedOctets = false
    private var takenBefore: UInt64 = 0
    private var leasedAt = MonotonicInstant(nanoseconds: 0)
    private var keptAt = MonotonicInstant(nanoseconds: 0)
    private var leases = 0

    // Dialling.
    private var dialEndsAt = MonotonicInstant.distantFuture
    private var serversTried = 0
    private var server = 0
    private var addresses: [SocketAddress] = []
    private var nextAddress = 0
    private var attemptEndsAt = MonotonicInstant.distantFuture
    private var dialFailure = ExchangeFailure.noServer

    init(_ worker: Worker, _ pool: UpstreamPool) {
        self.worker = worker
        self.pool = pool
        wire = Wire()
    }

    // MARK: Leases

    func beginLease(for relay: Relay) {
        self.relay = relay
        noteLease()
    }

    func beginLease(for call: ClientCall) {
        self.call = call
        noteLease()
    }

    private func noteLease() {
        wasReused = leases > 0
        leases += 1
        hasReceivedOctets = false
        takenBefore = wire.taken
        leasedAt = worker.loop.now
        lastRead = leasedAt
        lastWrite = leasedAt
        if state == .idle { state = .leased }
    }

    func endLease() {
        relay = nil
        call = nil
    }

    /// Whether the kernel has taken any octet of what this lease sent.
    var hasTakenOctets: Bool { wire.taken != takenBefore }

    /// Called by the pool, once nothing is owed.
    func becomeIdle() {
        state = .idle
        lastRead = worker.loop.now
        keptAt = lastRead
        releaseBuffer()
        armDeadline()
    }

    /// Whether it may be kept: it is open, and there is nothing on it that nobody asked for.
    func isClean() -> Bool {
        guard state == .leased, !wire.isEnding, !wire.isBroken, !wire.hasUnsent,
            buffer?.isEmpty ?? true
        else { return false }
        return !wire.mayRead || isDrained()
    }

    /// Whether there is nothing to read after all. Announcements are of what was there when the turn
    /// began, and may have been read since; a read that filled its room may have emptied the queue.
    private func isDrained() -> Bool {
        let buffer = takeBuffer()
        while wire.mayRead {
            switch wire.receive(into: buffer, worker) {
            // Under TLS a session ticket may come at any time, which is nothing.
            case .nothing: continue
            case .octets, .end, .failed: return false
            }
        }
        return true
    }

    // MARK: Dialling

    /// Makes the connection; the lease's holder hears of it.
    func dial(within nanoseconds: Int64) {
        dialEndsAt = worker.loop.now.advanced(byNanoseconds: nanoseconds)
        tryServer()
    }

    private func tryServer() {
        guard let next = pool.server(afterTrying: serversTried) else { return dialFailed() }
        serversTried += 1
        server = next
        addresses.removeAll()
        nextAddress = 0
        switch pool.target.servers[next] {
        case .unix(let path):
            addresses = [.unix(path)]
            tryAddress()
        case .tcp(let origin):
            if let address = Self.literal(origin.host) {
                addresses = [.ip(address, port: origin.port)]
                return tryAddress()
            }
            resolve(origin)
        }
    }

    private static func literal(_ host: String) -> IPAddress? {
        host.hasPrefix("[")
            ? IPAddress(parsing: host.dropFirst().dropLast()) : IPAddress(parsing: host)
    }

    private func resolve(_ origin: Origin) {
        state = .resolving
        let loop = worker.loop
        let resolver = worker.surroundings.resolver
        let left = max(.zero, loop.now.duration(to: dialEndsAt))
        let here = OnLoop(self)
        loop.start {
            let answer: Result<[IPAddress], ResolveFailure>
            do throws(ResolveFailure) {
                answer = .success(
                    try await resolver.addresses(of: origin.host, on: loop, deadline: left))
            } catch {
                answer = .failure(error)
            }
            here.value.resolved(answer, port: origin.port)
        }
    }

    private func resolved(_ answer: Result<[IPAddress], ResolveFailure>, port: UInt16) {
        guard state == .resolving else { return }
        switch answer {
        case .success(let found):
            addresses = found.map { .ip($0, port: port) }
            tryAddress()
        case .failure(let failure):
            serverFailed(failure == .timedOut ? .connectTimedOut : .unreachable("\(failure)"))
        }
    }

    private func tryAddress() {
        while nextAddress < addresses.count {
            let address = addresses[nextAddress]
            nextAddress += 1
            do {
                let tls = try pool.makeTLS(server: server)
                wire = Wire(try Socket.connect(to: address), tls: tls)
                slot = try worker.loop.register(self, wire.number)
            } catch let error as TLSProblem {
                return serverFailed(.untrusted("\(error)"))
            } catch {
                dialFailure = .unreachable("\(address): \(error)")
                leaveAddress()
                continue
            }
            state = .connecting
            deadline = Deadline()
            // What is left is shared among the addresses that are left, so that one which never
            // answers does not take the others' time.
            let left = max(0, worker.loop.now.duration(to: dialEndsAt).wholeNanoseconds)
            let share = left / Int64(max(1, addresses.count - nextAddress + 1))
            attemptEndsAt = worker.loop.now.advanced(byNanoseconds: share)
            armDeadline()
            return
        }
        serverFailed(dialFailure)
    }

    private func leaveAddress() {
        if let slot { worker.loop.deregister(slot) }
        slot = nil
        wire.close(worker)
    }

    private func attemptFailed(_ failure: ExchangeFailure) {
        dialFailure = failure
        leaveAddress()
        tryAddress()
    }

    private func serverFailed(_ failure: ExchangeFailure) {
        dialFailure = failure
        pool.noteFailure(ofServer: server)
        leaveAddress()
        tryServer()
    }

    private func dialFailed() {
        let failure = dialFailure
        // Whoever leased it discards it now, which closes it.
        state = .new
        if let relay {
            relay.fail(failure)
        } else if let call {
            call.failed(failure)
        } else {
            close()
        }
    }

    private func dialEvent() {
        if state == .connecting {
            if let error = Socket.connectionError(wire.number) {
                return attemptFailed(
                    .unreachable("\(addresses[nextAddress - 1]): \(error.sentence)"))
            }
            Socket.noDelay(wire.number)
            guard wire.sealing != nil else { return opened() }
            state = .handshaking
            wire.startTLS()
        }
        handshake()
    }

    private func handshake() {
        while wire.mayRead, !wire.isOpen {
            let buffer = takeBuffer()
            switch wire.receive(into: buffer, worker) {
            case .octets, .nothing: continue
            case .end: return attemptFailed(.untrusted("the peer hung up during the handshake"))
            case .failed:
                return attemptFailed(.untrusted(wire.fault ?? "reset during the handshake"))
            }
        }
        if wire.isBroken { return attemptFailed(.untrusted(wire.fault ?? "reset")) }
        if wire.isOpen { opened() } else { armDeadline() }
    }

    private func opened() {
        // Octets before the first request are nobody's, whoever put them there.
        guard buffer?.isEmpty ?? true else {
            return attemptFailed(.badAnswer("octets before any request"))
        }
        pool.noteSuccess(ofServer: server)
        state = .leased
        lastWrite = worker.loop.now
        lastRead = lastWrite
        takenBefore = wire.taken
        if let relay {
            relay.connected()
        } else if let call {
            call.connected()
        } else {
            close()
        }
        if state == .leased { resumeReading() }
    }

    // MARK: Events

    func ready(_ readiness: Readiness) {
        switch state {
        case .closed, .new, .resolving: return
        case .connecting:
            guard readiness.contains(.writable) || readiness.contains(.failed) else { return }
            _ = wire.note(readiness)
            dialEvent()
        case .handshaking:
            if wire.note(readiness) { wire.flushSealed() }
            handshake()
        case .idle:
            _ = wire.note(readiness)
            // Room to write is no news; octets or an end that nobody asked for are.
            guard !wire.isEnding, isDrained() else { return close() }
            releaseBuffer()
        case .leased:
            let hasRoomAgain = wire.note(readiness)
            if hasRoomAgain {
                wire.flush(worker)
                lastWrite = worker.loop.now
                if !wire.isBlocked {
                    relay?.upstreamHasRoom()
                    call?.hasRoom()
                }
            }
            // What is announced in the turn that began the lease was there before its request, where
            // the connection was idle when the turn began.
            let now = worker.loop.now
            if wasReused, !hasReceivedOctets, wire.mayRead, leasedAt == now, keptAt < now {
                return unasked()
            }
            pump()
        }
    }

    /// Octets that stand before the answer to a request that had not been sent.
    private func unasked() {
        let failure = ExchangeFailure.cutByUpstream("octets on a connection that was idle")
        if let relay {
            relay.failedBeforeAnswer(failure)
        } else {
            call?.failed(failure)
        }
    }

    func resumeReading() {
        if state == .leased { pump() }
    }

    private func pump() {
        guard !isPumping else { return }
        isPumping = true
        var reads = Worker.readsATurn
        while state == .leased, wire.mayRead, relay?.wantsAnswer ?? (call != nil) {
            guard reads > 0 else {
                if let slot { worker.loop.deliverAgain(slot, []) }
                break
            }
            reads -= 1
            receive()
        }
        isPumping = false
        guard state == .leased else { return }
        if let buffer, buffer.isEmpty { releaseBuffer() }
        armDeadline()
    }

    private func receive() {
        let buffer = takeBuffer()
        switch wire.receive(into: buffer, worker) {
        case .octets:
            lastRead = worker.loop.now
            hasReceivedOctets = true
            if let relay {
                relay.received(buffer)
                self.relay?.flushAnswer()
            } else {
                call?.received(buffer)
            }
        case .nothing: break
        case .end:
            let isGenuine = wire.endIsGenuine
            if let relay {
                relay.upstreamEnded(isGenuine: isGenuine)
            } else {
                call?.ended(isGenuine: isGenuine)
            }
        case .failed(let code):
            let words = wire.fault ?? Errno(call: "recv", code: code).description
            if let relay {
                relay.upstreamFailed(words)
            } else {
                call?.failed(.cutByUpstream(words))
            }
        }
    }

    func deadlinePassed() {
        guard state != .closed else { return }
        // What has moved since is taken into account only now: the loop fires at the time first set.
        deadline = Deadline()
        armDeadline()
        guard deadline.at <= worker.loop.now else { return }
        let waiting = deadline.waiting
        switch state {
        case .idle: close()
        case .connecting, .handshaking: attemptFailed(.connectTimedOut)
        case .leased:
            if let relay {
                relay.deadlinePassed(waiting)
            } else {
                call?.failed(.responseStartTimedOut)
            }
        case .new, .resolving, .closed: break
        }
    }

    /// Something has been sent: the clocks of both directions begin anew.
    func sentSome() {
        lastWrite = worker.loop.now
        if wire.isBroken, !wire.isEnding, let slot {
            // What the peer said before it went can still be read, and then how it went.
            worker.loop.deliverAgain(slot, [.peerClosed])
        }
        rearm()
    }

    func rearm() {
        if !isPumping { armDeadline() }
    }

    private func armDeadline() {
        guard let slot else { return }
        var next = Deadline()
        switch state {
        case .idle: next.bring(.upstreamIdle, from: lastRead, pool.target.idleNanoseconds)
        case .connecting, .handshaking:
            next.at = min(attemptEndsAt, dialEndsAt)
            next.waiting = .connect
        case .leased: relay?.upstreamDeadline(&next, self)
        case .new, .resolving, .closed: break
        }
        deadline.waiting = next.waiting
        guard next.at != deadline.at else { return }
        deadline.at = next.at
        worker.loop.setDeadline(slot, next.at == .distantFuture ? nil : next.at)
    }

    // MARK: Closing

    func close() {
        guard state != .closed else { return }
        let wasIdle = state == .idle
        state = .closed
        if let slot { worker.loop.deregister(slot) }
        slot = nil
        releaseBuffer()
        wire.close(worker)
        relay = nil
        call = nil
        if wasIdle { pool.forget(self) }
        pool.connectionClosed()
    }

    private func takeBuffer() -> OctetBuffer {
        if let buffer { return buffer }
        let taken = worker.takeBuffer(large: true)
        buffer = taken
        return taken
    }

    private func releaseBuffer() {
        if let buffer { worker.give(buffer) }
        buffer = nil
    }
}

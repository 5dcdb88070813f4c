// One connection to a server we forward to, or ask for ourselves: made, leased, kept, closed.
//
// It knows octets and whose they are at the moment: a relay's, or a call's of our own client. While it
// is nobody's, anything that comes on it, an end too, means that it is of no more use: no octet that
// nobody asked for ever reaches a client. HTTP/1.1, one exchange at a time; where the server speaks
// HTTP/2, it is one stream of a connection that many share (`UpstreamMultiplex`).

import Configuration
import Flows
import HTTP
import HTTP2
import Platform
import TLS
import Values

final class UpstreamConnection: LoopHandler {
    enum State: UInt8 {
        case new
        case dialling
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
    private var heldBuffer: Held<OctetBuffer>?
    // Whose it is.
    private(set) var relay: Link<Relay>?
    private(set) var call: ClientCall?

    private(set) var lastRead = MonotonicInstant(nanoseconds: 0)
    private(set) var lastWrite = MonotonicInstant(nanoseconds: 0)
    private var deadline = Deadline()
    private var isPumping = false

    // This lease.
    var wasReused = false
    private(set) var hasReceivedOctets = false
    /// The answer before was long: of the next one little more than the head is read at first, so that
    /// the rest need not be copied.
    var hadLongAnswer = false
    private static let headOctets = 4096
    private var hasFault = false
    private var takenBefore: UInt64 = 0
    private var leasedAt = MonotonicInstant(nanoseconds: 0)
    private var keptAt = MonotonicInstant(nanoseconds: 0)
    private var leases = 0

    // Dialling.
    private var dial: Dial?
    private var dialEndsAt = MonotonicInstant.distantFuture
    private var handshakeEndsAt = MonotonicInstant.distantFuture
    /// The server it is connected to, or is to be.
    private(set) var server: Int
    /// For an exchange that takes the whole connection with it: an upgrade.
    let isAlone: Bool

    init(_ worker: Worker, _ pool: UpstreamPool, server: Int, isAlone: Bool = false) {
        self.isAlone = isAlone
        self.worker = worker
        self.pool = pool
        self.server = server
        wire = Wire()
    }

    // MARK: Leases

    func beginLease(for relay: Relay) {
        self.relay = Link(relay)
        noteLease()
    }

    func beginLease(for call: ClientCall) {
        self.call = call
        noteLease()
    }

    private func noteLease() {
        // A connection that is shared has been used, or may be by others: it can be closing meanwhile.
        wasReused = leases > 0 || wire.stream != nil
        leases += 1
        hasReceivedOctets = false
        takenBefore = wire.taken
        leasedAt = worker.loop.now
        lastRead = leasedAt
        lastWrite = leasedAt
        hasFault = false
        if state == .idle { state = .leased }
        if pool.isSeveral { pool.leaseBegan(server) }
    }

    func endLease() {
        if pool.isSeveral, relay != nil || call != nil {
            pool.leaseEnded(server, isWell: hasReceivedOctets && !hasFault)
        }
        relay = nil
        call = nil
    }

    /// The server answered wrongly, or not in time.
    func noteFault(_ failure: ExchangeFailure) {
        guard state == .leased else { return }
        hasFault = true
        pool.noteFault(server, failure)
    }

    /// Whether the kernel has taken any octet of what this lease sent.
    var hasTakenOctets: Bool {
        if let stream = wire.stream { return !stream.isUntouched }
        return wire.taken != takenBefore
    }

    /// Since when something waits for room that is the upstream's to make.
    var owesRoomSince: MonotonicInstant? {
        if let stream = wire.stream { return stream.waitsSince }
        return wire.isBlocked ? lastWrite : nil
    }

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
            !hasOctets
        else { return false }
        return !wire.mayRead || isDrained()
    }

    /// Whether there is nothing to read after all. Announcements are of what was there when the turn
    /// began, and may have been read since; a read that filled its room may have emptied the queue.
    private func isDrained() -> Bool {
        let buffer = takeBuffer()
        while wire.mayRead {
            switch buffer({ wire.receive(into: $0, worker) }) {
            // Under TLS a session ticket may come at any time, which is nothing.
            case .nothing: continue
            case .octets, .end, .failed: return false
            }
        }
        return true
    }

    // MARK: Dialling

    /// Makes the connection; the lease's holder hears of it.
    /// - Parameter avoided: a server that has failed the request already.
    func dial(within nanoseconds: Int64, avoiding avoided: Int? = nil) {
        dialEndsAt = worker.loop.now.advanced(byNanoseconds: nanoseconds)
        state = .dialling
        if !isAlone, pool.waitForDial(self) { return }
        let dial = Dial(self, avoiding: avoided, until: dialEndsAt)
        self.dial = dial
        dial.start(at: server)
    }

    /// There is a connection to the server.
    func dialled(_ made: consuming Established, server: Int, _ readiness: Readiness) {
        let slot = made.slot
        pool.leaseMoved(from: self.server, to: server)
        self.server = server
        do {
            wire = Wire(made.take(), tls: try pool.makeTLS(server: server, isAlone: isAlone))
        } catch {
            worker.loop.deregister(slot)
            dial?.goOn(after: .untrusted("\(error)"), ofServer: server)
            return
        }
        worker.loop.handOver(slot, to: self)
        self.slot = slot
        deadline = Deadline()
        _ = wire.note(readiness)
        Socket.noDelay(wire.number)
        guard wire.sealing != nil else { return opened() }
        state = .handshaking
        handshakeEndsAt = dial?.shareEndsAt ?? dialEndsAt
        wire.startTLS(worker)
        handshake()
    }

    func dialFailed(_ failure: ExchangeFailure) {
        dial = nil
        pool.dialEnded(self, .failed(failure))
        // Whoever leased it discards it now, which closes it.
        state = .new
        if let relay {
            relay { $0.fail(failure) }
        } else if let call {
            call.failed(failure)
        } else {
            close()
        }
    }

    /// What was connected to is of no use.
    private func attemptFailed(_ failure: ExchangeFailure) {
        if let slot { worker.loop.deregister(slot) }
        slot = nil
        wire.close(worker)
        state = .dialling
        dial?.goOn(after: failure, ofServer: server)
    }

    private func handshake() {
        while wire.mayRead, !wire.isOpen {
            let buffer = takeBuffer()
            switch buffer({ wire.receive(into: $0, worker) }) {
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
        if speaksHTTP2 { return becomeStream() }
        // Octets before the first request are nobody's, whoever put them there.
        let isSilent = wire.sealing != nil || !wire.mayRead || isDrained()
        guard isSilent, !hasOctets else {
            return attemptFailed(.badAnswer("octets before any request"))
        }
        dial?.cancel()
        dial = nil
        pool.dialEnded(self, .alone)
        pool.noteConnected(server)
        began()
    }

    /// It is there for whoever waits for it.
    private func began() {
        state = .leased
        lastWrite = worker.loop.now
        lastRead = lastWrite
        takenBefore = wire.taken
        if let relay {
            relay { $0.connected() }
        } else if let call {
            call.connected()
        } else {
            close()
        }
        if state == .leased { resumeReading() }
    }

    /// What was dialled carries many exchanges; this one has a stream of it.
    private func becomeStream() {
        guard let slot else { return }
        dial?.cancel()
        dial = nil
        self.slot = nil
        var taken = Wire()
        swap(&taken, &wire)
        do throws(HTTP2Fault) {
            let multiplex = try UpstreamMultiplex(pool, server: server, taken, slot)
            pool.noteConnected(server)
            adopt(multiplex)
            let octets = heldBuffer?.link { [UInt8]($0.octets) } ?? []
            releaseBuffer()
            multiplex.open(octets.span)
            pool.add(multiplex)
            pool.dialled(self, multiplex)
            began()
        } catch {
            worker.loop.deregister(slot)
            attemptFailed(.unreachable("\(error)"))
        }
    }

    /// Takes a stream of a connection that is there.
    func adopt(_ multiplex: UpstreamMultiplex) {
        wire = Wire(multiplex.makeStream(for: self))
        takenBefore = 0
        wasReused = true
    }

    /// As `adopt`, for one that is new.
    func beginAsStream(of multiplex: UpstreamMultiplex) {
        adopt(multiplex)
        state = .leased
    }

    /// As `adopt`, for one that waited while another dialled.
    func waited(_ multiplex: UpstreamMultiplex) {
        guard state == .dialling else { return }
        adopt(multiplex)
        began()
    }

    /// Another dialled in vain, or for itself alone.
    func waitedInVain() {
        guard state == .dialling else { return }
        let left = worker.loop.now.duration(to: dialEndsAt).wholeNanoseconds
        dial(within: max(0, left))
    }

    private var speaksHTTP2: Bool {
        guard !isAlone else { return false }
        return pool.target.isH2C || wire.negotiatedProtocol == "h2"
    }

    /// A stream has no deadline of its own with the loop: its connection looks.
    func lookAtDeadline() {
        guard state == .leased else { return }
        var next = Deadline()
        relay { $0.upstreamDeadline(&next, self) }
        guard next.at <= worker.loop.now else { return }
        relay { $0.deadlinePassed(next.waiting) }
    }

    // MARK: Events

    func ready(_ readiness: Readiness) {
        switch state {
        case .closed, .new, .dialling: return
        case .handshaking:
            if wire.note(readiness) { wire.flushSealed(worker) }
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
                    relay { $0.upstreamHasRoom() }
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
            relay { $0.failedBeforeAnswer(failure) }
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
        while state == .leased, wantsOctets, wire.mayRead || hasPiped {
            guard reads > 0 else {
                if let slot { worker.loop.deliverAgain(slot, []) }
                break
            }
            reads -= 1
            receive()
        }
        isPumping = false
        guard state == .leased else { return }
        if !hasOctets { releaseBuffer() }
        armDeadline()
    }

    private var hasPiped: Bool { relay { $0.hasPiped } ?? false }

    private var wantsOctets: Bool {
        if let relay { return relay { $0.wantsAnswer } }
        return call != nil
    }

    /// What a pipe has been given; why it was not.
    enum Piped {
        case octets
        case nothing
        case end
        case failed(String)
    }

    func receive(into pipe: Pipe, atMost octets: Int) -> Piped {
        switch wire.receive(into: pipe, atMost: octets) {
        case .octets:
            lastRead = worker.loop.now
            return .octets
        case .nothing: return .nothing
        case .end: return .end
        case .failed(let code): return .failed(Errno(call: "splice", code: code).description)
        }
    }

    private func receive() {
        if let relay, relay.isSplicing {
            relay { $0.splice(self) }
            self.relay { $0.flushAnswer() }
            return
        }
        let buffer = takeBuffer()
        let most = hadLongAnswer && !hasReceivedOctets ? Self.headOctets : .max
        switch buffer({ wire.receive(into: $0, atMost: most, worker) }) {
        case .octets:
            lastRead = worker.loop.now
            hasReceivedOctets = true
            if let relay {
                buffer { buffer in relay { $0.received(buffer) } }
                // What is about to follow through a pipe takes it along.
                if !(wire.mayRead && self.relay?.isSplicing ?? false) {
                    self.relay { $0.flushAnswer() }
                }
            } else {
                buffer { call?.received($0) }
            }
        case .nothing: break
        case .end:
            let isGenuine = wire.endIsGenuine
            if let relay {
                relay { $0.upstreamEnded(isGenuine: isGenuine) }
            } else {
                call?.ended(isGenuine: isGenuine)
            }
        case .failed(let code):
            let words = wire.fault ?? Errno(call: "recv", code: code).description
            if let relay {
                relay { $0.upstreamFailed(words) }
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
        case .handshaking: attemptFailed(.connectTimedOut)
        case .leased:
            if let relay {
                relay { $0.deadlinePassed(waiting) }
            } else {
                call?.failed(.responseStartTimedOut)
            }
        case .new, .dialling, .closed: break
        }
    }

    /// Sends what has gathered.
    func flush() {
        guard !wire.outbox.isEmpty else { return }
        wire.flush(worker)
        sentSome()
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
        case .handshaking:
            next.at = handshakeEndsAt
            next.waiting = .connect
        case .leased: relay { $0.upstreamDeadline(&next, self) }
        case .new, .dialling, .closed: break
        }
        deadline.waiting = next.waiting
        guard next.at != deadline.at else { return }
        deadline.at = next.at
        let moment = next.at == .distantFuture ? nil : next.at
        worker.setDeadline(slot, moment)
    }

    // MARK: Closing

    func close() {
        guard state != .closed else { return }
        let wasIdle = state == .idle
        let wasDialling = state == .dialling || state == .handshaking
        state = .closed
        if wasDialling { pool.dialEnded(self, .abandoned) }
        dial?.cancel()
        dial = nil
        if let slot { worker.loop.deregister(slot) }
        slot = nil
        releaseBuffer()
        wire.close(worker)
        endLease()
        worker.loop.keepUntilTurnEnds(self)
        if wasIdle { pool.forget(self) }
        pool.connectionClosed()
    }

    private var hasOctets: Bool { heldBuffer?.link { !$0.isEmpty } ?? false }

    private func takeBuffer() -> Link<OctetBuffer> {
        if let link = heldBuffer?.link { return link }
        let taken = worker.takeBuffer(large: true)
        let link = taken.link
        heldBuffer = consume taken
        return link
    }

    private func releaseBuffer() {
        if let buffer = heldBuffer.take() { worker.give(buffer) }
    }
}

// One client's connection, speaking HTTP/1.1: octets in, exchanges out, in order. Where it turns out to
// speak HTTP/2, the octets are a `Multiplex`'s (ClientConnection+Streams.swift).
//
// A state machine in a final class. Events only take note of what the kernel said; `pump` then goes on
// until nothing moves any more, whoever called it, so that every state meets every event in one place.
// What a request is answered with is decided elsewhere (`Exchange`); what reaches the socket is
// written in ClientConnection+Response.swift; how a request is read, and how long anything is waited for,
// stand in files of their own. RFC 9112 §9 (connections), §6 (content).

import Gateway
import HTTP
import HTTP2
import Platform
import TLS
import Values

final class ClientConnection: LoopHandler {
    /// By then answers have given back the upstream connections that requests now take.
    static let comesLast = true

    enum Phase: UInt8 {
        /// Between requests, or within a request's head.
        case head
        /// A request's content is read for whoever takes it.
        case content
        /// The request has been read; its answer is awaited, or under way.
        case waiting
        /// The answer is out; the rest of the request is read and dropped.
        case discarding
        /// Nothing more is answered; what the client still sends is dropped until it has read ours.
        case lingering
        /// Upgraded: octets both ways.
        case tunnel
        /// HTTP/2: each request on a stream.
        case streams
        case closed
    }

    /// How long a client whose own half is closed is still answered, counted from its last sign of
    /// reading: a program that shuts its write side gets its answer, and a browser that went away does
    /// not hold an upstream for ever (the two look alike until we write).
    static let halfClosedNanoseconds: Int64 = 5_000_000_000
    /// How long a closing connection waits for the client to read what it was sent.
    static let lingeringNanoseconds: Int64 = 5_000_000_000
    /// The same where it has been told why already.
    static let briefNanoseconds: Int64 = 1_000_000_000
    /// How much of an unread request is dropped to keep a connection.
    static let discardedOctetsMax: UInt64 = 65_536
    /// Pieces below this are gathered; larger ones are sent from where they lie.
    static let gatheredPieceOctetsMax = 8192
    /// Answers to pipelined requests gather up to this much before they are sent.
    static let gatheredOctetsMax = 65_536

    let worker: Worker
    let listener: Listener
    // What an idle connection keeps is counted (`make memory`): what few of them need is elsewhere, and
    // what is small stands together.
    var wire: Wire
    private(set) var multiplex: Multiplex?
    /// Held only while a head has come in part.
    var partialHead: PartialHead?
    /// Held only while octets are pending.
    var heldBuffer: Held<OctetBuffer>?
    var heldExchange: Held<Exchange>?
    /// When the present wait began: for a request, for the rest of its head, for the end.
    var since: MonotonicInstant
    var lastRead: MonotonicInstant
    var lastWrite: MonotonicInstant
    var deadlineAt = MonotonicInstant.distantFuture
    /// `distantFuture` while the client may still send.
    var halfClosedAt = MonotonicInstant.distantFuture
    // The links of `IdleList`.
    var idleBefore: Link<ClientConnection>?
    var idleAfter: Link<ClientConnection>?
    /// Its place among the worker's connections.
    var place: UInt32 = 0
    private(set) var slot: LoopSlot?
    private let address: IPAddress?
    private let isUnix: Bool
    var phase = Phase.head
    var waiting = Deadline.Waiting.nothing
    var lingersBriefly = false
    var hasServed = false
    private(set) var isPumping = false
    private var hasShutDown = false
    var isHandshaking: Bool
    /// The answer under way is not whole, and must not look so.
    private var isCut = false
    var isListedIdle = false

    /// - Parameter tls: not yet begun; `nil` on a plain listener.
    init(
        _ descriptor: consuming Descriptor, from peer: Peer, at listener: Listener,
        tls: TLSConnection?
    ) {
        worker = listener.worker
        self.listener = listener
        address = peer.address
        isUnix = peer.isUnix
        wire = Wire(descriptor, tls: tls)
        isHandshaking = tls != nil
        since = worker.loop.now
        lastRead = since
        lastWrite = since
    }

    /// The request in hand.
    var exchange: Link<Exchange>? { heldExchange?.link }
    var buffer: Link<OctetBuffer>? { heldBuffer?.link }
    var hasOctets: Bool { buffer { !$0.isEmpty } ?? false }
    var isCounted: Bool { listener.isCounted }
    /// Whether it is the site that is asked: the admin's own requests are not counted among its.
    var isForSite: Bool { listener.isForSite }

    var isHalfClosed: Bool { halfClosedAt != .distantFuture }

    /// Who is at the other end.
    var peer: Peer {
        Peer(
            address: address, isUnix: isUnix, isTLS: wire.isSealed, isHTTP2: multiplex != nil,
            listener: listener.index, certificateSubject: wire.peerSubject)
    }

    /// What it holds while nothing is under way.
    var footprint: Int {
        wire.isSealed ? MemoryCount.ofConnection + MemoryCount.ofTLS : MemoryCount.ofConnection
    }

    func open() throws(Errno) {
        slot = try worker.loop.register(self, wire.number)
        worker.idle.append(self)
        armDeadline()
    }

    // MARK: Events

    func ready(_ readiness: Readiness) {
        guard phase != .closed else { return }
        let hasRoomAgain = wire.note(readiness)
        if readiness.contains(.failed) || wire.isBroken {
            // Both ways are closed, or reset: there is nobody to answer.
            return gone()
        }
        if readiness.contains(.peerClosed), !isHalfClosed { halfClosedAt = worker.loop.now }
        if hasRoomAgain {
            flush()
            if !wire.isBlocked { exchange { $0.clientHasRoom() } }
        }
        pump()
    }

    /// Goes on until nothing moves. Whatever may have made something movable calls it; while it runs,
    /// a second call has nothing to add.
    func pump() {
        guard !isPumping else { return }
        isPumping = true
        var reads = Worker.readsATurn
        while advance(&reads) {}
        isPumping = false
        settle()
    }

    /// One step; `false` when this state can do nothing until another event.
    private func advance(_ reads: inout Int) -> Bool {
        switch phase {
        case .closed, .waiting: return false
        case .head:
            // A client that does not read its answers gets no further ones.
            guard !wire.isBlocked else { return false }
            if hasOctets, buffer({ readHead($0) }) == true { return true }
            return phase == .head && receive(&reads)
        case .streams:
            // Whoever does not read has nothing more read of theirs.
            guard !wire.isBlocked, let multiplex, multiplex.isTaking else { return false }
            if hasOctets { return buffer { multiplex.receive($0) } ?? false }
            return receive(&reads)
        case .content:
            guard let exchange, exchange.wantsContent else { return false }
            if exchange({ readContent($0) }) { return true }
            return phase == .content && exchange.wantsContent && receive(&reads)
        case .discarding:
            guard let exchange else { return false }
            if exchange({ discardContent($0) }) { return true }
            return phase == .discarding && receive(&reads)
        case .lingering:
            buffer { $0.removeAll() }
            return receive(&reads)
        case .tunnel:
            guard let exchange, exchange.wantsContent else { return false }
            if hasOctets {
                buffer { buffer in exchange { pass(buffer, to: $0) } }
                return true
            }
            return receive(&reads)
        }
    }

    private func pass(_ buffer: OctetBuffer, to exchange: Exchange) {
        let octets = buffer.octets
        buffer.removeAll()
        exchange.relay.tunnel(octets)
    }

    func receive(_ reads: inout Int) -> Bool {
        guard wire.mayRead else { return false }
        guard reads > 0 else {
            revisit()
            return false
        }
        reads -= 1
        if heldBuffer == nil { heldBuffer = worker.takeBuffer(large: phase != .head) }
        guard let buffer else { return false }
        let received = buffer({ wire.receive(into: $0, worker) })
        if isHandshaking, wire.isOpen { handshakeEnded() }
        switch received {
        case .octets:
            let now = worker.loop.now
            if phase == .head, isListedIdle {
                worker.idle.remove(self)
                since = now
            }
            lastRead = now
            return true
        // Under TLS there may be more behind what was nothing to us.
        case .nothing: return wire.mayRead
        case .end:
            ended()
            return true
        case .failed:
            if wire.isPlainText { sayThatThisIsTLS() }
            gone()
            return true
        }
    }

    private func handshakeEnded() {
        isHandshaking = false
        worker.noteHandshake()
        // The time for the first head begins now.
        since = worker.loop.now
        guard wire.negotiatedProtocol == "h2" else { return }
        worker.idle.remove(self)
        _ = beginStreams()
    }

    private func sayThatThisIsTLS() {
        // They may have gone, or not read: that is theirs.
        let answer = Self.plainTextAnswer
        _ = try? Socket.send(wire.number, answer.span)
    }

    /// The client sends no more.
    private func ended() {
        switch phase {
        case .head: finishClosing()
        // It ends within its request: what has been passed on is not whole.
        case .content, .discarding: gone()
        case .tunnel: exchange { $0.relay.clientEnded() }
        case .lingering: if !wire.hasUnsent { close() }
        case .streams where isListedIdle: finishClosing()
        case .waiting, .streams, .closed: break
        }
    }

    /// The client can be sent nothing more.
    func gone() {
        guard phase != .closed else { return }
        multiplex?.gone()
        if let exchange = heldExchange.take() {
            exchange.link { $0.cancel() }
            worker.give(exchange)
        }
        close()
    }

    /// From now on it speaks HTTP/2.
    /// - Returns: whether it can.
    func beginStreams() -> Bool {
        do throws(HTTP2Fault) {
            multiplex = try Multiplex(self)
        } catch {
            worker.note(error, of: self)
            gone()
            return false
        }
        phase = .streams
        return true
    }

    /// A stream has begun: it is not idle.
    func becameBusy() {
        hasServed = true
        multiplex?.becameBusy()
        worker.idle.remove(self)
    }

    // MARK: What exchanges say

    /// The answer has been written. Nothing of the exchange may be used after this.
    func answered() {
        guard let exchange else { return }
        if phase == .content {
            guard exchange.keepsAlive else { return release(keepsAlive: false) }
            phase = .discarding
            lastRead = worker.loop.now
            return
        }
        release(keepsAlive: exchange.keepsAlive)
    }

    /// The answer cannot be finished: the client must see that it is not whole.
    func cut(reset: Bool) {
        if let exchange = heldExchange.take() { worker.give(exchange) }
        if reset { Socket.lingerReset(wire.number) } else { wire.flush(worker) }
        isCut = true
        close()
    }

    func becameTunnel() {
        phase = .tunnel
        lastRead = worker.loop.now
    }

    /// The other end of the tunnel has closed: what it said last goes out, then we close.
    func tunnelEnded(lingeringBriefly briefly: Bool) {
        lingersBriefly = briefly
        release(keepsAlive: false)
    }

    /// The exchange is over; the connection goes on with the next request, or ends.
    func release(keepsAlive: Bool) {
        guard let exchange = heldExchange.take() else { return }
        let isWhole = exchange.link.isWhole && phase == .waiting
        worker.give(exchange)
        guard keepsAlive, !worker.isDraining else { return finishClosing(isWhole: isWhole) }
        phase = .head
        since = worker.loop.now
        if hasOctets {
            // A pipelined request: its head is timed from now, and the connection is not idle.
            if wire.outbox.count > Self.gatheredOctetsMax { flush() }
        } else {
            worker.idle.append(self)
        }
    }

    // MARK: Closing

    /// Ends the connection once what was written has gone out.
    /// - Parameter isWhole: the client has nothing more on the way that a plain close would answer
    ///   with a reset, which could take our answer away from it.
    func finishClosing(isWhole: Bool = true) {
        worker.idle.remove(self)
        wire.sealEnd(worker)
        flush()
        if wire.isBroken { return close() }
        if isWhole, !wire.hasUnsent, !wire.mayRead, !hasOctets { return close() }
        if !wire.hasUnsent, isHalfClosed, !wire.mayRead { return close() }
        phase = .lingering
        since = worker.loop.now
        shutDownWhenSent()
    }

    private func shutDownWhenSent() {
        guard phase == .lingering, !hasShutDown, !wire.hasUnsent else { return }
        hasShutDown = true
        wire.endSending(worker)
    }

    /// Closes a connection that waits for a request, as idle time, drain or want of room ask for.
    func closeIdle() {
        switch phase {
        case .head:
            isHandshaking = false  // it has not failed; it ends because of us
            finishClosing()
        case .streams: endStreams()
        default: break
        }
    }

    /// Closes at once, whatever is under way.
    func abort() { gone() }

    /// The client does not read: what the kernel still has for it goes too.
    func giveUpReader() {
        Socket.lingerReset(wire.number)
        gone()
    }

    private func close() {
        guard phase != .closed else { return }
        phase = .closed
        if isHandshaking,
            let fault = handshakeFault(hasRunOut: deadlineAt <= worker.loop.now)
        {
            worker.noteHandshake(failedBecause: fault, address, listener: listener.index)
        }
        worker.idle.remove(self)
        if let slot { worker.loop.deregister(slot) }
        slot = nil
        releaseBuffer()
        wire.close(worker, isCut: isCut)
        worker.forget(self)
        listener.connectionClosed(address)
    }

    // MARK: After every event

    /// Looks again next turn, after others have had theirs.
    func revisit() {
        if let slot { worker.loop.deliverAgain(slot, []) }
    }

    func flush() {
        if wire.hasUnsent, !wire.isBlocked {
            wire.flush(worker)
            lastWrite = worker.loop.now
        }
        // Within an upstream's event nobody else looks whether the client has stopped reading.
        if wire.isBlocked { rearm() }
    }

    private func settle() {
        guard phase != .closed else { return }
        exchange { $0.flushUpward() }
        if phase == .streams { settleStreams() }
        flush()
        shutDownWhenSent()
        if !hasOctets { releaseBuffer() }
        armDeadline()
        // What sending has found out is acted on when nothing is under way any more.
        if wire.isBroken { revisit() }
    }

    func releaseBuffer() {
        if let buffer = heldBuffer.take() { worker.give(buffer) }
    }
}

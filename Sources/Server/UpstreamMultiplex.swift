// A connection to an upstream that speaks HTTP/2: many exchanges at a time, each on a stream.
//
// It is made where a dialled connection turns out to speak HTTP/2, and belongs to its pool, which gives
// streams of it to whoever asks for a connection. Content that nobody takes is not asked for again: the
// windows open by what has been taken. RFC 9113 §5.2, §6.8, §9.1.

import HTTP
import HTTP2
import Platform
import Values

final class UpstreamMultiplex: LoopHandler {
    /// Where the upstream announces more, or nothing.
    static let streamsMax = 100
    private static let looksEvery: Int64 = 250_000_000

    let worker: Worker
    let pool: UpstreamPool
    let server: Int
    let isTLS: Bool
    let session: HTTP2Session
    private var wire: Wire
    private var slot: LoopSlot?
    /// By the session's places.
    private var streams: [UpstreamStream?] = []
    /// Leases that have a stream, or are about to.
    private(set) var leases = 0
    private var idleSince: MonotonicInstant
    private var lookedAt: MonotonicInstant
    private var lastWrite: MonotonicInstant
    private var isPumping = false
    private var isFlushDue = false
    private(set) var isClosed = false
    private var isRetired = false

    init(
        _ pool: UpstreamPool, server: Int, _ wire: consuming Wire, _ slot: LoopSlot
    ) throws(HTTP2Fault) {
        self.pool = pool
        self.server = server
        worker = pool.worker
        isTLS = pool.target.isTLS
        let limits = HTTPLimits()
        var terms = HTTP2Terms(headOctetsMax: limits.headOctetsMax, fieldsMax: limits.fieldsMax)
        terms.streamWindowOctets = 262_144
        terms.connectionWindowOctets = 4_194_304
        session = try HTTP2Session(.client, terms, worker.sessionPieces)
        self.wire = wire
        self.slot = slot
        idleSince = worker.loop.now
        lookedAt = idleSince
        lastWrite = idleSince
    }

    /// Takes over from whoever dialled; `octets` have come already.
    func open(_ octets: Span<UInt8>) {
        guard let slot else { return }
        worker.loop.handOver(slot, to: self)
        take(octets)
        settle()
        // What came with the handshake's end is not announced again.
        worker.loop.deliverAgain(slot, [.readable])
    }

    /// Whether it is known how many streams it takes.
    var isSettled: Bool { session.hasPeerSettings }

    /// Whether another exchange may begin.
    var hasRoom: Bool {
        !isClosed && isSettled && !isRetired && session.mayRequest
            && leases < min(session.peerStreamsMax, Self.streamsMax)
    }

    func makeStream(for connection: UpstreamConnection) -> UpstreamStream {
        leases += 1
        return UpstreamStream(self, for: connection)
    }

    func leaseEnded() {
        leases -= 1
        guard leases == 0 else { return }
        idleSince = worker.loop.now
        if isRetired { needsFlush() }
        arm()
    }

    func began(_ id: HTTP2Stream, _ stream: UpstreamStream) {
        while streams.count <= id.place { streams.append(nil) }
        streams[id.place] = stream
        arm()
    }

    func consume(_ count: Int, of id: HTTP2Stream?) {
        // Of a stream that is gone the connection's window is left to open.
        session.consume(count, of: id ?? HTTP2Stream(number: 0x7FFF_FFFF, place: -1))
        needsFlush()
    }

    // MARK: Events

    func ready(_ readiness: Readiness) {
        guard !isClosed else { return }
        let hasRoomAgain = wire.note(readiness)
        if hasRoomAgain { wire.flush(worker) }
        pump()
    }

    private func pump() {
        guard !isPumping, !isClosed else { return }
        isPumping = true
        var reads = Worker.readsATurn
        while wire.mayRead, !isClosed {
            guard reads > 0 else {
                if let slot { worker.loop.deliverAgain(slot, []) }
                break
            }
            reads -= 1
            guard receive() else { break }
        }
        isPumping = false
        settle()
    }

    /// - Returns: whether there may be more.
    private func receive() -> Bool {
        let buffer = worker.takeBuffer(large: true)
        let received = buffer.link { wire.receive(into: $0, worker) }
        if case .octets = received { buffer.link { take($0.octets) } }
        worker.give(buffer)
        switch received {
        case .octets: return !isClosed
        case .nothing: return wire.mayRead
        case .end: fail("the upstream closed the connection")
        case .failed(let code):
            fail(wire.fault ?? Errno(call: "recv", code: code).description)
        }
        return false
    }

    private func take(_ octets: Span<UInt8>) {
        var at = 0
        while at < octets.count, !isClosed {
            let rest = octets.extracting(at...)
            do throws(HTTP2Fault) {
                at += try session.receive(rest, at: worker.loop.now)
                while let event = session.nextEvent() { handle(event, rest) }
            } catch {
                while session.nextEvent() != nil {}
                settle()
                return fail("\(error)")
            }
        }
    }

    private func handle(_ event: HTTP2Event, _ octets: Span<UInt8>) {
        switch event {
        case .head(let id, let isLast):
            guard let stream = stream(id) else { return }
            let isChunked = session.isHeadChunked
            session.withHead { stream.headCame($0, isChunked: isChunked, isLast: isLast) }
        case .content(let id, let range):
            if let stream = stream(id) {
                stream.contentCame(octets.extracting(range))
            } else {
                session.consume(range.count, of: id)
            }
        case .ended(let id): stream(id)?.endCame()
        case .trailers(let id): stream(id)?.endCame(session.trailers)
        case .closed(let id, let code):
            guard let stream = stream(id) else { return }
            streams[id.place] = nil
            worker.loop.keepUntilTurnEnds(stream)
            stream.closed(code)
        case .settings: pool.settled(self)
        case .refused, .pong: break
        // It takes no more; those under way go on, and what it will not answer is told by `closed`.
        case .goneAway: isRetired = true
        }
    }

    private func stream(_ id: HTTP2Stream) -> UpstreamStream? {
        streams.indices.contains(id.place) ? streams[id.place] : nil
    }

    // MARK: Sending

    func needsFlush() {
        guard !isFlushDue, !isPumping, !isClosed else { return }
        isFlushDue = true
        worker.loop.endOfTurn { [self] in
            isFlushDue = false
            settle()
        }
    }

    private func settle() {
        guard !isClosed, !isPumping else { return }
        for _ in 0..<Multiplex.sendsATurn {
            guard !wire.isBlocked, session.wantsToSend else { break }
            wire.prepare(worker)
            let before = wire.outbox.count
            do throws(HTTP2Fault) {
                try session.send(
                    into: &wire.outbox.octets, upTo: Multiplex.gatheredOctetsMax,
                    at: worker.loop.now)
            } catch { return fail("\(error)") }
            guard wire.outbox.count > before else { break }
            wire.flush(worker)
            lastWrite = worker.loop.now
            while let event = session.nextEvent() { handle(event, Span()) }
            for stream in streams {
                if let stream, stream.isFull, stream.hasRoom { stream.roomCame() }
            }
            guard !isClosed else { return }
        }
        if wire.hasUnsent, !wire.isBlocked { wire.flush(worker) }
        if wire.isBroken { return fail(wire.fault ?? "the connection broke") }
        if !session.isAlive { return fail("the upstream broke the rules of HTTP/2") }
        if isRetired, leases == 0 { return close() }
        if session.wantsToSend, !wire.isBlocked, let slot { worker.loop.deliverAgain(slot, []) }
        arm()
    }

    // MARK: Time

    private func arm() {
        guard let slot, !isClosed else { return }
        let next =
            leases == 0
            ? idleSince.advanced(byNanoseconds: pool.target.idleNanoseconds)
            : lookedAt.advanced(byNanoseconds: Self.looksEvery)
        worker.loop.setDeadline(slot, next)
    }

    func deadlinePassed() {
        guard !isClosed else { return }
        lookedAt = worker.loop.now
        if leases == 0 {
            let ends = idleSince.advanced(byNanoseconds: pool.target.idleNanoseconds)
            if ends <= lookedAt { return retire() }
        }
        for stream in streams { stream?.look() }
        arm()
    }

    // MARK: Ends

    /// Closes once nothing is under way.
    func retire() {
        isRetired = true
        guard leases == 0, !isClosed else { return }
        session.terminate(.noError)
        settle()
        close()
    }

    private func fail(_ words: String) {
        guard !isClosed else { return }
        let streams = streams
        close()
        for stream in streams { stream?.failed(words) }
    }

    private func close() {
        guard !isClosed else { return }
        isClosed = true
        if let slot { worker.loop.deregister(slot) }
        slot = nil
        wire.close(worker)
        streams = []
        pool.forget(self)
        worker.loop.keepUntilTurnEnds(self)
    }
}

// One client's connection, speaking HTTP/2: the octets are a session's, its streams carry exchanges.
//
// `ClientConnection` keeps what both protocols have alike (the descriptor, TLS, the place among the
// idle, the end); this is what stands between it and the streams. What is to be sent gathers until the
// turn ends, so that the answers of many streams leave in one system call. What waits here for a client
// that does not take it is bounded for each stream and for all of them; RFC 9113 §5.2, §6.8, §10.5.

import HTTP
import HTTP2
import Platform
import Values

final class Multiplex {
    /// A stream with this much unsent asks for no more, nor does any when all have this much.
    static let streamOctetsMax = 16_384
    static let allOctetsMax = 262_144
    /// As much is made ready for one system call.
    static let gatheredOctetsMax = 49_152
    /// Calls to send in one turn; the rest waits until others have had theirs.
    static let sendsATurn = 16
    /// A client that has said nothing for this long while it has streams open is asked for a sign of
    /// life, and given up on after half as long again.
    static let quietNanoseconds: Int64 = 30_000_000_000
    /// How long a client is given to learn that no more streams are taken.
    static let noticeNanoseconds: Int64 = 1_000_000_000

    let worker: Worker
    let connection: Link<ClientConnection>
    let session: HTTP2Session
    /// By the session's places; those whose stream is over wait for the next one there.
    private var streams: [ClientStream] = []
    /// Those that have asked for room.
    private var full: [Link<ClientStream>] = []
    /// Those whose content has gathered in this event.
    private var upward: [Link<ClientStream>] = []
    private var isReceiving = false
    /// When its streams were last looked at.
    private(set) var lookedAt: MonotonicInstant
    private var isFlushDue = false
    private let openedAt: MonotonicInstant
    private var lastRead: MonotonicInstant
    /// Since when the client owes the rest of something that is no content.
    private var owedSince: MonotonicInstant?
    private var hasPinged = false
    private var noticedAt: MonotonicInstant?
    private var hasRefused = false
    /// What only messages need has been let go of since there were any.
    private(set) var isTidy = false
    /// How long it has been idle before that: the next request may be on its way.
    static let tidyNanoseconds: Int64 = 1_000_000_000

    init(_ connection: ClientConnection) throws(HTTP2Fault) {
        self.connection = Link(connection)
        worker = connection.worker
        let limits = worker.requestLimits
        session = try HTTP2Session(
            .server,
            HTTP2Terms(headOctetsMax: limits.headOctetsMax, fieldsMax: limits.fieldsMax),
            worker.sessionPieces)
        openedAt = worker.loop.now
        lastRead = openedAt
        lookedAt = openedAt
        worker.memory.add(MemoryCount.ofStreams)
    }

    deinit { worker.memory.remove(MemoryCount.ofStreams) }

    /// Nothing is under way.
    var isIdle: Bool { session.openStreams == 0 && !session.isWithinFrame }
    /// Nothing more can happen, and all has been said.
    var isOver: Bool { !session.isAlive && !session.wantsToSend }
    /// Whether what comes is of any use.
    var isTaking: Bool { session.isAlive }

    // MARK: Receiving

    /// Takes all that has come.
    /// - Returns: whether the connection may go on receiving.
    func receive(_ buffer: OctetBuffer) -> Bool {
        isReceiving = true
        defer {
            isReceiving = false
            // Not begun are those before a fault: a GOAWAY allows that.
            worker.heads.removeAll()
            flushUpward()
        }
        lastRead = worker.loop.now
        hasPinged = false
        while !buffer.isEmpty {
            let octets = buffer.octets
            do throws(HTTP2Fault) {
                let count = try session.receive(octets, at: worker.loop.now)
                while let event = session.nextEvent() { handle(event, octets) }
                // Whatever an event led to, the octets stay where they are until something is
                // received; a closed connection has given its buffer back.
                guard connection({ $0.isOpen }) else { return false }
                buffer.consume(min(count, buffer.count))
            } catch {
                connection { worker.note(error, of: $0) }
                while session.nextEvent() != nil {}
                buffer.removeAll()
                return false
            }
        }
        beginHeads()
        noteOwed()
        return connection { $0.isOpen }
    }

    func passedUpward(_ stream: ClientStream) {
        guard !stream.hasPassedUpward else { return }
        stream.hasPassedUpward = true
        upward.append(Link(stream))
    }

    private func flushUpward() {
        guard !upward.isEmpty else { return }
        let passed = upward
        upward.removeAll(keepingCapacity: true)
        for stream in passed { stream { $0.flushUpward() } }
    }

    private func noteOwed() {
        guard session.owesHead else {
            owedSince = nil
            return
        }
        owedSince = owedSince ?? worker.loop.now
    }

    private func handle(_ event: HTTP2Event, _ octets: Span<UInt8>) {
        // A head waits for those behind it; whatever else comes may be about one that waits.
        if case .head(let id, let isLast) = event {
            worker.heads.keep(id, isLast: isLast, of: session)
            if worker.heads.isFull { beginHeads() }
            return
        }
        beginHeads()
        switch event {
        case .head: break  // see above
        case .refused(let id, let fault):
            let stream = open(id)
            stream { $0.beginRefused(fault) }
        case .content(let id, let range):
            if let stream = stream(id) {
                stream { $0.take(octets.extracting(range)) }
            } else {
                session.consume(range.count, of: id)
            }
        case .ended(let id):
            let stream = stream(id)
            stream { $0.end() }
        case .trailers(let id):
            let stream = stream(id)
            stream { $0.end(session.trailers) }
        case .closed(let id, _): closed(id)
        case .pong: if noticedAt != nil { refuseStreams() }
        case .goneAway, .settings: break
        }
    }

    private func beginHeads() {
        guard !worker.heads.entries.isEmpty else { return }
        // Out of the way of what the requests lead to.
        var begun = HeadBatch()
        swap(&begun, &worker.heads)
        // Were one of them to close the connection, nobody would be there for the others.
        for entry in begun.entries where connection({ $0.isOpen }) {
            begin(entry, begun.octets(of: entry))
        }
        begun.removeAll()
        swap(&begun, &worker.heads)
    }

    private func begin(_ entry: HeadBatch.Entry, _ octets: Span<UInt8>) {
        let stream = open(entry.stream)
        var head = worker.requestHead.lend()
        var reader = RequestReader(limits: worker.requestLimits)
        switch reader.step(octets, into: &head) {
        case .head where head.octetCount == octets.count: begin(stream, head, octets, entry)
        case .refused(let fault): stream { $0.beginRefused(fault) }
        // One list of fields that reads as less than one head, or as more.
        case .head, .needsMore: stream { $0.beginRefused(.requestLineInvalid) }
        }
        worker.requestHead.takeBack(consume head)
    }

    private func begin(
        _ stream: Link<ClientStream>, _ head: borrowing RequestHead, _ octets: Span<UInt8>,
        _ entry: HeadBatch.Entry
    ) {
        stream { $0.begin(head, octets, isLast: entry.isLast, isTunnel: entry.isTunnel) }
    }

    private func open(_ id: HTTP2Stream) -> Link<ClientStream> {
        connection { $0.becameBusy() }
        while streams.count <= id.place { streams.append(ClientStream(of: self)) }
        let stream = Link(streams[id.place])
        stream { $0.open(id, at: worker.loop.now) }
        return stream
    }

    private func stream(_ id: HTTP2Stream) -> Link<ClientStream>? {
        guard streams.indices.contains(id.place) else { return nil }
        let stream = Link(streams[id.place])
        return stream.id == id ? stream : nil
    }

    private func closed(_ id: HTTP2Stream) {
        let stream = stream(id)
        stream { stream in
            if stream.isFull { full.removeAll { $0.leads(to: stream) } }
            stream.closed()
        }
    }

    // MARK: Sending

    func write(_ octets: Span<UInt8>, to stream: ClientStream) {
        session.write(octets, to: stream.id, at: worker.loop.now)
    }

    func respond(
        to stream: ClientStream, status: Int, _ lines: Span<UInt8>, isLast: Bool,
        without name: StaticString = "connection"
    ) {
        session.respond(
            stream.id, status: status, lines, isLast: isLast, without: name, at: worker.loop.now)
    }

    func hasRoom(for stream: ClientStream) -> Bool {
        let isRoom =
            session.unsentOctets(of: stream.id) < Self.streamOctetsMax
            && session.unsentOctets < Self.allOctetsMax
        if !isRoom, !stream.isFull {
            stream.isFull = true
            full.append(Link(stream))
        }
        return isRoom
    }

    /// Something may be sent: it is when the turn ends, with what else gathers until then.
    func needsFlush() {
        // While the connection is at work it looks for itself.
        guard !isFlushDue, connection({ !$0.isPumping }) else { return }
        isFlushDue = true
        worker.flushAtEndOfTurn(self)
    }

    func turnEnded() {
        isFlushDue = false
        connection { $0.pump() }
    }

    /// Sends what may be sent now. Call it where nothing is being received.
    func flush(_ wire: inout Wire) -> Bool {
        guard !isReceiving else { return false }
        var hasSent = false
        for _ in 0..<Self.sendsATurn {
            guard !wire.isBlocked, session.wantsToSend else { break }
            wire.prepare(worker)
            let before = wire.outbox.count
            do throws(HTTP2Fault) {
                try session.send(
                    into: &wire.outbox.octets, upTo: Self.gatheredOctetsMax, at: worker.loop.now)
            } catch {
                connection { worker.note(error, of: $0) }
            }
            guard wire.outbox.count > before else { break }
            wire.flush(worker)
            hasSent = true
        }
        return hasSent
    }

    /// What sending has led to.
    func afterFlush() {
        while let event = session.nextEvent() { handle(event, Span()) }
        guard !full.isEmpty, session.unsentOctets < Self.allOctetsMax else { return }
        let waiting = full
        full = []
        for stream in waiting { stream { $0.isFull = false } }
        for stream in waiting where stream.hasRoom { stream.exchange { $0.clientHasRoom() } }
    }

    // MARK: Time

    /// For one that is idle, and may stay so.
    func tidy() {
        isTidy = true
        session.tidy()
        streams = []
        full = []
        upward = []
    }

    func becameBusy() { isTidy = false }

    /// Looks at whoever waits for the client, every so often while there are streams.
    /// - Returns: why the connection is to be closed at once.
    func look() -> Deadline.Waiting? {
        let now = worker.loop.now
        let terms = worker.commonTerms
        lookedAt = now
        if let owedSince, owedSince.advanced(byNanoseconds: terms.requestHead) <= now {
            return .requestHead
        }
        if !session.isSettled, openedAt.advanced(byNanoseconds: terms.requestHead) <= now {
            session.terminate(.settingsTimeout)
        }
        for stream in streams { stream.look(at: now) }
        for id in session.stalledStreams(since: now.advanced(byNanoseconds: -terms.clientWrite)) {
            worker.noteTimeout(.clientWrite, stream(id)?.exchange)
            session.reset(id, .cancel)
        }
        if let noticedAt, noticedAt.advanced(byNanoseconds: Self.noticeNanoseconds) <= now {
            refuseStreams()
        }
        return sayIfQuiet(now)
    }

    /// `limits.minimum_rate`.
    func judgePaces() {
        for stream in streams { stream.judgePace(at: worker.loop.now) }
    }

    private func sayIfQuiet(_ now: MonotonicInstant) -> Deadline.Waiting? {
        let quiet = lastRead.advanced(byNanoseconds: Self.quietNanoseconds)
        guard quiet <= now, session.openStreams > 0 else { return nil }
        if quiet.advanced(byNanoseconds: Self.quietNanoseconds / 2) <= now { return .keepAlive }
        if !hasPinged {
            hasPinged = true
            session.ping()
        }
        return nil
    }

    /// How often to look: often enough for the shortest of the time-outs that it looks after.
    var looksEvery: Int64 {
        let terms = worker.commonTerms
        let shortest = min(
            terms.requestHead, terms.requestContent, terms.clientWrite, terms.request)
        return min(max(shortest / 4, 20_000_000), 1_000_000_000)
    }

    // MARK: Ends

    /// The client is told to begin no more streams; which it may have begun meanwhile are taken
    /// (RFC 9113 §6.8).
    func drain() {
        guard noticedAt == nil else { return }
        noticedAt = worker.loop.now
        session.announceEnd()
        session.ping()
        needsFlush()
    }

    private func refuseStreams() {
        guard !hasRefused else { return }
        hasRefused = true
        session.refuseStreams()
        needsFlush()
    }

    /// Nothing can be sent to the client any more.
    func gone() {
        let streams = streams
        self.streams = []
        full = []
        for stream in streams {
            stream.closed()
            worker.loop.keepUntilTurnEnds(stream)
        }
    }
}

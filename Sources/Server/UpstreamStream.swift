// One exchange on an HTTP/2 connection to an upstream, in the clothes of an HTTP/1.1 connection of its own.
//
// HTTP/1.1 octets are the house's one spelling, so that a relay, or a call of our own client, knows of no
// other: what it writes is read here as a request and becomes a stream, and what comes on the stream is
// written as an answer for it to read. `Wire` hands octets to this instead of to a descriptor, and the
// connection is told of readiness by it instead of by the loop. RFC 9113 §8; RFC 9112 §7.1 (chunks, which
// never leave the house).

import HTTP
import HTTP2
import Platform
import Values

final class UpstreamStream {
    /// Content that waits to be sent; past it the relay is asked to wait.
    static let unsentOctetsMax = 65_536

    private let worker: Worker
    let multiplex: UpstreamMultiplex
    /// Told of readiness; `nil` once it has closed.
    private var connection: Link<UpstreamConnection>?
    /// There once the request has begun.
    private(set) var id: HTTP2Stream?

    // Upward.
    private var reader = RequestReader(
        limits: HTTPLimits(headOctetsMax: 1 << 20, fieldsMax: 10_000))
    private var content = ContentReader(BodyFraming.none)
    /// What has been written and is not read yet.
    private var written: [UInt8] = []
    private var hasEndedUpward = false

    // Downward.
    private var inbox: [UInt8] = []
    private var inboxTaken = 0
    private var unconsumed = 0
    private var isChunked = false
    private var hasEnded = false
    private(set) var failure: String?
    /// The upstream says that it has done nothing for it (RFC 9113 §8.7).
    private(set) var isUntouched = false
    /// It has been told to wait for room.
    var isFull = false

    init(_ multiplex: UpstreamMultiplex, for connection: UpstreamConnection) {
        self.multiplex = multiplex
        worker = multiplex.worker
        self.connection = Link(connection)
    }

    // MARK: What is written

    var hasRoom: Bool {
        guard let id else { return true }
        return multiplex.session.unsentOctets(of: id) < Self.unsentOctetsMax
    }

    /// Whether something that was written has not been sent.
    var hasUnsent: Bool {
        !written.isEmpty || (id.map { multiplex.session.unsentOctets(of: $0) > 0 } ?? false)
    }

    /// Since when content waits for the windows, however little.
    var waitsSince: MonotonicInstant? {
        guard let id, multiplex.session.unsentOctets(of: id) > 0 else { return nil }
        return multiplex.session.lastMove(of: id)
    }

    func write(_ octets: Span<UInt8>) {
        guard failure == nil, !hasEndedUpward else { return }
        written.append(contentsOf: octets)
        if id == nil { begin() }
        guard id != nil else { return }
        while passContent() {}
        multiplex.needsFlush()
    }

    private func begin() {
        guard !multiplex.isClosed else {
            isUntouched = true
            return failLater("the upstream closed the connection")
        }
        var head = worker.requestHead.lend()
        defer { worker.requestHead.takeBack(head) }
        let waiting = written
        switch reader.step(waiting.span, into: &head) {
        case .needsMore: return
        case .refused(let fault): return failLater("a request that cannot be sent: \(fault.code)")
        case .head: break
        }
        let isLast = head.framing == .none || head.framing == .length(0)
        content = ContentReader(head.framing)
        hasEndedUpward = isLast
        func octets(_ range: OctetRange) -> [UInt8] { Array(waiting[range.range]) }
        let pseudo = RequestPseudoFields(
            method: octets(head.methodToken), scheme: multiplex.isTLS ? "https" : "http",
            authority: octets(head.authority), path: octets(head.target))
        // The lines stand behind the request line, before the empty one.
        let start = head.fields.first.map { Int($0.line.start) } ?? head.octetCount - 2
        let lines = Array(waiting[start..<max(start, head.octetCount - 2)])
        id = multiplex.session.request(
            pseudo, lines.span, isLast: isLast, isHead: head.method == .head)
        written.removeFirst(head.octetCount)
        guard let id else {
            isUntouched = true
            return failLater("the upstream takes no more streams")
        }
        multiplex.began(id, self)
    }

    /// - Returns: whether there may be more.
    private func passContent() -> Bool {
        guard let id, !hasEndedUpward else { return false }
        let waiting = written
        switch content.next(waiting.span) {
        case .needsMore: return false
        case .content(let range, let consumed):
            multiplex.session.write(
                waiting.span.extracting(range), to: id, at: worker.loop.now)
            written.removeFirst(consumed)
            // Of a length, its end is the content's last octet.
            if content.isFinished { endUpward(Span()) }
            return true
        case .end(let range, let consumed):
            endUpward(waiting.span.extracting(range ?? 0..<0))
            written.removeFirst(min(consumed, written.count))
            return false
        case .refused(let fault):
            failLater("content that cannot be sent: \(fault.code)")
            return false
        }
    }

    private func endUpward(_ trailers: Span<UInt8>) {
        guard let id, !hasEndedUpward else { return }
        hasEndedUpward = true
        multiplex.session.finish(id, trailers: trailers)
    }

    // MARK: What comes

    func headCame(_ head: Span<UInt8>, isChunked: Bool, isLast: Bool) {
        self.isChunked = isChunked
        inbox.append(contentsOf: head)
        if isLast { hasEnded = true }
        wake()
    }

    func contentCame(_ octets: Span<UInt8>) {
        guard !octets.isEmpty else { return }
        unconsumed += octets.count
        guard isChunked else {
            inbox.append(contentsOf: octets)
            return wake()
        }
        ChunkedCoding.appendSize(octets.count, to: &inbox)
        inbox.append(contentsOf: octets)
        inbox.append(ChunkedCoding.dataEnd)
        wake()
    }

    func endCame(_ trailers: [UInt8] = []) {
        hasEnded = true
        // Behind a length there is no place for trailers.
        guard isChunked else { return wake() }
        if trailers.isEmpty {
            inbox.append(ChunkedCoding.last)
        } else {
            inbox.append(ChunkedCoding.lastBeforeTrailers)
            inbox.append(contentsOf: trailers)
            inbox.append("\r\n")
        }
        wake()
    }

    func closed(_ code: HTTP2Code) {
        id = nil
        if !hasEnded {
            failure = "the upstream reset the stream (\(code.rawValue))"
            isUntouched = code == .refusedStream
        }
        wake()
    }

    func failed(_ words: String) {
        id = nil
        if !hasEnded { failure = words }
        wake()
    }

    private func failLater(_ words: String) {
        failure = words
        worker.loop.endOfTurn { [self] in wake() }
    }

    private func wake() { connection { $0.ready([.readable]) } }

    func roomCame() {
        isFull = false
        connection { $0.ready([.writable]) }
    }

    /// Hands out what has come. The upstream may send as much again.
    func receive(into buffer: OctetBuffer) -> Received {
        buffer.prepareToWrite()
        if inboxTaken < inbox.count {
            let waiting = inbox
            let count = buffer.append(waiting.span.extracting(inboxTaken...))
            guard count > 0 else { return .nothing }
            inboxTaken += count
            if inboxTaken == inbox.count {
                inbox.removeAll(keepingCapacity: true)
                inboxTaken = 0
                consume(unconsumed)
            } else {
                consume(min(count, unconsumed))
            }
            return .octets
        }
        return failure == nil ? .nothing : .failed(0)
    }

    private func consume(_ count: Int) {
        guard count > 0 else { return }
        unconsumed -= count
        multiplex.consume(count, of: id)
    }

    /// Fails what the upstream owes for too long.
    func look() { connection { $0.lookAtDeadline() } }

    /// Whether there is something to receive: octets, or why there are none.
    var hasSome: Bool { inboxTaken < inbox.count || failure != nil }

    // MARK: The end

    /// Nobody waits for it any more.
    func close() {
        guard connection != nil else { return }
        connection = nil
        defer { multiplex.leaseEnded() }
        consume(unconsumed)
        inbox = []
        inboxTaken = 0
        guard let id else { return }
        if !(hasEnded && hasEndedUpward) {
            multiplex.session.reset(id, .cancel)
            multiplex.needsFlush()
        }
    }
}

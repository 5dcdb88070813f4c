// Couples an exchange to an upstream: the request upward, the answer downward, and who waits for whom.
//
// It holds a lease on a connection, given back only when nothing is owed either way; it owns the one
// retry rule and says which of the upstream's time-outs runs. Content goes through without being kept:
// while the client has no room nothing is read from the upstream, and the reverse. RFC 9110 §7.6
// (message forwarding), §9.2.2 (what may be sent twice), RFC 9112 §9.3.1.

import Gateway
import HTTP
import Platform
import Values

final class Relay {
    enum Phase: UInt8 {
        case idle
        /// A connection is being made, or waited for.
        case connecting
        /// There is a connection, and the head waits for the end of the turn: of a request that is taken
        /// back before, the upstream sees nothing.
        case headDue
        case awaitingHead
        case content
        case tunnel
    }

    /// Interim answers before the final one; past it the upstream is not taken to be answering.
    static let interimHeadsMax = 16

    let worker: Worker
    /// Whose it is: an exchange makes its relay and holds it, so it is always there.
    private(set) var exchange: Link<Exchange>!
    private var lease: Lease?
    private(set) var phase = Phase.idle

    private var request = UpwardRequest()
    private var reader = ResponseReader()
    private(set) var content = ContentReader(ResponseFraming.none)
    /// There while the content goes through it, past us.
    var pipe: Pipe?
    private var interimHeads = 0
    private var hasRetried = false
    private var isUpgrade = false
    /// Whether the answer leaves the connection usable.
    private var keepsUpstream = false
    private(set) var sentAt = MonotonicInstant(nanoseconds: 0)
    private(set) var answeredAt: MonotonicInstant?
    /// What the answer's `Connection` named, where trailers may follow.
    private var endingHere: [UInt8] = []

    init(_ worker: Worker) { self.worker = worker }

    func serve(_ exchange: Exchange) { self.exchange = Link(exchange) }

    /// How much of the answer's content has come.
    var answerOctets: UInt64 { content.contentOctets }

    /// The leased connection.
    var upstream: Link<UpstreamConnection>? { lease?.connection }

    // MARK: Beginning

    /// What was measured for the exchange before says nothing of this one.
    func forgetTimes() { answeredAt = nil }

    /// Begins with the head that the gatekeeper has written into the exchange.
    func begin(upstream: Int, isUpgrade: Bool, gathered: consuming [UInt8]?) {
        phase = .connecting
        interimHeads = 0
        hasRetried = false
        keepsUpstream = false
        self.isUpgrade = isUpgrade
        reader = worker.responseReader
        let gathered = consume gathered
        exchange {
            request = UpwardRequest(endingHeadOf: $0, isUpgrade: isUpgrade, gathered: gathered)
        }
        guard let pool = worker.pool(ofUpstream: upstream) else {
            return exchange { $0.fail(.noServer) } ?? ()
        }
        pool { attach(from: $0) }
    }

    private func attach(from pool: UpstreamPool) {
        guard let idle = pool.takeIdle(isAlone: isUpgrade) else { return dial(pool) }
        attach(idle)
        guard !exchange.hasContent else { return sendRequest() }
        phase = .headDue
        exchange { worker.sendHeadAtEndOfTurn($0) }
    }

    /// The turn ends.
    func sendHead() {
        if phase == .headDue { sendRequest() }
    }

    private func dial(_ pool: UpstreamPool, avoiding server: Int? = nil) {
        phase = .connecting
        attach(pool.makeConnection(isAlone: isUpgrade))
        phase = .connecting
        let most = exchange.terms.connect
        upstream { $0.dial(within: most, avoiding: server) }
    }

    private func attach(_ connection: consuming Held<UpstreamConnection>) {
        lease = Lease(connection)
        upstream { $0.beginLease(for: self) }
    }

    /// The connection that was dialled is there.
    func connected() {
        guard phase == .connecting else { return }
        sendRequest()
        // Its content may have been waiting.
        exchange { $0.resumeReading() }
        upstream { $0.rearm() }
    }

    private func sendRequest() {
        phase = .awaitingHead
        sentAt = worker.loop.now
        upstream { upstream in
            exchange { request.sendHead($0.upstreamHead, to: upstream) }
            upstream.sentSome()
        }
    }

    // MARK: Upward

    /// Whether the upstream takes more content now.
    var hasRoom: Bool {
        guard let upstream else { return false }
        switch phase {
        case .idle, .connecting: return false
        case .headDue, .awaitingHead, .content, .tunnel: return upstream { !$0.wire.isBlocked }
        }
    }

    func take(_ octets: Span<UInt8>) {
        guard !octets.isEmpty else { return }
        upstream { request.pass(octets, to: $0) }
    }

    /// The request has been taken whole.
    /// - Parameter trailers: field lines behind its content.
    func requestEnded(_ trailers: Span<UInt8>) {
        guard !request.isWhole else { return }
        upstream { request.end(trailers, of: exchange, to: $0) }
    }

    /// The end of an event at the client's side: what has gathered goes out.
    func flushRequest() {
        guard phase != .connecting, phase != .idle else { return }
        upstream { $0.flush() }
    }

    /// The upstream takes content again.
    func upstreamHasRoom() { exchange { $0.resumeReading() } }

    /// The client takes content again: what has come meanwhile was never announced twice.
    func clientHasRoom() { upstream { $0.resumeReading() } }

    /// Whether octets of the answer are wanted now.
    var wantsAnswer: Bool { phase != .idle && exchange.clientHasRoomNow }

    // MARK: Downward

    /// Takes what there is of the answer out of the buffer. The relay may be in use for another
    /// exchange when it returns.
    func received(_ buffer: OctetBuffer) {
        while step(buffer) {}
    }

    /// - Returns: whether another step may find something.
    private func step(_ buffer: OctetBuffer) -> Bool {
        switch phase {
        case .idle, .connecting:
            buffer.removeAll()
            return false
        case .headDue:
            guard !buffer.isEmpty else { return false }
            failedBeforeAnswer(.cutByUpstream("octets before the request"))
            return false
        case .awaitingHead:
            guard !buffer.isEmpty else { return false }
            return exchange { readHead(buffer, of: $0) } ?? false
        case .content:
            switch content.next(buffer.octets) {
            case .needsMore:
                trySplicing()
                return false
            case .content(let range, let consumed):
                let octets = buffer.octets.extracting(range)
                buffer.consume(consumed)
                exchange { $0.respondContent(octets) }
                return true
            case .end(let range, let consumed):
                let trailers = buffer.octets.extracting(range ?? 0..<0)
                buffer.consume(consumed)
                ended(isClean: buffer.isEmpty, trailers)
                return false
            case .refused(let fault):
                fail(.badAnswer("\(fault.code): \(fault.sentence)"))
                return false
            }
        case .tunnel:
            guard !buffer.isEmpty else { return false }
            let octets = buffer.octets
            buffer.removeAll()
            exchange { $0.respondContent(octets) }
            return false
        }
    }

    private func readHead(_ buffer: OctetBuffer, of exchange: Exchange) -> Bool {
        var head = worker.responseHead.lend()
        let step = reader.step(buffer.octets, into: &head, requestMethod: exchange.method)
        var mayGoOn = false
        if case .head = step { mayGoOn = received(head, buffer, of: exchange) }
        worker.responseHead.takeBack(consume head)
        switch step {
        case .needsMore:
            if buffer.writableCount == 0 { worker.grow(buffer, to: worker.responseHeadOctetsMax) }
        case .refused(let fault): fail(.badAnswer("\(fault.code): \(fault.sentence)"))
        case .head: break
        }
        return mayGoOn
    }

    private func received(
        _ head: ResponseHead, _ buffer: OctetBuffer, of exchange: Exchange
    ) -> Bool {
        if answeredAt == nil { answeredAt = worker.loop.now }
        // From here on the request cannot be sent again.
        if head.status == 101 { return receivedSwitch(head, buffer, of: exchange) }
        if head.isInterim {
            interimHeads += 1
            guard interimHeads <= Self.interimHeadsMax else {
                fail(.badAnswer("more than \(Self.interimHeadsMax) interim answers"))
                return false
            }
            exchange.respondInterim(head, takeHead(head, buffer))
            return true
        }
        if head.status == 401, let answer = exchange.stepUpAnswer(head, buffer.octets) {
            phase = .idle
            discard()
            exchange.respond(answer)
            return false
        }
        let framing = head.framing
        keepsUpstream =
            head.keepsAlive && framing != .untilClose && !isUpgrade
            && !head.bindsConnection(buffer.octets)
        content = ContentReader(framing)
        if !endingHere.isEmpty { endingHere = [] }
        if framing == .chunked, head.connection.contains(.namesFields) {
            endingHere = head.connectionNames(buffer.octets)
        }
        phase = .content
        exchange.respond(head, takeHead(head, buffer), framing: framing)
        return true
    }

    private func receivedSwitch(
        _ head: ResponseHead, _ buffer: OctetBuffer, of exchange: Exchange
    ) -> Bool {
        // RFC 9110 §15.2.2: only what was asked for; anything else has changed the protocol on us.
        guard isUpgrade, let upgrade = head.upgrade, namesOneUpgrade(head),
            exchange.upgradeMatches(buffer.octets.extracting(upgrade.range))
        else {
            fail(.badAnswer("101 without an upgrade that was asked for"))
            return false
        }
        phase = .tunnel
        exchange.respondSwitching(head, takeHead(head, buffer))
        _ = step(buffer)
        // The client may have sent its last already: then this ends it.
        exchange.resumeReading()
        return false
    }

    /// Dropped before anything is made of it, which may end the exchange and with it this connection's
    /// hold on the buffer. The octets stay where they are until something is received.
    @_lifetime(borrow buffer)
    private func takeHead(_ head: ResponseHead, _ buffer: OctetBuffer) -> Span<UInt8> {
        let octets = buffer.octets
        buffer.consume(head.octetCount)
        return octets
    }

    private func namesOneUpgrade(_ head: ResponseHead) -> Bool {
        guard let first = head.nextIndex(of: .upgrade, from: 0) else { return false }
        return head.nextIndex(of: .upgrade, from: first + 1) == nil
    }

    /// The answer is whole.
    func ended(isClean: Bool, _ trailers: Span<UInt8> = Span()) {
        if trailers.isEmpty {
            exchange { $0.respondEnd() }
        } else {
            let names = endingHere
            exchange { $0.respondEnd(trailers, endingHere: names.span) }
        }
        finish(keepingUpstream: isClean)
    }

    /// Octets of the content have gone into the pipe.
    func passed(_ count: Int) { content.passed(UInt64(count)) }

    private func finish(keepingUpstream isClean: Bool) {
        phase = .idle
        exchange { $0.flush() }
        let owesNothing = request.isWhole && upstream { !$0.wire.hasUnsent } ?? false
        if isClean, keepsUpstream, owesNothing {
            giveBack()
        } else {
            discard()
        }
        exchange { $0.relayEnded() }
    }

    /// The end of a burst of the answer's octets: what has gathered goes out.
    func flushAnswer() {
        if phase != .idle { exchange { $0.flush() } }
    }

    /// The upstream sends no more.
    func upstreamEnded(isGenuine: Bool) {
        switch phase {
        case .idle, .connecting: break
        case .headDue, .awaitingHead:
            failedBeforeAnswer(.cutByUpstream("closed before the answer"))
        case .content:
            guard isGenuine, content.ended() else {
                return fail(.cutByUpstream("closed within the answer"))
            }
            exchange { $0.respondEnd() }
            finish(keepingUpstream: false)
        case .tunnel:
            phase = .idle
            exchange { $0.flush() }
            discard()
            exchange { $0.tunnelEnded() }
        }
    }

    /// Reading from the upstream has failed.
    func upstreamFailed(_ words: String) {
        switch phase {
        case .idle, .connecting: break
        case .headDue, .awaitingHead: failedBeforeAnswer(.cutByUpstream(words))
        case .content: fail(.cutByUpstream(words))
        case .tunnel: upstreamEnded(isGenuine: false)
        }
    }

    // MARK: Tunnel

    func tunnel(_ octets: Span<UInt8>) {
        guard phase == .tunnel else { return }
        upstream {
            $0.wire.send(octets, by: worker)
            $0.sentSome()
        }
    }

    /// The client sends no more: what it said last goes out, then both sides close.
    func clientEnded() {
        guard phase == .tunnel else { return }
        phase = .idle
        upstream { $0.wire.flush(worker) }
        discard()
        exchange { $0.tunnelEnded() }
    }

    // MARK: Failing

    /// The connection failed before any octet of an answer.
    func failedBeforeAnswer(_ failure: ExchangeFailure) {
        guard mayRetry, let upstream else { return fail(failure) }
        hasRetried = true
        let (pool, server) = (upstream.pool, upstream.server)
        discard()
        dial(pool, avoiding: server)
    }

    /// Once, and only for a connection that may have been closing while we used it: when the request
    /// is safe to send again and all there, or when provably none of it was sent.
    private var mayRetry: Bool {
        guard let upstream, !hasRetried, upstream.wasReused, !upstream.hasReceivedOctets,
            !request.hasPassedContent
        else { return false }
        if upstream({ !$0.hasTakenOctets }) { return true }
        return exchange.method.isIdempotent && !exchange.hasContent
    }

    func fail(_ failure: ExchangeFailure) {
        phase = .idle
        if failure.isUpstreams { upstream { $0.noteFault(failure) } }
        discard()
        exchange { $0.fail(failure) }
    }

    /// Nobody waits for the answer any more.
    func abandon() {
        let isUnsent = phase == .headDue
        phase = .idle
        request.forget()
        guard isUnsent else { return discard() }
        // Whoever takes a request back in the turn that brought it costs no connection.
        upstream { $0.endLease() }
        lease.take()?.giveBack()
    }

    private func giveBack() {
        stopSplicing()
        upstream {
            noteLength($0)
            $0.endLease()
        }
        lease.take()?.giveBack()
    }

    private func discard() {
        stopSplicing()
        upstream { $0.endLease() }
        lease.take()?.discard()
    }

    // MARK: Time

    /// What is waited for from the upstream, if it is the one that owes.
    func upstreamDeadline(_ deadline: inout Deadline, _ upstream: UpstreamConnection) {
        let terms = exchange.terms
        if let since = upstream.owesRoomSince {
            deadline.bring(.upstreamWrite, from: since, terms.upstreamWrite)
        }
        switch phase {
        case .awaitingHead
        where (request.isWhole || exchange.awaitsContinue) && !upstream.wire.hasUnsent:
            deadline.bring(.responseStart, from: upstream.lastWrite, terms.responseStart)
        case .content where exchange.clientHasRoomNow:
            let last = max(upstream.lastRead, exchange.clientLastWrite)
            deadline.bring(.responseIdle, from: last, terms.responseIdle)
        case .idle, .connecting, .headDue, .awaitingHead, .content, .tunnel: break
        }
    }

    func deadlinePassed(_ waiting: Deadline.Waiting) {
        switch waiting {
        case .connect: fail(.connectTimedOut)
        case .responseStart: fail(.responseStartTimedOut)
        case .responseIdle: fail(.responseIdleTimedOut)
        case .upstreamWrite: fail(.upstreamWriteTimedOut)
        default: break
        }
    }
}

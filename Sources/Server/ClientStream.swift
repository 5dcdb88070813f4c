// One request on an HTTP/2 connection, and its answer: an exchange's carrier, as ClientConnection is in
// HTTP/1.1.
//
// It begins with a head and ends when the session says that its stream is closed; the exchange may be
// over before. The next stream that gets the session's place is carried by the same object. Content that nobody wants yet waits here, within the window that the client was given:
// the window opens again by what has been taken. RFC 9113 §5.1, §8.1; RFC 8441 (tunnels).

import Gateway
import HTTP
import HTTP2
import Platform
import Values

final class ClientStream {
    enum Phase: UInt8 {
        /// The request's content is read for whoever takes it.
        case content
        /// The request has been read; its answer is awaited, or under way.
        case waiting
        /// Octets both ways.
        case tunnel
        /// The exchange is over; what is left of the answer goes out.
        case answered
    }

    let worker: Worker
    let multiplex: Link<Multiplex>
    let connection: Link<ClientConnection>
    private(set) var id = HTTP2Stream(number: 0, place: 0)
    private(set) var phase = Phase.answered
    private var heldExchange: Held<Exchange>?
    /// Content that has come and is not wanted yet.
    private var pending: [UInt8] = []
    /// Field lines behind it.
    private var trailers: [UInt8] = []
    /// The client has ended its side.
    private var hasEnded = false
    private var isPumping = false
    private(set) var terms: Terms
    private(set) var lastRead = MonotonicInstant(nanoseconds: 0)
    /// Its errors are told as gRPC tells them.
    private(set) var isGRPC = false
    /// Content has been passed on that gathers until the event ends.
    var hasPassedUpward = false
    /// It is listed as one that waits for room.
    var isFull = false

    init(of multiplex: Multiplex) {
        worker = multiplex.worker
        self.multiplex = Link(multiplex)
        connection = multiplex.connection
        terms = multiplex.worker.commonTerms
    }

    /// Whoever had it before has been closed.
    func open(_ id: HTTP2Stream, at now: MonotonicInstant) {
        self.id = id
        phase = .content
        if !trailers.isEmpty { trailers = [] }
        hasEnded = false
        terms = worker.commonTerms
        lastRead = now
        isGRPC = false
        hasPassedUpward = false
        isFull = false
    }

    var exchange: Link<Exchange>? { heldExchange?.link }
    var peer: Peer { connection { $0.peer } }

    // MARK: What has come

    func begin(_ head: borrowing RequestHead, _ octets: Span<UInt8>, isLast: Bool, isTunnel: Bool) {
        let now = worker.loop.now
        hasEnded = isLast
        phase = isLast ? .waiting : .content
        isGRPC = head.isGRPC(octets)
        let exchange = takeExchange()
        exchange { exchange in
            exchange.begin(head, for: .stream(Link(self)), at: now)
            // Frames say where the content ends; towards the upstream it may be in chunks.
            if head.framing == .chunked { exchange.content = ContentReader(.untilClose) }
            if isTunnel { phase = .waiting }
            exchange.apply(exchange.judge(head, octets))
        }
        pump()
    }

    func beginRefused(_ fault: RequestFault) {
        phase = .waiting
        let exchange = takeExchange()
        exchange { exchange in
            exchange.beginRefused(for: .stream(Link(self)), at: worker.loop.now)
            exchange.refuse(fault)
        }
    }

    private func takeExchange() -> Link<Exchange> {
        let exchange = worker.takeExchange()
        let link = exchange.link
        heldExchange = consume exchange
        return link
    }

    func take(_ octets: Span<UInt8>) {
        lastRead = worker.loop.now
        guard phase != .answered else { return consume(octets.count) }
        if pending.isEmpty, !isPumping, phase != .waiting, exchange?.wantsContent == true {
            pass(octets)
            multiplex { $0.passedUpward(self) }
        } else {
            pending.append(contentsOf: octets)
            worker.memory.add(octets.count)
        }
    }

    /// The client has ended its side.
    func end(_ trailers: [UInt8] = []) {
        hasEnded = true
        self.trailers = trailers
        pump()
    }

    /// The end of an event: what has gathered goes up.
    func flushUpward() {
        hasPassedUpward = false
        exchange { $0.flushUpward() }
    }

    private func consume(_ count: Int) {
        multiplex { $0.session.consume(count, of: id) }
    }

    private func pass(_ octets: Span<UInt8>) {
        exchange { exchange in
            if phase == .tunnel {
                exchange.relay.tunnel(octets)
            } else if case .content(let range, _) = exchange.content.next(octets) {
                exchange.take(octets.extracting(range))
            }
        }
        consume(octets.count)
    }

    /// Passes on what is wanted. Whoever may have made something wanted calls it.
    func pump() {
        guard !isPumping else { return }
        isPumping = true
        while advance() {}
        isPumping = false
        exchange { $0.flushUpward() }
        flush()
    }

    private func advance() -> Bool {
        guard let exchange, phase == .content || phase == .tunnel, exchange.wantsContent
        else { return false }
        if !pending.isEmpty {
            var octets: [UInt8] = []
            swap(&octets, &pending)
            worker.memory.remove(octets.count)
            pass(octets.span)
            return true
        }
        guard hasEnded else { return false }
        if phase == .tunnel {
            exchange { $0.relay.clientEnded() }
        } else {
            phase = .waiting
            exchange { exchange in
                _ = exchange.content.ended()
                let trailers = trailers
                exchange.contentEnded(trailers.span)
            }
        }
        return true
    }

    /// The stream is closed: nothing more can be said on it.
    func closed() {
        consume(pending.count)
        worker.memory.remove(pending.count)
        pending = []
        phase = .answered
        guard let exchange = heldExchange.take() else { return }
        exchange.link { $0.cancel() }
        worker.give(exchange)
    }

    // MARK: Time

    /// Fails, or ends, what has waited too long for the client.
    func look(at now: MonotonicInstant) {
        guard let exchange else { return }
        let terms = exchange.terms
        self.terms = terms
        switch phase {
        case .content:
            guard exchange.wantsContent, !exchange.awaitsContinue,
                lastRead.advanced(byNanoseconds: terms.requestContent) <= now
            else { break }
            worker.noteTimeout(.requestContent, exchange)
            return exchange { $0.fail(.requestContentTimedOut) }
        case .tunnel:
            let last = max(lastRead, lastWrite)
            guard last.advanced(byNanoseconds: terms.upgradedIdle) <= now else { return }
            worker.noteTimeout(.upgradedIdle, exchange)
            return exchange { $0.cut() }
        case .waiting, .answered: break
        }
        guard terms.request != .max,
            exchange.startedAt.advanced(byNanoseconds: terms.request) <= now
        else { return }
        worker.noteTimeout(.request, exchange)
        exchange { $0.fail(.exchangeTimedOut) }
    }

    // MARK: What exchanges say

    /// Room for more of the answer's content.
    var hasRoom: Bool {
        multiplex { $0.hasRoom(for: self) }
    }

    var lastWrite: MonotonicInstant { multiplex { $0.session.lastMove(of: id) } }

    func flush() { multiplex { $0.needsFlush() } }

    /// The answer has been written. Nothing of the exchange may be used after this.
    func answered() {
        release()
        if !hasEnded { multiplex { $0.session.stopReading(id) } }
        flush()
    }

    /// The answer cannot be finished: the client must see that it is not whole.
    func cut() {
        release()
        multiplex { $0.session.reset(id, .internalError) }
        flush()
    }

    func becameTunnel() {
        phase = .tunnel
        lastRead = worker.loop.now
    }

    /// The other end of the tunnel has closed.
    func tunnelEnded() {
        multiplex { $0.session.finish(id) }
        answered()
    }

    private func release() {
        phase = .answered
        consume(pending.count)
        worker.memory.remove(pending.count)
        pending = []
        if let exchange = heldExchange.take() { worker.give(exchange) }
    }
}

extension RequestHead {
    /// Whether it is a call of gRPC's (its "HTTP/2 transport": `application/grpc`, `+proto`, `;…`).
    fileprivate func isGRPC(_ octets: Span<UInt8>) -> Bool {
        guard let type = first(.contentType) else { return false }
        let value = octets.extracting(type.value.range)
        let name: StaticString = "application/grpc"
        guard value.count >= name.utf8CodeUnitCount,
            OctetText.equalsIgnoringASCIICase(value.extracting(0..<name.utf8CodeUnitCount), name)
        else { return false }
        guard value.count > name.utf8CodeUnitCount else { return true }
        let next = value[name.utf8CodeUnitCount]
        return next == UInt8(ascii: "+") || next == UInt8(ascii: ";") || next == UInt8(ascii: " ")
    }
}

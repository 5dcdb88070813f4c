// A request as a connection reads it: its head, then its content for whoever takes it, or for nobody.

import Gateway
import HTTP
import HTTP2
import Platform
import Values

extension ClientConnection {
    func readHead(_ buffer: OctetBuffer) -> Bool {
        if !hasServed, listener.takesHTTP2 {
            guard let isHTTP2 = HTTP2Preface.begins(buffer.octets) else { return false }
            if isHTTP2 { return beginStreams() }
        }
        var head = worker.requestHead.lend()
        var reader = partialHead.take()?.reader ?? RequestReader(limits: worker.requestLimits)
        let step = reader.step(buffer.octets, into: &head)
        if case .head = step { begin(head, buffer) }
        worker.requestHead.takeBack(consume head)
        switch step {
        case .needsMore:
            partialHead = PartialHead(reader)
            makeRoom(buffer)
            return false
        case .refused(let fault):
            refuse(fault)
            return true
        case .head: return true
        }
    }

    /// A head may be longer than the buffer it began in.
    func makeRoom(_ buffer: OctetBuffer) {
        guard buffer.writableCount == 0 else { return }
        let limits = worker.requestLimits
        worker.grow(buffer, to: limits.headOctetsMax + limits.requestLineOctetsMax)
    }

    func begin(_ head: RequestHead, _ buffer: OctetBuffer) {
        hasServed = true
        let exchange = takeExchange()
        exchange { begin($0, head, buffer) }
    }

    func takeExchange() -> Link<Exchange> {
        let exchange = worker.takeExchange()
        let link = exchange.link
        heldExchange = consume exchange
        return link
    }

    func begin(_ exchange: Exchange, _ head: RequestHead, _ buffer: OctetBuffer) {
        exchange.begin(head, for: .connection(Link(self)), at: since)
        if exchange.hasContent {
            phase = .content
            lastRead = worker.loop.now
        } else {
            phase = .waiting
        }
        let verdict = exchange.judge(head, buffer.octets)
        buffer.consume(head.octetCount)
        exchange.apply(verdict)
    }

    /// - Returns: whether anything moved.
    func readContent(_ exchange: Exchange) -> Bool {
        // Without octets there is still an end to be found, behind a length that has been used up.
        (buffer ?? Link(worker.noOctets)) { readContent(exchange, $0) }
    }

    func readContent(_ exchange: Exchange, _ buffer: OctetBuffer) -> Bool {
        switch exchange.content.next(buffer.octets) {
        case .needsMore: return false
        case .content(let range, let consumed):
            // Dropped first: what becomes of the content may close this connection. The octets stay
            // where they are until something is received, which nothing here does.
            let octets = buffer.octets.extracting(range)
            buffer.consume(consumed)
            exchange.take(octets)
            return true
        case .end(let range, let consumed):
            let trailers = buffer.octets.extracting(range ?? 0..<0)
            buffer.consume(consumed)
            phase = .waiting
            exchange.contentEnded(trailers)
            return true
        case .refused(let fault):
            exchange.keepsAlive = false
            exchange.fail(.requestContentMalformed(fault))
            return true
        }
    }

    func discardContent(_ exchange: Exchange) -> Bool {
        (buffer ?? Link(worker.noOctets)) { discardContent(exchange, $0) }
    }

    func discardContent(_ exchange: Exchange, _ buffer: OctetBuffer) -> Bool {
        switch exchange.content.next(buffer.octets) {
        case .needsMore: return false
        case .content(let range, let consumed):
            buffer.consume(consumed)
            exchange.discarded &+= UInt64(range.count)
            if exchange.discarded > Self.discardedOctetsMax { release(keepsAlive: false) }
            return true
        case .end(_, let consumed):
            buffer.consume(consumed)
            release(keepsAlive: true)
            return true
        case .refused:
            release(keepsAlive: false)
            return true
        }
    }

    func refuse(_ fault: RequestFault) {
        phase = .waiting
        let exchange = takeExchange()
        exchange {
            $0.beginRefused(for: .connection(Link(self)), at: since)
            $0.isWhole = false
            $0.refuse(fault)
        }
    }
}

/// The reader of a head that has come in part.
final class PartialHead {
    let reader: RequestReader

    init(_ reader: RequestReader) { self.reader = reader }
}

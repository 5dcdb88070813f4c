// A request as it goes up: the framing that we give it, and how much of it has gone.
//
// How its client framed the content is not passed on: the length is written anew, and chunks are ours
// (RFC 9112 §6.1, §7.1). Small pieces gather in the connection's outbox; large ones are sent as they are.

import HTTP
import Platform
import Values

struct UpwardRequest {
    /// All of the content, where it was kept to decide about it.
    private var gathered: [UInt8]?
    private var isChunked = false
    /// All of it has been handed to the connection.
    private(set) var isWhole = false
    /// Content has gone through; nobody has it any more.
    private(set) var hasPassedContent = false

    init() {}

    /// Ends the head that the gatekeeper has written into the exchange.
    init(endingHeadOf exchange: Exchange, isUpgrade: Bool, gathered: consuming [UInt8]?) {
        isWhole = gathered != nil || !exchange.hasContent
        if let gathered {
            Self.appendLength(UInt64(gathered.count), to: exchange)
        } else {
            switch exchange.framing {
            case .none: break
            case .length(let length): Self.appendLength(length, to: exchange)
            case .chunked:
                isChunked = true
                exchange.upstreamHead.append("Transfer-Encoding: chunked\r\n")
            }
        }
        self.gathered = consume gathered
        if isUpgrade {
            exchange.upstreamHead.append("Connection: Upgrade\r\nUpgrade: ")
            exchange.upstreamHead.append(contentsOf: exchange.upgradeAskedFor)
            exchange.upstreamHead.append("\r\n")
        }
        exchange.upstreamHead.append("\r\n")
    }

    private static func appendLength(_ length: UInt64, to exchange: Exchange) {
        exchange.upstreamHead.append("Content-Length: ")
        exchange.upstreamHead.append(decimal: length)
        exchange.upstreamHead.append("\r\n")
    }

    func sendHead(_ head: borrowing OctetWriter, to upstream: UpstreamConnection) {
        if let gathered {
            upstream.wire.send(head.span, gathered.span, by: upstream.worker)
        } else if isWhole {
            upstream.wire.send(head.span, by: upstream.worker)
        } else {
            // Its first content goes with it: what gathers is sent when the client's event ends.
            upstream.wire.prepare(upstream.worker)
            upstream.wire.outbox.octets.append(contentsOf: head.span)
        }
    }

    mutating func pass(_ octets: Span<UInt8>, to upstream: UpstreamConnection) {
        let worker = upstream.worker
        hasPassedContent = true
        let isLarge = octets.count > ClientConnection.gatheredPieceOctetsMax
        if isChunked || !isLarge { upstream.wire.prepare(worker) }
        if isChunked {
            ChunkedCoding.appendSize(octets.count, to: &upstream.wire.outbox.octets)
        }
        if isLarge {
            let end = isChunked ? worker.lineEnd : worker.nothing
            upstream.wire.send(octets, end.span, by: worker)
        } else {
            upstream.wire.outbox.octets.append(contentsOf: octets)
            if isChunked { upstream.wire.outbox.octets.append(ChunkedCoding.dataEnd) }
        }
    }

    /// - Parameter trailers: field lines behind the content, of which the upstream gets what it may have.
    mutating func end(
        _ trailers: Span<UInt8>, of exchange: Link<Exchange>, to upstream: UpstreamConnection
    ) {
        isWhole = true
        guard isChunked else { return }
        upstream.wire.prepare(upstream.worker)
        guard !trailers.isEmpty else {
            upstream.wire.outbox.octets.append(ChunkedCoding.last)
            return
        }
        upstream.wire.outbox.octets.append(ChunkedCoding.lastBeforeTrailers)
        exchange { $0.appendTrailers(trailers, to: &upstream.wire.outbox.octets) }
        upstream.wire.outbox.octets.append("\r\n")
    }

    /// Lets go of what can only be sent with the head.
    mutating func forget() { gathered = nil }
}

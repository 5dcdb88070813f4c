// What a client is sent: heads, content in the framing its version knows, and our own answers.
//
// Everything is gathered in the connection's outbox and leaves when the event that made it ends.
// RFC 9112 §6 (framing), §9.6 (who says that the connection closes), RFC 9110 §15.2 (interim answers).

import Gateway
import HTTP
import Platform
import Values

extension ClientConnection {
    /// Room for more content: what was written has been taken by the kernel.
    var hasRoom: Bool { !wire.isBlocked }

    // MARK: An upstream's answer

    func writeInterim(
        _ head: ResponseHead, _ octets: Span<UInt8>, under plan: borrowing ForwardPlan
    ) {
        var lines = worker.lendWriter()
        Self.writeStatusLine(head.status, octets.extracting(head.reason.range), to: &lines)
        worker.gatekeeper.writeResponseFields(
            plan, head, octets, at: worker.loop.wallTime, into: &lines)
        lines.append("\r\n")
        gather(lines)
    }

    func writeContinue() {
        wire.prepare(worker)
        wire.outbox.octets.append("HTTP/1.1 100 Continue\r\n\r\n")
    }

    /// The final head of an upstream's answer.
    /// - Returns: how its content is delimited towards this client.
    func writeHead(
        _ head: ResponseHead, _ octets: Span<UInt8>, framing: ResponseFraming,
        of exchange: Exchange, under plan: borrowing ForwardPlan
    ) -> Outgoing {
        var lines = worker.lendWriter()
        Self.writeStatusLine(head.status, octets.extracting(head.reason.range), to: &lines)
        worker.gatekeeper.writeResponseFields(
            plan, head, octets, at: worker.loop.wallTime, into: &lines)
        if !head.present.contains(.date) { worker.writeDate(to: &lines) }
        let outgoing: Outgoing
        switch framing {
        case .none:
            outgoing = .none
            if let length = head.lengthOfWhatIsNotSent(to: exchange.method) {
                FieldText.writeLength(length, to: &lines)
            }
        case .length(let length):
            outgoing = .plain
            FieldText.writeLength(length, to: &lines)
        case .chunked, .untilClose:
            if exchange.minorVersion == 0 {
                outgoing = .untilClose
                exchange.keepsAlive = false
            } else {
                outgoing = .chunked
                lines.append("Transfer-Encoding: chunked\r\n")
            }
        }
        endHead(of: exchange, to: &lines)
        gather(lines)
        return outgoing
    }

    /// A 101: the connection changes hands, and nothing but the upgrade's own fields says so.
    func writeSwitch(
        _ head: ResponseHead, _ octets: Span<UInt8>, under plan: borrowing ForwardPlan
    ) {
        var lines = worker.lendWriter()
        Self.writeStatusLine(101, octets.extracting(head.reason.range), to: &lines)
        worker.gatekeeper.writeResponseFields(
            plan, head, octets, at: worker.loop.wallTime, into: &lines)
        lines.append("Connection: Upgrade\r\nUpgrade: ")
        if let upgrade = head.upgrade {
            lines.append(contentsOf: octets.extracting(upgrade.range))
        }
        lines.append("\r\n\r\n")
        gather(lines)
    }

    func writeContent(_ octets: Span<UInt8>, as outgoing: Outgoing) {
        guard !octets.isEmpty else { return }
        switch outgoing {
        case .none: return
        case .plain, .untilClose:
            if octets.count <= Self.gatheredPieceOctetsMax {
                wire.prepare(worker)
                wire.outbox.octets.append(contentsOf: octets)
            } else {
                wire.send(octets, by: worker)
                lastWrite = worker.loop.now
            }
        case .chunked:
            wire.prepare(worker)
            ChunkedCoding.appendSize(octets.count, to: &wire.outbox.octets)
            if octets.count <= Self.gatheredPieceOctetsMax {
                wire.outbox.octets.append(contentsOf: octets)
                wire.outbox.octets.append(ChunkedCoding.dataEnd)
            } else {
                let lineEnd = worker.lineEnd
                wire.send(octets, lineEnd.span, by: worker)
                lastWrite = worker.loop.now
            }
        }
    }

    /// Whether content may go straight to the socket.
    var takesPipe: Bool { wire.isPlain }

    /// - Returns: how many octets of it were taken; the rest waits in it until there is room.
    func writeContent(_ pipe: Pipe) -> Int {
        let count = wire.send(pipe, by: worker)
        if count > 0 { lastWrite = worker.loop.now }
        return count
    }

    /// - Parameters:
    ///   - trailers: field lines as the upstream sent them.
    ///   - endingHere: what its `Connection` named.
    func writeEnd(as outgoing: Outgoing, _ trailers: Span<UInt8>, endingHere: Span<UInt8>) {
        guard outgoing == .chunked else { return }
        wire.prepare(worker)
        guard !trailers.isEmpty else {
            wire.outbox.octets.append(ChunkedCoding.last)
            return
        }
        wire.outbox.octets.append(ChunkedCoding.lastBeforeTrailers)
        worker.gatekeeper.appendResponseTrailers(
            trailers, endingHere: endingHere, to: &wire.outbox.octets)
        wire.outbox.octets.append("\r\n")
    }

    // MARK: Our own answers

    func write(_ answer: Answer, of exchange: Exchange) {
        var lines = worker.lendWriter()
        Self.writeStatusLine(answer.status, Span(), to: &lines)
        for field in answer.fields
        where FieldText.isSafe(field.name) && FieldText.isSafe(field.value) {
            FieldText.write(field.name, field.value, to: &lines)
        }
        if answer.field("Date") == nil { worker.writeDate(to: &lines) }
        if !exchange.facts.requestID.isEmpty {
            lines.append("X-Request-Id: ")
            lines.append(contentsOf: exchange.facts.requestID.span)
            lines.append("\r\n")
        }
        let hasContent = answer.status >= 200 && answer.status != 204 && answer.status != 304
        if hasContent { FieldText.writeLength(UInt64(answer.body.count), to: &lines) }
        endHead(of: exchange, to: &lines)
        gather(lines)
        guard hasContent, exchange.method != .head else { return }
        wire.outbox.octets.append(contentsOf: answer.body)
        exchange.octetsSent = UInt64(answer.body.count)
    }

    // MARK: Parts

    /// Heads are written in room of the worker's, whose pieces cost less than an array's.
    private func gather(_ lines: consuming OctetWriter) {
        wire.prepare(worker)
        wire.outbox.octets.append(contentsOf: lines.span)
        worker.takeBack(lines)
    }

    private static func writeStatusLine(
        _ status: Int, _ reason: Span<UInt8>, to lines: inout OctetWriter
    ) {
        lines.append("HTTP/1.1 ")
        lines.append(decimal: UInt64(clamping: status))
        lines.append(UInt8(ascii: " "))
        if reason.isEmpty {
            lines.append(StatusText.reason(status))
        } else {
            lines.append(contentsOf: reason)
        }
        lines.append("\r\n")
    }

    /// The connection's own fields and the empty line.
    private func endHead(of exchange: Exchange, to lines: inout OctetWriter) {
        if exchange.leavesTooMuchUnread || worker.isDraining { exchange.keepsAlive = false }
        if !exchange.keepsAlive {
            lines.append("Connection: close\r\n\r\n")
        } else if exchange.minorVersion == 0 {
            lines.append("Connection: keep-alive\r\n\r\n")
        } else {
            lines.append("\r\n")
        }
    }
}

extension ResponseHead {
    /// The length that a GET would have had (RFC 9110 §8.6): of HEAD and 304, never of 204 or 1xx.
    func lengthOfWhatIsNotSent(to method: Method) -> UInt64? {
        guard method == .head || status == 304, status != 204, status >= 200,
            case .length(let length)? = declaredFraming
        else { return nil }
        return length
    }
}

extension Exchange {
    /// Whether more of the request is still to come than would be dropped for a connection's sake, or
    /// the client may yet decide not to send it.
    var leavesTooMuchUnread: Bool {
        guard hasContent, !content.isFinished else { return false }
        if expectsContinue { return true }
        // How much a chunked request has left nobody knows.
        guard case .length(let length) = framing else { return true }
        return length &- content.contentOctets > ClientConnection.discardedOctetsMax
    }
}

/// How an answer's content is delimited towards the client.
enum Outgoing: UInt8 {
    /// There is none, whatever the head says.
    case none
    /// By the length in the head.
    case plain
    case chunked
    /// By the end of the connection: for HTTP/1.0.
    case untilClose
}

/// Field lines of our own.
enum FieldText {
    /// They hold nothing that could end a line; if one did, it would be left out.
    static func isSafe(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
    }

    static func write(_ name: String, _ value: String, to lines: inout OctetWriter) {
        lines.append(utf8: name)
        lines.append(": ")
        lines.append(utf8: value)
        lines.append("\r\n")
    }

    static func writeLength(_ length: UInt64, to lines: inout OctetWriter) {
        lines.append("Content-Length: ")
        lines.append(decimal: length)
        lines.append("\r\n")
    }
}

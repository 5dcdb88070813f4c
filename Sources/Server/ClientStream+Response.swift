// What a client is sent on a stream: heads as field lists, content as it comes, and our own answers.
//
// RFC 9113 §8.1: an answer is a head, content, and perhaps trailers; interim answers before it. What an
// HTTP/1.1 connection would say of itself (`Connection`, framing) has no place here.

import Gateway
import HTTP
import HTTP2
import Platform
import Values

extension ClientStream {
    // MARK: An upstream's answer

    func writeContinue() {
        multiplex { $0.session.respondInterim(id, status: 100, Span()) }
        flush()
    }

    func writeInterim(
        _ head: ResponseHead, _ octets: Span<UInt8>, under plan: borrowing ForwardPlan
    ) {
        withLines { lines in
            worker.gatekeeper.writeResponseFields(
                plan, head, octets, at: worker.loop.wallTime, into: &lines)
            multiplex { $0.session.respondInterim(id, status: head.status, lines.span) }
        }
        flush()
    }

    /// The final head of an upstream's answer.
    func writeHead(
        _ head: ResponseHead, _ octets: Span<UInt8>, framing: ResponseFraming,
        of exchange: Exchange, under plan: borrowing ForwardPlan
    ) -> Outgoing {
        withLines { lines in
            worker.gatekeeper.writeResponseFields(
                plan, head, octets, at: worker.loop.wallTime, into: &lines)
            if !head.present.contains(.date) { worker.writeDate(to: &lines) }
            var isLast = false
            switch framing {
            case .none:
                isLast = true
                if let length = head.lengthOfWhatIsNotSent(to: exchange.method) {
                    FieldText.writeLength(length, to: &lines)
                }
            case .length(let length):
                isLast = length == 0
                FieldText.writeLength(length, to: &lines)
            case .chunked, .untilClose: break
            }
            multiplex { $0.respond(to: self, status: head.status, lines.span, isLast: isLast) }
            return isLast ? .none : .plain
        }
    }

    /// A 101 is what HTTP/1.1 says; here the tunnel is open with a 200 (RFC 8441 §5).
    func writeSwitch(_ head: ResponseHead, _ octets: Span<UInt8>, under plan: borrowing ForwardPlan)
    {
        withLines { lines in
            worker.gatekeeper.writeResponseFields(
                plan, head, octets, at: worker.loop.wallTime, into: &lines)
            multiplex {
                $0.respond(
                    to: self, status: 200, lines.span, isLast: false,
                    without: "sec-websocket-accept")
            }
        }
        flush()
    }

    func writeContent(_ octets: Span<UInt8>, as outgoing: Outgoing) {
        guard outgoing != .none, !octets.isEmpty else { return }
        multiplex { $0.write(octets, to: self) }
    }

    /// - Parameters:
    ///   - trailers: field lines as the upstream sent them.
    ///   - endingHere: what its `Connection` named.
    func writeEnd(as outgoing: Outgoing, _ trailers: Span<UInt8>, endingHere: Span<UInt8>) {
        guard outgoing != .none else { return }
        guard !trailers.isEmpty else { return multiplex { $0.session.finish(id) } }
        var lines: [UInt8] = []
        worker.gatekeeper.appendResponseTrailers(trailers, endingHere: endingHere, to: &lines)
        multiplex { $0.session.finish(id, trailers: lines.span) }
    }

    // MARK: Our own answers

    func write(_ answer: Answer, of exchange: Exchange) {
        let hasContent =
            answer.status >= 200 && answer.status != 204 && answer.status != 304 && !isGRPC
            && exchange.method != .head && !answer.body.isEmpty
        withLines { lines in
            for field in answer.fields
            where FieldText.isSafe(field.name) && FieldText.isSafe(field.value) {
                if isGRPC, GRPCStatus.replaces(field.name) { continue }
                FieldText.write(field.name, field.value, to: &lines)
            }
            if answer.field("Date") == nil { worker.writeDate(to: &lines) }
            if !exchange.facts.requestID.isEmpty {
                lines.append("X-Request-Id: ")
                lines.append(utf8: exchange.requestID)
                lines.append("\r\n")
            }
            if isGRPC {
                GRPCStatus.write(answer, to: &lines)
            } else if answer.status >= 200, answer.status != 204, answer.status != 304 {
                FieldText.writeLength(UInt64(answer.body.count), to: &lines)
            }
            multiplex {
                $0.respond(
                    to: self, status: isGRPC ? 200 : answer.status, lines.span,
                    isLast: !hasContent)
            }
        }
        if hasContent {
            multiplex {
                $0.write(answer.body.span, to: self)
                $0.session.finish(id)
            }
            exchange.octetsSent = UInt64(answer.body.count)
        }
        flush()
    }

    // MARK: Parts

    /// Field lines are written in HTTP/1.1's spelling first, into room that is used again.
    private func withLines<Result>(_ body: (inout OctetWriter) -> Result) -> Result {
        var lines = worker.lendWriter()
        let result = body(&lines)
        worker.takeBack(lines)
        return result
    }
}

/// What our own answers are to a gRPC client: 200, with the status in what gRPC calls trailers-only.
enum GRPCStatus {
    /// gRPC's "HTTP to gRPC status code mapping", and what it leaves out where gRPC has a word for it.
    static func code(of status: Int) -> Int {
        switch status {
        case 200...299: 0
        case 400, 431: 13  // INTERNAL
        case 401: 16  // UNAUTHENTICATED
        case 403: 7  // PERMISSION_DENIED
        case 404, 405, 421: 12  // UNIMPLEMENTED
        case 408, 504: 4  // DEADLINE_EXCEEDED
        case 413: 8  // RESOURCE_EXHAUSTED
        case 429, 502, 503: 14  // UNAVAILABLE
        default: 2  // UNKNOWN
        }
    }

    /// Fields of an answer that speak of its content.
    static func replaces(_ name: String) -> Bool {
        let name = name.lowercased()
        return name.hasPrefix("content-") || name == "link" || name == "refresh"
    }

    static func write(_ answer: Answer, to lines: inout OctetWriter) {
        lines.append("Content-Type: application/grpc\r\nGrpc-Status: ")
        lines.append(decimal: UInt64(code(of: answer.status)))
        lines.append("\r\nGrpc-Message: ")
        // A code has nothing that its percent-encoding would change.
        lines.append(utf8: answer.code ?? "http-\(answer.status)")
        lines.append("\r\n")
    }
}

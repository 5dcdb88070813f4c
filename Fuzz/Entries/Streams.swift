// A client's octets to an HTTP/2 session of ours: whole and in pieces they tell the same, a head that is
// told reads as one head of HTTP/1.1, and what is answered to it is bounded by what was asked.
import HTTP
import HTTP2
import Values

extension Entry {
    /// The input stands behind a preface and settings, so that it need not find those first.
    static let streams = Entry("streams", octetsMax: 8192) { octets in
        let opening = HTTP2Preface.octets + [0, 0, 0, 4, 0, 0, 0, 0, 0]
        let whole = try told(opening + octets, cuts: [])
        for cut in cuts(of: octets) {
            let cut = try told(opening + octets, cuts: [opening.count + cut])
            try hold(whole == cut, "in pieces: \(cut), whole: \(whole)")
        }
    }

    private static func told(_ octets: [UInt8], cuts: [Int]) throws -> [String] {
        let limits = HTTPLimits()
        let session = try HTTP2Session(
            .server,
            HTTP2Terms(headOctetsMax: limits.headOctetsMax, fieldsMax: limits.fieldsMax))
        var lines: [String] = []
        var content: [Int32: Int] = [:]
        var at = 0
        for end in cuts + [octets.count] {
            while at < end {
                do throws(HTTP2Fault) {
                    at += try session.receive(
                        octets.span.extracting(at..<end), at: MonotonicInstant(nanoseconds: 1))
                } catch {
                    return lines + ["\(error)", try said(session, octets.count)]
                }
                while let event = session.nextEvent() {
                    // Where it was cut shows in content alone, and of a stream that is refused for its
                    // length in how much came before.
                    if case .content(let stream, let range) = event {
                        content[stream.number, default: 0] += range.count
                        session.consume(range.count, of: stream)
                        continue
                    }
                    if case .ended(let stream) = event {
                        lines.append("\(content[stream.number] ?? 0) octets")
                    }
                    lines.append("\(event)")
                    guard case .head(let stream, let isLast) = event else { continue }
                    lines.append(try reading(of: session.withHead { [UInt8]($0) }, limits))
                    session.respond(
                        stream, status: 200, Span(), isLast: isLast,
                        at: MonotonicInstant(nanoseconds: 1))
                    if !isLast { session.finish(stream) }
                }
            }
        }
        return lines + [try said(session, octets.count)]
    }

    private static func reading(of head: [UInt8], _ limits: HTTPLimits) throws -> String {
        var reader = RequestReader(limits: limits)
        var read = RequestHead()
        switch reader.step(head.span, into: &read) {
        case .head:
            try hold(read.octetCount == head.count, "more than one head")
            return String(decoding: head, as: UTF8.self)
        case .refused(let fault): return fault.code
        case .needsMore: throw Broken(description: "less than a head")
        }
    }

    private static func said(_ session: HTTP2Session, _ count: Int) throws -> String {
        var out: [UInt8] = []
        do throws(HTTP2Fault) {
            try session.send(into: &out, upTo: 1 << 20, at: MonotonicInstant(nanoseconds: 1))
        } catch { return "\(error)" }
        try hold(out.count <= 256 + 16 * count, "\(out.count) octets for \(count)")
        return ""
    }
}

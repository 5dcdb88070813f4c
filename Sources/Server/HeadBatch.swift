// Request heads that came one behind another over HTTP/2, kept until the last of them has been read.
//
// To read a head out of its frames, to decide about it and to send it on is more code than a
// processor's first cache holds: done for one request after the other, each step drives out the other
// two (measured: 11 % of what a request costs, with the sending; see `sendHeadAtEndOfTurn`). So each step is
// done for all of them.

import HTTP2
import Values

/// The loop has one: it is empty but while a connection's octets are read.
struct HeadBatch: ~Copyable {
    struct Entry {
        let stream: HTTP2Stream
        let isLast: Bool
        let isTunnel: Bool
        /// Where the head stands among the octets.
        fileprivate let range: Range<Int>
    }

    /// With so much it is begun whatever else may come: what came in one piece may be longer when it
    /// is spelled out.
    private static let octetsMax = 32_768

    private(set) var entries: [Entry] = []
    private var octets = OctetWriter(capacity: 0)

    var isFull: Bool { octets.count >= Self.octetsMax }

    /// Copies the head that the session has just told of.
    mutating func keep(_ stream: HTTP2Stream, isLast: Bool, of session: HTTP2Session) {
        let start = octets.count
        session.withHead { octets.append(contentsOf: $0) }
        entries.append(
            Entry(
                stream: stream, isLast: isLast, isTunnel: session.isTunnel,
                range: start..<octets.count))
    }

    @_lifetime(borrow self)
    func octets(of entry: Entry) -> Span<UInt8> { octets.span.extracting(entry.range) }

    mutating func removeAll() {
        entries.removeAll(keepingCapacity: true)
        octets.removeAll(keepingAtMost: 2 * Self.octetsMax)
    }
}

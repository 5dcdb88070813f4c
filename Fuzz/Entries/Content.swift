// Chunked content: cut anywhere it is the same content with the same end, and it is no longer than
// what was received. What our own writer chunks reads back.
import HTTP
import Values

extension Entry {
    static let content = Entry("content", octetsMax: 2048) { octets in
        let whole = ContentReading(octets, ends: [octets.count])
        for cut in cuts(of: octets) {
            let reading = ContentReading(octets, ends: [cut, octets.count])
            try hold(reading == whole, "cut at \(cut): \(reading), whole: \(whole)")
        }
        let trickled = ContentReading(octets, ends: Array(0...octets.count))
        try hold(trickled == whole, "octet by octet: \(trickled), whole: \(whole)")
        try hold(whole.content.count <= octets.count, "more content than octets")

        var chunked: [UInt8] = []
        if !octets.isEmpty {
            ChunkedCoding.appendSize(octets.count, to: &chunked)
            chunked += octets
            chunked.append(ChunkedCoding.dataEnd)
        }
        chunked.append(ChunkedCoding.last)
        let written = ContentReading(chunked, ends: [chunked.count])
        try hold(written.end == .whole && written.content == octets, "what we chunk differs")
    }
}

/// What was read, to which end, feeding pieces that end at `ends` as a connection does.
private struct ContentReading: Equatable {
    enum End: Equatable {
        case open, whole
        case refused(ContentFault)
    }
    var content: [UInt8] = []
    var trailers: [UInt8] = []
    var consumed = 0
    var end = End.open

    init(_ received: [UInt8], ends: [Int]) {
        var reader = ContentReader(BodyFraming.chunked)
        for limit in ends {
            var isOpen = true
            while isOpen, end == .open {
                let unread = Array(received[consumed..<max(limit, consumed)])
                switch reader.next(unread.span) {
                case .needsMore: isOpen = false
                case .content(let range, let count):
                    content += unread[range]
                    consumed += count
                case .end(let range, let count):
                    if let range {
                        trailers = Array(unread[range])
                        _ = ContentReader.fields(of: trailers.span)
                    }
                    consumed += count
                    end = .whole
                case .refused(let fault): end = .refused(fault)
                }
            }
        }
        // Before the end it depends on the pieces; after a refusal nobody reads on.
        if end != .whole { consumed = 0 }
    }
}

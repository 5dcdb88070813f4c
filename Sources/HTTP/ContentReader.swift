// Reads a message's content: which octets belong to it, and where it ends.
//
// RFC 9112 §6 and §7. Pure: the connection gives the octets it has and drops what was consumed. No
// content is copied or kept here, so its length costs nothing.
import Values

package struct ContentReader: Sendable {
    package enum Piece: Equatable, Sendable {
        /// Nothing is consumed; call again with the same octets and more behind them.
        case needsMore
        /// A part of the content. Drop `consumed` octets, which is at least `range.upperBound`.
        case content(Range<Int>, consumed: Int)
        /// All content has been read. `trailers` are complete and valid field lines.
        case end(trailers: Range<Int>?, consumed: Int)
        /// Where the message ends is not known; the connection cannot be used again.
        case refused(ContentFault)
    }

    package static let trailerOctetsMax = 8192
    package static let trailerFieldsMax = 64
    /// Extensions in all: this much, and an eighth of the content. A signature on each chunk of a
    /// few kilobytes passes; a byte of content for a page of extension does not (CVE-2023-39326).
    static let extensionOctetsFree: UInt64 = 16_384
    static let contentOctetsPerExtensionOctet: UInt64 = 8

    private enum State: Equatable {
        case length(remaining: UInt64)
        case untilClose
        case chunkLine
        /// `remaining` octets of the chunk's data are yet to come.
        case chunkData(remaining: UInt64)
        case chunkDataEnd
        /// Behind the last chunk's line, which is not consumed before the trailers are complete.
        case trailers(from: Int)
        case finished
    }
    private var state: State
    private var trailerScanner = FieldScanner()
    private var extensionOctets: UInt64 = 0
    /// How many octets of content have been read.
    package private(set) var contentOctets: UInt64 = 0

    package init(_ framing: BodyFraming) {
        switch framing {
        case .none, .length(0): state = .finished
        case .length(let length): state = .length(remaining: length)
        case .chunked: state = .chunkLine
        }
    }

    package init(_ framing: ResponseFraming) {
        switch framing {
        case .none, .length(0): state = .finished
        case .length(let length): state = .length(remaining: length)
        case .chunked: state = .chunkLine
        case .untilClose: state = .untilClose
        }
    }

    /// Whether all content has been read. Of a length this is so with the last piece of content; of
    /// chunks with `.end`.
    package var isFinished: Bool { state == .finished }

    /// How many octets of nothing but content are still to come; `nil` where its end is found by
    /// reading.
    package var octetsToCome: UInt64? {
        if case .length(let remaining) = state { remaining } else { nil }
    }

    /// Octets of a content of known length have gone by unread; no more than `octetsToCome`.
    package mutating func passed(_ count: UInt64) {
        guard case .length(let remaining) = state else { return }
        let rest = remaining - min(remaining, count)
        state = rest == 0 ? .finished : .length(remaining: rest)
        contentOctets &+= count
    }

    /// The peer will send no more. Whether the content had its lawful end; if not, what was read is
    /// a part, and must not be passed on as the whole.
    package mutating func ended() -> Bool {
        if state == .untilClose { state = .finished }
        return isFinished
    }

    /// Reads the next piece from the octets not yet consumed.
    package mutating func next(_ octets: Span<UInt8>) -> Piece {
        // Where the octets run out before there is anything to report, all is as it was before.
        let entry = self
        var at = 0
        while true {
            switch state {
            case .finished:
                return .end(trailers: nil, consumed: at)
            case .untilClose:
                guard octets.count > 0 else { return .needsMore }
                contentOctets &+= UInt64(octets.count)
                return .content(0..<octets.count, consumed: octets.count)
            case .length(let remaining):
                guard octets.count > 0 else { return .needsMore }
                let count = Int(min(remaining, UInt64(octets.count)))
                let rest = remaining - UInt64(count)
                state = rest == 0 ? .finished : .length(remaining: rest)
                contentOctets &+= UInt64(count)
                return .content(0..<count, consumed: count)
            case .chunkLine:
                switch ChunkLine.parse(octets, from: at) {
                case .needsMore:
                    self = entry
                    return .needsMore
                case .refused(let fault): return .refused(fault)
                case .line(let size, let extensionCount, let end):
                    extensionOctets &+= UInt64(extensionCount)
                    let free = ContentReader.extensionOctetsFree
                    guard
                        extensionOctets <= free
                            || (extensionOctets - free)
                                <= contentOctets / ContentReader.contentOctetsPerExtensionOctet
                    else { return .refused(.chunkExtensionsTooLong) }
                    at = end
                    guard size > 0 else {
                        state = .trailers(from: at)
                        trailerScanner = FieldScanner(at: at)
                        continue
                    }
                    state = .chunkData(remaining: size)
                }
            case .chunkData(let remaining):
                let available = octets.count - at
                guard available > 0 else {
                    self = entry
                    return .needsMore
                }
                let count = Int(min(remaining, UInt64(available)))
                let rest = remaining - UInt64(count)
                let content = at..<at + count
                contentOctets &+= UInt64(count)
                guard rest == 0 else {
                    state = .chunkData(remaining: rest)
                    return .content(content, consumed: content.upperBound)
                }
                // The CRLF behind the data goes with it where it is there already. A fault in it is
                // reported next, behind the content, as it is when it comes alone.
                state = .chunkDataEnd
                if octets.count - content.upperBound >= 2,
                    octets[content.upperBound] == .carriageReturn,
                    octets[content.upperBound + 1] == .lineFeed
                {
                    state = .chunkLine
                    return .content(content, consumed: content.upperBound + 2)
                }
                return .content(content, consumed: content.upperBound)
            case .chunkDataEnd:
                // Entered only at the front: the data before it has been reported.
                guard at < octets.count else { return .needsMore }
                guard octets[at] == .carriageReturn else {
                    return .refused(.chunkDataUnterminated)
                }
                guard at + 1 < octets.count else { return .needsMore }
                guard octets[at + 1] == .lineFeed else { return .refused(.chunkDataUnterminated) }
                at += 2
                state = .chunkLine
            case .trailers(let start):
                return readTrailers(octets, from: start)
            }
        }
    }

    private mutating func readTrailers(_ octets: Span<UInt8>, from start: Int) -> Piece {
        let limit = start + ContentReader.trailerOctetsMax
        let window = octets.extracting(0..<min(octets.count, limit))
        var unused: [FieldLine] = []
        let outcome = trailerScanner.read(
            window, linesMax: ContentReader.trailerFieldsMax, recording: false, into: &unused)
        switch outcome {
        case .needsMore: return window.count == limit ? .refused(.trailers(.tooLong)) : .needsMore
        case .refused(let fault): return .refused(.trailers(fault))
        case .end(let end):
            state = .finished
            // Without the empty line behind them.
            let trailers = start..<end - 2
            return .end(trailers: trailers.isEmpty ? nil : trailers, consumed: end)
        }
    }
}

extension ContentReader {
    /// The lines of trailers that `.end` gave, with offsets into `trailers`.
    package static func fields(of trailers: Span<UInt8>) -> [FieldLine] {
        var lines: [FieldLine] = []
        var scanner = FieldScanner()
        // They were valid when they were read; the empty line is not among them, so this runs out.
        let outcome = scanner.read(
            trailers, linesMax: trailerFieldsMax, recording: true, into: &lines)
        return outcome == .needsMore ? lines : []
    }
}

// Reads a request's head from the octets a client has sent so far.
//
// RFC 9112 §2.2, §3 and §5. A pure value: the connection feeds it and acts on its steps. A head that
// arrives whole is read once. One that arrives in pieces is judged line by line as it arrives, so
// that a fault shows early and no octet is searched twice, and is recorded when it is complete; the
// reader keeps no more than a few offsets meanwhile, and the head may be shared by many readers.
import Values

package struct RequestReader: Sendable {
    package enum Step: Equatable, Sendable {
        /// Nothing is consumed; call again with the same octets and more behind them.
        case needsMore
        /// The head is filled; drop `head.octetCount` octets from the front.
        case head
        /// Answer `fault.status`, then close.
        case refused(RequestFault)
    }

    /// Robustness against old clients that end a POST with a CRLF (§2.2), and no more than that.
    static let blankLinesMax = 4
    /// The longest registered method has 17 octets.
    static let methodOctetsMax = 32

    package let limits: HTTPLimits
    private var progress = Progress()

    private struct Progress {
        /// The start of the request line, behind the blank lines.
        var lineStart = 0
        var blankLines = 0
        /// Within the target: no octet before this one ends it.
        var searched = 0
        /// Set once the request line has been read.
        var fields: FieldScanner?
        /// Whether an earlier call ran out of octets.
        var isResumed = false
    }

    package init(limits: HTTPLimits = HTTPLimits()) { self.limits = limits }

    /// Ready for the next request.
    package mutating func reset() { progress = Progress() }

    /// Reads the octets not yet consumed. Where the input was split never shows in the outcome.
    package mutating func step(_ received: Span<UInt8>, into head: inout RequestHead) -> Step {
        do {
            guard try read(received, into: &head, recording: !progress.isResumed) else {
                progress.isResumed = true
                return .needsMore
            }
            if progress.isResumed {
                // Every line is known to be good: this cannot run out or fail, but it may not trap.
                progress = Progress()
                guard try read(received, into: &head, recording: true) else { return .needsMore }
            }
            progress = Progress()
            try head.interpret(received.extracting(0..<head.octetCount))
            return .head
        } catch { return .refused(error) }
    }

    /// Whether the head is complete.
    private mutating func read(
        _ received: Span<UInt8>, into head: inout RequestHead, recording: Bool
    ) throws(RequestFault) -> Bool {
        let window = received.extracting(0..<min(received.count, limits.headOctetsMax))
        let isAtLimit = window.count == limits.headOctetsMax
        if progress.fields == nil {
            guard try readRequestLine(window, into: &head) else {
                if isAtLimit { throw .fields(.tooLong) }
                return false
            }
            if recording { head.fields.removeAll(keepingCapacity: true) }
        }
        // Set by readRequestLine.
        var fields = progress.fields ?? FieldScanner(at: window.count)
        let outcome = fields.read(
            window, linesMax: limits.fieldsMax, recording: recording, into: &head.fields)
        progress.fields = fields
        switch outcome {
        case .end(let end):
            head.octetCount = end
            return true
        case .needsMore:
            if isAtLimit { throw .fields(.tooLong) }
            return false
        case .refused(let fault): throw .fields(fault)
        }
    }

    /// Reads the request line, if it is all there, and sets `progress.fields`.
    private mutating func readRequestLine(
        _ octets: Span<UInt8>, into head: inout RequestHead
    ) throws(RequestFault) -> Bool {
        while progress.lineStart < octets.count, octets[progress.lineStart] == .carriageReturn {
            guard progress.lineStart + 1 < octets.count else { return false }
            guard octets[progress.lineStart + 1] == .lineFeed else {
                throw .fields(.bareCarriageReturn)
            }
            progress.blankLines += 1
            guard progress.blankLines <= RequestReader.blankLinesMax else {
                throw .blankLinesTooMany
            }
            progress.lineStart += 2
        }
        let start = progress.lineStart
        let line = octets.extracting(
            0..<min(octets.count, start + limits.requestLineOctetsMax))
        guard let end = try parseRequestLine(line, from: start, into: &head) else {
            if line.count == start + limits.requestLineOctetsMax { throw .targetTooLong }
            return false
        }
        progress.fields = FieldScanner(at: end)
        return true
    }

    /// method SP request-target SP HTTP-version CRLF, exactly; the offset behind it, or `nil` when
    /// the octets end within it.
    private mutating func parseRequestLine(
        _ octets: Span<UInt8>, from start: Int, into head: inout RequestHead
    ) throws(RequestFault) -> Int? {
        let count = octets.count
        let methodEnd = octets.tokenEnd(from: start)
        guard methodEnd - start <= RequestReader.methodOctetsMax else { throw .methodTooLong }
        guard methodEnd < count else { return nil }
        guard octets[methodEnd] == .space, methodEnd > start else {
            throw octets[methodEnd] == .lineFeed ? .fields(.bareLineFeed) : .requestLineInvalid
        }
        let targetStart = methodEnd + 1
        let targetEnd = octets.targetEnd(from: max(targetStart, progress.searched))
        progress.searched = targetEnd
        guard targetEnd < count else { return nil }
        guard targetEnd > targetStart else { throw .requestLineInvalid }
        switch octets[targetEnd] {
        case .space: break
        case .carriageReturn: throw .versionMissing
        case .lineFeed: throw .fields(.bareLineFeed)
        default: throw .targetInvalid
        }
        guard let version = try parseVersion(octets, from: targetEnd + 1) else { return nil }
        let end = version.end
        guard end < count else { return nil }
        guard octets[end] == .carriageReturn else {
            throw octets[end] == .lineFeed ? .fields(.bareLineFeed) : .versionInvalid
        }
        guard end + 1 < count else { return nil }
        guard octets[end + 1] == .lineFeed else { throw .fields(.bareCarriageReturn) }

        head.methodToken = OctetRange(start, methodEnd)
        head.method = Method.of(octets.extracting(start..<methodEnd))
        head.target = OctetRange(targetStart, targetEnd)
        head.minorVersion = version.minor
        return end + 2
    }

    private func parseVersion(
        _ octets: Span<UInt8>, from start: Int
    ) throws(RequestFault) -> (minor: UInt8, end: Int)? {
        switch HTTPVersion.parse(octets, from: start) {
        case .needsMore: return nil
        case .invalid: throw .versionInvalid
        case .version(let major, let minor):
            guard major == 1, minor <= 1 else { throw .versionUnsupported }
            return (minor, start + HTTPVersion.octetCount)
        }
    }
}

/// `HTTP/` DIGIT `.` DIGIT, case-sensitive (RFC 9112 §2.3).
enum HTTPVersion {
    case needsMore, invalid
    case version(major: UInt8, minor: UInt8)

    static let octetCount = 8

    static func parse(_ octets: Span<UInt8>, from start: Int) -> HTTPVersion {
        if octets.count - start >= octetCount,
            OctetText.equals(octets.extracting(start..<start + 7), "HTTP/1."),
            let minor = octets[start + 7].decimalDigit
        {
            return .version(major: 1, minor: minor)
        }
        var major: UInt8 = 0
        for offset in 0..<octetCount {
            guard start + offset < octets.count else { return .needsMore }
            let octet = octets[start + offset]
            switch offset {
            case 0: guard octet == UInt8(ascii: "H") else { return .invalid }
            case 1, 2: guard octet == UInt8(ascii: "T") else { return .invalid }
            case 3: guard octet == UInt8(ascii: "P") else { return .invalid }
            case 4: guard octet == .slash else { return .invalid }
            case 6: guard octet == .dot else { return .invalid }
            default:
                guard let digit = octet.decimalDigit else { return .invalid }
                guard offset == 7 else {
                    major = digit
                    continue
                }
                return .version(major: major, minor: digit)
            }
        }
        return .invalid
    }
}

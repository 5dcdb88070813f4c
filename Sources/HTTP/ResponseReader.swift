// Reads a response's head from the octets an upstream, or a provider, has sent so far.
//
// RFC 9112 §4 and §5, as strictly as requests are read: an answer that two readers could take for
// different ones is not passed on. It works as `RequestReader` does.
import Values

package struct ResponseReader: Sendable {
    package enum Step: Equatable, Sendable {
        /// Nothing is consumed; call again with the same octets and more behind them.
        case needsMore
        /// The head is filled; drop `head.octetCount` octets from the front.
        case head
        /// Answer 502, and close the connection this came from.
        case refused(ResponseFault)
    }

    package let limits: HTTPLimits
    /// Within the reason: no octet before this one ends it.
    private var searched = 0
    /// Set once the status line has been read.
    private var fields: FieldScanner?
    /// Whether an earlier call ran out of octets.
    private var isResumed = false

    package init(limits: HTTPLimits = HTTPLimits()) { self.limits = limits }

    /// Ready for the next response.
    package mutating func reset() {
        searched = 0
        fields = nil
        isResumed = false
    }

    /// Reads the octets not yet consumed. Where the input was split never shows in the outcome.
    ///
    /// - Parameter requestMethod: of the request this answers; where the content ends depends on it.
    package mutating func step(
        _ received: Span<UInt8>, into head: inout ResponseHead, requestMethod: Method
    ) -> Step {
        do {
            guard try read(received, into: &head, recording: !isResumed) else {
                isResumed = true
                return .needsMore
            }
            if isResumed {
                // Every line is known to be good: this cannot run out or fail, but it may not trap.
                reset()
                guard try read(received, into: &head, recording: true) else { return .needsMore }
            }
            reset()
            try head.interpret(
                received.extracting(0..<head.octetCount), requestMethod: requestMethod)
            return .head
        } catch { return .refused(error) }
    }

    private mutating func read(
        _ received: Span<UInt8>, into head: inout ResponseHead, recording: Bool
    ) throws(ResponseFault) -> Bool {
        let window = received.extracting(0..<min(received.count, limits.headOctetsMax))
        let isAtLimit = window.count == limits.headOctetsMax
        if fields == nil {
            guard try readStatusLine(window, into: &head) else {
                if isAtLimit { throw .fields(.tooLong) }
                return false
            }
            if recording { head.fields.removeAll(keepingCapacity: true) }
        }
        // Set by readStatusLine.
        var scanner = fields ?? FieldScanner(at: window.count)
        let outcome = scanner.read(
            window, linesMax: limits.fieldsMax, recording: recording, into: &head.fields)
        fields = scanner
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

    private mutating func readStatusLine(
        _ octets: Span<UInt8>, into head: inout ResponseHead
    ) throws(ResponseFault) -> Bool {
        let line = octets.extracting(0..<min(octets.count, limits.requestLineOctetsMax))
        guard let end = try parseStatusLine(line, into: &head) else {
            if line.count == limits.requestLineOctetsMax { throw .statusLineTooLong }
            return false
        }
        fields = FieldScanner(at: end)
        return true
    }

    /// HTTP-version SP status-code SP [reason-phrase] CRLF; the offset behind it, or `nil` when the
    /// octets end within it. The second space may be missing with the reason, as many servers do.
    private mutating func parseStatusLine(
        _ octets: Span<UInt8>, into head: inout ResponseHead
    ) throws(ResponseFault) -> Int? {
        let count = octets.count
        switch HTTPVersion.parse(octets, from: 0) {
        case .needsMore: return nil
        case .invalid: throw .statusLineInvalid
        case .version(let major, let minor):
            guard major == 1, minor <= 1 else { throw .versionUnsupported }
            head.minorVersion = minor
        }
        var at = HTTPVersion.octetCount
        guard at < count else { return nil }
        guard octets[at] == .space else { throw .statusLineInvalid }
        var status = 0
        for _ in 0..<3 {
            at += 1
            guard at < count else { return nil }
            guard let digit = octets[at].decimalDigit else { throw .statusInvalid }
            status = status * 10 + Int(digit)
        }
        guard (100...599).contains(status) else { throw .statusInvalid }
        at += 1
        guard at < count else { return nil }
        let reasonStart: Int
        switch octets[at] {
        case .space: reasonStart = at + 1
        case .carriageReturn: reasonStart = at
        case .lineFeed: throw .fields(.bareLineFeed)
        default: throw .statusInvalid
        }
        let end = octets.fieldValueEnd(from: max(reasonStart, searched))
        searched = end
        guard end < count else { return nil }
        guard octets[end] == .carriageReturn else {
            throw octets[end] == .lineFeed ? .fields(.bareLineFeed) : .statusLineInvalid
        }
        guard end + 1 < count else { return nil }
        guard octets[end + 1] == .lineFeed else { throw .fields(.bareCarriageReturn) }
        head.status = status
        head.reason = OctetRange(reasonStart, end)
        return end + 2
    }
}

// The line before a chunk's data: its size in hexadecimal digits, and extensions that are checked and
// dropped.
//
// RFC 9112 §7.1. Stricter than its grammar in one point: no white space, which §7.1.1 asks readers to
// bear around extensions and no writer sends; what a lenient reader makes of `5 ;` is not agreed.
import Values

enum ChunkLine: Equatable {
    case needsMore
    case refused(ContentFault)
    /// `extensionOctets` counts from the first `;`; `end` is behind the CRLF.
    case line(size: UInt64, extensionOctets: Int, end: Int)

    static let digitsMax = 16
    static let extensionOctetsMax = 1024

    /// Reads left to right, so the fault does not depend on where the octets were split. A line is
    /// read from its start each time; that is at most `extensionOctetsMax` and a few.
    static func parse(_ octets: Span<UInt8>, from start: Int) -> ChunkLine {
        var at = start
        var size: UInt64 = 0
        while at < octets.count, let digit = octets[at].hexDigit {
            guard at - start < digitsMax else { return .refused(.chunkSizeTooLong) }
            size = size << 4 | UInt64(digit)
            at += 1
        }
        guard at < octets.count else { return .needsMore }
        guard at > start else { return .refused(.chunkSizeInvalid) }
        let extensionStart = at
        let limit = extensionStart + extensionOctetsMax
        // At the limit nothing is read any more, whatever stands there.
        while at < min(octets.count, limit), octets[at] == .semicolon {
            switch extensionEnd(octets, from: at + 1, limit: limit) {
            case .some(let end): at = end
            case .none: return .refused(.chunkExtensionInvalid)
            }
        }
        if at - extensionStart >= extensionOctetsMax { return .refused(.chunkExtensionsTooLong) }
        guard at < octets.count else { return .needsMore }
        guard octets[at] == .carriageReturn else {
            return .refused(at == extensionStart ? .chunkSizeInvalid : .chunkExtensionInvalid)
        }
        guard at + 1 < octets.count else { return .needsMore }
        guard octets[at + 1] == .lineFeed else {
            return .refused(at == extensionStart ? .chunkSizeInvalid : .chunkExtensionInvalid)
        }
        return .line(size: size, extensionOctets: at - extensionStart, end: at + 2)
    }

    /// token [ "=" ( token / quoted-string ) ]: the offset behind it, which is `octets.count` when
    /// they run out within it; `nil` when it is malformed before `limit`.
    private static func extensionEnd(_ octets: Span<UInt8>, from start: Int, limit: Int) -> Int? {
        let window = octets.extracting(0..<min(octets.count, limit))
        let nameEnd = window.tokenEnd(from: start)
        guard nameEnd < window.count else { return window.count }
        guard nameEnd > start else { return nil }
        guard window[nameEnd] == .equals else { return nameEnd }
        let valueStart = nameEnd + 1
        guard valueStart < window.count else { return window.count }
        guard window[valueStart] == .quote else {
            let valueEnd = window.tokenEnd(from: valueStart)
            guard valueEnd < window.count else { return window.count }
            return valueEnd > valueStart ? valueEnd : nil
        }
        var at = valueStart + 1
        while at < window.count {
            switch window[at] {
            case .quote: return at + 1
            case .backslash:
                // quoted-pair = "\" ( HTAB / SP / VCHAR / obs-text )
                guard at + 1 < window.count else { return window.count }
                guard window.extracting(at + 1..<at + 2).fieldValueEnd(from: 0) == 1 else {
                    return nil
                }
                at += 2
            case let octet where octet < .space && octet != .tab || octet == 0x7f: return nil
            default: at += 1
            }
        }
        return window.count
    }
}

// One event as one line, in JSON or as key=value text. What a peer wrote is escaped, so that nothing
// sent to us can end a line, start another or drive a terminal (controls, quotes, DEL and octets
// outside ASCII never stand as they came).

internal import Values

package enum LogLevel: Int, Comparable, Sendable {
    case debug, info, warning, error

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    var name: StaticString {
        switch self {
        case .debug: "debug"
        case .info: "info"
        case .warning: "warning"
        case .error: "error"
        }
    }
}

package enum LogFormat: Sendable { case json, text }

package enum LogValue: Sendable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
    case string(String)
    case int(Int)
    case bool(Bool)

    package init(stringLiteral value: String) { self = .string(value) }
}

/// Builds lines at the end of `octets`, which its owner empties and keeps.
package struct LogLine {
    package var octets: [UInt8] = []
    private let format: LogFormat

    package init(_ format: LogFormat) { self.format = format }

    /// - Parameter milliseconds: since the Unix epoch.
    package mutating func begin(_ level: LogLevel, _ event: String, at milliseconds: Int64) {
        if format == .json { octets.append(UInt8(ascii: "{")) }
        add("time", Self.timestamp(milliseconds).utf8.span, isFirst: true)
        add("level", level.name)
        add("event", event.utf8.span)
    }

    package mutating func end() {
        if format == .json { octets.append(UInt8(ascii: "}")) }
        octets.append(UInt8(ascii: "\n"))
    }

    package mutating func add(_ key: StaticString, _ value: Span<UInt8>) {
        add(key, value, isFirst: false)
    }

    package mutating func add(_ key: StaticString, _ value: Int) {
        startPair(key, isFirst: false)
        octets.append(contentsOf: String(value).utf8)
    }

    /// Thousandths are as fine as a log needs: `1234` microseconds is written `1.234`.
    package mutating func add(_ key: StaticString, milliseconds microseconds: Int) {
        startPair(key, isFirst: false)
        let (whole, part) = max(0, microseconds).quotientAndRemainder(dividingBy: 1000)
        octets.append(contentsOf: String(whole).utf8)
        octets.append(UInt8(ascii: "."))
        octets.append(UInt8(ascii: "0") + UInt8(part / 100))
        octets.append(UInt8(ascii: "0") + UInt8(part / 10 % 10))
        octets.append(UInt8(ascii: "0") + UInt8(part % 10))
    }

    mutating func add(_ key: String, _ value: LogValue) {
        switch value {
        case .string(let text):
            startPair(key.utf8.span, isFirst: false)
            quote(text.utf8.span)
        case .int(let number):
            startPair(key.utf8.span, isFirst: false)
            octets.append(contentsOf: String(number).utf8)
        case .bool(let truth):
            startPair(key.utf8.span, isFirst: false)
            octets.append(contentsOf: (truth ? "true" : "false").utf8)
        }
    }

    private mutating func add(_ key: StaticString, _ value: StaticString) {
        startPair(key, isFirst: false)
        quote("\(value)".utf8.span)
    }

    private mutating func add(_ key: StaticString, _ value: Span<UInt8>, isFirst: Bool) {
        startPair(key, isFirst: isFirst)
        quote(value)
    }

    private mutating func startPair(_ key: StaticString, isFirst: Bool) {
        // SAFETY: a StaticString's octets live as long as the program.
        key.withUTF8Buffer { unsafe startPair($0.span, isFirst: isFirst) }
    }

    private mutating func startPair(_ key: Span<UInt8>, isFirst: Bool) {
        switch format {
        case .json:
            if !isFirst { octets.append(UInt8(ascii: ",")) }
            octets.append(UInt8(ascii: "\""))
            for index in key.indices { octets.append(key[index]) }
            octets.append(UInt8(ascii: "\""))
            octets.append(UInt8(ascii: ":"))
        case .text:
            if !isFirst { octets.append(UInt8(ascii: " ")) }
            for index in key.indices { octets.append(key[index]) }
            octets.append(UInt8(ascii: "="))
        }
    }

    private mutating func quote(_ value: Span<UInt8>) {
        if format == .text, Self.isPlain(value) {
            for index in value.indices { octets.append(value[index]) }
            return
        }
        octets.append(UInt8(ascii: "\""))
        for index in value.indices { escape(value[index]) }
        octets.append(UInt8(ascii: "\""))
    }

    /// Octets outside ASCII are written as the code points of ISO 8859-1: one way back, whatever the
    /// peer's encoding was, and valid JSON even where the peer's octets are no valid UTF-8.
    private mutating func escape(_ octet: UInt8) {
        switch octet {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            octets.append(UInt8(ascii: "\\"))
            octets.append(octet)
        case 0x20...0x7E: octets.append(octet)
        default:
            octets.append(contentsOf: "\\u00".utf8)
            octets.append(Self.hexDigit(octet >> 4))
            octets.append(Self.hexDigit(octet & 15))
        }
    }

    private static func isPlain(_ value: Span<UInt8>) -> Bool {
        guard !value.isEmpty else { return false }
        for index in value.indices {
            switch value[index] {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "="): return false
            case 0x21...0x7E: continue
            default: return false
            }
        }
        return true
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    /// `2026-11-25T22:16:46.123Z`
    static func timestamp(_ milliseconds: Int64) -> String {
        let (seconds, part) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        let digits = String(max(0, part))
        let fraction = String(repeating: "0", count: 3 - digits.count) + digits
        return UnixTime(seconds: seconds).iso8601.dropLast() + "." + fraction + "Z"
    }
}

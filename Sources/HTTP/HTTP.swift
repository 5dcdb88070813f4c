// The front of the room: where things stand in octets, and how much a peer may send.
//
// HTTP is read here in place. A reader leaves offsets into the octets it was given, so that a head
// costs no allocation once its arrays have grown; what a field means to a route, a session or an
// upstream is for the rooms above. Nothing in this room holds a socket or reads a clock.
//
// RFC 9110 (semantics), RFC 9112 (HTTP/1.1), RFC 3986 (targets), RFC 6265 (cookies).

// The few words below are `public`, and what they compute inlinable, because every room asks them of
// every field: only such code is compiled into the rooms that call it.

/// A part of a head, counted from the first octet the reader was given.
public struct OctetRange: Equatable, Sendable {
    public var start: UInt32
    public var end: UInt32

    public static let empty = OctetRange(start: 0, end: 0)

    @inlinable public init(start: UInt32, end: UInt32) {
        self.start = start
        self.end = end
    }

    /// Offsets within a head; heads are at most `HTTPLimits.octetsCeiling` long.
    @inlinable public init(_ start: Int, _ end: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.end = UInt32(truncatingIfNeeded: end)
    }

    @inlinable public init(_ range: Range<Int>) { self.init(range.lowerBound, range.upperBound) }

    @inlinable public var range: Range<Int> { Int(start)..<max(Int(start), Int(end)) }
    @inlinable public var count: Int { max(0, Int(end) - Int(start)) }
    @inlinable public var isEmpty: Bool { end <= start }
}

/// One field line of a head or of trailers.
public struct FieldLine: Equatable, Sendable {
    public var name: OctetRange
    /// Without the white space around it (OWS, RFC 9110 §5.6.3).
    public var value: OctetRange
    /// From the name's first octet past the line's CRLF: what is copied to pass the line on.
    public var line: OctetRange
    public var known: KnownField

    public init(name: OctetRange, value: OctetRange, line: OctetRange, known: KnownField) {
        self.name = name
        self.value = value
        self.line = line
        self.known = known
    }
}

/// How much a peer may send before its content.
package struct HTTPLimits: Equatable, Sendable {
    /// A request line or status line, its CRLF included.
    package var requestLineOctetsMax: Int
    /// A whole head, the empty line included.
    package var headOctetsMax: Int
    package var fieldsMax: Int

    /// Offsets are 32 bits wide; no configuration reaches further.
    package static let octetsCeiling = 1 << 30

    package init(
        requestLineOctetsMax: Int = 16_384, headOctetsMax: Int = 65_536, fieldsMax: Int = 128
    ) {
        self.requestLineOctetsMax = min(max(0, requestLineOctetsMax), HTTPLimits.octetsCeiling)
        self.headOctetsMax = min(max(0, headOctetsMax), HTTPLimits.octetsCeiling)
        self.fieldsMax = max(0, fieldsMax)
    }
}

// The scans of COctets as properties of a span: where a value, a target or a token ends.
//
// The one place in this room where octets are reached through a pointer. Everything above works on
// spans with checked bounds.
import COctets

extension Span<UInt8> {
    /// The first octet from `start` on that a field value may not hold (RFC 9110 §5.5: a control
    /// other than HTAB), or `count`.
    @inline(__always) func fieldValueEnd(from start: Int) -> Int {
        // SAFETY: `octets` is readable for `octets.count` while the closure runs, the scan reads
        // from `start` up to it and keeps no pointer. A negative `start` becomes a huge one: `count`.
        unsafe withUnsafeBufferPointer { octets in
            unsafe octets_value_end(octets.baseAddress, start, octets.count)
        }
    }

    /// The first octet from `start` on that is a control or a space, or `count`.
    @inline(__always) func targetEnd(from start: Int) -> Int {
        // SAFETY: as in `fieldValueEnd`.
        unsafe withUnsafeBufferPointer { octets in
            unsafe octets_target_end(octets.baseAddress, start, octets.count)
        }
    }

    /// The first octet from `start` on that is no tchar (RFC 9110 §5.6.2), or `count`.
    @inline(__always) func tokenEnd(from start: Int) -> Int {
        // SAFETY: as in `fieldValueEnd`.
        unsafe withUnsafeBufferPointer { octets in
            unsafe octets_token_end(octets.baseAddress, start, octets.count)
        }
    }

    /// The first `octet` from `start` on, or `count`.
    @inline(__always) func firstIndex(of octet: UInt8, from start: Int) -> Int {
        // SAFETY: as in `fieldValueEnd`.
        unsafe withUnsafeBufferPointer { octets in
            unsafe octets_index_of(octets.baseAddress, start, octets.count, octet)
        }
    }

    /// The field line that begins at `start`, where it is as nearly all are and wholly there; `nil` says
    /// nothing of what it is.
    @inline(__always) func plainFieldLine(from start: Int) -> FieldLine? {
        var line = octets_line()
        // SAFETY: as in `fieldValueEnd`; `line` is written during the call alone.
        let isPlain = unsafe withUnsafeBufferPointer { octets in
            unsafe octets_plain_line(octets.baseAddress, start, octets.count, &line)
        }
        guard isPlain else { return nil }
        let name = OctetRange(start: UInt32(truncatingIfNeeded: start), end: line.name_end)
        return FieldLine(
            name: name, value: OctetRange(start: line.value_start, end: line.value_end),
            line: OctetRange(start: name.start, end: line.end),
            known: KnownField.of(extracting(name.range)))
    }

    /// Whether these octets are `lower` without regard to case. `lower` holds only a-z, 0-9 and "-".
    @inline(__always) func isName(_ lower: StaticString) -> Bool {
        guard count == lower.utf8CodeUnitCount else { return false }
        // SAFETY: both are readable for `count` octets, compared just above; a StaticString lives
        // as long as the program, and neither pointer is kept.
        return unsafe withUnsafeBufferPointer { octets in
            unsafe octets_equal_folded(
                octets.baseAddress, lower.utf8Start, lower.utf8CodeUnitCount)
        }
    }

    /// Whether there is at least one octet and all are tchar.
    package var isToken: Bool { count > 0 && tokenEnd(from: 0) == count }
}

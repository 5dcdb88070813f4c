// The members of a comma-separated field value: `Connection`, `Accept`, `Via` and their like.
//
// RFC 9110 §5.6.1: empty members are skipped, commas inside a quoted string do not separate.

/// A cursor over a list. It keeps only an offset, so a loop over the members allocates nothing:
///
///     var members = ListMembers()
///     while let member = members.next(in: value) { … value.extracting(member) … }
package struct ListMembers: Sendable {
    private var position = 0

    package init() {}

    /// The next member without the white space around it; `nil` after the last.
    package mutating func next(
        in value: Span<UInt8>, separatedBy separator: UInt8 = UInt8(ascii: ",")
    ) -> Range<Int>? {
        while position < value.count {
            var start = position
            var isQuoted = false
            while position < value.count {
                let octet = value[position]
                if isQuoted, octet == .backslash {
                    // The escaped octet, if there is one, is skipped with it.
                    position = min(position + 2, value.count)
                    continue
                }
                if octet == .quote { isQuoted.toggle() }
                if octet == separator, !isQuoted { break }
                position += 1
            }
            var end = position
            if position < value.count { position += 1 }
            while start < end, value[start].isOWS { start += 1 }
            while end > start, value[end - 1].isOWS { end -= 1 }
            if start < end { return start..<end }
        }
        return nil
    }
}

/// Calls `body` with each member of a comma-separated value, without the white space around it.
package func forEachMember(of value: Span<UInt8>, _ body: (Range<Int>) -> Void) {
    var members = ListMembers()
    while let member = members.next(in: value) { body(member) }
}

extension UInt8 {
    /// Optional white space (RFC 9110 §5.6.3).
    var isOWS: Bool { self == .space || self == .tab }
}

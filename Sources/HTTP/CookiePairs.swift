// The pairs of a Cookie field, exactly as they were sent.
//
// RFC 6265 §4.2, read as browsers write it: pairs end at `;`, a name ends at the first `=`, white
// space around a pair is not part of it. Nothing is unquoted or decoded, and a name is its octets:
// `__Host-s ` and `"__Host-s"` are not `__Host-s`.

/// Where a pair stands in the field value.
package struct CookiePair: Equatable, Sendable {
    /// Empty for a pair without a name: `=value`, or `value` alone.
    package var name: Range<Int>
    package var value: Range<Int>
    package var whole: Range<Int>
}

/// A cursor over a Cookie field value. It keeps only an offset, so a loop allocates nothing:
///
///     var pairs = CookiePairs()
///     while let pair = pairs.next(in: value) { … value.extracting(pair.name) … }
package struct CookiePairs: Sendable {
    private var position = 0

    package init() {}

    /// The next pair; blank ones are skipped. `nil` after the last.
    package mutating func next(in value: Span<UInt8>) -> CookiePair? {
        while position < value.count {
            var start = position
            var end = value.firstIndex(of: .semicolon, from: start)
            position = end + 1
            while start < end, value[start].isOWS { start += 1 }
            while end > start, value[end - 1].isOWS { end -= 1 }
            guard start < end else { continue }
            // Within the pair alone, or a field full of blank names would cost a scan of the rest each.
            let nameEnd = value.extracting(0..<end).firstIndex(of: .equals, from: start)
            guard nameEnd < end else {
                return CookiePair(name: start..<start, value: start..<end, whole: start..<end)
            }
            return CookiePair(
                name: start..<nameEnd, value: nameEnd + 1..<end, whole: start..<end)
        }
        return nil
    }

    /// Calls `body` with each pair of a field value, in order.
    package static func forEach(of value: Span<UInt8>, _ body: (CookiePair) -> Void) {
        var pairs = CookiePairs()
        while let pair = pairs.next(in: value) { body(pair) }
    }
}

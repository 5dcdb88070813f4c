// The cookies of a request, found once for all who ask: whose session it is, and what passes on.
//
// Two kilobytes of cookies are usual, so they are looked through once. Which names are ours is for
// the rooms above.

/// A value to reuse, as `RequestHead` is.
package struct RequestCookies: ~Copyable {
    package struct Pair: Sendable {
        /// Of the line in the head's `fields`.
        package let line: Int
        // As in `CookiePair`, counted from the head's first octet.
        package let name: OctetRange
        package let value: OctetRange
        package let whole: OctetRange
    }

    /// In the order received.
    package private(set) var pairs: [Pair] = []

    package init() {}

    /// Finds the pairs of every Cookie line of `head`, which was read from `octets`.
    package mutating func read(_ head: borrowing RequestHead, _ octets: Span<UInt8>) {
        if !pairs.isEmpty { pairs.removeAll(keepingCapacity: true) }
        var next = head.nextIndex(of: .cookie, from: 0)
        while let line = next {
            next = head.nextIndex(of: .cookie, from: line + 1)
            let field = head.fields[line].value.range
            let start = field.lowerBound
            let value = octets.extracting(field)
            var cursor = CookiePairs()
            while let pair = cursor.next(in: value) {
                pairs.append(
                    Pair(
                        line: line,
                        name: OctetRange(
                            start + pair.name.lowerBound, start + pair.name.upperBound),
                        value: OctetRange(
                            start + pair.value.lowerBound, start + pair.value.upperBound),
                        whole: OctetRange(
                            start + pair.whole.lowerBound, start + pair.whole.upperBound)))
            }
        }
    }
}

// Field names compared as a careless reader might: the match by which copies of our own fields are
// removed from what a client sent.
//
// CGI and its heirs turn `X-Forwarded-User`, `x_forwarded_user` and `X.Forwarded.User` into the same
// variable. So case is ignored, and every octet that is no letter or digit counts as `-`.

/// Whether `name` is one that some reader could take for `lowercasedDashed`, which is written with
/// a-z, 0-9 and `-`.
package func fieldNameMatchesLoosely(
    _ name: Span<UInt8>, _ lowercasedDashed: Span<UInt8>
) -> Bool {
    guard name.count == lowercasedDashed.count else { return false }
    for index in name.indices where looselyFolded(name[index]) != lowercasedDashed[index] {
        return false
    }
    return true
}

package func fieldNameMatchesLoosely(_ name: Span<UInt8>, _ lowercasedDashed: StaticString) -> Bool
{
    // SAFETY: a static string lives as long as the program, and the span stays in the closure.
    lowercasedDashed.withUTF8Buffer { unsafe fieldNameMatchesLoosely(name, $0.span) }
}

/// Whether `name` begins as `lowercasedDashed` does, compared in the same way (`x-forwarded-`).
package func fieldNameBeginsLoosely(_ name: Span<UInt8>, _ lowercasedDashed: StaticString) -> Bool {
    let count = lowercasedDashed.utf8CodeUnitCount
    return name.count >= count
        && fieldNameMatchesLoosely(name.extracting(0..<count), lowercasedDashed)
}

/// The octet in lower case where it is a letter, itself where it is a digit, else `-`.
@inlinable package func looselyFolded(_ octet: UInt8) -> UInt8 {
    switch octet {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): octet
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): octet | 0x20
    default: UInt8(ascii: "-")
    }
}

/// A set of names to compare loosely with, made once for a configuration and asked for every field.
///
/// All names lie in one array, those of one length together, so that asking touches two arrays and
/// most fields are told apart by their length alone.
package struct LooseNames: Sendable {
    private struct Name: Sendable {
        /// Where it begins in `octets`.
        let start: Int
        /// Its place in the order given.
        let index: Int
    }

    private var octets: [UInt8] = []
    private var names: [Name] = []
    /// Those of a length are `names[ends[length - 1]..<ends[length]]`.
    private var ends: [Int] = []

    /// A name given twice keeps its first index.
    package init(_ names: some Sequence<String>) {
        let folded = names.enumerated().map { (index: $0, octets: $1.utf8.map(looselyFolded)) }
        let longest = folded.map(\.octets.count).max() ?? 0
        for length in 0...longest {
            for name in folded where name.octets.count == length {
                self.names.append(Name(start: octets.count, index: name.index))
                octets += name.octets
            }
            ends.append(self.names.count)
        }
    }

    /// The index, in the order given, of the first name that `name` could be taken for.
    package func index(of name: Span<UInt8>) -> Int? {
        let length = name.count
        guard length > 0, length < ends.count else { return nil }
        for place in ends[length - 1]..<ends[length] {
            let start = names[place].start
            if fieldNameMatchesLoosely(name, octets.span.extracting(start..<start + length)) {
                return names[place].index
            }
        }
        return nil
    }

    package func contains(_ name: Span<UInt8>) -> Bool { index(of: name) != nil }
}

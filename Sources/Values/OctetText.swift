// Octets read as ASCII text: comparing, finding and trimming without making a `String`.
//
// Protocol text is octets, and most of it is compared once and dropped. Case is folded for ASCII
// letters alone, never by locale: `İ` is not `i` to HTTP.
internal import COctets

/// Questions about octets that are text. What most comparisons come to, another length, is `public`
/// and inlinable so that it is found out in the rooms that ask; only such code is compiled into them.
public enum OctetText {
    /// Whether the octets are exactly `text`.
    @inlinable public static func equals(_ octets: Span<UInt8>, _ text: StaticString) -> Bool {
        guard octets.count == text.utf8CodeUnitCount else { return false }
        // SAFETY: a static string lives as long as the program, and the span stays in the closure.
        return text.withUTF8Buffer { unsafe areSame(octets, $0.span) }
    }

    @inlinable public static func equals(_ octets: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
        octets.count == other.count && areSame(octets, other)
    }

    /// Of two of the same length.
    @usableFromInline static func areSame(_ octets: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
        // SAFETY: both are readable for their length while the closures run, and no pointer is kept.
        unsafe octets.withUnsafeBufferPointer { octets in
            unsafe other.withUnsafeBufferPointer { other in
                unsafe octets.count == other.count
                    && octets_are_same(octets.baseAddress, other.baseAddress, octets.count)
            }
        }
    }

    /// Whether the octets are `text` but for the case of ASCII letters.
    @inlinable public static func equalsIgnoringASCIICase(
        _ octets: Span<UInt8>, _ text: StaticString
    ) -> Bool {
        guard octets.count == text.utf8CodeUnitCount else { return false }
        // SAFETY: a static string lives as long as the program, and the span stays in the closure.
        return text.withUTF8Buffer { unsafe equalsIgnoringASCIICase(octets, $0.span) }
    }

    public static func equalsIgnoringASCIICase(
        _ octets: Span<UInt8>, _ other: Span<UInt8>
    ) -> Bool {
        guard octets.count == other.count else { return false }
        for index in octets.indices
        where octets[index].asciiLowercased != other[index].asciiLowercased {
            return false
        }
        return true
    }

    package static func hasPrefix(_ octets: Span<UInt8>, _ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        return octets.count >= count && equals(octets.extracting(..<count), text)
    }

    /// The range without the spaces and tabs around it (OWS, RFC 9110 §5.6.3).
    package static func trimmedRange(_ octets: Span<UInt8>) -> Range<Int> {
        trimmedRange(octets, in: 0..<octets.count)
    }

    /// As above for a part of the octets. Out of an empty or blank part comes an empty range in it.
    package static func trimmedRange(_ octets: Span<UInt8>, in range: Range<Int>) -> Range<Int> {
        var start = range.lowerBound
        var end = range.upperBound
        while start < end, octets[start].isSpaceOrTab { start += 1 }
        while end > start, octets[end - 1].isSpaceOrTab { end -= 1 }
        return start..<end
    }

    /// The first octet at or after `start` that is not visible ASCII or a space, or is a `%` or a comma;
    /// else the count.
    package static func plainEnd(of octets: Span<UInt8>, from start: Int) -> Int {
        // SAFETY: the scan reads from `start` up to the count and keeps no pointer.
        unsafe octets.withUnsafeBufferPointer { octets in
            unsafe octets_plain_end(octets.baseAddress, start, octets.count)
        }
    }

    /// Where `octet` first stands at or after `start`.
    package static func index(
        of octet: UInt8, in octets: Span<UInt8>, from start: Int = 0
    ) -> Int? {
        // SAFETY: the scan reads from `start` up to the count and keeps no pointer.
        let index = unsafe octets.withUnsafeBufferPointer { octets in
            unsafe octets_index_of(octets.baseAddress, start, octets.count, octet)
        }
        return index < octets.count ? index : nil
    }

    /// The text, or `nil` when it is not UTF-8. (`String(decoding:)` would put U+FFFD in its place.)
    package static func string(_ octets: Span<UInt8>) -> String? {
        String(validating: [UInt8](octets), as: UTF8.self)
    }

    /// A decimal number of digits alone: no sign, no space, and `nil` when it exceeds `UInt64`.
    package static func decimal(_ octets: Span<UInt8>) -> UInt64? {
        guard !octets.isEmpty else { return nil }
        var value: UInt64 = 0
        for index in octets.indices {
            guard let digit = octets[index].decimalDigit else { return nil }
            let (product, overflows) = value.multipliedReportingOverflow(by: 10)
            let (sum, carries) = product.addingReportingOverflow(UInt64(digit))
            guard !overflows, !carries else { return nil }
            value = sum
        }
        return value
    }
}

extension UInt8 {
    /// The value of `0`...`9`.
    @inlinable public var decimalDigit: UInt8? {
        let value = self &- UInt8(ascii: "0")
        return value < 10 ? value : nil
    }

    /// The value of `0`...`9`, `a`...`f`, `A`...`F`.
    @inlinable public var hexDigit: UInt8? {
        if let decimalDigit { return decimalDigit }
        let value = (self | 0x20) &- UInt8(ascii: "a")
        return value < 6 ? value &+ 10 : nil
    }

    @inlinable public var asciiLowercased: UInt8 { isUppercaseASCII ? self | 0x20 : self }

    @inlinable public var isUppercaseASCII: Bool { self &- UInt8(ascii: "A") < 26 }

    @inlinable public var isASCIILetter: Bool { (self | 0x20) &- UInt8(ascii: "a") < 26 }

    @inlinable public var isSpaceOrTab: Bool { self == 0x20 || self == 0x09 }
}

extension [UInt8] {
    /// The octets of the text.
    package init(utf8 text: String) { self = Array(text.utf8) }

    /// A copy of the octets.
    package init(_ octets: Span<UInt8>) {
        self = []
        append(contentsOf: octets)
    }

    /// Empties it and keeps its room. Where it is empty already this costs nothing, while `removeAll`
    /// costs eighty instructions.
    package mutating func clear() { if !isEmpty { removeAll(keepingCapacity: true) } }

    /// Costs a check for room and a copy.
    package mutating func append(contentsOf octets: Span<UInt8>) {
        let count = octets.count
        // The library would write the new length, 0, into the storage that all empty arrays of all
        // threads share.
        guard count > 0 else { return }
        append(addingCapacity: count) { output in
            // SAFETY: the room is for at least `count` octets, all of which are written; the span is
            // of other memory, since this array is exclusively ours meanwhile.
            unsafe output.withUnsafeMutableBufferPointer { room, written in
                unsafe octets.withUnsafeBufferPointer { octets in
                    guard let room = room.baseAddress, let octets = octets.baseAddress else {
                        return
                    }
                    unsafe room.initialize(from: octets, count: count)
                    written = count
                }
            }
        }
    }

    package mutating func append(contentsOf octets: [UInt8]) { append(contentsOf: octets.span) }

    package mutating func append(utf8 text: String) { append(contentsOf: text.utf8) }

    package mutating func append(_ text: StaticString) {
        // SAFETY: a static string lives as long as the program, and `append` copies it.
        text.withUTF8Buffer { unsafe append(contentsOf: $0.span) }
    }

    /// A number in decimal, without a `String` on the way.
    package mutating func append(decimal number: UInt64) {
        let digits = DecimalDigits(number)
        append(contentsOf: digits.span)
    }
}

/// The decimal digits of a number.
struct DecimalDigits {
    private var digits = InlineArray<20, UInt8>(repeating: 0)
    private var start = 20

    init(_ number: UInt64) {
        var rest = number
        repeat {
            start &-= 1
            digits[start] = UInt8(truncatingIfNeeded: rest % 10) | UInt8(ascii: "0")
            rest /= 10
        } while rest > 0
    }

    var span: Span<UInt8> {
        @_lifetime(borrow self)
        get { digits.span.extracting(start...) }
    }
}

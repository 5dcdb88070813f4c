// Base64 with the alphabet for URLs and without padding: cookies, tokens, key sets.
//
// RFC 4648 §5 as RFC 7515 §2 uses it. One value has one text: padding, white space, a length that no
// octets give and spare bits that are not zero (§3.5) are refused, so that a token cannot be changed
// without its meaning changing. It runs over 2 KB of every request with a session, hence the blocks of
// COctets and the table for the rest.
internal import COctets

package enum Base64URL {
    package static func encode(_ octets: Span<UInt8>) -> String {
        var text: [UInt8] = []
        append(octets, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    package static func append(_ octets: Span<UInt8>, to text: inout [UInt8]) {
        text.append(addingCapacity: Base64Digits.textCount(octets.count)) { output in
            encode(octets, into: &output)
        }
    }

    package static func append(_ octets: Span<UInt8>, to text: inout OctetWriter) {
        text.append(addingCapacity: Base64Digits.textCount(octets.count)) { output in
            encode(octets, into: &output)
        }
    }

    /// A token goes up with each request: blocks first, digit by digit what they leave.
    /// - Parameter output: empty, with room for the text.
    private static func encode(_ octets: Span<UInt8>, into output: inout OutputSpan<UInt8>) {
        precondition(
            output.isEmpty && output.freeCapacity >= Base64Digits.textCount(octets.count))
        var done = 0
        // SAFETY: both memories are their owners' for the closures; the blocks read below
        // `octets.count`, store four characters for each three octets read, and keep no pointer.
        unsafe output.withUnsafeMutableBufferPointer { room, count in
            unsafe octets.withUnsafeBufferPointer { octets in
                guard let start = octets.baseAddress, let room = room.baseAddress else { return }
                done = unsafe octets_base64url_encode_blocks(start, octets.count, room)
                count = done / 3 * 4
            }
        }
        let alphabet = Base64Digits.url
        Base64Digits.encode(octets.extracting(done...), into: &output, alphabet: alphabet.span)
    }

    /// `nil` when the text is not the one that `encode` gives for some octets.
    package static func decode(_ text: Span<UInt8>) -> [UInt8]? {
        var octets: [UInt8] = []
        return decode(text, appendingTo: &octets) ? octets : nil
    }

    /// False when the text is not canonical; then nothing was appended.
    package static func decode(_ text: Span<UInt8>, appendingTo octets: inout [UInt8]) -> Bool {
        Base64Digits.decode(text, appendingTo: &octets, table: Base64Digits.urlTable)
    }

    package static func decode(_ text: Span<UInt8>, appendingTo octets: inout OctetWriter) -> Bool {
        let start = octets.count
        var isCanonical = false
        octets.append(addingCapacity: Base64Digits.room(for: text)) { output in
            isCanonical = Base64Digits.decode(text, into: &output, table: Base64Digits.urlTable)
        }
        if !isCanonical { octets.removeAll(behind: start) }
        return isCanonical
    }

    package static func decode(_ text: String) -> [UInt8]? { decode(Array(text.utf8).span) }

    /// What four characters stand for, in the low 24 bits; `nil` where they are not there, or one is
    /// no digit.
    package static func group(of text: Span<UInt8>, at start: Int) -> UInt32? {
        guard start >= 0, text.count - start >= 4 else { return nil }
        let entries = Base64Digits.urlTable.entries
        var group: UInt32 = 0
        for place in 0..<4 { group |= entries[place << 8 | Int(text[start &+ place])] }
        return group & DecodingTable.isNoDigit == 0 ? group : nil
    }
}

/// The digits that both alphabets share code for.
enum Base64Digits {
    static let url = alphabet(last: "-_")
    static let standard = alphabet(last: "+/")
    static let urlTable = DecodingTable(url, hasBlocks: true)
    static let standardTable = DecodingTable(standard, hasBlocks: false)

    static func append(
        _ octets: Span<UInt8>, to text: inout [UInt8], alphabet: Span<UInt8>
    ) {
        text.append(addingCapacity: textCount(octets.count)) { output in
            encode(octets, into: &output, alphabet: alphabet)
        }
    }

    /// How many digits stand for so many octets; without padding.
    static func textCount(_ octets: Int) -> Int { octets / 3 * 4 + (octets % 3 * 4 + 2) / 3 }

    static func encode(
        _ octets: Span<UInt8>, into output: inout OutputSpan<UInt8>, alphabet: Span<UInt8>
    ) {
        let digits = alphabet.extracting(0..<64)
        let whole = octets.count / 3
        let rest = octets.extracting((whole * 3)...)
        for index in 0..<whole {
            let group = octets.extracting(index &* 3..<index &* 3 &+ 3)
            output.append(digits[Int(group[0] >> 2)])
            output.append(digits[Int(group[0] << 4 & 63 | group[1] >> 4)])
            output.append(digits[Int(group[1] << 2 & 63 | group[2] >> 6)])
            output.append(digits[Int(group[2] & 63)])
        }
        guard !rest.isEmpty else { return }
        let second = rest.count == 2 ? rest[1] : 0
        output.append(digits[Int(rest[0] >> 2)])
        output.append(digits[Int(rest[0] << 4 & 63 | second >> 4)])
        if rest.count == 2 { output.append(digits[Int(second << 2 & 63)]) }
    }

    static func decode(
        _ text: Span<UInt8>, appendingTo octets: inout [UInt8], table: DecodingTable
    ) -> Bool {
        let start = octets.count
        var isCanonical = false
        octets.append(addingCapacity: room(for: text)) { output in
            isCanonical = decode(text, into: &output, table: table)
        }
        if !isCanonical { octets.removeLast(octets.count - start) }
        return isCanonical
    }

    /// What decoding needs: a group is stored as four octets, of which the next group overwrites the
    /// last, hence one octet more of room than there will be octets.
    static func room(for text: Span<UInt8>) -> Int { text.count / 4 * 3 + 4 }

    /// Reads as `DecodingTable` says; false when the text is not canonical. The loop is the one place
    /// here where checked access was measured to cost too much (2.5 µs for 2 KB), on the way of every
    /// request with a session.
    /// - Parameter output: empty, with `room(for: text)`.
    static func decode(
        _ text: Span<UInt8>, into output: inout OutputSpan<UInt8>, table: DecodingTable
    ) -> Bool {
        let whole = text.count / 4
        let rest = text.count % 4
        guard rest != 1 else { return false }
        precondition(output.isEmpty && output.freeCapacity >= room(for: text))
        var seen: UInt32 = 0
        var spare: UInt32 = 0
        // SAFETY: the three memories are their owners' for the closures. Reads stay below
        // `text.count`; an octet plus at most 768 is below the table's 1024; stores end at
        // 3 × whole + 4; and the count is what was stored and is no padding. The blocks read
        // and store within the same bounds, and keep no pointer.
        unsafe output.withUnsafeMutableBufferPointer { room, count in
            unsafe text.withUnsafeBufferPointer { text in
                unsafe table.entries.withUnsafeBufferPointer { entries in
                    let target = UnsafeMutableRawBufferPointer(room)
                    var from = 0
                    if table.hasBlocks, let start = text.baseAddress, let room = room.baseAddress {
                        from = unsafe octets_base64url_blocks(start, text.count, room)
                        count = from / 4 * 3
                    }
                    for _ in from / 4..<whole {
                        let group =
                            unsafe entries[Int(text[from])]
                            | entries[Int(text[from &+ 1]) &+ 256]
                            | entries[Int(text[from &+ 2]) &+ 512]
                            | entries[Int(text[from &+ 3]) &+ 768]
                        seen |= group
                        unsafe target.storeBytes(
                            of: (group << 8).bigEndian, toByteOffset: count, as: UInt32.self)
                        from &+= 4
                        count &+= 3
                    }
                    guard rest > 0 else { return }
                    var group =
                        unsafe entries[Int(text[from])] | entries[Int(text[from &+ 1]) &+ 256]
                    if rest == 3 { unsafe group |= entries[Int(text[from &+ 2]) &+ 512] }
                    seen |= group
                    spare = rest == 3 ? group & 0xFF : group & 0xFFFF
                    unsafe target.storeBytes(
                        of: (group << 8).bigEndian, toByteOffset: count, as: UInt32.self)
                    count &+= rest &- 1
                }
            }
        }
        return seen & DecodingTable.isNoDigit == 0 && spare == 0
    }

    private static func alphabet(last: StaticString) -> [UInt8] {
        var digits: [UInt8] = []
        digits += UInt8(ascii: "A")...UInt8(ascii: "Z")
        digits += UInt8(ascii: "a")...UInt8(ascii: "z")
        digits += UInt8(ascii: "0")...UInt8(ascii: "9")
        digits.append(last)
        return digits
    }
}

/// For each of a group's four places and each octet, the digit's six bits where they belong in 24.
struct DecodingTable: Sendable {
    /// Set for an octet that is no digit; the 24 bits cannot reach it.
    static let isNoDigit: UInt32 = 1 << 31

    let entries: [UInt32]
    /// Whether COctets reads this alphabet too.
    let hasBlocks: Bool

    init(_ alphabet: [UInt8], hasBlocks: Bool) {
        self.hasBlocks = hasBlocks
        var entries = [UInt32](repeating: DecodingTable.isNoDigit, count: 4 * 256)
        for place in 0..<4 {
            for (value, digit) in alphabet.enumerated() {
                entries[place * 256 + Int(digit)] = UInt32(value) << (18 - 6 * UInt32(place))
            }
        }
        self.entries = entries
    }
}

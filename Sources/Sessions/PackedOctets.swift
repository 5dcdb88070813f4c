// How sealed values are laid out: fixed-width integers, and texts behind their length.
//
// The octets live inside an authenticated ciphertext, so a reader that meets nonsense meets our own
// newer version, not an attacker; it still checks every length, because a downgrade must not trap.
// Lengths are LEB128 with at most four octets (28 bits): a session of ten short claims pays ten
// octets.

internal import Values

/// Writes what `PackedReader` reads.
struct PackedWriter {
    private(set) var octets: [UInt8] = []

    init(version: UInt8) { octets.append(version) }

    mutating func append(_ value: UInt8) { octets.append(value) }

    mutating func append(_ value: UInt32) {
        for shift in stride(from: UInt32(24), through: 0, by: -8) {
            octets.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    mutating func append(_ value: Int64) {
        for shift in stride(from: Int64(56), through: 0, by: -8) {
            octets.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    /// A time, or the one value no clock shows.
    mutating func append(_ time: Int64?) { append(time ?? PackedReader.noTime) }

    mutating func append(count: Int) {
        precondition(count >= 0 && count < 1 << 28, "a sealed value of more than 256 MiB")
        var rest = count
        while rest >= 0x80 {
            octets.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        octets.append(UInt8(rest))
    }

    /// Octets whose number the reader knows.
    mutating func append(fixed values: [UInt8]) { octets.append(contentsOf: values) }

    mutating func append(_ values: [UInt8]) {
        append(count: values.count)
        octets.append(contentsOf: values)
    }

    mutating func append(_ text: String) {
        append(count: text.utf8.count)
        octets.append(contentsOf: text.utf8)
    }

    /// Present or absent in one octet, then the text.
    mutating func append(_ text: String?) {
        append(text == nil ? 0 : 1 as UInt8)
        if let text { append(text) }
    }
}

/// Reads octets in order; each step gives `nil` where they do not suffice, and nothing allocates.
struct PackedReader {
    /// Stands for "no time": a session of the year −292 billion can do without.
    static let noTime = Int64.min

    private(set) var position = 0

    @inline(__always) mutating func octet(_ octets: Span<UInt8>) -> UInt8? {
        guard position < octets.count else { return nil }
        defer { position += 1 }
        return octets[position]
    }

    @inline(__always) mutating func range(_ octets: Span<UInt8>, count: Int) -> Range<Int>? {
        guard count >= 0, count <= octets.count - position else { return nil }
        defer { position += count }
        return position..<position + count
    }

    @inline(__always) mutating func unsigned32(_ octets: Span<UInt8>) -> UInt32? {
        guard let range = range(octets, count: 4) else { return nil }
        return octets.bigEndian32(at: range.lowerBound)
    }

    @inline(__always) mutating func signed64(_ octets: Span<UInt8>) -> Int64? {
        guard let range = range(octets, count: 8) else { return nil }
        return Int64(bitPattern: octets.bigEndian64(at: range.lowerBound))
    }

    @inline(__always) mutating func count(_ octets: Span<UInt8>) -> Int? {
        guard let first = octet(octets) else { return nil }
        if first & 0x80 == 0 { return Int(first) }
        return longCount(first, octets)
    }

    private mutating func longCount(_ first: UInt8, _ octets: Span<UInt8>) -> Int? {
        var value = Int(first & 0x7f)
        var shift = 7
        while shift <= 21 {
            guard let next = octet(octets) else { return nil }
            value |= Int(next & 0x7f) &<< shift
            if next & 0x80 == 0 { return value }
            shift += 7
        }
        return nil
    }

    /// Octets behind their length.
    @inline(__always) mutating func text(_ octets: Span<UInt8>) -> Range<Int>? {
        guard let count = count(octets) else { return nil }
        return range(octets, count: count)
    }

    /// The outer `nil` is a fault, the inner one an absent text.
    mutating func optionalText(_ octets: Span<UInt8>) -> Range<Int>?? {
        switch octet(octets) {
        case 0: return .some(nil)
        case 1:
            guard let range = text(octets) else { return nil }
            return .some(range)
        default: return nil
        }
    }

    func isAtEnd(_ octets: Span<UInt8>) -> Bool { position == octets.count }
}

extension String {
    /// Text that we packed ourselves; what is no UTF-8 after all is refused, not repaired.
    init?(packed octets: Span<UInt8>, _ range: Range<Int>) {
        guard let text = OctetText.string(octets.extracting(range)) else { return nil }
        self = text
    }
}

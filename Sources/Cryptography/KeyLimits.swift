// What a key must be before libcrypto sees it.

enum RSALimits {
    static let bitsMin = 2048
    /// Verifying costs the square of this; a key set is a provider's, but its work is ours.
    static let bitsMax = 8192

    /// The bits of a modulus that is fit, with an exponent that is.
    ///
    /// An exponent of 3 or less is refused for what it made forgeable (Bleichenbacher 2006); an even one
    /// is no exponent; and one beyond 64 bits only makes verifying slow.
    static func check(
        modulus: Span<UInt8>, exponent: Span<UInt8>
    ) throws(KeyFault) -> Int {
        let bits = bitCount(modulus)
        guard (bitsMin...bitsMax).contains(bits) else { throw .modulusBits(bits) }
        guard modulus[modulus.count - 1] & 1 == 1 else { throw .modulusEven }
        guard (1...64).contains(bitCount(exponent)) else { throw .exponentRefused }
        var value: UInt64 = 0
        for index in exponent.indices { value = value << 8 | UInt64(exponent[index]) }
        guard value > 3, value & 1 == 1 else { throw .exponentRefused }
        return bits
    }

    /// The length of the number, which zeros in front do not change.
    private static func bitCount(_ number: Span<UInt8>) -> Int {
        for index in number.indices where number[index] != 0 {
            return (number.count - index) * 8 - number[index].leadingZeroBitCount
        }
        return 0
    }
}

/// Which encodings of a point (RFC 8032 section 5.1.2) may be somebody's key.
enum Ed25519Point {
    /// Points of small order verify forged signatures for some or all messages. Their y are 0, 1, −1 and
    /// the two of order eight; x, whose sign is the last bit, does not matter. A y of p or more is a
    /// second way to write a number, and refused for that.
    static func isAcceptable(_ key: Span<UInt8>) -> Bool {
        guard key.count == 32 else { return false }
        var y = [UInt8](capacity: 32) { output in
            for index in key.indices { output.append(key[index]) }
        }
        y[31] &= 0x7f
        // p = 2^255 − 19, little-endian: ed, then thirty of ff, then 7f.
        let isAtLeastP = y[0] >= 0xed && y[31] == 0x7f && y[1..<31].allSatisfy { $0 == 0xff }
        return !isAtLeastP && !smallOrder.contains(y)
    }
    private static let smallOrder: [[UInt8]] = [
        [UInt8](repeating: 0, count: 32),
        [1] + [UInt8](repeating: 0, count: 31),
        [0xec] + [UInt8](repeating: 0xff, count: 30) + [0x7f],
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef,
            0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88,
            0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10,
            0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77,
            0x92, 0xac, 0x03, 0x7a,
        ],
    ]
}

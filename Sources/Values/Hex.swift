// Octets as hexadecimal digits (RFC 4648 §8): request numbers, fingerprints, trace ids.
//
// Written in lower case; read in either.

package enum Hex {
    package static func encode(_ octets: Span<UInt8>) -> String {
        var text: [UInt8] = []
        append(octets, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    package static func append(_ octets: Span<UInt8>, to text: inout [UInt8]) {
        text.reserveCapacity(text.count + octets.count * 2)
        for index in octets.indices {
            text.append(digit(octets[index] >> 4))
            text.append(digit(octets[index] & 15))
        }
    }

    package static func append(_ number: UInt64, to text: inout [UInt8]) {
        text.append(addingCapacity: 16) { append(number, to: &$0) }
    }

    /// The sixteen digits of a number. Five of them name every request, so the digits of half a number
    /// are found at once, in the octets of another.
    package static func append(_ number: UInt64, to output: inout OutputSpan<UInt8>) {
        precondition(output.freeCapacity >= 16)
        // SAFETY: the room behind what is written is for at least 16 octets, and all are written.
        unsafe output.withUnsafeMutableBufferPointer { room, written in
            let digits = UnsafeMutableRawBufferPointer(room)
            unsafe digits.storeBytes(
                of: eightDigits(number >> 32).bigEndian, toByteOffset: written, as: UInt64.self)
            unsafe digits.storeBytes(
                of: eightDigits(number & 0xFFFF_FFFF).bigEndian, toByteOffset: written &+ 8,
                as: UInt64.self)
            written &+= 16
        }
    }

    /// The digits of the low 32 bits, the first in the highest octet.
    private static func eightDigits(_ number: UInt64) -> UInt64 {
        var nibbles = (number | number << 16) & 0x0000_FFFF_0000_FFFF
        nibbles = (nibbles | nibbles << 8) & 0x00FF_00FF_00FF_00FF
        nibbles = (nibbles | nibbles << 4) & 0x0F0F_0F0F_0F0F_0F0F
        // 1 for each letter: ten and six make sixteen. From "9" it is 39 further to "a".
        let letters = (nibbles &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        return nibbles &+ 0x3030_3030_3030_3030 &+ letters &* 39
    }

    /// `nil` for an odd number of digits or anything that is none.
    package static func decode(_ text: String) -> [UInt8]? { decode(Array(text.utf8).span) }

    package static func decode(_ text: Span<UInt8>) -> [UInt8]? {
        guard text.count % 2 == 0 else { return nil }
        var octets: [UInt8] = []
        octets.reserveCapacity(text.count / 2)
        for index in stride(from: 0, to: text.count, by: 2) {
            guard let high = text[index].hexDigit, let low = text[index + 1].hexDigit
            else { return nil }
            octets.append(high << 4 | low)
        }
        return octets
    }

    package static func digit(_ value: UInt8, uppercase: Bool = false) -> UInt8 {
        if value < 10 { return UInt8(ascii: "0") &+ value }
        return (uppercase ? UInt8(ascii: "A") : UInt8(ascii: "a")) &+ (value &- 10)
    }
}

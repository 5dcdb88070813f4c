// The two ways to write an ECDSA signature: r and s side by side (RFC 7518 section 3.4), as tokens have
// it, and DER (RFC 3279 section 2.2.3), as libcrypto has it.
import COpenSSL

enum ECDSASignature {
    /// Nil unless it is exactly two numbers of the curve's length, each at least 1 and less than the
    /// group's order (FIPS 186-4 section 6.4.2): zeros verified everything in more than one library
    /// (CVE-2022-21449).
    static func der(fromRaw signature: Span<UInt8>, on curve: EllipticCurve) -> [UInt8]? {
        let count = curve.coordinateCount
        guard signature.count == 2 * count else { return nil }
        let r = signature.extracting(first: count)
        let s = signature.extracting(last: count)
        guard isScalar(r, on: curve), isScalar(s, on: curve) else { return nil }
        let numbers = derInteger(r) + derInteger(s)
        // A sequence; from 128 octets on, which only P-521 reaches, the length takes a second octet.
        let head: [UInt8] =
            numbers.count < 0x80
            ? [0x30, UInt8(numbers.count)] : [0x30, 0x81, UInt8(numbers.count)]
        return head + numbers
    }

    /// Of a signature that libcrypto made just now; nil if it is none.
    static func raw(fromDER signature: Span<UInt8>, on curve: EllipticCurve) -> [UInt8]? {
        let count = curve.coordinateCount
        // SAFETY: the parsed signature is freed here, and owns r and s; `output` has room for both.
        let parsed = withOctets(signature) { octets, length in
            var position: UnsafePointer<UInt8>? = unsafe octets
            return unsafe d2i_ECDSA_SIG(nil, &position, length)
        }
        guard let parsed else { return nil }
        defer { unsafe ECDSA_SIG_free(parsed) }
        let raw = [UInt8](capacity: 2 * count) { output in
            unsafe output.withUnsafeMutableBufferPointer { room, written in
                let room = room.baseAddress!  // the capacity asked for is not 0
                let isWritten =
                    unsafe BN_bn2binpad(ECDSA_SIG_get0_r(parsed), room, Int32(count))
                    == Int32(count)
                    && BN_bn2binpad(ECDSA_SIG_get0_s(parsed), room + count, Int32(count))
                        == Int32(count)
                written = isWritten ? 2 * count : 0
            }
        }
        return raw.isEmpty ? nil : raw
    }

    private static func isScalar(_ number: Span<UInt8>, on curve: EllipticCurve) -> Bool {
        let order = curve.order
        var isZero = true
        for index in number.indices where number[index] != 0 { isZero = false }
        guard !isZero else { return false }
        for index in number.indices where number[index] != order[index] {
            return number[index] < order[index]
        }
        return false  // the order itself
    }

    /// In as few octets as say the number, with a zero in front where the first bit would mean "negative"
    /// (X.690 section 8.3). The number is not 0.
    private static func derInteger(_ number: Span<UInt8>) -> [UInt8] {
        var octets: [UInt8] = [0x02, 0]
        for index in number.indices {
            if octets.count == 2 {
                if number[index] == 0 { continue }
                if number[index] & 0x80 != 0 { octets.append(0) }
            }
            octets.append(number[index])
        }
        octets[1] = UInt8(octets.count - 2)  // at most 67, for P-521
        return octets
    }
}

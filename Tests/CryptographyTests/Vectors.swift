// Octets as the standards print them.
import Cryptography

func hex(_ text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map {
        UInt8(digits[$0] << 4 | digits[$0 + 1])
    }
}

func base64URL(_ text: String) -> [UInt8] {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    var octets: [UInt8] = []
    var bits = 0, bitCount = 0
    for character in text.utf8 {
        guard let value = alphabet.firstIndex(of: character) else { continue }
        bits = (bits << 6 | value) & 0xffff
        bitCount += 6
        if bitCount >= 8 {
            bitCount -= 8
            octets.append(UInt8(truncatingIfNeeded: bits >> bitCount))
        }
    }
    return octets
}

func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

extension [UInt8] {
    func flipping(bit: Int) -> [UInt8] {
        var copy = self
        copy[bit / 8] ^= 1 << (bit % 8)
        return copy
    }
}

// `#expect` takes its expression apart and keeps the pieces, which a span does not allow: so these take
// arrays.

func constantTimeEquals(_ a: [UInt8], _ b: [UInt8]) -> Bool { constantTimeEquals(a.span, b.span) }

extension SHA256 {
    static func digest(_ message: [UInt8]) -> [UInt8] { digest(message.span) }
}
extension SHA384 {
    static func digest(_ message: [UInt8]) -> [UInt8] { digest(message.span) }
}
extension SHA512 {
    static func digest(_ message: [UInt8]) -> [UInt8] { digest(message.span) }
}
extension HMACSHA256 {
    static func code(key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        code(key: key.span, message.span)
    }
}
extension HMACSignature {
    static func sign(
        _ message: [UInt8], algorithm: SignatureAlgorithm, secret: Secret
    ) throws(KeyFault) -> [UInt8] {
        try sign(message.span, algorithm: algorithm, secret: secret)
    }
    static func isValid(
        _ code: [UInt8], of message: [UInt8], algorithm: SignatureAlgorithm, secret: Secret
    ) -> Bool {
        isValid(code.span, of: message.span, algorithm: algorithm, secret: secret)
    }
}
extension HKDF {
    static func deriveSHA256(
        key: [UInt8], salt: [UInt8], info: [UInt8], count: Int
    ) -> [UInt8] {
        deriveSHA256(key: key.span, salt: salt.span, info: info.span, count: count)
    }
}
extension PublicKey {
    func verify(
        _ signature: [UInt8], of message: [UInt8], algorithm: SignatureAlgorithm
    ) -> Bool {
        verify(signature.span, of: message.span, algorithm: algorithm)
    }
}
extension PrivateKey {
    convenience init(pem: [UInt8]) throws(KeyFault) { try self.init(pem: pem.span) }
    func sign(
        _ message: [UInt8], algorithm: SignatureAlgorithm
    ) throws(KeyFault) -> [UInt8] {
        try sign(message.span, algorithm: algorithm)
    }
}

// Why a key was refused, in words for who has to find a better one.

package enum KeyFault: Error, Equatable, Sendable {
    case modulusBits(Int)
    case modulusEven
    case exponentRefused
    case coordinateCount(EllipticCurve, found: Int)
    case pointNotOnCurve(EllipticCurve)
    case ed25519Count(Int)
    case ed25519PointRefused
    case pemUnreadable
    case pemEncrypted
    case kindUnsupported(String)
    case algorithmUnfit(SignatureAlgorithm)
    case secretTooShort(octets: Int, octetsMin: Int)
    case signingFailed
}

extension KeyFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .modulusBits(let bits):
            "an RSA modulus of \(bits) bits; from 2048 to 8192 are accepted"
        case .modulusEven: "an even RSA modulus"
        case .exponentRefused: "an RSA exponent that is even, 3 or less, or longer than 64 bits"
        case .coordinateCount(let curve, let found):
            "a \(curve.rawValue) coordinate of \(found) octets; it has \(curve.coordinateCount)"
        case .pointNotOnCurve(let curve): "a point that is not on \(curve.rawValue)"
        case .ed25519Count(let count): "an Ed25519 key of \(count) octets; it has 32"
        case .ed25519PointRefused:
            "an Ed25519 key of small order, or a second way to write one"
        case .pemUnreadable: "no private key in PEM form (PKCS#8, PKCS#1 or SEC 1)"
        case .pemEncrypted: "a private key under a password; give it without one"
        case .kindUnsupported(let kind):
            "a key of kind \(kind); RSA, P-256, P-384, P-521 and Ed25519 are accepted"
        case .algorithmUnfit(let algorithm): "a key that is not for \(algorithm.rawValue)"
        case .secretTooShort(let octets, let octetsMin):
            "a secret of \(octets) octets; this algorithm needs \(octetsMin) (RFC 7518 section 3.2)"
        case .signingFailed: "libcrypto could not sign with this key"
        }
    }
}

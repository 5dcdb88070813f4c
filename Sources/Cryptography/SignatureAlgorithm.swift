// The JWS algorithms there are here, by their registered names (RFC 7518 section 3.1, RFC 8037).
//
// `none` is not one of them, nor is anything with SHA-1: a token that names them has no algorithm.

/// Each case is spelt as the `alg` it stands for.
package enum SignatureAlgorithm: String, Sendable, CaseIterable {
    case RS256, RS384, RS512
    case PS256, PS384, PS512
    case ES256, ES384, ES512
    case EdDSA
    case HS256, HS384, HS512
}

extension SignatureAlgorithm {
    /// Whether it is made with a secret both sides know, and not with a key pair.
    package var isSymmetric: Bool { codeDigest != nil }

    /// What RFC 7518 and RFC 8037 define the algorithm to be.
    enum Scheme {
        case pkcs1(Digest)
        case pss(Digest)
        case ecdsa(EllipticCurve, Digest)
        case eddsa
        case hmac(Digest)
    }
    var scheme: Scheme {
        switch self {
        case .RS256: .pkcs1(.sha256)
        case .RS384: .pkcs1(.sha384)
        case .RS512: .pkcs1(.sha512)
        case .PS256: .pss(.sha256)
        case .PS384: .pss(.sha384)
        case .PS512: .pss(.sha512)
        case .ES256: .ecdsa(.p256, .sha256)
        case .ES384: .ecdsa(.p384, .sha384)
        case .ES512: .ecdsa(.p521, .sha512)
        case .EdDSA: .eddsa
        case .HS256: .hmac(.sha256)
        case .HS384: .hmac(.sha384)
        case .HS512: .hmac(.sha512)
        }
    }
    var codeDigest: Digest? {
        if case .hmac(let digest) = scheme { digest } else { nil }
    }
}

/// The curves of RFC 7518 section 6.2.1.1.
package enum EllipticCurve: String, Sendable, CaseIterable {
    case p256 = "P-256"
    case p384 = "P-384"
    case p521 = "P-521"

    /// The octets of one coordinate, and of one half of a signature.
    package var coordinateCount: Int {
        switch self {
        case .p256: 32
        case .p384: 48
        case .p521: 66
        }
    }
    /// As libcrypto calls it, where it names the group of a key it has read.
    var groupName: StaticString {
        switch self {
        case .p256: "prime256v1"
        case .p384: "secp384r1"
        case .p521: "secp521r1"
        }
    }
    /// The number of points of the group (SEC 2), big-endian, in as many octets as a coordinate.
    var order: [UInt8] {
        switch self {
        case .p256:
            [
                0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2,
                0xfc, 0x63, 0x25, 0x51,
            ]
        case .p384:
            [UInt8](repeating: 0xff, count: 24) + [
                0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf, 0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0,
                0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
            ]
        case .p521:
            [0x01] + [UInt8](repeating: 0xff, count: 32) + [
                0xfa, 0x51, 0x86, 0x87, 0x83, 0xbf, 0x2f, 0x96, 0x6b, 0x7f, 0xcc, 0x01, 0x48, 0xf7,
                0x09, 0xa5, 0xd0, 0x3b, 0xb5, 0xc9, 0xb8, 0x89, 0x9c, 0x47, 0xae, 0xbb, 0x6f, 0xb7,
                0x1e, 0x91, 0x38, 0x64, 0x09,
            ]
        }
    }
}

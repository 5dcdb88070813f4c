// A provider's published keys (RFC 7517; OpenID Connect Core §10.1).
//
// A set is written for every relying party there is: keys for encryption, of kinds we do not know,
// or too weak are left out, and the rest still counts. Only n, e, x, y and crv make a key;
// certificates (x5c) and addresses (x5u) prove nothing here, since the set itself came over TLS
// from the pinned provider.

package import Cryptography
internal import JSON
internal import Values

/// A published key that can verify.
package struct JWK: Sendable {
    package enum KeyType: String, Equatable, Sendable { case RSA, EC, OKP }

    package let kid: String?
    package let kty: KeyType
    package let use: String?
    /// `nil`: any algorithm of the key's type.
    package let alg: SignatureAlgorithm?
    package let key: PublicKey
    /// `x5t#S256`, as it is written; tells apart two keys that a provider calls by one `kid`.
    package let certificateThumbprint: String?
}

package struct JWKSet: Sendable {
    /// In the order of the document.
    package let keys: [JWK]

    /// The rest of a longer set is not read.
    package static let keysMax = 256
    /// Where a token names no key, or a set has many of one name: each costs a signature check.
    static let candidatesMax = 32

    package init(keys: [JWK]) { self.keys = keys }

    /// Reads a set; one in which no key is of use is empty, not a fault.
    package init(parsing octets: [UInt8]) throws(JWKFault) {
        let document: JSON
        do { document = try JSON(parsing: octets.span) } catch { throw .notJSON }
        guard let entries = document["keys"]?.array else { throw .noKeys }
        keys = entries.prefix(Self.keysMax).compactMap(JWK.init)
    }

    /// The keys that may have made a signature: the header's `kid` if it has one, of a type that
    /// fits its algorithm. Without a `kid`, all that fit.
    package func candidates(kid: String?, algorithm: SignatureAlgorithm) -> [JWK] {
        let fitting = keys.lazy.filter { jwk in
            (kid.map { jwk.kid?.isExactly($0) ?? false } ?? true)
                && (jwk.alg == nil || jwk.alg == algorithm)
                && jwk.key.fits(algorithm)
        }
        return Array(fitting.prefix(Self.candidatesMax))
    }
}

/// Why a key set cannot be read at all.
package enum JWKFault: ProviderFault, Equatable {
    case notJSON
    case noKeys

    package var code: String {
        switch self {
        case .notJSON: "keys-not-json"
        case .noKeys: "keys-missing"
        }
    }

    package var status: Int { 502 }

    package var sentence: String {
        switch self {
        case .notJSON: "what jwks_uri answers is not JSON"
        case .noKeys: "what jwks_uri answers has no member \"keys\" that is an array"
        }
    }
}

extension JWK {
    /// `nil` for a key that is of no use to us.
    init?(_ entry: JSON) {
        // A member of the wrong type makes the key unusable: we would be guessing what it is for.
        guard let kid = Self.text("kid", in: entry), let use = Self.text("use", in: entry),
            let algorithm = Self.text("alg", in: entry),
            let thumbprint = Self.text("x5t#S256", in: entry)
        else { return nil }
        guard use == nil || use == "sig", Self.mayVerify(entry) else { return nil }
        // A set with a private member is somebody's mistake; what that key signs, anybody signs.
        guard entry["d"] == nil, entry["k"] == nil else { return nil }
        guard let kty = entry["kty"]?.string.flatMap(KeyType.init), let key = Self.key(kty, entry)
        else { return nil }
        if let algorithm {
            guard let known = SignatureAlgorithm(rawValue: algorithm), key.fits(known)
            else { return nil }
            alg = known
        } else {
            alg = nil
        }
        self.kid = kid
        self.kty = kty
        self.use = use
        self.key = key
        certificateThumbprint = thumbprint
    }

    /// RFC 7517 §4.3.
    private static func mayVerify(_ entry: JSON) -> Bool {
        guard let operations = entry["key_ops"] else { return true }
        return operations.array?.contains("verify") ?? false
    }

    /// The key itself; its strength and whether its point lies on the curve are Cryptography's
    /// checks.
    private static func key(_ kty: KeyType, _ entry: JSON) -> PublicKey? {
        func octets(_ name: String) -> [UInt8]? {
            entry[name]?.string.flatMap { Base64URL.decode($0) }
        }
        do throws(KeyFault) {
            switch kty {
            case .RSA:
                guard let modulus = octets("n"), let exponent = octets("e") else { return nil }
                return try PublicKey(rsaModulus: modulus.span, exponent: exponent.span)
            case .EC:
                guard let curve = entry["crv"]?.string.flatMap(EllipticCurve.init),
                    let x = octets("x"), let y = octets("y")
                else { return nil }
                return try PublicKey(curve: curve, x: x.span, y: y.span)
            case .OKP:
                guard entry["crv"] == "Ed25519", let x = octets("x") else { return nil }
                return try PublicKey(ed25519: x.span)
            }
        } catch {
            return nil  // weak or malformed: a decoy, which must not spoil the set
        }
    }

    /// The outer `nil`: present, but no text.
    private static func text(_ name: String, in entry: JSON) -> String?? {
        switch entry[name] {
        case nil: .some(nil)
        case .string(let text)?: .some(text)
        default: nil
        }
    }
}

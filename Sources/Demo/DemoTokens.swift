// The demonstration provider's tokens: JWTs under a key made at start (RFC 7519, RFC 9068).

import Cryptography
import JSON
import Values

struct TokenIssuer: Sendable {
    /// IDCS's tokens of all domains name one shared issuer, and so do these.
    static let issuer = "https://identity.oraclecloud.com/"
    static let keyID = "SIGNING_KEY"

    private let key: PrivateKey

    init() throws(KeyFault) { key = try PrivateKey.generateRSA() }

    var publicKey: PublicKey { key.publicKey }

    /// The key set of `/admin/v1/SigningCert/jwk`.
    var keySet: JSON {
        guard case .rsa(let modulus, let exponent) = key.publicComponents else {
            preconditionFailure("the key was made as RSA")
        }
        return [
            "keys": [
                [
                    "kty": "RSA", "use": "sig", "alg": "RS256", "kid": .string(Self.keyID),
                    "n": .string(Base64URL.encode(modulus.span)),
                    "e": .string(Base64URL.encode(exponent.span)),
                ]
            ]
        ]
    }

    func sign(_ claims: JSON) throws(KeyFault) -> String {
        let header: JSON = ["alg": "RS256", "typ": "JWT", "kid": .string(Self.keyID)]
        let input = [header, claims].map { Base64URL.encode(Array($0.serialized().utf8).span) }
            .joined(separator: ".")
        let signature = try key.sign(Array(input.utf8).span, algorithm: .RS256)
        return input + "." + Base64URL.encode(signature.span)
    }
}

extension TokenIssuer {
    /// Whether a token is one of ours, whatever it says.
    func hasSigned(_ token: String) -> Bool { SignedToken(token)?.isSigned(by: publicKey) ?? false }
}

/// A compact JWS, taken apart; nothing it says counts before `isSigned` does (RFC 7515 §5.2).
private struct SignedToken {
    let header: JSON
    let claims: JSON
    private let input: [UInt8]
    private let signature: [UInt8]

    init?(_ token: some StringProtocol) {
        let segments = token.split(separator: ".", omittingEmptySubsequences: false)
        guard segments.count == 3, let header = Self.json(segments[0]),
            let claims = Self.json(segments[1]),
            let signature = Base64URL.decode(Array(segments[2].utf8).span)
        else { return nil }
        self.header = header
        self.claims = claims
        self.signature = signature
        input = Array("\(segments[0]).\(segments[1])".utf8)
    }

    var isRS256: Bool { header["alg"]?.string == "RS256" }

    func isSigned(by key: PublicKey) -> Bool {
        isRS256 && key.verify(signature.span, of: input.span, algorithm: .RS256)
    }

    private static func json(_ segment: some StringProtocol) -> JSON? {
        guard let octets = Base64URL.decode(Array(segment.utf8).span) else { return nil }
        do { return try JSON(parsing: octets.span) } catch { return nil }
    }
}

/// What the API asks of a bearer token: who signed it, for whom, for what, until when.
struct BearerCheck: Sendable {
    let key: PublicKey
    let audience: String
    let scope: String

    /// The claims, or what `WWW-Authenticate` should say (RFC 6750 §3.1).
    enum Outcome { case good(JSON), missing, invalid(String), insufficientScope }

    func check(_ authorization: String?, at now: UnixTime) -> Outcome {
        guard let authorization, authorization.lowercased().hasPrefix("bearer ") else {
            return .missing
        }
        guard let token = SignedToken(authorization.dropFirst(7)) else {
            return .invalid("it is no JWT")
        }
        guard token.isRS256 else { return .invalid("its algorithm is not RS256") }
        guard token.isSigned(by: key) else {
            return .invalid("its signature is not the provider's")
        }
        let claims = token.claims
        guard claims["iss"]?.string == TokenIssuer.issuer, claims["tok_type"]?.string == "AT" else {
            return .invalid("it is no access token of the provider")
        }
        guard claims["aud"]?.string == audience else { return .invalid("it is for another API") }
        guard let expires = claims["exp"]?.integer, now.seconds < expires else {
            return .invalid("it has expired")
        }
        let scopes = claims["scope"]?.string?.split(separator: " ") ?? []
        guard scopes.contains(Substring(scope)) else { return .insufficientScope }
        return .good(claims)
    }
}

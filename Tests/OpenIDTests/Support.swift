// What this room's tests share: a provider that signs what it is told to, and dice.
import Cryptography
import HTTP
import JSON
import Values

@testable import OpenID

/// SplitMix64.
struct Dice: RandomNumberGenerator {
    var state: UInt64 = 1
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

let noon = UnixTime(seconds: 1_795_000_000)

func octets(_ text: String) -> [UInt8] { Array(text.utf8) }
func base64URL(_ octets: [UInt8]) -> String { Base64URL.encode(octets.span) }
func url(_ text: String) -> HTTPURL { HTTPURL(parsing: text)! }  // the tests' own constants

/// A provider's key; making one takes a while, so there is one of each.
struct Signer: Sendable {
    let key: PrivateKey
    let algorithm: SignatureAlgorithm

    // These fail only where libcrypto itself does.
    static let rsa = Signer(key: try! .generateRSA(), algorithm: .RS256)
    static let otherRSA = Signer(key: try! .generateRSA(), algorithm: .RS256)
    static let p256 = Signer(key: try! .generateP256(), algorithm: .ES256)
    static let p384 = Signer(key: try! .generate(on: .p384), algorithm: .ES384)
    static let ed25519 = Signer(key: try! .generateEd25519(), algorithm: .EdDSA)

    func jwk(_ more: JSONObject = [:]) -> JSON {
        var jwk: JSONObject
        switch key.publicComponents {
        case .rsa(let modulus, let exponent):
            jwk = [
                "kty": "RSA", "n": .string(base64URL(modulus)), "e": .string(base64URL(exponent)),
            ]
        case .ellipticCurve(let curve, let x, let y):
            jwk = [
                "kty": "EC", "crv": .string(curve.rawValue), "x": .string(base64URL(x)),
                "y": .string(base64URL(y)),
            ]
        case .ed25519(let x):
            jwk = ["kty": "OKP", "crv": "Ed25519", "x": .string(base64URL(x))]
        }
        for (name, value) in more.members { jwk[name] = value }
        return .object(jwk)
    }

    func token(
        _ claims: JSON, header: JSONObject = [:], algorithm: SignatureAlgorithm? = nil
    ) -> String {
        var fields: JSONObject = [
            "alg": .string((algorithm ?? self.algorithm).rawValue), "kid": "k1",
        ]
        for (name, value) in header.members {
            fields[name] = value.isNull ? .none : .some(value)  // null takes a field away
        }
        return sign(
            JSON.object(fields).serialized(), claims.serialized(), algorithm ?? self.algorithm)
    }

    /// Signs any text as header and claims.
    func sign(_ header: String, _ claims: String, _ algorithm: SignatureAlgorithm) -> String {
        let input = base64URL(octets(header)) + "." + base64URL(octets(claims))
        let message = octets(input)
        let signature = try! key.sign(message.span, algorithm: algorithm)  // fits the key
        return input + "." + base64URL(signature)
    }
}

func keySet(_ keys: [JSON]) -> JWKSet {
    let text = JSON.object(["keys": .array(keys)]).serialized()
    return try! JWKSet(parsing: octets(text))  // the tests' own set
}

func json(_ text: String) -> JSON { try! JSON(parsing: octets(text).span) }  // our own text

let issuer = "https://login.example.com"

/// The claims of a login that nothing is wrong with.
func goodClaims(_ changes: JSONObject = [:]) -> JSON {
    var claims: JSONObject = [
        "iss": .string(issuer), "aud": "portal", "sub": "alice", "nonce": "n-1",
        "iat": .number(String(noon.seconds - 5)), "exp": .number(String(noon.seconds + 300)),
    ]
    for (name, value) in changes.members { claims[name] = value }
    return .object(claims)
}

func without(_ name: String) -> JSON {
    var claims = goodClaims().object ?? [:]
    claims[name] = nil
    return .object(claims)
}

func expectation(_ change: (inout IDTokenExpectation) -> Void = { _ in }) -> IDTokenExpectation {
    var expected = IDTokenExpectation(issuers: [issuer], clientID: "portal", nonce: "n-1")
    change(&expected)
    return expected
}

import Cryptography
import JSON
import Testing
import Values

@testable import OpenID

private let keys = keySet([Signer.rsa.jwk(["kid": "k1"])])

private func outcome(
    _ token: String, _ keys: JWKSet = keys, _ algorithms: [SignatureAlgorithm] = [.RS256]
) -> IDTokenFault? {
    do throws(IDTokenFault) {
        _ = try IDToken.verify(
            token, keys: keys, expecting: expectation { $0.algorithms = algorithms }, at: noon)
        return nil
    } catch { return error }
}

@Suite struct `A signed token, RFC 7515 and RFC 8725` {
    private let good = Signer.rsa.token(goodClaims())

    @Test func `that is good is good`() { #expect(outcome(good) == nil) }

    @Test func `has exactly three segments`() {
        let parts = good.split(separator: ".").map(String.init)
        for (token, count) in [
            ("", 1), (parts[0], 1), (parts[0] + "." + parts[1], 2), (good + ".", 4),
            ("." + good, 4),
            (good + ".e30.e30", 5), (good + "." + good, 6), ("{\"payload\":\"\"}", 1),
        ] {
            #expect(outcome(token) == .jose(.segments(count)))
        }
        for empty in [
            ".\(parts[1]).\(parts[2])", "\(parts[0])..\(parts[2])", "\(parts[0]).\(parts[1]).",
        ] {
            #expect(outcome(empty) == .jose(.segmentEmpty))
        }
        #expect(outcome(String(repeating: "a", count: 131_073)) == .jose(.tooLong))
    }

    @Test func `has one spelling`() {
        let parts = good.split(separator: ".").map(String.init)
        for index in 0..<3 {
            for change in ["=", "==", " ", "\n", "+", "/", "%", "\u{0}", "\u{e4}"] {
                var changed = parts
                changed[index] += change
                #expect(outcome(changed.joined(separator: ".")) == .jose(.notBase64URL))
                changed[index] = change + parts[index]
                #expect(outcome(changed.joined(separator: ".")) == .jose(.notBase64URL))
            }
        }
        // The last character of 256 octets has four spare bits: A, Q, g and w are the canonical
        // ones.
        let last = good.last!  // a token is not empty
        for spare in "BCDEFGHIJKLMNOPRSTUVWXYZabcdefhijklmnopqrstuvxyz0123456789-_"
        where spare != last {
            #expect(outcome(good.dropLast() + String(spare)) == .jose(.notBase64URL))
        }
    }

    static let refusedAlgorithms = [
        "none", "None", "NONE", "nOnE", "", "rs256", "RS256 ", "RS1", "HS256", "HS384", "HS512",
        "RS384", "RS512", "PS256", "ES256", "EdDSA", "dir", "RSA1_5", "PBES2-HS256+A128KW",
    ]

    @Test(arguments: refusedAlgorithms) func `is refused under an algorithm not pinned`(
        _ name: String
    ) {
        let claims = goodClaims().serialized()
        let token = Signer.rsa.sign("{\"alg\":\"\(name)\",\"kid\":\"k1\"}", claims, .RS256)
        #expect(outcome(token) == .jose(.algorithmRefused(name)))
    }

    @Test func `with HMAC is refused even where somebody allows it`() {
        // RFC 8725 section 2.1: the public key, which everybody has, as the secret.
        guard case .rsa(let modulus, _) = Signer.rsa.key.publicComponents else { return }
        let input =
            base64URL(octets("{\"alg\":\"HS256\",\"kid\":\"k1\"}")) + "."
            + base64URL(octets(goodClaims().serialized()))
        let message = octets(input)
        let code = HMACSHA256.code(key: modulus.span, message.span)
        let token = input + "." + base64URL(code)
        #expect(outcome(token, keys, [.HS256, .RS256]) == .jose(.algorithmRefused("HS256")))
    }

    @Test func `signed with a valid key of another algorithm needs that to be announced`() {
        for signer in [Signer.p256, .p384, .ed25519] {
            let keys = keySet([Signer.rsa.jwk(["kid": "k0"]), signer.jwk(["kid": "k1"])])
            let token = signer.token(goodClaims())
            #expect(
                outcome(token, keys) == .jose(.algorithmRefused(signer.algorithm.rawValue)))
            #expect(outcome(token, keys, [.RS256, signer.algorithm]) == nil)
        }
        let pss = Signer.rsa.token(goodClaims(), algorithm: .PS256)
        #expect(outcome(pss, keys, [.PS256]) == nil)
        #expect(
            outcome(pss, keySet([Signer.rsa.jwk(["kid": "k1", "alg": "RS256"])]), [.PS256])
                == .keyUnknown(kid: "k1"))
    }

    static let headers: [(String, IDTokenFault?)] = [
        ("{\"kid\":\"k1\"}", .jose(.headerUnreadable)),
        ("{\"alg\":null,\"kid\":\"k1\"}", .jose(.headerUnreadable)),
        ("{\"alg\":[\"RS256\"]}", .jose(.headerUnreadable)),
        ("{\"alg\":\"RS256\",\"alg\":\"none\"}", .jose(.headerUnreadable)),
        ("{\"alg\":\"RS256\",\"kid\":1}", .jose(.headerUnreadable)),
        ("{\"alg\":\"RS256\",\"kid\":null}", .jose(.headerUnreadable)),
        ("{\"alg\":\"RS256\",\"typ\":1}", .jose(.headerUnreadable)),
        ("[\"RS256\"]", .jose(.headerUnreadable)),
        ("{\"alg\":\"RS256\"", .jose(.headerUnreadable)),
        ("{\"alg\":\"RS256\"} ", nil),
        ("{\"alg\":\"RS256\"}x", .jose(.headerUnreadable)),
        ("\u{feff}{\"alg\":\"RS256\"}", .jose(.headerUnreadable)),
        ("{\"alg\":\"RS256\",\"x\":[[[[[[1]]]]]]}", .jose(.headerUnreadable)),
        ("{\"alg\":\"RS256\",\"crit\":[\"exp\"]}", .jose(.extensionCritical)),
        ("{\"alg\":\"RS256\",\"crit\":[]}", .jose(.extensionCritical)),
        ("{\"alg\":\"RS256\",\"crit\":null}", .jose(.extensionCritical)),
        ("{\"alg\":\"RS256\",\"b64\":false,\"crit\":[\"b64\"]}", .jose(.extensionCritical)),
        ("{\"alg\":\"RS256\",\"b64\":false}", .jose(.extensionCritical)),
        ("{\"alg\":\"RS256\",\"zip\":\"DEF\"}", .jose(.extensionCritical)),
        ("{\"alg\":\"RS256\",\"kid\":\"k1\",\"typ\":\"JWT\"}", nil),
        ("{\"alg\":\"RS256\",\"kid\":\"k1\",\"typ\":\"anything\"}", nil),
        ("{\"alg\":\"RS256\",\"typ\":\"at+jwt\"}", .otherKindOfToken),
        ("{\"alg\":\"RS256\",\"typ\":\"application/at+JWT\"}", .otherKindOfToken),
        ("{\"alg\":\"RS256\",\"typ\":\"logout+jwt\"}", .otherKindOfToken),
        ("{\"alg\":\"RS256\",\"kid\":\"../../etc/passwd\"}", .keyUnknown(kid: "../../etc/passwd")),
        ("{\"alg\":\"RS256\",\"kid\":\"' OR 1=1\"}", .keyUnknown(kid: "' OR 1=1")),
        ("{\"alg\":\"RS256\",\"kid\":\"a\\u0000b\"}", .keyUnknown(kid: "a b")),
        (
            "{\"alg\":\"RS256\",\"kid\":\"\(String(repeating: "k", count: 1025))\"}",
            .jose(.headerUnreadable)
        ),
        ("{\"alg\":\"RS256\",\"jku\":\"https://evil.test/\",\"x5u\":\"https://evil.test/\"}", nil),
    ]

    @Test(arguments: headers.indices) func `is judged by its header`(_ index: Int) {
        let (header, fault) = Self.headers[index]
        #expect(
            outcome(Signer.rsa.sign(header, goodClaims().serialized(), .RS256)) == fault,
            "\(header)")
    }

    @Test func `does not bring its own key`() {
        let token = Signer.otherRSA.token(goodClaims(), header: ["jwk": Signer.otherRSA.jwk()])
        #expect(outcome(token) == .jose(.signatureInvalid))
    }

    @Test func `is refused with any bit of its signature changed`() throws {
        let parts = good.split(separator: ".").map(String.init)
        let signature = try #require(Base64URL.decode(parts[2]))
        func outcome(_ signature: [UInt8]) -> IDTokenFault? {
            OpenIDTests.outcome(with: signature, parts)
        }
        for index in [0, 1, signature.count / 2, signature.count - 1] {
            for bit in 0..<8 {
                var changed = signature
                changed[index] ^= 1 << UInt8(bit)
                #expect(outcome(changed) == .jose(.signatureInvalid))
            }
        }
        #expect(outcome(Array(signature.dropLast())) == .jose(.signatureInvalid))
        #expect(outcome(signature + [0]) == .jose(.signatureInvalid))
        #expect(outcome([UInt8](repeating: 0, count: 256)) == .jose(.signatureInvalid))
    }

    @Test func `is refused with any octet of what is signed changed`() {
        let parts = good.split(separator: ".").map(String.init)
        let claims = goodClaims(["sub": "mallory"]).serialized()
        let forged = "\(parts[0]).\(base64URL(octets(claims))).\(parts[2])"
        #expect(outcome(forged) == .jose(.signatureInvalid))
        let header = base64URL(octets("{\"alg\":\"RS256\",\"kid\":\"k1\",\"x\":1}"))
        #expect(outcome("\(header).\(parts[1]).\(parts[2])") == .jose(.signatureInvalid))
    }

    @Test func `by ECDSA needs r and s in full, and neither zero`() throws {
        let keys = keySet([Signer.p256.jwk(["kid": "k1"])])
        let parts = Signer.p256.token(goodClaims()).split(separator: ".").map(String.init)
        let raw = try #require(Base64URL.decode(parts[2]))
        let zero = [UInt8](repeating: 0, count: 32)
        let full = [UInt8](repeating: 255, count: 32)
        let (r, s) = (Array(raw[..<32]), Array(raw[32...]))
        let der: [UInt8] = [0x30, 0x44, 0x02, 0x20] + r + [0x02, 0x20] + s
        let wrongs: [[UInt8]] = [
            zero + zero, zero + s, r + zero, full + s, r + full, raw.dropLast(), raw + [0], der,
        ]
        for wrong in wrongs {
            let token = "\(parts[0]).\(parts[1]).\(base64URL(wrong))"
            #expect(outcome(token, keys, [.ES256]) == .jose(.signatureInvalid))
        }
        // A key of another curve is no candidate.
        let other = keySet([Signer.p384.jwk(["kid": "k1"])])
        #expect(outcome(parts.joined(separator: "."), other, [.ES256]) == .keyUnknown(kid: "k1"))
    }

    static let payloads = [
        "", "x", "null", "[]", "\"a\"", "{", "{}x", "{\"iss\":\"a\",\"iss\":\"b\"}",
        "{\"aud\":\"portal\",\"aud\":\"x\"}", "{\"exp\":NaN}", "{\"sub\":\"\\ud800\"}",
        "\u{feff}{}", "{\"exp\":01}", String(repeating: "[", count: 10_000),
        "{\"a\":" + String(repeating: "[", count: 40) + String(repeating: "]", count: 40) + "}",
    ]

    @Test(arguments: payloads) func `has claims that are one JSON object`(_ payload: String) {
        let token = Signer.rsa.sign("{\"alg\":\"RS256\",\"kid\":\"k1\"}", payload, .RS256)
        #expect(outcome(token) == .jose(payload.isEmpty ? .segmentEmpty : .payloadUnreadable))
    }
}

private func outcome(with signature: [UInt8], _ parts: [String]) -> IDTokenFault? {
    outcome("\(parts[0]).\(parts[1]).\(base64URL(signature))")
}

@Suite struct `Choosing a key` {
    private let token = Signer.rsa.token(goodClaims())
    private let nameless = Signer.rsa.token(goodClaims(), header: ["kid": nil])

    @Test func `by kid, among decoys of the same name`() {
        let decoys = keySet([
            Signer.p256.jwk(["kid": "k1"]), Signer.ed25519.jwk(["kid": "k1"]),
            Signer.rsa.jwk(["kid": "k1", "alg": "RS512"]),
            Signer.rsa.jwk(["kid": "k1", "use": "enc"]), Signer.otherRSA.jwk(["kid": "k1"]),
            Signer.rsa.jwk(["kid": "k1"]),
        ])
        #expect(outcome(token, decoys) == nil)
    }

    @Test func `without a kid all of the right type are tried`() {
        #expect(outcome(nameless, keySet([Signer.rsa.jwk()])) == nil)
        #expect(outcome(nameless, keySet([Signer.rsa.jwk(["kid": "x"])])) == nil)
        let several = keySet([
            Signer.p256.jwk(["kid": "a"]), Signer.otherRSA.jwk(["kid": "b"]),
            Signer.rsa.jwk(["kid": "c"]),
        ])
        #expect(outcome(nameless, several) == nil)
        #expect(outcome(nameless, keySet([Signer.otherRSA.jwk()])) == .jose(.signatureInvalid))
        #expect(outcome(nameless, keySet([Signer.p256.jwk()])) == .keyUnknown(kid: nil))
    }

    @Test func `of an unknown name may be cured by new keys, and other faults are not`() {
        let unknown = outcome(token, keySet([Signer.rsa.jwk(["kid": "k2"])]))
        #expect(unknown == .keyUnknown(kid: "k1"))
        #expect(unknown?.mayBeCuredByNewKeys == true)
        #expect(outcome(token, JWKSet(keys: [])) == .keyUnknown(kid: "k1"))
        #expect(IDTokenFault.expired.mayBeCuredByNewKeys == false)
        #expect(IDTokenFault.jose(.segments(1)).mayBeCuredByNewKeys == false)
    }
}

// How we prove to the provider who we are (RFC 6749 §2.3, RFC 7523 §2.2, RFC 8705 §2).

package import Cryptography
internal import JSON
internal import Values

package struct ClientCredentials: Sendable {
    package enum Method: Sendable {
        case secretBasic(Secret)
        case secretPost(Secret)
        /// An assertion under the secret, HS256.
        case secretJWT(Secret)
        /// An assertion under a key the provider has registered; `keyID` is its name there.
        case privateKeyJWT(PrivateKey, keyID: String?)
        /// The connection's own certificate says it.
        case tls
        /// A public client: PKCE alone protects the code.
        case none
    }

    package let clientID: String
    package let method: Method
    /// Whom an assertion is addressed to: the provider's issuer (RFC 7523bis), or what it
    /// documents.
    package let assertionAudience: String

    package init(clientID: String, method: Method, assertionAudience: String = "") {
        self.clientID = clientID
        self.method = method
        self.assertionAudience = assertionAudience
    }

    /// Adds what the method needs to a request that is otherwise complete.
    func authenticate(
        _ form: inout Form, _ fields: inout [(String, String)], at now: UnixTime,
        using generator: inout some RandomNumberGenerator
    ) throws(CredentialFault) {
        switch method {
        case .secretBasic(let secret):
            // RFC 6749 §2.3.1: each part form-encoded before Basic joins them with a colon.
            let pair =
                PercentEncoding.encodeForm(clientID) + ":"
                + PercentEncoding.encodeForm(secret.exposedText)
            fields.append(("Authorization", "Basic " + Base64.encode(Array(pair.utf8).span)))
        case .secretPost(let secret):
            form.append("client_id", clientID)
            form.append("client_secret", secret.exposedText)
        case .secretJWT(let secret):
            let input = assertion(.HS256, keyID: nil, at: now, using: &generator)
            let signature: [UInt8]
            do throws(KeyFault) {
                signature = try HMACSignature.sign(input.span, algorithm: .HS256, secret: secret)
            } catch { throw CredentialFault(cause: error) }
            append(input, signature, to: &form)
        case .privateKeyJWT(let key, let keyID):
            let algorithm = Self.algorithm(for: key)
            let input = assertion(algorithm, keyID: keyID, at: now, using: &generator)
            let signature: [UInt8]
            do throws(KeyFault) {
                signature = try key.sign(input.span, algorithm: algorithm)
            } catch { throw CredentialFault(cause: error) }
            append(input, signature, to: &form)
        case .tls, .none:
            form.append("client_id", clientID)
        }
    }

    /// How long an assertion is good: long enough for a slow provider and a clock that differs.
    private static let assertionLifetime = Duration.seconds(60)

    /// What is to be signed (RFC 7523 §3). Its `jti` is new each time, also when a request is sent
    /// again.
    private func assertion(
        _ algorithm: SignatureAlgorithm, keyID: String?, at now: UnixTime,
        using generator: inout some RandomNumberGenerator
    ) -> [UInt8] {
        var header: JSONObject = ["alg": .string(algorithm.rawValue), "typ": "JWT"]
        header["kid"] = keyID.map { .string($0) }
        let random = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let claims: JSON = [
            "iss": .string(clientID), "sub": .string(clientID),
            "aud": .string(assertionAudience), "jti": .string(Base64URL.encode(random.span)),
            "iat": .number(String(now.seconds)),
            "exp": .number(String(now.advanced(by: Self.assertionLifetime).seconds)),
        ]
        return Array(
            [JSON.object(header), claims]
                .map { Base64URL.encode(Array($0.serialized().utf8).span) }
                .joined(separator: ".").utf8)
    }

    private func append(_ input: [UInt8], _ signature: [UInt8], to form: inout Form) {
        form.append(
            "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
        let text = String(decoding: input, as: UTF8.self)
        form.append("client_assertion", text + "." + Base64URL.encode(signature.span))
    }

    private static func algorithm(for key: PrivateKey) -> SignatureAlgorithm {
        switch key.publicKey.kind {
        case .rsa: .RS256
        case .ellipticCurve(.p256): .ES256
        case .ellipticCurve(.p384): .ES384
        case .ellipticCurve(.p521): .ES512
        case .ed25519: .EdDSA
        }
    }
}

/// The client's key or secret cannot sign an assertion: the configuration's fault.
package struct CredentialFault: ProviderFault, Equatable {
    package let cause: KeyFault
    package var code: String { "client-credentials-unusable" }
    package var status: Int { 502 }
    package var sentence: String { "the client's own credentials cannot be used: \(cause)" }
}

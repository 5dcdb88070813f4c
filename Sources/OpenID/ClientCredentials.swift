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
        /// An assertion under a key the provider has registered.
        case privateKeyJWT(SigningKey)
        /// The connection's own certificate says it.
        case tls
        /// A public client: PKCE alone protects the code.
        case none
    }

    /// A key, and what an assertion's header says of it.
    package struct SigningKey: Sendable {
        package let key: PrivateKey
        /// Its name at the provider.
        package let keyID: String?
        /// `x5t#S256`, where the provider was given a certificate.
        package let certificateThumbprint: String?
        package let algorithm: SignatureAlgorithm

        /// - Parameter announced: `token_endpoint_auth_signing_alg_values_supported`. The first
        ///   algorithm of the key's kind that is among them; the kind's usual one where none is.
        package init(
            _ key: PrivateKey, keyID: String? = nil, certificateThumbprint: String? = nil,
            announced: [String] = []
        ) {
            self.key = key
            self.keyID = keyID
            self.certificateThumbprint = certificateThumbprint
            let fitting: [SignatureAlgorithm] =
                switch key.publicKey.kind {
                case .rsa: [.RS256, .PS256, .RS384, .PS384, .RS512, .PS512]
                case .ellipticCurve(.p256): [.ES256]
                case .ellipticCurve(.p384): [.ES384]
                case .ellipticCurve(.p521): [.ES512]
                case .ed25519: [.EdDSA]
                }
            algorithm = fitting.first { announced.contains($0.rawValue) } ?? fitting[0]
        }
    }

    package let clientID: String
    package let method: Method
    /// Whom an assertion is addressed to: the provider's issuer (RFC 7523bis), or what it
    /// documents; one as a text, several as a list.
    package let assertionAudiences: [String]

    package init(clientID: String, method: Method, assertionAudiences: [String] = []) {
        self.clientID = clientID
        self.method = method
        self.assertionAudiences = assertionAudiences
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
            name(in: &form)
            form.append("client_secret", secret.exposedText)
        case .secretJWT(let secret):
            let input = assertion(["alg": "HS256"], at: now, using: &generator)
            let signature: [UInt8]
            do throws(KeyFault) {
                signature = try HMACSignature.sign(input.span, algorithm: .HS256, secret: secret)
            } catch { throw CredentialFault(cause: error) }
            append(input, signature, to: &form)
        case .privateKeyJWT(let signing):
            var header: JSONObject = ["alg": .string(signing.algorithm.rawValue)]
            if let keyID = signing.keyID { header["kid"] = .string(keyID) }
            if let thumbprint = signing.certificateThumbprint {
                header["x5t#S256"] = .string(thumbprint)
            }
            let input = assertion(header, at: now, using: &generator)
            let signature: [UInt8]
            do throws(KeyFault) {
                signature = try signing.key.sign(input.span, algorithm: signing.algorithm)
            } catch { throw CredentialFault(cause: error) }
            append(input, signature, to: &form)
        case .tls, .none: name(in: &form)
        }
    }

    /// A pushed authorization request says it already, and no parameter is sent twice.
    private func name(in form: inout Form) {
        if form.count(of: "client_id") == 0 { form.append("client_id", clientID) }
    }

    /// How long an assertion is good: long enough for a slow provider and a clock that differs.
    private static let assertionLifetime = Duration.seconds(60)

    /// What is to be signed (RFC 7523 §3). Its `jti` is new each time, also when a request is sent
    /// again.
    private func assertion(
        _ header: JSONObject, at now: UnixTime, using generator: inout some RandomNumberGenerator
    ) -> [UInt8] {
        var header = header
        header["typ"] = "JWT"
        let random = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let claims: JSON = [
            "iss": .string(clientID), "sub": .string(clientID),
            "aud": audience, "jti": .string(Base64URL.encode(random.span)),
            "iat": .number(String(now.seconds)),
            "exp": .number(String(now.advanced(by: Self.assertionLifetime).seconds)),
        ]
        return Array(
            [JSON.object(header), claims]
                .map { Base64URL.encode(Array($0.serialized().utf8).span) }
                .joined(separator: ".").utf8)
    }

    /// The client is named beside its assertion, too: some providers look for it there alone (RFC 7521
    /// §4.2 allows both).
    private func append(_ input: [UInt8], _ signature: [UInt8], to form: inout Form) {
        name(in: &form)
        form.append(
            "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
        let text = String(decoding: input, as: UTF8.self)
        form.append("client_assertion", text + "." + Base64URL.encode(signature.span))
    }

    private var audience: JSON {
        assertionAudiences.count == 1
            ? .string(assertionAudiences[0]) : .array(assertionAudiences.map { .string($0) })
    }
}

/// The client's key or secret cannot sign an assertion: the configuration's fault.
package struct CredentialFault: ProviderFault, Equatable {
    package let cause: KeyFault
    package var code: String { "client-credentials-unusable" }
    package var status: Int { 502 }
    package var sentence: String { "the client's own credentials cannot be used: \(cause)" }
}

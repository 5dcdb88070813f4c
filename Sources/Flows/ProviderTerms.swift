// A provider's settings in the words of the OpenID room.

internal import Configuration
internal import Cryptography
internal import HTTP
internal import OpenID
internal import Values

extension ProviderSettings {
    /// For log lines: an only provider has no name of its own.
    var label: String { name.isEmpty ? "provider" : name }

    var identity: ClientIdentity {
        guard usesMutualTLS else { return ClientIdentity(ca: ca) }
        return ClientIdentity(ca: ca, certificate: clientCertificate, key: clientKey)
    }

    /// Whether the certificate is what proves the client (RFC 8705 §2). Elsewhere it only names a key.
    var usesMutualTLS: Bool { clientAuthentication == .tlsClientAuth }

    var issuerExpectation: IssuerExpectation {
        IssuerExpectation(
            configured: issuer, accepted: acceptedIssuers,
            preset: preset == .idcs ? .idcs : .generic, acceptedAudiences: acceptedAudiences)
    }

    func credentials(_ metadata: ProviderMetadata) -> ClientCredentials {
        let method: ClientCredentials.Method =
            switch (clientAuthentication, clientSecret, clientPrivateKey) {
            case (.clientSecretBasic, let secret?, _): .secretBasic(secret)
            case (.clientSecretPost, let secret?, _): .secretPost(secret)
            case (.clientSecretJWT, let secret?, _): .secretJWT(secret)
            case (.privateKeyJWT, _, let key?):
                .privateKeyJWT(
                    .init(
                        key, keyID: clientKeyID,
                        certificateThumbprint: clientCertificate.flatMap(certificateThumbprint),
                        announced: metadata.tokenEndpointSigningAlgorithms))
            case (.tlsClientAuth, _, _): .tls
            // The configuration is refused where a secret or key is needed and missing.
            case (.clientSecretBasic, nil, _), (.clientSecretPost, nil, _),
                (.clientSecretJWT, nil, _), (.privateKeyJWT, _, nil), (.none, _, _):
                .none
            }
        return ClientCredentials(
            clientID: clientID, method: method, assertionAudiences: audiences(metadata))
    }

    /// Of assertions. Oracle's domains want the shared issuer, which they announce, or their own with a
    /// slash.
    private func audiences(_ metadata: ProviderMetadata) -> [String] {
        switch (assertionAudience, preset) {
        case (.text(let audience), _): [audience]
        case (.tokenEndpoint, _): [metadata.tokenEndpoint.description]
        case (.usual, .generic): [issuer]
        case (.usual, .idcs):
            ["https://identity.oraclecloud.com/", issuer.hasSuffix("/") ? issuer : issuer + "/"]
        }
    }
}

/// `x5t#S256` (RFC 7515 §4.1.8) of the first certificate in a PEM text.
private func certificateThumbprint(_ pem: [UInt8]) -> String? {
    let text = String(decoding: pem, as: UTF8.self)
    let lines = text.split(whereSeparator: \.isNewline)
    guard let start = lines.firstIndex(where: { $0.hasPrefix("-----BEGIN CERTIFICATE") }) else {
        return nil
    }
    let body = lines[(start + 1)...].prefix { !$0.hasPrefix("-----") }.joined()
    guard let octets = Base64.decode(Array(body.utf8).span) else { return nil }
    return Base64URL.encode(SHA256.digest(octets.span).span)
}

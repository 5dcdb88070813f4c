// A provider's settings in the words of the OpenID room.

internal import Configuration
internal import Cryptography
internal import OpenID

extension ProviderSettings {
    /// For log lines: an only provider has no name of its own.
    var label: String { name.isEmpty ? "provider" : name }

    var identity: ClientIdentity {
        ClientIdentity(ca: ca, certificate: clientCertificate, key: clientKey)
    }

    var issuerExpectation: IssuerExpectation {
        IssuerExpectation(
            configured: issuer, accepted: acceptedIssuers,
            preset: preset == .idcs ? .idcs : .generic, acceptedAudiences: acceptedAudiences)
    }

    var credentials: ClientCredentials {
        let method: ClientCredentials.Method =
            switch (clientAuthentication, clientSecret) {
            case (.clientSecretBasic, let secret?): .secretBasic(secret)
            case (.clientSecretPost, let secret?): .secretPost(secret)
            case (.clientSecretJWT, let secret?): .secretJWT(secret)
            case (.tlsClientAuth, _): .tls
            // The configuration is refused where a secret is needed and missing, and where
            // private_key_jwt is asked for, which this version does not offer.
            case (.clientSecretBasic, nil), (.clientSecretPost, nil), (.clientSecretJWT, nil),
                (.privateKeyJWT, _), (.none, _):
                .none
            }
        return ClientCredentials(
            clientID: clientID, method: method, assertionAudience: issuer)
    }
}

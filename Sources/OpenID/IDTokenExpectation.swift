// What one ID token must say: everything comes from the configuration, the login it answers, or the
// session it refreshes; nothing from the token.

package import Cryptography
internal import Values

package struct IDTokenExpectation: Sendable {
    /// Exact values of `iss`: `IssuerExpectation.pins`.
    package var issuers: [String]
    package var clientID: String
    /// Audiences that may stand beside the client: `IssuerExpectation.audiences`.
    package var acceptedAudiences: [String]
    /// `ProviderMetadata.idTokenSigningAlgorithms`.
    package var algorithms: [SignatureAlgorithm]
    /// The login's; `nil` only for a refreshed token, which need not have one (Core §12.2).
    package var nonce: String?
    /// What came beside the ID token, where something did: its hash is compared where the token has
    /// one.
    package var accessToken: String?
    package var code: String?
    package var state: String?
    /// What the authorization request asked for.
    package var maxAge: Duration?
    package var authenticationContexts: [String]
    /// The token this one takes the place of.
    package var first: FirstIDToken?
    /// How far the provider's clock may differ from ours.
    package var clockSkew: Duration
    /// What opens an encrypted token; `nil`: an encrypted one is refused.
    package var decryptionKey: PrivateKey?

    package init(
        issuers: [String], clientID: String, acceptedAudiences: [String] = [],
        algorithms: [SignatureAlgorithm] = [.RS256], nonce: String?, accessToken: String? = nil,
        code: String? = nil, state: String? = nil, maxAge: Duration? = nil,
        authenticationContexts: [String] = [], first: FirstIDToken? = nil,
        clockSkew: Duration = .seconds(60), decryptionKey: PrivateKey? = nil
    ) {
        self.issuers = issuers
        self.clientID = clientID
        self.acceptedAudiences = acceptedAudiences
        self.algorithms = algorithms
        self.nonce = nonce
        self.accessToken = accessToken
        self.code = code
        self.state = state
        self.maxAge = maxAge
        self.authenticationContexts = authenticationContexts
        self.first = first
        self.clockSkew = clockSkew
        self.decryptionKey = decryptionKey
    }
}

/// What a refreshed ID token must repeat (Core §12.2).
package struct FirstIDToken: Equatable, Sendable {
    package let subject: String
    /// `nil` where the session did not keep the first token; its issuer is then one of the pins,
    /// and its audience was checked like any.
    package let issuer: String?
    package let audiences: [String]?

    package init(subject: String, issuer: String? = nil, audiences: [String]? = nil) {
        self.subject = subject
        self.issuer = issuer
        self.audiences = audiences
    }
}

// An OpenID Provider and how we are registered there (OpenID Connect Core §1.2).

package import Cryptography
package import HTTP

package struct ProviderSettings: Sendable {
    /// Its name under `providers:`; empty under `provider:`.
    package let name: String
    /// Exactly as written: `iss` is compared octet for octet.
    package let issuer: String
    package let issuerURL: HTTPURL
    package let preset: ProviderPreset
    package let acceptedIssuers: [String]
    package let clientID: String
    package let clientSecret: Secret?
    package let clientAuthentication: ClientAuthentication
    /// PEM, and what it holds.
    package let clientKey: [UInt8]?
    package let clientPrivateKey: PrivateKey?
    /// Its name at the provider: `kid` of the assertions it signs.
    package let clientKeyID: String?
    package let assertionAudience: AssertionAudience
    /// PEM.
    package let clientCertificate: [UInt8]?
    package let responseType: ResponseType
    package let responseMode: ResponseMode
    package let pushedRequests: PushedRequests
    package let userinfo: Bool
    package let acceptedAudiences: [String]
    /// Contains `openid`.
    package let scopes: [String]
    /// In the order written; none of those that a login sets itself.
    package let authorizationParameters: [(name: String, value: String)]
    package let passParameters: [String]
    /// PEM; `nil`: the system's authorities.
    package let ca: [UInt8]?
}

package enum ProviderPreset: String, CaseIterable, Sendable { case generic, idcs }

/// The names are OpenID Connect Core §9's and RFC 8705's.
package enum ClientAuthentication: String, CaseIterable, Sendable {
    case clientSecretBasic = "client_secret_basic"
    case clientSecretPost = "client_secret_post"
    case clientSecretJWT = "client_secret_jwt"
    case privateKeyJWT = "private_key_jwt"
    case tlsClientAuth = "tls_client_auth"
    case none

    /// Whether `client_secret` is what the client proves itself with.
    package var needsSecret: Bool {
        switch self {
        case .clientSecretBasic, .clientSecretPost, .clientSecretJWT: true
        case .privateKeyJWT, .tlsClientAuth, .none: false
        }
    }
}

/// To whom the client's assertions are addressed: `aud` (RFC 7523 §3).
package enum AssertionAudience: Sendable, Equatable {
    /// The issuer, to whom alone an assertion can be of use (RFC 7523bis), or what the preset knows.
    case usual
    case tokenEndpoint
    case text(String)

    init(_ written: String?) {
        switch written {
        case nil: self = .usual
        case "token_endpoint": self = .tokenEndpoint
        case let text?: self = .text(text)
        }
    }
}

/// When authorization requests are pushed (RFC 9126).
package enum PushedRequests: String, CaseIterable, Sendable {
    /// Wherever the provider announces an endpoint for them.
    case offered
    case never
}

package enum ResponseType: String, CaseIterable, Sendable {
    case code
    case idToken = "id_token"
}

package enum ResponseMode: String, CaseIterable, Sendable {
    case query
    case formPost = "form_post"
    case fragment
}

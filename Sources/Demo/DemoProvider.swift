// The demonstration provider: an identity domain in the manner of Oracle's, with two users.
//
// Paths, issuer and claims are IDCS's; how it checks is what any provider must do: the redirect URI
// exactly as registered, one code spent once, PKCE, the client's secret, rotating refresh tokens. This
// is its front and its discovery document; signing in is in ProviderSignIn.swift, tokens are in
// ProviderTokens.swift.

import HTTP
import JSON
import Values

/// One registered client.
struct RegisteredClient: Sendable {
    let id: String
    let secret: String
    let redirectURI: String
    let postLogoutRedirectURI: String
}

final class DemoProvider: DemoService {
    let memory = ProviderMemory()
    let tokens: TokenIssuer
    let origin: String
    let client: RegisteredClient
    /// The resource server's primary audience; scopes are it and a name, joined without a separator.
    let audience: String

    init(origin: String, client: RegisteredClient, audience: String, tokens: TokenIssuer) {
        self.origin = origin
        self.client = client
        self.audience = audience
        self.tokens = tokens
    }

    func answer(_ request: HTTPMessage.Request, at now: UnixTime) -> HTTPMessage.Response {
        switch (request.method, request.path) {
        case ("GET", "/.well-known/openid-configuration"): .json(200, discovery.serialized())
        case ("GET", "/admin/v1/SigningCert/jwk"): .json(200, tokens.keySet.serialized())
        case ("GET", "/oauth2/v1/authorize"): authorize(request, at: now)
        case ("POST", "/ui/v1/signin"): signIn(request, at: now)
        case ("POST", "/oauth2/v1/token"): token(request, at: now)
        case ("GET", "/oauth2/v1/userlogout"): logOut(request)
        case ("POST", "/oauth2/v1/revoke"): revoke(request)
        case (_, "/"): .html(200, ProviderPages.about)
        default: .html(404, ProviderPages.message("There is no such page", "Go back to the site."))
        }
    }

    private var discovery: JSON {
        func endpoint(_ path: String) -> JSON { .string(origin + path) }
        return [
            "issuer": .string(TokenIssuer.issuer),
            "authorization_endpoint": endpoint("/oauth2/v1/authorize"),
            "token_endpoint": endpoint("/oauth2/v1/token"),
            "jwks_uri": endpoint("/admin/v1/SigningCert/jwk"),
            "end_session_endpoint": endpoint("/oauth2/v1/userlogout"),
            "revocation_endpoint": endpoint("/oauth2/v1/revoke"),
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid", "profile", "email", "groups", "offline_access"],
        ]
    }
}

// The URL that a visitor is sent to, to sign in (OpenID Connect Core §3.1.2.1, RFC 6749 §4.1.1).
//
// Every login carries `state`, `nonce` and a PKCE S256 challenge (RFC 7636), also where the client
// has a secret: they tie the answer to this browser, the ID token to this login, and the code to
// both. No parameter is ever sent twice, and none that decides about security comes from a visitor:
// what a login link may set is chosen by the configuration before it gets here.

internal import Cryptography
package import HTTP
package import Values

package struct AuthorizationRequest: Sendable {
    package enum ResponseType: String, Sendable {
        case code
        case idToken = "id_token"
    }
    package enum ResponseMode: String, Sendable {
        case query
        case formPost = "form_post"
        case fragment
    }

    package var clientID: String
    package var redirectURI: String
    /// `openid` is sent first and once, whether it is here or not.
    package var scopes: [String]
    package var state: String
    package var nonce: String
    /// Only its hash is sent; `nil` where there will be no code.
    package var codeVerifier: String?
    package var responseType: ResponseType
    package var responseMode: ResponseMode
    package var maxAge: Duration?
    package var authenticationContexts: [String]
    package var prompt: String?
    /// What the configuration adds, and then what the login link set. A name that is already taken
    /// is left out.
    package var additional: [(String, String)]

    package init(
        clientID: String, redirectURI: String, scopes: [String], state: String, nonce: String,
        codeVerifier: String?, responseType: ResponseType = .code,
        responseMode: ResponseMode = .query, maxAge: Duration? = nil,
        authenticationContexts: [String] = [], prompt: String? = nil,
        additional: [(String, String)] = []
    ) {
        self.clientID = clientID
        self.redirectURI = redirectURI
        self.scopes = scopes
        self.state = state
        self.nonce = nonce
        self.codeVerifier = codeVerifier
        self.responseType = responseType
        self.responseMode = responseMode
        self.maxAge = maxAge
        self.authenticationContexts = authenticationContexts
        self.prompt = prompt
        self.additional = additional
    }

    /// The request as a form: for the URL, or for a pushed authorization request (RFC 9126).
    package var parameters: Form {
        var form = Form()
        form.append("response_type", responseType.rawValue)
        form.append("client_id", clientID)
        form.append("redirect_uri", redirectURI)
        form.append("scope", scope)
        form.append("state", state)
        form.append("nonce", nonce)
        if let codeVerifier {
            form.append("code_challenge", Self.challenge(for: codeVerifier))
            form.append("code_challenge_method", "S256")
        }
        // Each response type has a mode that need not be said (OAuth 2.0 Multiple Response Types
        // §2.1).
        switch (responseType, responseMode) {
        case (.code, .query), (.idToken, .fragment): break
        case (.code, .formPost), (.code, .fragment), (.idToken, .formPost), (.idToken, .query):
            form.append("response_mode", responseMode.rawValue)
        }
        if let maxAge { form.append("max_age", String(maxAge.components.seconds)) }
        if !authenticationContexts.isEmpty {
            form.append("acr_values", authenticationContexts.joined(separator: " "))
        }
        if let prompt { form.append("prompt", prompt) }
        for (name, value) in additional
        where form.count(of: name) == 0 && !Self.reserved.contains(name) {
            form.append(name, value)
        }
        return form
    }

    /// The Location for the browser. A query that the endpoint has of its own stays (RFC 6749
    /// §3.1).
    package func url(_ endpoint: HTTPURL) -> String {
        endpoint.description + (endpoint.query == nil ? "?" : "&") + parameters.encoded
    }

    /// Names that are ours even where this request does not send them, or that would carry a second
    /// request inside this one (Core §6).
    private static let reserved: Set<String> = [
        "code_challenge", "code_challenge_method", "request", "request_uri", "response_mode",
    ]

    private var scope: String {
        var seen: Set<String> = ["openid"]
        return (["openid"] + scopes.filter { seen.insert($0).inserted }).joined(separator: " ")
    }

    /// RFC 7636 §4.2: BASE64URL(SHA256(verifier)).
    package static func challenge(for verifier: String) -> String {
        Base64URL.encode(SHA256.digest(Array(verifier.utf8).span).span)
    }
}

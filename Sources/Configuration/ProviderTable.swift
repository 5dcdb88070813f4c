// `provider`, and each entry of `providers`.

internal import Cryptography

struct ProviderDraft: Sendable {
    var issuer: WrittenURL?
    var preset = ProviderPreset.generic
    var acceptedIssuers: [String] = []
    var clientID: String?
    var clientSecret: Secret?
    var clientAuthentication = ClientAuthentication.clientSecretBasic
    var clientKey: [UInt8]?
    var clientKeyID: String?
    var assertionAudience: String?
    var clientCertificate: [UInt8]?
    var responseType = ResponseType.code
    var responseMode: ResponseMode?
    var pushedRequests = PushedRequests.offered
    var userinfo = false
    var acceptedAudiences: [String] = []
    var scopes = ["openid"]
    var authorizationParameters: [(name: String, value: String)] = []
    var passParameters: [String] = []
    var ca: [UInt8]?
}

enum ProviderTable {
    static let provider = Section<ProviderDraft>(
        ProviderDraft(),
        [
            key(
                "issuer", \.issuer,
                .url(fix: "write the issuer exactly as the provider's discovery document gives it"),
                "The provider's issuer; discovery is below it. https, or http for a loopback host.",
                example: "https://login.example.com", isRequired: true),
            key(
                "preset", \.preset, .choice(),
                "The provider's ways: idcs for Oracle's identity domains.", example: "idcs"),
            key(
                "accepted_issuers", \.acceptedIssuers, .list(.text),
                "Further exact values of `iss`.", example: "[https://identity.oraclecloud.com/]"),
            key(
                "client_id", \.clientID, .text, "The name the provider knows us by.",
                example: "portal", isRequired: true),
            key(
                "client_secret", \.clientSecret, .secret,
                "What we prove ourselves with at the token endpoint.",
                example: "{ file: secrets/client }",
                otherwise: "required, unless client_authentication needs none"),
            key(
                "client_authentication", \.clientAuthentication,
                .choice(),
                "How we prove ourselves there; none is a public client.",
                example: "client_secret_post"),
            key(
                "client_key", \.clientKey, .pemSecret("PRIVATE KEY"),
                "PEM; for private_key_jwt and tls_client_auth; opens encrypted ID tokens.",
                example: "{ file: secrets/client.key }"),
            key(
                "client_key_id", \.clientKeyID, .text,
                "The name of client_key at the provider: `kid` of what it signs.",
                example: "portal-2027", otherwise: "none is sent"),
            key(
                "client_assertion_audience", \.assertionAudience, .text,
                "`aud` of what client_secret_jwt and private_key_jwt sign; `token_endpoint` is that "
                    + "endpoint's address, which many providers want.",
                example: "token_endpoint", otherwise: "the issuer, or what `preset` knows"),
            key(
                "client_certificate", \.clientCertificate, .pem("CERTIFICATE"),
                "PEM; for tls_client_auth; under private_key_jwt its thumbprint names the key.",
                example: "secrets/client.pem"),
            key(
                "response_type", \.responseType, .choice(),
                "What the authorization response brings.", example: "code"),
            key(
                "response_mode", \.responseMode, .choice(),
                "How the authorization response comes; fragment is for id_token only.",
                example: "query", otherwise: "`query`; `form_post` for id_token"),
            key(
                "userinfo", \.userinfo, .bool,
                "Whether the userinfo endpoint is asked at login; its claims are added, its sub "
                    + "must match.", example: "true"),
            key(
                "pushed_authorization_requests", \.pushedRequests, .choice(),
                "Whether authorization requests are pushed where the provider offers it (RFC 9126).",
                example: "never"),
            key(
                "accepted_audiences", \.acceptedAudiences, .list(.text),
                "Further `aud` values an ID token may carry.", example: "[https://api.example.com]"),
            key(
                "scopes", \.scopes, .list(scope, atLeast: 1),
                "What a login asks for; openid is needed, offline_access brings a refresh token.",
                example: "[openid, offline_access]"),
            key(
                "authorization_parameters", \.authorizationParameters,
                .named(
                    .text, names: "parameter names",
                    fix: "write letters, digits, `-`, `_` and `.`; what a login sets itself is not "
                        + "set here", accepts: isParameterName),
                "Parameters of every authorization request, sent as they are.",
                example: "{ prompt: select_account }"),
            key(
                "pass_parameters", \.passParameters, .list(.text),
                "Parameters that a login link may set.", example: "[login_hint, ui_locales]"),
            key(
                "ca_file", \.ca, .pem("CERTIFICATE"),
                "The authorities trusted for this provider.", example: "tls/internal-ca.pem",
                otherwise: "the system's"),
        ])

    /// RFC 6749 §3.3: visible ASCII but `"` and `\`.
    static let scope = Kind<String>.text(
        "scope", fix: "write one scope for each member, such as [openid, profile]",
        pattern: #"^[!#-\[\]-~]+$"#
    ) { $0.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C } }

    /// What a login sets itself: two of one parameter is what RFC 6749 §3.1 forbids.
    private static let ownParameters: Set<String> = [
        "client_id", "response_type", "response_mode", "redirect_uri", "scope", "state", "nonce",
        "code_challenge", "code_challenge_method", "request", "request_uri",
    ]

    @Sendable private static func isParameterName(_ name: String) -> Bool {
        !name.isEmpty && !ownParameters.contains(name)
            && name.utf8.allSatisfy { isLetterOrDigit($0) || [0x2D, 0x2E, 0x5F].contains($0) }
    }
}

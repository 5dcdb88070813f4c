// Each member of `routes`.

enum TokenInjected: String, CaseIterable, Sendable { case accessToken = "access_token" }

struct RouteDraft: Sendable {
    var path: PathPattern?
    var host: HostPattern?
    var methods: [String]?
    var upstream: String?
    var upstreamPath: String?
    var access = RouteAccess.signedIn
    var token: TokenInjected?
    var tokenAudience: String?
    var graphQL = false
    var cookies: CookieTreatment?
    var identity = true
    var encodedSlashes: EncodedSlashes?
    var mergeSlashes = true
    var limits: Written<Limits>?
    var timeouts: Written<Timeouts>?
    var provider: String?
    var providers: [String]?
    var scopes: [String] = []
    var acrValues: [String] = []
    var maxAge: Duration?
    var prompt: String?
    var upgrades: [String] = []

    var injectsToken: Bool { token != nil || graphQL }
}

enum EncodedSlashes: String, CaseIterable, Sendable { case pass }

enum RouteTable {
    static let route = Section<RouteDraft>(
        RouteDraft(),
        [
            key(
                "path", \.path, .pathPattern,
                "Exact, or ends in /* and covers what lies below at a segment boundary.",
                example: "/assets/*", isRequired: true),
            key(
                "host", \.host, .host, "Narrows the route to a name or *.example.com.",
                example: "portal.example.com", otherwise: "every host"),
            key(
                "methods", \.methods, .list(method, atLeast: 1),
                "Narrows the route to these methods; GET includes HEAD.", example: "[GET, POST]",
                otherwise: "every method"),
            key(
                "upstream", \.upstream, .text, "Where it goes: a name under upstreams.",
                example: "site", isRequired: true),
            key(
                "upstream_path", \.upstreamPath, .text,
                "The path sent: exact, or ends in /* under a path that does, the matched prefix "
                    + "replaced.", example: "/util/graphql", otherwise: "the path asked for"),
            key(
                "access", \.access, .choice(),
                "Who may pass: signed_in, public (no session is read) or optional (identity if "
                    + "there is one).", example: "public"),
            key(
                "token", \.token, .choice(), "Injects the visitor's access token as the bearer.",
                example: "access_token", otherwise: "none"),
            key(
                "token_audience", \.tokenAudience, .text,
                "Which token, where one login brings several: the one whose `aud` has this value.",
                example: "https://api.example.com/", otherwise: "the first"),
            key(
                "graphql", \.graphQL, .bool,
                "A token, and what a GraphQL API behind cookies needs: typed 401s, cross-site calls "
                    + "refused, tokens kept fresh.", example: "true"),
            key(
                "cookies", \.cookies, .choice(), "What becomes of the client's own cookies.",
                example: "drop", otherwise: "`drop` where a token is injected, else `pass`"),
            key(
                "identity", \.identity, .bool, "Whether identity fields are sent.", example: "false"
            ),
            key(
                "encoded_slashes", \.encodedSlashes, .choice(),
                "Passes %2f and %5c in the path as data.", example: "pass",
                otherwise: "they are 400"),
            key(
                "merge_slashes", \.mergeSlashes, .bool,
                "Whether repeated slashes are forwarded as one; matched they always are.",
                example: "false"),
            key(
                "limits", \.limits, overrides(LimitsTable.limits, LimitsTable.ofConnections),
                "Limits of this route: request_body and minimum_rate; the others hold for whole "
                    + "connections.", example: "{ request_body: 100MiB }",
                otherwise: "the file's"),
            key(
                "timeouts", \.timeouts, overrides(LimitsTable.timeouts, LimitsTable.ofListeners),
                "Timeouts of this route: those that run while a request is served.",
                example: "{ response_start: 5m }", otherwise: "the file's"),
            key(
                "provider", \.provider, .text,
                "The provider of its logins: a name under providers.",
                example: "staff", otherwise: "the first"),
            key(
                "providers", \.providers, .list(.text, atLeast: 1),
                "Several providers that a visitor chooses from.", example: "[staff, partners]",
                otherwise: "the first"),
            key(
                "scopes", \.scopes, .list(ProviderTable.scope),
                "Scopes that a login for it asks for too.", example: "[billing]"),
            key(
                "acr_values", \.acrValues, .list(.text),
                "What a login for it asks for; a weaker session steps up.",
                example: "[urn:example:mfa]"),
            key(
                "max_age", \.maxAge, .duration(.zero...(.seconds(365 * 86_400))),
                "How long ago a visitor may have proved who they are.", example: "1h",
                otherwise: "no limit"),
            key(
                "prompt", \.prompt, .text, "The `prompt` of a login for it.", example: "login",
                otherwise: "none"),
            key(
                "upgrades", \.upgrades, .list(upgrade),
                "Upgrades passed on besides websocket.", example: "[mqtt]"),
        ])

    /// RFC 9110 §9.1: a token, and case-sensitive; a lower-case standard method is a slip.
    private static let method = Kind<String>.text(
        "method", fix: "write methods in upper case, such as [GET, POST]", pattern: "^[A-Z-]+$"
    ) { $0.utf8.allSatisfy { (0x41...0x5A).contains($0) || $0 == 0x2D } }

    /// Names of protocols that would take the connection out of HTTP/1.1's hands are refused.
    private static let upgrade = Kind<String>.text(
        "upgrade", fix: "name another protocol; h2c, HTTP/* and TLS/* cannot be passed on"
    ) { name in
        let lower = name.lowercased()
        return lower != "h2c" && !lower.hasPrefix("http/") && !lower.hasPrefix("tls/")
            && lower != "http" && lower != "tls" && name.utf8.allSatisfy(isTokenOrSlash)
    }

    @Sendable private static func isTokenOrSlash(_ octet: UInt8) -> Bool {
        octet == 0x2F || isTokenOctet(octet)
    }

    /// A section whose values lie over the file's; keys that no route can change are named.
    private static func overrides<Draft>(
        _ section: Section<Draft>, _ wholeFileOnly: Set<String>
    ) -> Kind<Written<Draft>> {
        .section(section) { written, key, reading in
            for name in wholeFileOnly.sorted() where written.names.contains(name) {
                reading.warning(
                    key.below(name), "has no effect on a route: it holds for whole connections",
                    fix: "set it once, at the top of the file")
            }
            return written
        }
    }
}

/// RFC 9110 §5.6.2, tchar.
func isTokenOctet(_ octet: UInt8) -> Bool {
    isLetterOrDigit(octet) || Array("!#$%&'*+-.^_`|~".utf8).contains(octet)
}

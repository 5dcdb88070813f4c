// The file's top level: where every other table hangs.

internal import HTTP
internal import JSON
internal import Values

/// A file as far as it was read. Checks that join keys work on this; only a draft without problems
/// becomes a `Configuration`.
struct Draft: Sendable {
    var externalURL: Origin?
    var listeners: [ListenerDraft]?
    var admin: AdminDraft?
    var threads: Int?
    var trustedProxies = TrustedProxies()
    var hsts: Duration?
    var provider: ProviderDraft?
    var providers: [(name: String, value: ProviderDraft)]?
    var session = SessionDraft()
    var limits = Limits()
    var timeouts = Timeouts()
    var log = LogSettings()
    var upstreams: [(name: String, value: UpstreamDraft)]?
    var routes: [RouteDraft]?
    var identity = IdentitySettings()

    /// Every provider with its name (empty under `provider`) and the path of its keys.
    var allProviders: [(name: String, key: String, value: ProviderDraft)] {
        let single = provider.map { [(name: "", key: "provider", value: $0)] } ?? []
        return single
            + (providers ?? []).map {
                (name: $0.name, key: "providers.\($0.name)", value: $0.value)
            }
    }
}

enum RootTable {
    static let root = Section<Draft>(
        Draft(),
        [
            key(
                "external_url", \.externalURL, .origin,
                "The origin browsers see. https, or http for a loopback host.",
                example: "https://portal.example.com", isRequired: true),
            key(
                "listeners", \.listeners, .list(.section(ListenerTable.listener), atLeast: 1),
                "Where connections are accepted.", example: "[{ address: 0.0.0.0:8443 }]",
                otherwise: "`[{ address: 127.0.0.1:8080 }]`"),
            key(
                "admin", \.admin, .section(ListenerTable.admin),
                "The listener for health, metrics and the status page.",
                example: "{ address: 127.0.0.1:9080 }", otherwise: "none"),
            key(
                "threads", \.threads, threads, "How many event loops run.", example: "auto",
                otherwise: "`auto`, one per core"),
            key(
                "trusted_proxies", \.trustedProxies, .trustedProxies,
                "Peers whose X-Forwarded-* and Forwarded are believed: address blocks, or unix for "
                    + "peers of unix listeners.", example: "[10.0.0.0/8, unix]"),
            key(
                "hsts", \.hsts, .duration(.zero...(.seconds(10 * 365 * 86_400))),
                "How long browsers are told to come by https only (Strict-Transport-Security).",
                example: "365d", otherwise: "`null`, not sent"),
            key(
                "provider", \.provider, .section(ProviderTable.provider),
                "The OpenID Provider. Either this or providers is needed.",
                example: "{ issuer: https://login.example.com, client_id: portal }",
                otherwise: "required, or providers"),
            key(
                "providers", \.providers,
                .named(
                    .section(ProviderTable.provider), names: "provider names",
                    fix: UpstreamTable.nameFix,
                    accepts: UpstreamTable.isName),
                "Several providers by name; routes say which.",
                example: "{ staff: { issuer: https://login.example.com, client_id: portal } }",
                otherwise: "required, or provider"),
            key(
                "session", \.session, .section(SessionTable.session),
                "How sessions are kept, and for how long.", example: "{ lifetime: 8h }",
                otherwise: "each key's own"),
            key(
                "limits", \.limits, .section(LimitsTable.limits), "How much is taken.",
                example: "{ request_body: 10MiB }", otherwise: "each key's own"),
            key(
                "timeouts", \.timeouts, .section(LimitsTable.timeouts),
                "How long is waited: a body's and the idle and write timeouts run between reads or "
                    + "writes, and only against the side that owes.",
                example: "{ response_start: 2m }", otherwise: "each key's own"),
            key(
                "log", \.log, .section(log), "What is written to standard output.",
                example: "{ format: text }", otherwise: "each key's own"),
            key(
                "upstreams", \.upstreams,
                .named(
                    .section(UpstreamTable.upstream), names: "upstream names",
                    fix: UpstreamTable.nameFix, accepts: UpstreamTable.isName),
                "Where requests are forwarded to, by name.",
                example: "{ site: { url: http://127.0.0.1:3000 } }", isRequired: true),
            key(
                "routes", \.routes, .list(.section(RouteTable.route), atLeast: 1),
                "Which requests go where; the first match wins, no match is 404.",
                example: "[{ path: /*, upstream: site }]", isRequired: true),
            key(
                "identity", \.identity, .section(IdentityTable.identity),
                "How an upstream learns who the visitor is.",
                example: "{ headers: { X-User: sub } }", otherwise: "each key's own"),
        ])

    static let log = Section<LogSettings>(
        LogSettings(),
        [
            key("level", \.level, .choice(), "The least event written.", example: "debug"),
            key("format", \.format, .choice(), "How an event is written.", example: "text"),
            key("access", \.access, .bool, "Whether each request has a line.", example: "false"),
        ])

    private static let threads = Kind<Int?>.scalar(
        "`auto` or integer from 1 to 1024",
        schema: [
            "anyOf": [["const": "auto"], ["type": "integer", "minimum": 1, "maximum": 1024]]
        ],
        fix: "write auto, or a whole number from 1 to 1024",
        text: { $0.map { "\($0)" } ?? "auto" },
        parse: { text in
            if text == "auto" { return .some(nil) }
            return decimal(text).flatMap { (1...1024).contains($0) ? .some($0) : nil }
        })

    /// The paths of the sections that have a key of this name.
    static func homes(of name: String) -> [String] {
        func homes(in declarations: [Declaration], _ path: String) -> [String] {
            declarations.flatMap { declaration in
                let below = path.below(declaration.name) + declaration.shape.step
                let isHere = declaration.children.contains { $0.name == name }
                return (isHere ? [below] : []) + homes(in: declaration.children, below)
            }
        }
        return homes(in: root.declarations, "")
    }
}

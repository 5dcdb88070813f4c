// `session`, with its cookie, logout and redis.

internal import Redis

struct SessionDraft: Sendable {
    var storage = SessionStorage.cookie
    var keys: ReadSecret?
    var redis: RedisSettings?
    var stateDirectory: String?
    var idleTimeout: Duration = .seconds(30 * 60)
    var lifetime: Duration = .seconds(8 * 3600)
    var loginTimeout: Duration = .seconds(20 * 60)
    var cookie = CookieSettings()
    var logout = LogoutSettings()
}

enum SessionTable {
    static let session = Section<SessionDraft>(
        SessionDraft(),
        [
            key(
                "storage", \.storage, .choice(),
                "Where a session is kept: in its cookies, in this process, or in redis.",
                example: "cookie"),
            key(
                "keys", \.keys, .secret,
                "The keys that seal cookies, as `gatehouse keys new` makes them. A file is read "
                    + "again every 30 s and on SIGHUP.", example: "{ file: secrets/session.keys }",
                otherwise: "made at start, so that sessions end with the process"),
            key(
                "redis", \.redis, .section(redis),
                "The store that several nodes share.", example: "{ url: redis://127.0.0.1:6379/0 }"),
            key(
                "state_directory", \.stateDirectory, .path,
                "Where what must outlive a restart is kept: ended sessions, spent refresh tokens by "
                    + "hash.", example: "/var/lib/gatehouse"),
            key(
                "idle_timeout", \.idleTimeout, life, "How long a session lives without a request.",
                example: "30m"),
            key(
                "lifetime", \.lifetime, life, "How long a session lives at most.", example: "8h"),
            key(
                "login_timeout", \.loginTimeout, life, "How long one login may take.",
                example: "20m"),
            key(
                "cookie", \.cookie, .section(cookie), "The session's cookies.",
                example: "{ budget: 8KiB }", otherwise: "each key's own"),
            key(
                "logout", \.logout, .section(logout), "What logout ends, and where it leads.",
                example: "{ redirect: / }", otherwise: "each key's own"),
        ])

    /// Shorter than this and no login could finish.
    private static let life = Kind<Duration>.duration(.seconds(1)...(.seconds(400 * 86_400)))

    static let cookie = Section<CookieSettings>(
        CookieSettings(),
        [
            key(
                "name", \.name, cookieName,
                "The session cookie's name. Under an http external_url it loses `__Host-`.",
                example: "__Host-gatehouse"),
            key(
                "same_site", \.sameSite, .choice(),
                "Whether a navigation from another site brings the session along.", example: "lax"),
            key(
                "budget", \.budget, .size(1024...64 << 10),
                "All of a session's cookies together; a larger session is kept on this side.",
                example: "8KiB"),
        ])

    /// A token (RFC 6265 §4.1.1) without the `.` that numbers the pieces of a session.
    private static let cookieName = Kind<String>.text(
        "cookie name", fix: "write letters, digits, `-` and `_`, at most 64",
        pattern: "^[A-Za-z0-9_-]{1,64}$"
    ) { name in
        name.utf8.count <= 64
            && name.utf8.allSatisfy { isLetterOrDigit($0) || $0 == 0x2D || $0 == 0x5F }
    }

    static let logout = Section<LogoutSettings>(
        LogoutSettings(),
        [
            key(
                "provider", \.provider, .bool,
                "Whether logout also ends the session at the provider.", example: "false"),
            key(
                "redirect", \.redirect, logoutRedirect,
                "A path or URL that /.auth/signed-out leads on to.",
                example: "https://www.example.com/"),
            key(
                "clear_site_data", \.clearSiteData, .list(siteData),
                "What browsers are told to forget at logout (Clear-Site-Data).",
                example: "[cache, storage]"),
        ])

    private static let logoutRedirect = Kind<String>.text(
        "path or URL", fix: "write a path that begins with one /, or a URL with https://"
    ) { text in
        if text.hasPrefix("/") {
            // `//host` and `/\host` lead to another host.
            return !text.dropFirst().hasPrefix("/") && !text.contains("\\") && !text.contains(" ")
        }
        return isURL(text)
    }

    private static let siteData = Kind<String>.text(
        "kind of site data",
        fix: "write cache, cookies, storage, executionContexts, clientHints, prefetchCache, "
            + "prerenderCache or \"*\""
    ) {
        [
            "cache", "cookies", "storage", "executionContexts", "clientHints", "prefetchCache",
            "prerenderCache", "*",
        ].contains($0)
    }

    static let redis = Section<RedisSettings>(
        RedisSettings(),
        [
            key(
                "url", \.url, redisURL,
                "redis://, rediss://, redis+sentinel:// or redis+cluster://, without a password.",
                example: "redis://127.0.0.1:6379/0", isRequired: true),
            key(
                "user", \.user, .secret, "The user to authenticate as.",
                example: "{ env: REDIS_USER }"),
            key(
                "password", \.password, .secret, "Its password.",
                example: "{ file: secrets/redis }"),
            key(
                "ca_file", \.ca, .pem("CERTIFICATE"), "The authorities trusted under rediss://.",
                example: "tls/internal-ca.pem", otherwise: "the system's"),
        ])

    private static let redisURL = Kind<String>.text(
        "redis URL",
        fix: "write redis://HOST:PORT/NUMBER, redis+sentinel://HOST,HOST/MASTER or "
            + "redis+cluster://HOST,HOST (rediss for TLS), and user and password as keys"
    ) { RedisLocation(parsing: $0) != nil }
}

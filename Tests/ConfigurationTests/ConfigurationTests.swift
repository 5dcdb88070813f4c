// What a file becomes, what is said about a broken one, and what the pages say.

import Cryptography
import HTTP
import Testing
import Values
import YAML

@testable import Configuration

@Suite struct `Broken files` {
    @Test(arguments: brokenFiles.indices)
    func `every problem is reported in one run, at its place and with its remedy`(_ index: Int) {
        let file = brokenFiles[index]
        let found = problems(file.text, files: file.files, environment: file.environment)
        let expected = file.expected.map { "\($0.problem)\n    fix: \($0.fix)" }
        for (found, expected) in zip(found, expected) { #expect(found == expected, "\(file.what)") }
        #expect(found.count == expected.count, "\(file.what)")
        let configuration = load(file.text, files: file.files).configuration
        #expect(configuration == nil, "\(file.what)")
    }

    @Test func `a file that is not there is a problem`() {
        let source = ConfigurationSource(
            file: "gone.yaml", read: { _ in .failure(SourceFailure("no such file")) },
            environment: { _ in nil })
        let (configuration, problems) = Loaded.load(source)
        #expect(configuration == nil)
        #expect(
            problems.map(\.description) == [
                "gone.yaml:1:1: file: cannot be read: no such file\n"
                    + "    fix: check the path and that gatehouse's user may read it"
            ])
    }

    @Test func `a file cut or changed anywhere is read or refused`() {
        let whole = Array(`A good file`.full.utf8)
        for index in stride(from: 0, to: whole.count, by: 5) {
            var flipped = whole
            flipped[index] ^= 1 << UInt8(index % 8)
            for octets in [Array(whole[..<index]), flipped] {
                let (configuration, problems) = Loaded.load(
                    ConfigurationSource(
                        file: "f", read: { _ in .success(octets) }, environment: { _ in "x" }))
                #expect((configuration == nil) == problems.contains { !$0.isWarning })
                #expect(!problems.contains { $0.what.contains("failed to find") })
            }
        }
    }

    @Test func `no message shows a password or breaks its line`() {
        let text =
            good.replacing("http://127.0.0.1:3000", with: "ftp://bob:hunter2@host")
            + "\n\"a\\nb\": 1\nlog: { level: \"x\\ty\" }\n"
        let lines = load(text).problems.map(\.description)
        #expect(lines.contains { $0.contains(#"url: "ftp://…@host" is not"#) })
        #expect(lines.contains { $0.contains(#":9:1: a\u{a}b: is not a known key"#) })
        #expect(lines.contains { $0.contains(#"level: "x\u{9}y" is not one of"#) })
        #expect(!lines.contains { $0.contains("hunter2") })
    }

    @Test func `a warning alone leaves the file usable`() {
        let text = good.replacing("{ file: secrets/client }", with: "hunter2")
        let (configuration, problems) = load(text)
        #expect(configuration != nil)
        #expect(problems.map(\.isWarning) == [true, true])
    }

    @Test func `null where something is required is a problem, never silence`() {
        for line in [
            "external_url: null", "provider: null", "upstreams: null", "routes: null",
            "upstreams: { site: { url: null } }", "providers: {}", "upstreams: {}", "routes: []",
        ] {
            let name = line.prefix { $0 != ":" }
            let kept = good.split(separator: "\n").filter { row in
                !row.hasPrefix(name == "providers" ? "provider:" : name + ":")
                    && !(name.hasPrefix("provider") && row.hasPrefix("  "))
            }
            let text = kept.joined(separator: "\n") + "\n" + line + "\n"
            let (configuration, problems) = load(text)
            #expect(configuration == nil, "\(line)")
            #expect(problems.contains { !$0.isWarning && $0.key != "file" }, "\(line)")
        }
    }

    @Test(
        arguments: [
            ("issuer", ["issuer", "preset"], "issuer"), ("isuser", ["preset", "issuer"], "issuer"),
            ("clientID", ["client_id", "client_key"], "client_id"),
            ("time-outs", ["limits", "timeouts"], "timeouts"), ("colour", ["path", "host"], nil),
            ("", ["path"], nil), ("hots", ["host", "path"], "host"),
        ] as [(String, [String], String?)])
    func `the nearest known name is the one meant`(name: String, known: [String], near: String?) {
        #expect(nearest(to: name, among: known) == near)
    }

    @Test(arguments: [
        ("", "abc", 3), ("abc", "abc", 0), ("abc", "acb", 1), ("kitten", "sitting", 3),
        ("abc", "", 3),
    ])
    func `an edit is an insertion, a deletion, a replacement or a swap`(
        from: String, to: String, distance: Int
    ) { #expect(editDistance(Array(from), Array(to)) == distance) }
}

@Suite struct `Values as written` {
    @Test(
        arguments: [
            ("500ms", 500), ("30s", 30_000), ("15m", 900_000), ("8h", 28_800_000),
            ("30d", 2_592_000_000), ("0s", 0), ("5", nil), ("-5s", nil), ("+5s", nil),
            ("1.5h", nil),
            ("s", nil), ("5 s", nil), ("5S", nil), ("99999999999999999999s", nil),
            ("9223372036854775807d", nil), ("٥s", nil),
        ] as [(String, Int?)])
    func `a duration is digits and a unit`(text: String, milliseconds: Int?) {
        #expect(parseDuration(text) == milliseconds.map { .milliseconds($0) })
    }

    @Test(
        arguments: [
            ("0", 0), ("16KiB", 16_384), ("1MiB", 1 << 20), ("2GiB", 2 << 30), ("100", 100),
            ("16KB", nil), ("16kib", nil), ("KiB", nil), ("9223372036854775807KiB", nil),
            ("1.5MiB", nil), ("", nil),
        ] as [(String, Int?)])
    func `a size is digits and perhaps a unit`(text: String, octets: Int?) {
        #expect(parseSize(text) == octets)
    }

    @Test(arguments: ["500ms", "30s", "60s", "90s", "15m", "1h", "8h", "30d", "0s"])
    func `a duration is printed as it is read`(text: String) {
        #expect(parseDuration(text).map(durationText) == text)
    }

    @Test(arguments: ["16KiB", "1MiB", "2GiB", "100", "0", "1025"])
    func `a size is printed as it is read`(text: String) {
        #expect(parseSize(text).map(sizeText) == text)
    }

    @Test(arguments: [
        ("/", true), ("/a", true), ("/a/", true), ("/a/b.c", true), ("/a%20b", true),
        ("/;a[1]", true), ("", false), ("a", false), ("//", false), ("/a//b", false),
        ("/a/../b", false), ("/.", false), ("/a?b", false), ("/a#b", false), ("/a b", false),
        ("/%41", false), ("/%2e", false), ("/%", false), ("/%4", false), ("/%zz", false),
        ("/a\\b", false), ("/é", false), ("/a*", false),
    ])
    func `a route's path is one that a request can have`(path: String, isCanonical: Bool) {
        #expect(isCanonicalPath(path) == isCanonical)
    }

    @Test(
        arguments: [
            ("127.0.0.1:8080", "127.0.0.1:8080"), ("localhost:80", "127.0.0.1:80"),
            ("\"[::]:443\"", "[::]:443"), ("\"[::1]:0\"", "[::1]:0"),
            ("unix:run/g", "unix:etc/run/g"),
            ("unix:/run/g", "unix:/run/g"), ("8080", nil), ("\":8080\"", nil), ("\"*:80\"", nil),
            ("127.0.0.1:65536", nil), ("127.0.0.1:+80", nil), ("\"[127.0.0.1]:80\"", nil),
            ("\"unix:\"", nil), ("0127.0.0.1:80", nil), ("\"::1:80\"", nil),
        ] as [(String, String?)])
    func `an address to listen on is a literal and a port, or a socket`(
        written: String, read: String?
    ) {
        let text = "listeners: [{ address: \(written) }]\n" + good
        #expect(load(text).configuration?.listeners.first?.label == read)
    }

    @Test(
        arguments: [
            ("example.com", "example.com"), ("Example.COM", "example.com"),
            ("\"*.example.com\"", "*.example.com"), ("\"[::1]\"", "[::1]"),
            ("127.0.0.1", "127.0.0.1"),
            ("example.com:80", nil), ("http://example.com", nil), ("exa mple.com", nil),
            ("\"*\"", nil), ("-a.com", nil), ("a..com", nil),
        ] as [(String, String?)])
    func `a host is a name or a name's children`(written: String, read: String?) {
        let text = good.replacing("path: /*,", with: "path: /*, host: \(written),")
        #expect(load(text).configuration?.routes.first?.host?.description == read)
    }
}

@Suite struct `A good file` {
    @Test func `the defaults are those of the product's page`() throws {
        let (read, problems) = load(good)
        let configuration = try #require(read)
        #expect(problems.map(\.key) == ["session.state_directory"])
        #expect(configuration.listeners.map(\.label) == ["127.0.0.1:8080"])
        #expect(configuration.admin == nil)
        #expect(configuration.threads == nil)
        #expect(configuration.hsts == nil)
        #expect(configuration.trustedProxies.blocks.isEmpty && !configuration.trustedProxies.unix)
        let provider = try #require(configuration.providers.first)
        #expect(provider.name == "")
        #expect(provider.issuer == "http://localhost:9000")
        #expect(provider.clientSecret == Secret("s3cret"))
        #expect(provider.clientAuthentication == .clientSecretBasic)
        #expect(provider.scopes == ["openid"])
        #expect(provider.responseMode == .query)
        let session = configuration.session
        #expect(session.idleTimeout == .seconds(1800) && session.lifetime == .seconds(28_800))
        #expect(session.loginTimeout == .seconds(1200))
        #expect(session.cookie.name == "gatehouse", "http takes the prefix away")
        #expect(session.cookie.budget == 8192)
        #expect(session.logout.provider && session.logout.redirect == nil)
        guard case .file("etc/secrets/session.keys", let keys) = session.keys else {
            return #expect(Bool(false))
        }
        #expect(keys == Array("1 key".utf8))
        #expect(configuration.limits == Limits())
        #expect(configuration.timeouts == Timeouts())
        let upstream = try #require(configuration.upstreams.first)
        #expect(upstream.hostSent == .client && upstream.via && upstream.scheme == .http)
        let route = try #require(configuration.routes.first)
        #expect(route.path == .prefix("") && route.access == .signedIn && route.providers == [0])
        #expect(route.cookies == .pass && route.identity && route.mergeSlashes)
        #expect(!route.injectsToken && !route.graphQL && !route.encodedSlashesPass)
        #expect(route.name == "/*")
        #expect(
            configuration.identity.headers.map(\.claim)
                == ["sub", "email", "preferred_username", "groups"])
    }

    static let full = """
        external_url: https://portal.example.com:8443/
        listeners:
          - { address: 0.0.0.0:8443, tls_terminated: true, health_path: /healthz }
          - address: unix:/run/gatehouse.sock
            tls_terminated: true
        admin: { address: "[::1]:9080" }
        threads: 3
        trusted_proxies: [10.0.0.0/8, unix, "2001:db8::1"]
        hsts: 365d
        providers:
          staff:
            issuer: https://idcs-0123.identity.oraclecloud.com:443
            preset: idcs
            accepted_issuers: [https://identity.oraclecloud.com/]
            client_id: portal
            client_secret: { env: CLIENT_SECRET }
            client_authentication: client_secret_post
            scopes: [openid, offline_access, "urn:opc:resource:consumer::all"]
            authorization_parameters: { prompt: login, domain_hint: "a b" }
            accepted_audiences: [https://api.example.com]
            ca_file: tls/ca.pem
        session:
          keys: { env: SESSION_KEYS }
          idle_timeout: 10m
          cookie: { name: __Host-portal, budget: 4KiB }
          logout: { provider: false, redirect: /bye, clear_site_data: [cache, "*"] }
        limits: { request_body: 10MiB, connections_per_client: 20 }
        timeouts: { response_start: 2m, request: 5m, drain_delay: 5s }
        log: { level: debug, format: text, access: false }
        upstreams:
          site: { url: "unix:run/site.sock", via: false }
          api: { url: https://api.example.com/, ca_file: tls/ca.pem, server_name: api.internal,
                 client_certificate: tls/ca.pem, client_key: tls/key.pem }
        routes:
          - { path: /graphql, graphql: true, upstream: api, upstream_path: /util/graphql,
              limits: { request_body: 1MiB }, timeouts: { response_start: 10s } }
          - { path: /v1/*, token: access_token, cookies: pass, upstream: api, upstream_path: /*,
              host: API.example.com, methods: [GET, POST], provider: staff, access: optional }
          - { path: /exact, upstream: site, access: public, identity: false }
          - { path: /*, upstream: site, host: "*.example.com" }
        identity: { headers: { X-User: sub }, unverified_email: true }
        """

    @Test func `every written value arrives`() throws {
        let (read, problems) = load(
            Self.full, environment: ["CLIENT_SECRET": "from env", "SESSION_KEYS": "1 key"])
        #expect(problems.filter { !$0.isWarning } == [])
        #expect(problems.map(\.key) == ["session.state_directory"])
        let configuration = try #require(read)
        #expect(configuration.externalURL.description == "https://portal.example.com:8443")
        #expect(
            configuration.listeners.map(\.label) == ["0.0.0.0:8443", "unix:/run/gatehouse.sock"])
        #expect(configuration.listeners.map(\.healthPath) == ["/healthz", nil])
        #expect(configuration.admin?.address.description == "[::1]:9080")
        #expect(configuration.threads == 3)
        #expect(configuration.trustedProxies.blocks.count == 2 && configuration.trustedProxies.unix)
        let inside = try #require(IPAddress(parsing: "10.1.2.3"))
        #expect(configuration.trustedProxies.contains(inside))
        #expect(configuration.hsts == .seconds(365 * 86_400))
        let provider = try #require(configuration.providers.first)
        #expect(provider.name == "staff" && provider.preset == .idcs)
        #expect(provider.issuer == "https://idcs-0123.identity.oraclecloud.com:443")
        #expect(provider.clientSecret == Secret("from env"))
        #expect(provider.authorizationParameters.map(\.name) == ["prompt", "domain_hint"])
        #expect(provider.authorizationParameters.map(\.value) == ["login", "a b"])
        #expect(provider.ca == Array(certificate.utf8))
        guard case .fixed(let keys) = configuration.session.keys else {
            return #expect(Bool(false))
        }
        #expect(keys == Array("1 key".utf8))
        #expect(configuration.session.cookie.name == "__Host-portal")
        #expect(configuration.session.logout.clearSiteData == ["cache", "*"])
        #expect(configuration.limits.requestBody == 10 << 20)
        #expect(configuration.timeouts.request == .seconds(300))
        #expect(configuration.log.level == .debug && !configuration.log.access)
        #expect(configuration.upstreams.map(\.name) == ["site", "api"])
        #expect(configuration.upstreams[0].servers == [.unix("etc/run/site.sock")])
        #expect(configuration.upstreams[1].hostSent == .upstream)
        #expect(configuration.upstreams[1].origin.description == "https://api.example.com")
        let routes = configuration.routes
        #expect(routes.map(\.upstream) == [1, 1, 0, 0])
        #expect(routes[0].upstreamPath == .exact("/util/graphql"))
        #expect(routes[0].cookies == .drop && routes[0].injectsToken && routes[0].graphQL)
        #expect(routes[0].limits.requestBody == 1 << 20)
        #expect(
            routes[0].limits.connectionsPerClient == 20, "what a route does not say, the file does")
        #expect(routes[0].timeouts.responseStart == .seconds(10))
        #expect(routes[0].timeouts.request == .seconds(300))
        #expect(routes[1].upstreamPath == .prefix(""))
        #expect(routes[1].host == .exact("api.example.com"))
        #expect(routes[1].methods == ["GET", "POST", "HEAD"])
        #expect(routes[1].cookies == .pass && routes[1].access == .optional)
        #expect(
            routes.map(\.name) == ["/graphql", "api.example.com/v1/*", "/exact", "*.example.com/*"])
        #expect(
            configuration.redirectURIs == [
                "https://portal.example.com:8443/.auth/callback/staff",
                "https://api.example.com:8443/.auth/callback/staff",
            ])
    }

    @Test func `each host has a redirect URI, once`() throws {
        let text = good.replacing(
            "routes: [{ path: /*, upstream: site }]",
            with: "routes: [{ path: /a, upstream: site, host: a.localhost }, "
                + "{ path: /b, upstream: site, host: a.localhost }, { path: /*, upstream: site }]")
        #expect(
            load(text).configuration?.redirectURIs == [
                "http://localhost:8080/.auth/callback", "http://a.localhost:8080/.auth/callback",
            ])
    }

    @Test func `without keys a warning says when sessions end`() {
        let text = good.replacing("session: { keys: { file: secrets/session.keys } }\n", with: "")
        #expect(
            problems(text).map { $0.prefix { $0 != "\n" } } == [
                "1:1: session.keys: warning: is not set, so sessions end with the process"
            ])
        guard case .ephemeral? = load(text).configuration?.session.keys else {
            return #expect(Bool(false))
        }
    }

    @Test func `a secret that every user may write is a warning`() {
        #expect(problems(good, modes: ["etc/secrets/client": 0o646]).count == 1)
        #expect(problems(good, modes: ["etc/secrets/client": 0o640]) == [])
    }

    @Test func `one newline ends a secret, and further ones belong to it`() {
        for (contents, secret) in [("x\n", "x"), ("x\r\n", "x"), ("x\n\n", "x\n"), ("x", "x")] {
            let read = load(good, files: ["etc/secrets/client": contents]).configuration
            #expect(read?.providers.first?.clientSecret == Secret(secret))
        }
    }
}

// From a file to a configuration: read, join, check, and only then hand out.

internal import Cryptography
internal import HTTP
internal import Values
internal import YAML

package enum Loaded {
    /// Reads the file that `source` names. Every problem is reported, in the order of the file; there
    /// is a configuration exactly where all of them are warnings.
    package static func load(
        _ source: ConfigurationSource
    ) -> (configuration: Configuration?, problems: [Problem]) {
        var reading = Reading(source)
        guard let draft = read(&reading) else { return (nil, reading.problems) }
        ListenerChecks.check(draft, &reading)
        CertificateChecks.check(draft, &reading)
        ProviderChecks.check(draft, &reading)
        SessionChecks.check(draft, &reading)
        UpstreamChecks.check(draft, &reading)
        RouteChecks.check(draft, &reading)
        RouteReach.check(draft, &reading)
        guard !reading.hasError else { return (nil, reading.problems) }
        let configuration = Configuration(draft)
        if configuration == nil {
            // Nothing in the file was called wrong, so what is missing is a check of ours.
            reading.problem(
                "file", "cannot be used, for a reason that gatehouse failed to find",
                fix: "please report it, with the file")
        }
        return (configuration, reading.problems)
    }

    private static func read(_ reading: inout Reading) -> Draft? {
        let octets: [UInt8]
        switch reading.source.read(reading.source.file) {
        case .success(let contents): octets = contents
        case .failure(let failure):
            reading.problem(
                "file", "cannot be read: \(failure.text)",
                fix: "check the path and that gatehouse's user may read it")
            return nil
        }
        let document = YAML.read(octets)
        for fault in document.faults { reading.syntaxProblem(fault) }
        // After a syntax error nothing else is known. An empty file is an empty mapping, so that what
        // is required is said.
        if document.root == nil, !document.faults.isEmpty { return nil }
        var root = document.root ?? .mapping([], mark: .start)
        if root.isNull { root = .mapping([], mark: root.mark) }
        reading.remember(root)
        guard case .mapping = root else {
            reading.problem(
                "file", "must be a mapping of keys, not \(root.kindInWords)",
                fix: "write `external_url: https://…` and the other keys, one a line")
            return nil
        }
        return RootTable.root.read(root, "", &reading)?.value
    }
}

extension Configuration {
    /// What a draft without problems becomes. `nil` would be a check that is missing: everything
    /// required is there, and every name is known.
    init?(_ draft: Draft) {
        guard let externalURL = draft.externalURL, let upstreams = draft.upstreams,
            let routes = draft.routes
        else { return nil }
        let asksSeveralResources = Set(routes.compactMap(\.tokenAudience)).count > 1
        let providers = draft.allProviders.compactMap {
            ProviderSettings($0.name, $0.value, asksSeveralResources: asksSeveralResources)
        }
        let upstreamNames = upstreams.map(\.name)
        let providerNames = providers.map(\.name)
        self.externalURL = externalURL
        listeners = ListenerChecks.effective(draft.listeners).compactMap(ListenerSettings.init)
        admin = draft.admin.flatMap(AdminSettings.init)
        threads = draft.threads
        trustedProxies = draft.trustedProxies
        hsts = draft.hsts
        self.providers = providers
        session = SessionSettings(draft.session, isSecure: externalURL.scheme == .https)
        limits = draft.limits
        timeouts = draft.timeouts
        log = draft.log
        self.upstreams = upstreams.compactMap { UpstreamSettings($0.name, $0.value) }
        self.routes = routes.enumerated().compactMap { index, route in
            RouteSettings(
                route, index: index, limits: draft.limits, timeouts: draft.timeouts,
                upstreams: upstreamNames, providers: providerNames)
        }
        identity = draft.identity
        guard self.upstreams.count == upstreams.count, self.routes.count == routes.count,
            !self.listeners.isEmpty, !self.providers.isEmpty
        else { return nil }
    }
}

extension ListenerSettings {
    fileprivate init?(_ draft: ListenerDraft) {
        guard let address = draft.address else { return nil }
        self.init(
            address: address, tls: draft.tls, proxyProtocol: draft.proxyProtocol,
            tlsTerminated: draft.tlsTerminated, h2c: draft.h2c, healthPath: draft.healthPath,
            redirectToHTTPS: draft.redirectToHTTPS)
    }
}

extension AdminSettings {
    fileprivate init?(_ draft: AdminDraft) {
        guard let address = draft.address else { return nil }
        self.init(address: address, control: draft.control)
    }
}

extension ProviderDraft {
    /// Oracle's domains refuse scopes of two resource servers in one request, unless it says so.
    fileprivate func scopeOfSeveral(_ asksSeveralResources: Bool) -> [String] {
        let scope = "urn:opc:resource:multiresourcescope"
        return asksSeveralResources && preset == .idcs && !scopes.contains(scope) ? [scope] : []
    }
}

extension ProviderSettings {
    fileprivate init?(
        _ name: String, _ draft: ProviderDraft, asksSeveralResources: Bool
    ) {
        guard let issuer = draft.issuer, let clientID = draft.clientID else { return nil }
        self.init(
            name: name, issuer: issuer.text, issuerURL: issuer.url, preset: draft.preset,
            acceptedIssuers: draft.acceptedIssuers, clientID: clientID,
            clientSecret: draft.clientSecret, clientAuthentication: draft.clientAuthentication,
            clientKey: draft.clientKey,
            clientPrivateKey: draft.clientKey.flatMap(ProviderChecks.privateKey),
            clientKeyID: draft.clientKeyID,
            assertionAudience: AssertionAudience(draft.assertionAudience),
            clientCertificate: draft.clientCertificate,
            responseType: draft.responseType,
            responseMode: draft.responseMode
                ?? (draft.responseType == .idToken ? .formPost : .query),
            pushedRequests: draft.pushedRequests, userinfo: draft.userinfo,
            acceptedAudiences: draft.acceptedAudiences,
            scopes: draft.scopes + draft.scopeOfSeveral(asksSeveralResources),
            authorizationParameters: draft.authorizationParameters,
            passParameters: draft.passParameters, ca: draft.ca)
    }
}

extension SessionSettings {
    /// Without https browsers keep no cookie that claims to be secure by its name.
    fileprivate init(_ draft: SessionDraft, isSecure: Bool) {
        var cookie = draft.cookie
        if !isSecure {
            for prefix in ["__Host-", "__Secure-"] where cookie.name.hasPrefix(prefix) {
                cookie.name.removeFirst(prefix.count)
            }
        }
        let keys: KeysSource =
            switch (draft.keys, draft.keys?.path) {
            case (nil, _): .ephemeral
            case (let keys?, let path?): .file(path: path, octets: keys.value.exposed)
            case (let keys?, nil): .fixed(octets: keys.value.exposed)
            }
        self.init(
            storage: draft.storage, keys: keys, redis: draft.redis,
            stateDirectory: draft.stateDirectory, idleTimeout: draft.idleTimeout,
            lifetime: draft.lifetime, loginTimeout: draft.loginTimeout, cookie: cookie,
            logout: draft.logout)
    }
}

extension UpstreamSettings {
    fileprivate init?(_ name: String, _ draft: UpstreamDraft) {
        let servers = draft.allServers
        guard let first = servers.first else { return nil }
        self.init(
            name: name, servers: servers.map(\.address), scheme: first.scheme,
            hostSent: draft.host ?? (first.scheme == .https ? .upstream : .client), via: draft.via,
            ca: draft.ca, serverName: draft.serverName, clientCertificate: draft.clientCertificate,
            clientKey: draft.clientKey, balance: draft.balance, healthCheck: draft.healthCheck,
            origin: first.origin)
    }
}

extension RouteSettings {
    fileprivate init?(
        _ draft: RouteDraft, index: Int, limits: Limits, timeouts: Timeouts, upstreams: [String],
        providers: [String]
    ) {
        guard let path = draft.path, let upstream = upstreams.firstIndex(of: draft.upstream ?? "")
        else { return nil }
        let named = draft.provider.map { [$0] } ?? draft.providers ?? []
        self.init(
            index: index, path: path, host: draft.host, methods: draft.effectiveMethods,
            upstream: upstream, upstreamPath: draft.upstreamPath.map(UpstreamPath.init),
            access: draft.access, injectsToken: draft.injectsToken,
            tokenAudience: draft.tokenAudience, graphQL: draft.graphQL,
            cookies: draft.cookies ?? (draft.injectsToken ? .drop : .pass),
            identity: draft.identity, encodedSlashesPass: draft.encodedSlashes == .pass,
            mergeSlashes: draft.mergeSlashes,
            limits: LimitsTable.limits.overlay(draft.limits, on: limits),
            timeouts: LimitsTable.timeouts.overlay(draft.timeouts, on: timeouts),
            providers: named.isEmpty ? [0] : named.compactMap(providers.firstIndex(of:)),
            scopes: draft.scopes, acrValues: draft.acrValues, maxAge: draft.maxAge,
            prompt: draft.prompt, upgrades: draft.upgrades,
            name: (draft.host?.description ?? "") + path.description)
    }
}

extension UpstreamPath {
    fileprivate init(_ text: String) {
        self = text.hasSuffix("/*") ? .prefix(String(text.dropLast(2))) : .exact(text)
    }
}

// One configuration, compiled for answering requests.
//
// Made once at start and at every reload, never changed, shared by nobody's hot path: each loop
// holds its reference and what is in flight keeps the one it began with. What a request would
// otherwise have to compute from settings is here, in octets.

package import Configuration
internal import HTTP
package import Sessions
internal import Values

package final class Snapshot: Sendable {
    package let configuration: Configuration
    package let ring: KeyRing
    /// Sessions kept in this process; the same through every reload.
    package let memory: MemoryStore
    package let hops: HopMemory
    /// Counts reloads, so that a log line can say which configuration answered.
    package let generation: Int

    package let routes: RouteTable
    let compiled: [CompiledRoute]
    /// By listener.
    let entrances: [Entrance]
    let hosts: HostTable
    let ownFields: OwnFields
    let identityFields: IdentityFields
    let cookieNames: CookieNames
    /// By provider.
    let sessionCookies: [SessionCookies]
    let loginCookies: LoginCookies
    let lifetime: SessionLifetime
    /// `bindings[host][provider]`: what a session opened there has to be bound to.
    let bindings: [[[UInt8]]]
    /// By provider: whose sessions end together.
    package let realms: [SessionRealm]
    /// Whether a login can give a token that some route sends.
    let hasTokenRoutes: Bool
    /// Strict-Transport-Security for what we answer ourselves (RFC 6797 §7.2: over TLS only).
    let strictTransportSecurity: String?
    /// `external_url` for `realm`.
    let challenge: String

    /// - Parameter memory: by default one of its own, for tests and commands.
    package init(
        configuration: Configuration, ring: KeyRing, generation: Int,
        memory: MemoryStore = MemoryStore(
            node: "", process: [UInt8](repeating: 0, count: SessionHandle.processOctets)),
        hops: HopMemory = HopMemory()
    ) {
        self.memory = memory
        self.hops = hops
        self.configuration = configuration
        self.ring = ring
        self.generation = generation
        let hosts = HostTable(configuration)
        routes = RouteTable(configuration.routes)
        self.hosts = hosts
        compiled = configuration.routes.map { route in
            CompiledRoute(route, configuration.upstreams[route.upstream])
        }
        entrances = configuration.listeners.map(Entrance.init)
        ownFields = OwnFields(configuration.identity)
        identityFields = IdentityFields(configuration.identity)
        cookieNames = CookieNames(configuration)
        let isSecure = configuration.externalURL.scheme == .https
        let cookie = configuration.session.cookie
        sessionCookies = configuration.providers.map { provider in
            SessionCookies(
                named: cookie.name, provider: provider.name, isSecure: isSecure,
                sameSite: cookie.sameSite == .strict ? .strict : .lax)
        }
        loginCookies = LoginCookies(named: cookie.name, isSecure: isSecure)
        lifetime = SessionLifetime(idleTimeout: configuration.session.idleTimeout)
        bindings = hosts.hosts.map { host in
            switch host.pattern {
            case .exact(let name): Snapshot.bindings(onHost: name, configuration.providers)
            case .suffix: []
            }
        }
        realms = configuration.providers.map {
            SessionRealm(issuer: $0.issuer, clientID: $0.clientID)
        }
        hasTokenRoutes = configuration.routes.contains { $0.injectsToken }
        strictTransportSecurity = configuration.hsts.flatMap { age in
            isSecure
                ? "max-age=\(age.components.seconds)" : nil
        }
        challenge = "Bearer realm=\"\(configuration.externalURL)\""
    }

    static func bindings(onHost host: String, _ providers: [ProviderSettings]) -> [[UInt8]] {
        providers.map { provider in
            Session.binding(host: host, issuer: provider.issuer, clientID: provider.clientID)
        }
    }
}

/// What every request asks of the listener that it came by.
struct Entrance: Sendable {
    let healthPath: [UInt8]?
    let redirectsToHTTPS: Bool

    init(_ settings: ListenerSettings) {
        healthPath = settings.healthPath.map { Array($0.utf8) }
        redirectsToHTTPS = settings.redirectToHTTPS
    }
}

/// A route with what it leads to, as one reference: a request looks at it and copies nothing.
final class CompiledRoute: Sendable {
    let settings: RouteSettings
    let upstream: UpstreamSettings
    /// What `Host` says where the upstream's own is sent.
    let upstreamHost: [UInt8]

    init(_ settings: RouteSettings, _ upstream: UpstreamSettings) {
        self.settings = settings
        self.upstream = upstream
        upstreamHost = Array(upstream.origin.hostField.utf8)
    }
}

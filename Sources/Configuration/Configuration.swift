// The checked configuration: complete, and it never changes.
//
// `Loaded` makes one from a file and hands it out only when nothing in the file was wrong, so that
// who holds a `Configuration` checks nothing again. A reload makes another. What each key means is
// declared in the tables (`RootTable` and those below it); the setting types here say what a key
// became. Files that a key names have been read: the values carry their octets.

package import HTTP

package struct Configuration: Sendable {
    /// The origin browsers see.
    package let externalURL: Origin
    /// At least one, each with an address of its own.
    package let listeners: [ListenerSettings]
    /// `nil`: there is no admin listener.
    package let admin: AdminSettings?
    /// `nil`: one loop per core.
    package let threads: Int?
    package let trustedProxies: TrustedProxies
    package let hsts: Duration?
    /// At least one; under `provider:` it is the one and its name is empty.
    package let providers: [ProviderSettings]
    package let session: SessionSettings
    package let limits: Limits
    package let timeouts: Timeouts
    package let log: LogSettings
    /// In the order of their names, as written.
    package let upstreams: [UpstreamSettings]
    /// First match wins.
    package let routes: [RouteSettings]
    package let identity: IdentitySettings
}

extension Configuration {
    /// Each address to register with a provider as `redirect_uri`: on external_url's host and on
    /// each route's, since sessions are per host. A wildcard host has no finite list, so its hosts
    /// are not here.
    package var redirectURIs: [String] {
        origins.flatMap { origin in
            providers.map { "\(origin)\(Self.callbackPath(ofProviderNamed: $0.name))" }
        }
    }

    /// Those of one provider: a host's each.
    package func redirectURIs(ofProviderNamed name: String) -> [String] {
        origins.map { "\($0)\(Self.callbackPath(ofProviderNamed: name))" }
    }

    private var origins: [Origin] {
        var hosts = [externalURL.host]
        for route in routes {
            if case .exact(let host)? = route.host, !hosts.contains(host) { hosts.append(host) }
        }
        // Each host was read as one, so each makes an origin.
        return hosts.compactMap {
            Origin(scheme: externalURL.scheme, host: $0, port: externalURL.port)
        }
    }

    /// `/.auth/callback`, or `/.auth/callback/NAME` for an entry of `providers:`.
    package static func callbackPath(ofProviderNamed name: String) -> String {
        name.isEmpty ? "/.auth/callback" : "/.auth/callback/" + name
    }
}

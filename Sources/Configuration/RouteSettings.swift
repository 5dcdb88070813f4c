// One route: which requests it takes, who may pass, and where they go.

package struct RouteSettings: Sendable {
    /// Its place in the list, from 0.
    package let index: Int
    package let path: PathPattern
    package let host: HostPattern?
    /// Upper case; `HEAD` is there wherever `GET` is. `nil`: every method.
    package let methods: [String]?
    /// An index into `Configuration.upstreams`.
    package let upstream: Int
    package let upstreamPath: UpstreamPath?
    package let access: RouteAccess
    /// Whether the access token is sent; true on every GraphQL route.
    package let injectsToken: Bool
    /// Of several access tokens the one for this resource server; `nil`: the first.
    package let tokenAudience: String?
    package let graphQL: Bool
    package let cookies: CookieTreatment
    package let identity: Bool
    package let encodedSlashesPass: Bool
    package let mergeSlashes: Bool
    /// The configuration's own, with what the route changes.
    package let limits: Limits
    package let timeouts: Timeouts
    /// Indexes into `Configuration.providers`, at least one; several are chosen from by the visitor.
    package let providers: [Int]
    package let scopes: [String]
    package let acrValues: [String]
    package let maxAge: Duration?
    package let prompt: String?
    package let upgrades: [String]
    /// For metrics and the log: host and path as written.
    package let name: String
}

package enum PathPattern: Hashable, Sendable, CustomStringConvertible {
    case exact(String)
    /// What stands before `/*`, empty for `/*` itself. It covers the prefix and, behind a slash,
    /// everything below it.
    case prefix(String)

    /// Whether every path that `other` takes is one that this takes too.
    package func covers(_ other: PathPattern) -> Bool {
        switch (self, other) {
        case (.exact(let own), .exact(let path)): own == path
        case (.exact, .prefix): false
        case (.prefix(let own), .exact(let path)), (.prefix(let own), .prefix(let path)):
            path == own || path.hasPrefix(own + "/")
        }
    }

    package var description: String {
        switch self {
        case .exact(let path): path
        case .prefix(let prefix): prefix + "/*"
        }
    }
}

package enum HostPattern: Hashable, Sendable, CustomStringConvertible {
    case exact(String)  // lower case, without a port
    case suffix(String)  // `.example.com` for `*.example.com`

    package func covers(_ other: HostPattern) -> Bool {
        switch (self, other) {
        case (.exact(let own), .exact(let host)): own == host
        case (.exact, .suffix): false
        case (.suffix(let own), .exact(let host)): host.hasSuffix(own) && host.count > own.count
        case (.suffix(let own), .suffix(let suffix)): suffix.hasSuffix(own)
        }
    }

    package var description: String {
        switch self {
        case .exact(let host): host
        case .suffix(let suffix): "*" + suffix
        }
    }
}

package enum UpstreamPath: Hashable, Sendable {
    case exact(String)
    /// What replaces the matched prefix: `/v1` for `/v1/*`, empty for `/*`.
    case prefix(String)
}

package enum RouteAccess: String, CaseIterable, Sendable {
    case signedIn = "signed_in"
    case `public`
    case optional
}

package enum CookieTreatment: String, CaseIterable, Sendable { case pass, drop }

// What is done with a request that passes, and with the answer to it.
//
// The plan keeps the snapshot it was made under, so that a reload never changes the second half of
// an exchange. It is small and copies nothing in the steady state: the host asked for is an index
// where the configuration names it, octets only under a wildcard.

package import Configuration
internal import HTTP
internal import Sessions
internal import Values

package struct ForwardPlan {
    package let snapshot: Snapshot
    /// An index into the configuration's routes.
    package let route: Int
    /// An index into the configuration's upstreams.
    package let upstream: Int
    /// Whether trailers of the answer may be passed on.
    package let acceptsTrailers: Bool
    let hop: HopTerms
    package let injectsToken: Bool
    /// Whether the session was read: then an answer without Cache-Control gets `private`.
    let readsSession: Bool
    let cookies: CookiesToAdd
    let host: AskedHost

    var compiled: CompiledRoute { snapshot.compiled[route] }
    /// What the server writes into `Connection` and `Upgrade` behind the head, and couples the two
    /// sides for on a 101.
    package var upgrade: UpgradeAsked {
        if case .special(let upgrade, _) = hop { upgrade } else { .none }
    }
    package var isUpgrade: Bool { upgrade != .none }
    /// What the request's `Connection` named, where trailers may follow: a list of names.
    var endingHere: [UInt8] {
        if case .special(_, let names) = hop { names } else { [] }
    }
    package var settings: RouteSettings { compiled.settings }
    package var upstreamSettings: UpstreamSettings { compiled.upstream }
    /// The origin asked for, as it stands in a Location.
    var originOctets: [UInt8] {
        switch host {
        case .named(let index): snapshot.hosts.hosts[index].originOctets
        case .wildcard(let name): Array(snapshot.hosts.origin(onHost: name).description.utf8)
        }
    }
    package var timeouts: Timeouts { settings.timeouts }
    package var limits: Limits { settings.limits }
}

/// What few requests have to say of this hop; the others carry nothing for it.
indirect enum HopTerms: Sendable {
    case usual
    case special(UpgradeAsked, endingHere: [UInt8])
}

/// The cookies of ours that an upstream's answer carries.
indirect enum CookiesToAdd: Sendable {
    case none
    /// A flow made these: they go out whatever the answer says of caching.
    case made([String], of: Session, provider: Int)
    /// The session is sealed again as the answer leaves, provided no shared cache would keep it.
    case extend(
        Session, provider: Int, replacing: SessionCookies.Pieces, decidedAt: UnixTime)
}

/// The host a request asked for, as something that outlives its octets.
enum AskedHost: Sendable {
    /// An index into `HostTable.hosts`.
    case named(Int)
    /// One that a `*.example.com` covers.
    case wildcard([UInt8])
}

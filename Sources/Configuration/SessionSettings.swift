// Where a session is kept, how long it lives, and what its cookies are called.

package import Cryptography
package import Redis

package struct SessionSettings: Sendable {
    package let storage: SessionStorage
    package let keys: KeysSource
    package let redis: RedisSettings?
    /// An absolute path.
    package let stateDirectory: String?
    package let idleTimeout: Duration
    package let lifetime: Duration
    package let loginTimeout: Duration
    package let cookie: CookieSettings
    package let logout: LogoutSettings
}

package enum SessionStorage: String, CaseIterable, Sendable { case cookie, memory, redis }

/// Where the ring of session keys comes from; what the file holds is the Sessions room's to read.
package enum KeysSource: Sendable {
    /// Read again while running, so the path (absolute) stays.
    case file(path: String, octets: [UInt8])
    /// From the environment or written in the file itself: the same until the configuration is
    /// loaded again.
    case fixed(octets: [UInt8])
    /// Made at start; sessions end with the process.
    case ephemeral
}

package struct RedisSettings: Equatable, Sendable {
    /// As it is written: for the log.
    package internal(set) var url: String?
    package internal(set) var user: Secret?
    package internal(set) var password: Secret?
    /// PEM; `nil`: the system's authorities.
    package internal(set) var ca: [UInt8]?

    package var location: RedisLocation? { url.flatMap(RedisLocation.init(parsing:)) }

    package init() {}
}

package struct CookieSettings: Sendable {
    /// As browsers see it: under an `http` external_url it has lost its `__Host-` prefix.
    package internal(set) var name = "__Host-gatehouse"
    package internal(set) var sameSite = SameSite.lax
    /// Octets of all of a session's cookies together.
    package internal(set) var budget = 8192
}

package enum SameSite: String, CaseIterable, Sendable { case lax, strict }

package struct LogoutSettings: Sendable {
    /// Whether logout also ends the session at the provider.
    package internal(set) var provider = true
    /// A path of ours or an absolute URL.
    package internal(set) var redirect: String?
    /// Members of Clear-Site-Data, without their quotes.
    package internal(set) var clearSiteData: [String] = []
}

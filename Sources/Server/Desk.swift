// Who answers the requests of a listener: the site behind its gatekeeper, or the admin's own answers.

package import Gateway

package enum Desk: Sendable {
    /// Every request is decided by the worker's gatekeeper.
    case site
    /// Every request is answered by this, which may wait (metrics are gathered from all loops).
    case admin(@Sendable (AdminRequest) async -> Answer)
}

/// A request to the admin listener, small and copied.
package struct AdminRequest: Sendable {
    package let method: String
    /// As it came, with its query.
    package let target: String
    /// The Host field as it came; empty where there was none.
    package let host: String
    package let content: [UInt8]
    /// A page of some site made it: monitors and commands send neither Origin nor Sec-Fetch-Site.
    package let isFromPage: Bool

    /// At most this much content is taken; 413 past it.
    package static let contentOctetsMax = 65_536

    /// The target without its query.
    package var path: String { String(target.prefix { $0 != "?" }) }
}

// Where requests are forwarded to.

package import HTTP

package struct UpstreamSettings: Sendable {
    package let name: String
    /// At least one, all of one scheme.
    package let servers: [UpstreamAddress]
    package let scheme: UpstreamScheme
    package let hostSent: HostSent
    package let via: Bool
    /// PEM; `nil`: the system's authorities.
    package let ca: [UInt8]?
    /// The name asked for in TLS and looked for in the certificate; `nil`: the server's host.
    package let serverName: String?
    /// PEM, both or neither.
    package let clientCertificate: [UInt8]?
    package let clientKey: [UInt8]?
    package let balance: Balance
    package let healthCheck: HealthCheck?
    /// The first server's; `http://localhost` for a unix socket. What a Location that points at the
    /// upstream begins with.
    package let origin: Origin
}

package enum UpstreamAddress: Hashable, Sendable, CustomStringConvertible {
    case tcp(Origin)
    case unix(String)  // an absolute path

    package var description: String {
        switch self {
        case .tcp(let origin): origin.description
        case .unix(let path): "unix:\(path)"
        }
    }
}

package enum UpstreamScheme: String, CaseIterable, Sendable { case http, https, h2c }

/// Whose Host an upstream is sent.
package enum HostSent: String, CaseIterable, Sendable { case client, upstream }

package enum Balance: String, CaseIterable, Sendable {
    case roundRobin = "round_robin"
    case leastRequests = "least_requests"
}

package struct HealthCheck: Sendable {
    package internal(set) var path = "/healthz"
    package internal(set) var interval: Duration = .seconds(5)
    package internal(set) var timeout: Duration = .seconds(2)
}

// How much and how long: for the process, and narrowed or widened by a route.
//
// The initial values are the defaults that the reference page prints.

package struct Limits: Sendable, Equatable {
    package internal(set) var requestLine = 16 * 1024  // octets
    package internal(set) var requestHead = 64 * 1024  // octets
    package internal(set) var requestFields = 128
    package internal(set) var requestBody: Int?  // octets
    package internal(set) var connections = 20_000
    package internal(set) var connectionsPerClient: Int?
    package internal(set) var minimumRate: Int?  // octets a second
    package internal(set) var memory: Int?  // octets
}

package struct Timeouts: Sendable, Equatable {
    package internal(set) var tlsHandshake: Duration = .seconds(10)
    package internal(set) var requestHead: Duration = .seconds(10)
    package internal(set) var requestBody: Duration = .seconds(30)
    package internal(set) var keepAlive: Duration = .seconds(75)
    package internal(set) var connect: Duration = .seconds(5)
    package internal(set) var responseStart: Duration = .seconds(60)
    package internal(set) var responseIdle: Duration = .seconds(60)
    package internal(set) var clientWrite: Duration = .seconds(60)
    package internal(set) var upstreamWrite: Duration = .seconds(60)
    package internal(set) var request: Duration?
    package internal(set) var upgradedIdle: Duration = .seconds(3600)
    package internal(set) var upstreamIdle: Duration = .seconds(4)
    package internal(set) var drain: Duration = .seconds(30)
    package internal(set) var drainDelay: Duration = .zero
}

// What one loop counts while it serves: plain numbers behind small indexes, so that counting a request
// costs a few additions and no lock. The labels that turn indexes into text belong to the
// configuration; `Totals` joins the two when somebody asks, and before a reload changes the indexes.

/// The standard methods of product.md's `method` label, then one for all the others.
package enum MethodLabel {
    package static let names = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "OTHER",
    ]
}

/// Durations in cumulative buckets, as Prometheus reads them.
package struct Histogram: Sendable, Equatable {
    /// Upper bounds in seconds; one more bucket, without a bound, follows them.
    package static let bounds: [Double] = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
    ]

    package private(set) var buckets = [UInt64](repeating: 0, count: bounds.count + 1)
    package private(set) var sum = 0.0
    package var count: UInt64 { buckets.reduce(0, &+) }

    package init() {}

    package mutating func observe(_ seconds: Double) {
        var index = 0
        while index < Self.bounds.count, seconds > Self.bounds[index] { index += 1 }
        buckets[index] &+= 1
        sum += seconds
    }

    package mutating func add(_ other: Histogram) {
        for index in buckets.indices { buckets[index] &+= other.buckets[index] }
        sum += other.sum
    }
}

package struct Counts: Sendable {
    /// How many requests ended with this method and status.
    struct Cell: Sendable {
        let method: UInt8
        let status: UInt16
        var count: UInt64
    }

    /// One list for each route, then one for requests that matched none. A route sees few methods and
    /// statuses, so they are found by looking along the list.
    private(set) var requests: [[Cell]]
    /// One for each route, then one for requests that matched none.
    private(set) var durations: [Histogram]
    private(set) var upstreamDurations: [Histogram]
    package var sessionsOpened: UInt64 = 0
    package var sessionsNotOpened: UInt64 = 0
    package var tlsHandshakes: UInt64 = 0
    package var tlsHandshakesFailed: UInt64 = 0

    package init(routes: Int, upstreams: Int) {
        requests = Array(repeating: [], count: routes + 1)
        durations = Array(repeating: Histogram(), count: routes + 1)
        upstreamDurations = Array(repeating: Histogram(), count: upstreams)
    }

    /// - Parameters:
    ///   - route: the route's index, or −1 where none matched.
    ///   - method: an index into `MethodLabel.names`.
    package mutating func request(route: Int, method: Int, status: Int, seconds: Double) {
        let place = durations.indices.contains(route) ? route : durations.count - 1
        durations[place].observe(seconds)
        let method = UInt8(truncatingIfNeeded: method)
        let status = UInt16(truncatingIfNeeded: status)
        for index in requests[place].indices
        where requests[place][index].status == status && requests[place][index].method == method {
            requests[place][index].count &+= 1
            return
        }
        requests[place].append(Cell(method: method, status: status, count: 1))
    }

    package mutating func upstream(_ index: Int, seconds: Double) {
        guard upstreamDurations.indices.contains(index) else { return }
        upstreamDurations[index].observe(seconds)
    }
}

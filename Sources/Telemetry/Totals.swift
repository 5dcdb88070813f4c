// Counts under their labels, summed over loops and over reloads. A cold value: it is made when
// `/metrics` is asked for, and when a reload is about to change what a route's index means.

package struct Totals: Sendable {
    struct RequestLabels: Hashable { let route: String, method: String, status: UInt16 }

    private(set) var requests: [RequestLabels: UInt64] = [:]
    private(set) var durations: [String: Histogram] = [:]
    private(set) var upstreamDurations: [String: Histogram] = [:]
    private(set) var sessionsOpened: UInt64 = 0
    private(set) var sessionsNotOpened: UInt64 = 0
    private(set) var tlsHandshakes: UInt64 = 0
    private(set) var tlsHandshakesFailed: UInt64 = 0

    package init() {}

    /// - Parameters:
    ///   - routes: the label of each route, by its index.
    ///   - upstreams: the name of each upstream, by its index.
    package mutating func add(_ counts: Counts, routes: [String], upstreams: [String]) {
        func label(_ index: Int) -> String {
            routes.indices.contains(index) ? routes[index] : "none"
        }
        for (index, cells) in counts.requests.enumerated() {
            for cell in cells {
                let method = MethodLabel.names[min(Int(cell.method), MethodLabel.names.count - 1)]
                let labels = RequestLabels(
                    route: label(index), method: method, status: cell.status)
                requests[labels, default: 0] &+= cell.count
            }
        }
        for (index, histogram) in counts.durations.enumerated() where histogram.count > 0 {
            durations[label(index), default: Histogram()].add(histogram)
        }
        for (name, histogram) in zip(upstreams, counts.upstreamDurations) {
            upstreamDurations[name, default: Histogram()].add(histogram)
        }
        sessionsOpened &+= counts.sessionsOpened
        sessionsNotOpened &+= counts.sessionsNotOpened
        tlsHandshakes &+= counts.tlsHandshakes
        tlsHandshakesFailed &+= counts.tlsHandshakesFailed
    }

    package mutating func add(_ other: Totals) {
        requests.merge(other.requests, uniquingKeysWith: &+)
        for (label, histogram) in other.durations {
            durations[label, default: Histogram()].add(histogram)
        }
        for (label, histogram) in other.upstreamDurations {
            upstreamDurations[label, default: Histogram()].add(histogram)
        }
        sessionsOpened &+= other.sessionsOpened
        sessionsNotOpened &+= other.sessionsNotOpened
        tlsHandshakes &+= other.tlsHandshakes
        tlsHandshakesFailed &+= other.tlsHandshakesFailed
    }
}

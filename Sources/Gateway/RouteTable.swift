// Which route takes a request: the first in the file whose path, host and method fit.
//
// Paths are compared as octets, already canonical. A path can be met by one exact pattern and by a
// prefix for each of its segments, so these few are looked up by hash and the earliest of what they
// give wins; a thousand routes cost what one does.

package import Configuration
package import HTTP
internal import Values

package struct RouteTable: Sendable {
    /// What of a route decides whether it takes a request.
    private struct Conditions: Sendable {
        let host: HostCondition
        /// Bits by `Method.rawValue`; extension methods are compared by their token.
        let methods: UInt16?
        let extensionMethods: [[UInt8]]
        /// Whether any host and method fit.
        let isNone: Bool
    }

    private enum HostCondition: Sendable {
        case any
        case exact([UInt8])
        case suffix([UInt8])
    }

    private let conditions: [Conditions]
    private let exact: PatternMap
    private let prefixes: PatternMap
    /// No prefix pattern has more segments, so deeper ones of a path need no look-up.
    private let segmentsMax: Int

    package init(_ routes: [RouteSettings]) {
        var exact: [String: [Int]] = [:]
        var prefixes: [String: [Int]] = [:]
        for (index, route) in routes.enumerated() {
            switch route.path {
            case .exact(let path): exact[path, default: []].append(index)
            case .prefix(let path): prefixes[path, default: []].append(index)
            }
        }
        conditions = routes.map(Self.conditions)
        self.exact = PatternMap(exact)
        self.prefixes = PatternMap(prefixes)
        segmentsMax = prefixes.keys.map { $0.utf8.count { $0 == UInt8(ascii: "/") } }.max() ?? -1
    }

    /// The index of the route that takes the request; `nil` where none does.
    package func match(
        path: Span<UInt8>, host: Span<UInt8>, method: Method, token: Span<UInt8>
    ) -> Int? {
        var best = Int.max
        var hash = PathHash()
        var segment = 0
        for index in path.indices {
            let octet = path[index]
            if octet == UInt8(ascii: "/") {
                // What lies before this slash is a prefix at a segment boundary.
                if segment <= segmentsMax {
                    best = earliest(
                        prefixes, path.extracting(0..<index), hash, host, method, token, best)
                }
                segment += 1
            }
            hash.add(octet)
        }
        if segment <= segmentsMax {
            best = earliest(prefixes, path, hash, host, method, token, best)
        }
        best = earliest(exact, path, hash, host, method, token, best)
        return best == Int.max ? nil : best
    }

    /// The first route with this path that fits, where it comes before `best`.
    private func earliest(
        _ patterns: borrowing PatternMap, _ path: Span<UInt8>, _ hash: PathHash,
        _ host: Span<UInt8>, _ method: Method, _ token: Span<UInt8>, _ best: Int
    ) -> Int {
        for index in patterns.routes(of: path, hash.value) {
            let route = patterns.route(index)
            guard route < best else { return best }
            if fits(route, host, method, token) { return route }
        }
        return best
    }

    private func fits(
        _ route: Int, _ host: Span<UInt8>, _ method: Method, _ token: Span<UInt8>
    ) -> Bool {
        guard !conditions[route].isNone else { return true }
        let conditions = conditions[route]
        switch conditions.host {
        case .any: break
        case .exact(let name): guard OctetText.equals(host, name.span) else { return false }
        case .suffix(let suffix): guard hasSuffix(host, suffix.span) else { return false }
        }
        guard let methods = conditions.methods else { return true }
        guard method == .other else { return methods & (1 << UInt16(method.rawValue)) != 0 }
        return conditions.extensionMethods.contains { OctetText.equals(token, $0.span) }
    }

    private static func conditions(of route: RouteSettings) -> Conditions {
        let host: HostCondition =
            switch route.host {
            case nil: .any
            case .exact(let name)?: .exact(Array(name.utf8))
            case .suffix(let suffix)?: .suffix(Array(suffix.utf8))
            }
        var bits: UInt16?
        var others: [[UInt8]] = []
        for name in route.methods ?? [] {
            let method = Method(name)
            bits = bits ?? 0
            if method == .other {
                others.append(Array(name.utf8))
            } else {
                bits = (bits ?? 0) | 1 << UInt16(method.rawValue)
            }
        }
        return Conditions(
            host: host, methods: bits, extensionMethods: others,
            isNone: route.host == nil && bits == nil)
    }

    /// Patterns by the hash of their path, in open addressing with room to spare. What they refer to
    /// lies in two arrays of the map: finding one counts no reference.
    private struct PatternMap: Sendable {
        private struct Slot: Sendable {
            var hash: UInt64 = 0
            /// In `octets`; `nil` in a slot that is free.
            var path: Range<Int>?
            /// In `members`.
            var routes = 0..<0
        }

        private var slots: [Slot]
        private var octets: [UInt8] = []
        /// Routes with one path are together, in file order.
        private var members: [Int] = []

        init(_ patterns: [String: [Int]]) {
            var count = 8
            while count < patterns.count * 2 { count *= 2 }
            slots = Array(repeating: Slot(), count: count)
            for (path, routes) in patterns {
                var hash = PathHash()
                for octet in path.utf8 { hash.add(octet) }
                var place = Int(truncatingIfNeeded: hash.value) & (count - 1)
                while slots[place].path != nil { place = (place + 1) & (count - 1) }
                slots[place] = Slot(
                    hash: hash.value, path: octets.count..<octets.count + path.utf8.count,
                    routes: members.count..<members.count + routes.count)
                octets += path.utf8
                members += routes
            }
        }

        /// Where the routes with this path are, for `route(_:)`; empty where there are none.
        func routes(of path: Span<UInt8>, _ hash: UInt64) -> Range<Int> {
            let octets = octets.span
            var place = Int(truncatingIfNeeded: hash) & (slots.count - 1)
            while let own = slots[place].path {
                if slots[place].hash == hash, OctetText.equals(path, octets.extracting(own)) {
                    return slots[place].routes
                }
                place = (place + 1) & (slots.count - 1)
            }
            return 0..<0
        }

        func route(_ place: Int) -> Int { members[place] }
    }
}

/// FNV-1a with a final mix. The table's own keys come from the configuration, so nobody outside can
/// make them collide; a request's path only looks.
private struct PathHash {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ octet: UInt8) { state = (state ^ UInt64(octet)) &* 0x100_0000_01B3 }

    var value: UInt64 { (state ^ (state >> 32)) &* 0x9E37_79B9_7F4A_7C15 ^ (state >> 29) }
}

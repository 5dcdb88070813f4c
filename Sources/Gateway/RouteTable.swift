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
    }

    private enum HostCondition: Sendable {
        case any
        case exact([UInt8])
        case suffix([UInt8])
    }

    private struct Pattern: Sendable {
        let hash: UInt64
        let path: [UInt8]
        /// Routes with this path, in file order.
        var routes: [Int]
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
        func consider(_ candidates: [Int]) {
            for index in candidates {
                guard index < best else { return }
                if fits(conditions[index], host, method, token) {
                    best = index
                    return
                }
            }
        }
        var hash = PathHash()
        var segment = 0
        for index in path.indices {
            let octet = path[index]
            if octet == UInt8(ascii: "/") {
                // What lies before this slash is a prefix at a segment boundary.
                if segment <= segmentsMax, let found = prefixes.find(path, index, hash.value) {
                    consider(found)
                }
                segment += 1
            }
            hash.add(octet)
        }
        if segment <= segmentsMax, let found = prefixes.find(path, path.count, hash.value) {
            consider(found)
        }
        if let found = exact.find(path, path.count, hash.value) { consider(found) }
        return best == Int.max ? nil : best
    }

    private func fits(
        _ conditions: Conditions, _ host: Span<UInt8>, _ method: Method, _ token: Span<UInt8>
    ) -> Bool {
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
        return Conditions(host: host, methods: bits, extensionMethods: others)
    }

    /// Patterns by the hash of their path, in open addressing with room to spare.
    private struct PatternMap: Sendable {
        private var slots: [Pattern?]

        init(_ patterns: [String: [Int]]) {
            var count = 8
            while count < patterns.count * 2 { count *= 2 }
            slots = Array(repeating: nil, count: count)
            for (path, routes) in patterns {
                let octets = Array(path.utf8)
                var hash = PathHash()
                for octet in octets { hash.add(octet) }
                var slot = Int(truncatingIfNeeded: hash.value) & (count - 1)
                while slots[slot] != nil { slot = (slot + 1) & (count - 1) }
                slots[slot] = Pattern(hash: hash.value, path: octets, routes: routes)
            }
        }

        func find(_ path: Span<UInt8>, _ count: Int, _ hash: UInt64) -> [Int]? {
            var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
            while let pattern = slots[slot] {
                if pattern.hash == hash,
                    OctetText.equals(path.extracting(0..<count), pattern.path.span)
                {
                    return pattern.routes
                }
                slot = (slot + 1) & (slots.count - 1)
            }
            return nil
        }
    }
}

/// FNV-1a with a final mix. The table's own keys come from the configuration, so nobody outside can
/// make them collide; a request's path only looks.
private struct PathHash {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ octet: UInt8) { state = (state ^ UInt64(octet)) &* 0x100_0000_01B3 }

    var value: UInt64 { (state ^ (state >> 32)) &* 0x9E37_79B9_7F4A_7C15 ^ (state >> 29) }
}

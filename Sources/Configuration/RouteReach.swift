// The routes together: one that no request can reach, and one that a weaker one below undercuts.
//
// Both are warnings: the file means something, and probably not what its writer meant.

enum RouteReach {
    static func check(_ draft: Draft, _ reading: inout Reading) {
        let routes = (draft.routes ?? []).map(Reach.init)
        for index in routes.indices {
            guard let route = routes[index] else { continue }  // without a path it has its problem
            let key = "routes[\(index)].path"
            if route.isOurs {
                reading.warning(
                    key, "no request reaches this route: /.auth/ has its own pages",
                    fix: "remove the route, or choose another path")
            } else if let earlier = cover(of: route, in: routes[..<index]) {
                reading.warning(
                    key,
                    "no request reaches this route: routes[\(earlier)] takes all of them first",
                    fix: "move it above routes[\(earlier)], or remove it")
            } else if let later = undercut(of: route, at: index, in: routes) {
                reading.warning(
                    key,
                    "routes[\(later)] is weaker and takes what \(route.narrowing) leaves of these "
                        + "paths",
                    fix:
                        "add a route for the same paths without \(route.narrowing) and with access: "
                        + "\(route.access.rawValue) above routes[\(later)]")
            }
        }
    }

    /// The last of the earlier routes that together take everything of `route`.
    private static func cover(of route: Reach, in earlier: ArraySlice<Reach?>) -> Int? {
        var left = route.methods
        for (index, other) in zip(earlier.indices, earlier) {
            guard let other, other.path.covers(route.path), other.coversHost(of: route) else {
                continue
            }
            left.subtract(other.methods)
            if left.isEmpty { return index }
        }
        return nil
    }

    /// The first later route that lets weaker visitors at paths of `route`, by another method or under
    /// another host. An equally strict route in between that takes those requests makes it harmless.
    private static func undercut(of route: Reach, at index: Int, in routes: [Reach?]) -> Int? {
        // What the narrowing leaves: other methods under the same host, and the rest under any host.
        var otherMethods = MethodSet.all
        otherMethods.subtract(route.methods)
        var otherHosts = route.host == nil ? MethodSet.none : .all
        func take(_ other: Reach) {
            guard other.path.covers(route.path) else { return }
            if other.coversHost(of: route) { otherMethods.subtract(other.methods) }
            if other.host == nil { otherHosts.subtract(other.methods) }
        }
        // What routes above took is not left to those below.
        for case let other? in routes[..<index] { take(other) }
        for later in routes.indices.dropFirst(index + 1) {
            guard let other = routes[later] else { continue }
            let isWeaker = other.access.strictness < route.access.strictness
            if isWeaker {
                guard route.path.covers(other.path) || other.path.covers(route.path),
                    other.coversHost(of: route)
                else { continue }
                let takesMethods = other.methods.overlaps(otherMethods)
                let takesHosts =
                    other.isWider(than: route.host) && other.methods.overlaps(otherHosts)
                if takesMethods || takesHosts { return later }
            } else {
                take(other)
            }
        }
        return nil
    }
}

/// What a route takes.
private struct Reach {
    let path: PathPattern
    let host: HostPattern?
    let methods: MethodSet
    let access: RouteAccess

    init?(_ route: RouteDraft) {
        guard let path = route.path else { return nil }
        self.path = path
        host = route.host
        methods = route.effectiveMethods.map { .these(Set($0)) } ?? .all
        access = route.access
    }

    /// Whether all of its paths lie under /.auth/, which is answered before any route.
    var isOurs: Bool {
        switch path {
        case .exact(let path): path.hasPrefix("/.auth/")
        // `/.auth/*` also takes `/.auth` itself, which is not under it.
        case .prefix(let prefix): prefix.hasPrefix("/.auth/") || prefix == "/.auth"
        }
    }

    /// The keys that narrow it, for a message.
    var narrowing: String {
        switch (methods, host) {
        case (.these, nil): "methods"
        case (.allBut, nil), (.allBut, _?): "host"
        case (.these, _?): "methods and host"
        }
    }

    func coversHost(of other: Reach) -> Bool {
        switch (host, other.host) {
        case (nil, _): true
        case (_?, nil): false
        case (let own?, let host?): own.covers(host)
        }
    }

    /// Whether this takes requests under more hosts than `other`.
    func isWider(than other: HostPattern?) -> Bool { host != other && other != nil }
}

/// A set of methods, of which there is no end.
private enum MethodSet {
    case these(Set<String>)
    case allBut(Set<String>)

    static let all = MethodSet.allBut([])
    static let none = MethodSet.these([])

    var isEmpty: Bool {
        switch self {
        case .these(let methods): methods.isEmpty
        case .allBut: false
        }
    }

    mutating func subtract(_ other: MethodSet) {
        self =
            switch (self, other) {
            case (.these(let own), .these(let methods)): .these(own.subtracting(methods))
            case (.these(let own), .allBut(let methods)): .these(own.intersection(methods))
            case (.allBut(let own), .these(let methods)): .allBut(own.union(methods))
            case (.allBut(let own), .allBut(let methods)): .these(methods.subtracting(own))
            }
    }

    func overlaps(_ other: MethodSet) -> Bool {
        switch (self, other) {
        case (.these(let own), .these(let methods)): !own.isDisjoint(with: methods)
        case (.these(let own), .allBut(let methods)), (.allBut(let methods), .these(let own)):
            !own.isSubset(of: methods)
        case (.allBut, .allBut): true
        }
    }
}

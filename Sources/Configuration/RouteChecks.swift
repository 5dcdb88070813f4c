// Each route by itself, and the names it uses.

enum RouteChecks {
    static func check(_ draft: Draft, _ reading: inout Reading) {
        let providers = draft.allProviders.map(\.name)
        for (index, route) in (draft.routes ?? []).enumerated() {
            let key = "routes[\(index)]"
            if let upstreams = draft.upstreams?.map(\.name), let name = route.upstream {
                checkName(name, among: upstreams, "\(key).upstream", "upstream", &reading)
            }
            checkUpstreamPath(route, key, &reading)
            checkProviders(route, key, providers, &reading)
            checkToken(route, key, &reading)
        }
        checkSlashes(draft, &reading)
    }

    private static func checkName(
        _ name: String, among known: [String], _ key: String, _ noun: String,
        _ reading: inout Reading
    ) {
        // One that is there and could not be read has its problem already.
        guard !known.contains(name), !reading.isWritten("\(noun)s.\(name)") else { return }
        let listed = known.filter { !$0.isEmpty }
        let fix =
            if let near = nearest(to: name, among: listed) {
                "did you mean `\(near)`?"
            } else if listed.isEmpty {
                "add \(name) under \(noun)s"
            } else {
                "add it under \(noun)s, or name one of: \(listed.joined(separator: ", "))"
            }
        reading.problem(key, "there is no \(noun) named \(quoted(name))", fix: fix)
    }

    private static func checkUpstreamPath(
        _ route: RouteDraft, _ key: String, _ reading: inout Reading
    ) {
        guard let path = route.upstreamPath else { return }
        let isPrefix = path.hasSuffix("/*")
        guard isCanonicalPath(isPrefix ? String(path.dropLast()) : path) else {
            reading.problem(
                "\(key).upstream_path", "\(quoted(path)) is not a path in its simplest form",
                fix: "begin with /; no //, no . or .. segment, no query; /* may end it")
            return
        }
        if isPrefix, case .exact(let matched)? = route.path {
            reading.problem(
                "\(key).upstream_path",
                "\(quoted(path)) needs a route path that ends in /*, and \(quoted(matched)) does not",
                fix: "write the one path to send, or path: \(matched)/*")
        }
    }

    private static func checkProviders(
        _ route: RouteDraft, _ key: String, _ known: [String], _ reading: inout Reading
    ) {
        if route.provider != nil, route.providers != nil {
            reading.problem(
                "\(key).providers", "is there beside provider",
                fix: "keep provider for one, providers for several")
        }
        if let name = route.provider {
            checkName(name, among: known, "\(key).provider", "provider", &reading)
        }
        for (index, name) in (route.providers ?? []).enumerated() {
            let member = "\(key).providers[\(index)]"
            checkName(name, among: known, member, "provider", &reading)
            if route.providers?.firstIndex(of: name) != index {
                reading.problem(member, "\(quoted(name)) is listed twice", fix: "keep one")
            }
        }
    }

    private static func checkToken(
        _ route: RouteDraft, _ key: String, _ reading: inout Reading
    ) {
        if let audience = route.tokenAudience, !route.injectsToken {
            reading.problem(
                "\(key).token_audience", "\(quoted(audience)) chooses a token, and none is sent",
                fix: "add token: access_token or graphql: true, or leave it out")
        }
        guard route.access == .public, route.injectsToken else { return }
        reading.problem(
            "\(key).access", "a public route reads no session, so it has no token to send",
            fix: "write access: signed_in or optional, or leave out "
                + (route.graphQL ? "graphql" : "token"))
    }

    /// What one route takes as data another may take as structure: a client must not reach, through
    /// the laxer reading, what the stricter route guards.
    private static func checkSlashes(_ draft: Draft, _ reading: inout Reading) {
        let routes = draft.routes ?? []
        for (index, route) in routes.enumerated() {
            let lax = [
                ("encoded_slashes", route.encodedSlashes == .pass),
                ("merge_slashes", !route.mergeSlashes),
            ].filter(\.1)
            guard !lax.isEmpty,
                let stricter = routes.firstIndex(where: {
                    $0.upstream == route.upstream && $0.access.strictness > route.access.strictness
                })
            else { continue }
            for (name, _) in lax {
                reading.problem(
                    "routes[\(index)].\(name)",
                    "routes[\(stricter)] is stricter and reaches the same upstream, which may read "
                        + "such a path as one of its",
                    fix: "leave \(name) out here, or give the two routes the same access")
            }
        }
    }
}

extension RouteAccess {
    /// The more, the fewer may pass.
    var strictness: Int {
        switch self {
        case .public: 0
        case .optional: 1
        case .signedIn: 2
        }
    }
}

extension RouteDraft {
    /// GET includes HEAD (RFC 9110 §9.3.2: its answer without the content).
    var effectiveMethods: [String]? {
        guard let methods, methods.contains("GET"), !methods.contains("HEAD") else {
            return methods
        }
        return methods + ["HEAD"]
    }
}

// Which routes are called unreachable, and which undercut.

import Testing

@testable import Configuration

@Suite struct `Routes in order` {
    struct Row: Sendable {
        let what: String
        let routes: [String]
        /// The index of each route that is warned about.
        let unreachable: [Int]
        let undercut: [Int]
        init(_ what: String, _ routes: [String], unreachable: [Int] = [], undercut: [Int] = []) {
            self.what = what
            self.routes = routes
            self.unreachable = unreachable
            self.undercut = undercut
        }
    }

    static let rows: [Row] = [
        Row("the same path twice", ["path: /a", "path: /a"], unreachable: [1]),
        Row("a prefix covers its own path", ["path: /a/*", "path: /a"], unreachable: [1]),
        Row("a prefix ends at a segment", ["path: /a/*", "path: /ab"]),
        Row("a narrower one first is fine", ["path: /a/b", "path: /a/*"]),
        Row("another method is left", ["path: /a, methods: [GET]", "path: /a"]),
        Row(
            "HEAD goes with GET", ["path: /a, methods: [GET]", "path: /a, methods: [HEAD]"],
            unreachable: [1]),
        Row(
            "two routes together cover a third",
            [
                "path: /a/*, methods: [GET]", "path: /*, methods: [POST]",
                "path: /a, methods: [HEAD, POST]",
            ], unreachable: [2]),
        Row("another host is left", ["path: /a, host: a.com", "path: /a"]),
        Row(
            "a wildcard covers a child, not itself",
            [
                "path: /a, host: '*.a.com'", "path: /a, host: b.a.com", "path: /a, host: a.com",
                "path: /a, host: '*.b.a.com'",
            ], unreachable: [1, 3]),
        Row("a path of our own", ["path: /.auth/me", "path: /.auth/*"], unreachable: [0, 1]),
        Row("a path that only begins like ours", ["path: /.auth", "path: /.authors/*"]),
        Row(
            "methods undercut by a public route",
            ["path: /a/*, methods: [GET]", "path: /*, access: public"], undercut: [0]),
        Row(
            "undercut from within",
            ["path: /a/*, methods: [GET]", "path: /a/b, access: optional"], undercut: [0]),
        Row(
            "an equally strict route below covers them",
            ["path: /a/*, methods: [GET]", "path: /a/*", "path: /*, access: public"]),
        Row(
            "a strict route that covers only some of them does not",
            [
                "path: /a/*, methods: [GET]", "path: /a/*, methods: [POST]",
                "path: /*, access: public",
            ], undercut: [0, 1]),
        Row(
            "it does where the weak route takes no other method",
            [
                "path: /a/*, methods: [GET]", "path: /a/*, methods: [POST]",
                "path: /*, access: public, methods: [GET, POST]",
            ]),
        Row(
            "a host undercut", ["path: /a, host: a.com", "path: /*, access: public"], undercut: [0]),
        Row(
            "two sites on two hosts are two sites",
            ["path: /*, host: a.com", "path: /*, host: b.com, access: public"]),
        Row(
            "a weaker route is undercut by a weaker one still",
            ["path: /a, methods: [GET], access: optional", "path: /*, access: public"],
            undercut: [0]),
        Row(
            "a public route has nothing to lose",
            ["path: /a, methods: [GET], access: public", "path: /*, access: public"]),
        Row("a route without narrowing leaves nothing", ["path: /a", "path: /*, access: public"]),
    ]

    @Test(arguments: rows) func `each order has its warnings`(_ row: Row) {
        let list = row.routes.map { "  - { \($0), upstream: site }" }.joined(separator: "\n")
        let text = good.replacing(
            "routes: [{ path: /*, upstream: site }]", with: "routes:\n" + list)
        let (configuration, problems) = load(text)
        #expect(configuration != nil, "\(row.what)")
        func indices(_ word: String) -> [Int] {
            row.routes.indices.filter { index in
                problems.contains { $0.key == "routes[\(index)].path" && $0.what.contains(word) }
            }
        }
        #expect(indices("no request") == row.unreachable, "\(row.what)")
        #expect(indices("weaker") == row.undercut, "\(row.what)")
    }
}

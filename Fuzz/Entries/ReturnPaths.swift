// Where a visitor is sent after login: a path of ours that no browser takes for anything else.
import HTTP
import Sessions

extension Entry {
    static let returnPaths = Entry("return-paths", octetsMax: 2100) { octets in
        let asked = String(decoding: octets, as: UTF8.self)
        let path = ReturnPath.checked(asked)
        try hold(path == asked || path == "/", "\(asked) became \(path)")
        try checkReturnPath(path)
    }

    /// Also what a verdict's login is held to.
    static func checkReturnPath(_ path: String) throws {
        let text = Array(path.utf8)
        try hold(text.first == UInt8(ascii: "/"), "not absolute: \(path)")
        let leavesOrigin = text.count > 1 && [0x2f, 0x5c].contains(text[1])
        try hold(!leavesOrigin, "leaves the origin: \(path)")
        // What browsers strip, turn around or cut off.
        let isPlain = text.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x5c && $0 != 0x23 }
        try hold(isPlain, "not plain: \(path)")
        let page = HTTPURL(parsing: "https://portal.example.com/.auth/callback")
        if let url = page?.resolving(path) {
            try hold(url.origin == page?.origin, "leads to \(url)")
        }
        // Not back into the login: whatever of it is one of our own paths.
        var canonical: [UInt8] = []
        let raw = Array(text.prefix { $0 != 0x3f })
        if (try? CanonicalPath.canonicalize(raw.span, into: &canonical)) != nil {
            let isOwn = String(decoding: canonical, as: UTF8.self).hasPrefix("/.auth/")
            try hold(!isOwn, "one of our own: \(path)")
        }
    }
}

// Where a login may lead: a path and query of our own origin, or `/`.
//
// The text may come from anyone (`return_to`, a Referer, a request's target), and goes into a
// Location field. A browser strips tabs and line ends, takes a backslash for a slash and two
// slashes for a host (WHATWG URL §4.4), so this does not parse what a URL might mean: what is not
// plainly a path is `/`. Nothing is decoded or repaired on the way. Text that passes is returned as
// it came.

internal import Values

package enum ReturnPath {
    /// Longer ones lead to `/`; the login's cookie must hold it.
    package static let octetsMax = 2048

    package static func checked(_ text: String) -> String {
        isPlainPath(Array(text.utf8)) ? text : "/"
    }

    private static func isPlainPath(_ text: [UInt8]) -> Bool {
        guard text.count <= octetsMax, text.first == UInt8(ascii: "/") else { return false }
        // Printable ASCII alone. The rest is written percent-encoded in any target (RFC 9112 §3.2),
        // and a fragment never reaches a server.
        guard
            text.allSatisfy({
                (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "\\") && $0 != UInt8(ascii: "#")
            })
        else { return false }
        let path = text.prefix { $0 != UInt8(ascii: "?") }
        let segments = path.dropFirst().split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        // `//host` names a host; so would `/.//host` to a client that resolves dots first.
        if segments.count > 1, segments[0].isEmpty { return false }
        for (index, segment) in segments.enumerated() {
            // The decoded segment is only looked at: `%2e%2e`, and `/%2eauth` for `/.auth`.
            let segment = Array(segment)
            guard let decoded = PercentEncoding.decode(segment.span) else { return false }
            if decoded == [0x2e] || decoded == [0x2e, 0x2e] { return false }
            // Our own paths would begin the next login, or end the session that was just made.
            if index == 0, decoded == Array(".auth".utf8) { return false }
        }
        return true
    }
}

// A URL of http or https without user information and fragment: endpoints of providers, upstreams,
// redirect URIs.
//
// RFC 3986, narrowed to ASCII. Where a browser and a strict reader could differ (a backslash, a
// control, a raw space) there is no URL.
package import Values

package struct HTTPURL: Hashable, Sendable, CustomStringConvertible {
    package let origin: Origin
    /// Begins with `/`; as given, dot segments and escapes included.
    package let path: String
    /// Without its `?`; `nil` when there is none.
    package let query: String?

    /// `nil` for a path or query that could not stand in a URL.
    package init?(origin: Origin, path: String = "/", query: String? = nil) {
        guard path.utf8.first == .slash, HTTPURL.isValid(path: path),
            query.map(HTTPURL.isValid(query:)) ?? true
        else { return nil }
        self.origin = origin
        self.path = path
        self.query = query
    }

    /// An absolute URL. `https://host` has the path `/`.
    package init?(parsing text: String) {
        guard let (scheme, rest) = Origin.splitScheme(text) else { return nil }
        let end =
            rest.utf8.firstIndex { $0 == .slash || $0 == .question || $0 == .numberSign }
            ?? rest.endIndex
        guard let origin = Origin(scheme: scheme, authority: [UInt8](rest[..<end].utf8).span)
        else { return nil }
        let (path, query) = HTTPURL.splitQuery(rest[end...])
        self.init(origin: origin, path: path.isEmpty ? "/" : path, query: query)
    }

    /// The URL that `reference` means on a page at this one (RFC 3986 §5.2.2); `nil` for what is no
    /// URL of http or https, or has a fragment.
    package func resolving(_ reference: String) -> HTTPURL? {
        if Origin.splitScheme(reference) != nil { return HTTPURL(parsing: reference) }
        if reference.hasPrefix("//") {
            return HTTPURL(parsing: origin.scheme.rawValue + ":" + reference)
        }
        let (relative, query) = HTTPURL.splitQuery(reference[...])
        guard let first = relative.utf8.first else {
            // The same document, or another query of it.
            return HTTPURL(origin: origin, path: path, query: query ?? self.query)
        }
        if first == .slash {
            return HTTPURL(
                origin: origin, path: HTTPURL.removingDotSegments(relative), query: query)
        }
        // A colon in the first segment would make what is before it a scheme: `javascript:`.
        let firstSegment = relative.utf8.prefix { $0 != .slash }
        guard !firstSegment.contains(.colon) else { return nil }
        let directoryEnd = path.utf8.lastIndex(of: .slash) ?? path.startIndex
        let merged = String(path[..<directoryEnd]) + "/" + relative
        return HTTPURL(origin: origin, path: HTTPURL.removingDotSegments(merged), query: query)
    }

    /// The same URL with `query` behind the query it has; `nil` as for `init`.
    package func appending(query more: String) -> HTTPURL? {
        guard !more.isEmpty else { return self }
        guard let query, !query.isEmpty else {
            return HTTPURL(origin: origin, path: path, query: more)
        }
        return HTTPURL(origin: origin, path: path, query: query + "&" + more)
    }

    package func appending(_ form: Form) -> HTTPURL? { appending(query: form.encoded) }

    /// Path and query: what a request line asks for.
    package var target: String { query.map { "\(path)?\($0)" } ?? path }

    package var description: String { origin.description + target }

    private static func splitQuery(_ text: Substring) -> (path: String, query: String?) {
        guard let mark = text.utf8.firstIndex(of: .question) else { return (String(text), nil) }
        return (String(text[..<mark]), String(text[text.utf8.index(after: mark)...]))
    }

    private static func isValid(path: String) -> Bool {
        let octets = [UInt8](path.utf8)
        for (index, octet) in octets.enumerated() {
            guard isURLOctet(octet), octet != .question else { return false }
            guard octet == .percent else { continue }
            guard index + 2 < octets.count, octets[index + 1].hexDigit != nil,
                octets[index + 2].hexDigit != nil
            else { return false }
        }
        return true
    }

    private static func isValid(query: String) -> Bool { query.utf8.allSatisfy(isURLOctet) }

    /// Visible ASCII without `#`, and without what browsers escape or turn around.
    private static func isURLOctet(_ octet: UInt8) -> Bool {
        switch octet {
        case .numberSign, .backslash, .quote, UInt8(ascii: "<"), UInt8(ascii: ">"),
            UInt8(ascii: "`"), UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "^"),
            UInt8(ascii: "|"):
            false
        default: octet > 0x20 && octet < 0x7f
        }
    }

    /// RFC 3986 §5.2.4, for a path that begins with `/`.
    private static func removingDotSegments(_ path: String) -> String {
        var output: [Substring] = []
        let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        for (index, segment) in segments.enumerated() {
            let isLast = index == segments.count - 1
            switch segment {
            case ".": if isLast { output.append("") }
            case "..":
                _ = output.popLast()  // nothing lies above the root
                if isLast { output.append("") }
            default: output.append(segment)
            }
        }
        return "/" + output.joined(separator: "/")
    }
}

// The request target: its form, and the authority, path and query within it.
//
// RFC 9112 §3.2. The path is only delimited here; `CanonicalPath` judges it. Also what HTTP/2's
// `:path` and `:authority` are read by.
import Values

package enum TargetForm: UInt8, Equatable, Sendable {
    /// `/path?query`
    case origin
    /// `http://host/path?query`
    case absolute
    /// `*`, of OPTIONS alone.
    case asterisk
    /// `host:port`, of CONNECT alone.
    case authority
}

/// A target taken apart. Offsets count from the target's first octet.
package struct RequestTarget: Equatable, Sendable {
    package var form: TargetForm
    /// Of the absolute and authority forms, else empty.
    package var authority = 0..<0
    /// Empty for `http://host`, which means `/`, and for the forms without a path.
    package var path = 0..<0
    /// Without its `?`; `nil` when there is none.
    package var query: Range<Int>?
    /// Whether the absolute form says https.
    package var isHTTPS = false

    /// `nil` for what no client may send with that method.
    package init?(_ target: Span<UInt8>, for method: Method) {
        guard !target.isEmpty, target.targetEnd(from: 0) == target.count else { return nil }
        if method == .connect {
            guard let shape = HostField.shape(of: target), shape.port != nil else { return nil }
            form = .authority
            authority = 0..<target.count
            return
        }
        if target[0] == .slash {
            form = .origin
            guard let parts = try? CanonicalPath.splitTarget(target) else { return nil }
            (path, query) = (parts.path, parts.query)
            return
        }
        if target.count == 1, target[0] == UInt8(ascii: "*") {
            guard method == .options else { return nil }
            form = .asterisk
            return
        }
        form = .absolute
        let start: Int
        if target.count > 7, OctetText.equalsIgnoringASCIICase(target.extracting(0..<7), "http://")
        {
            start = 7
        } else if target.count > 8,
            OctetText.equalsIgnoringASCIICase(target.extracting(0..<8), "https://")
        {
            start = 8
            isHTTPS = true
        } else {
            return nil
        }
        var end = start
        while end < target.count, target[end] != .slash, target[end] != .question { end += 1 }
        // User information fails here: a host has no "@".
        guard HostField.shape(of: target.extracting(start..<end)) != nil,
            let parts = try? CanonicalPath.splitTarget(target.extracting(end..<target.count))
        else { return nil }
        authority = start..<end
        path = parts.path.lowerBound + end..<parts.path.upperBound + end
        query = parts.query.map { $0.lowerBound + end..<$0.upperBound + end }
    }
}

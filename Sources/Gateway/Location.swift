// A Location or Content-Location of an upstream, turned back into what the visitor asked for.
//
// "To the client" in the contract to users. Only an origin that is exactly the upstream's is ours
// to replace, and only where the upstream was addressed by it; anything else may be a site of its
// own.

internal import Configuration
internal import HTTP
internal import Values

/// - Parameters:
///   - upstreamOrigin: `nil` where the upstream was sent the client's Host.
///   - askedOrigin: the origin asked for, as text.
/// - Returns: whether the value changes; then `out` has the new one.
func rewriteLocation(
    _ value: Span<UInt8>, route: RouteSettings, upstreamOrigin: Origin?,
    askedOrigin: Span<UInt8>, into out: inout [UInt8]
) -> Bool {
    var pathStart = 0
    var isUpstreams = false
    if let end = endOfOrigin(value) {
        guard let upstreamOrigin, isOrigin(value.extracting(0..<end), upstreamOrigin) else {
            return false
        }
        isUpstreams = true
        pathStart = end
    } else {
        // `//host/path` has an origin too; a relative path has nothing of ours in it.
        guard value.count > 0, value[0] == UInt8(ascii: "/") else { return false }
        if value.count > 1, value[1] == UInt8(ascii: "/") { return false }
    }
    var pathEnd = pathStart
    while pathEnd < value.count, value[pathEnd] != UInt8(ascii: "?"),
        value[pathEnd] != UInt8(ascii: "#")
    { pathEnd += 1 }
    if isUpstreams { out.append(contentsOf: askedOrigin) }
    let start = out.count
    let isRestored = restorePath(value.extracting(pathStart..<pathEnd), route, into: &out)
    if !isRestored {
        guard isUpstreams else { return false }
        out.append(contentsOf: value.extracting(pathStart..<pathEnd))
    }
    if isUpstreams, out.count == start, pathEnd < value.count { out.append("/") }
    out.append(contentsOf: value.extracting(pathEnd..<value.count))
    return true
}

/// The reverse of what `upstream_path` did, where the path lies in what it replaced.
private func restorePath(
    _ path: Span<UInt8>, _ route: RouteSettings, into out: inout [UInt8]
) -> Bool {
    guard let upstreamPath = route.upstreamPath else { return false }
    let own =
        switch route.path {
        case .exact(let path), .prefix(let path): path
        }
    switch upstreamPath {
    case .exact(let sent):
        guard OctetText.equals(path, Array(sent.utf8).span) else { return false }
        out.append(utf8: own.isEmpty ? "/" : own)
        return true
    case .prefix(let sent):
        let prefix = Array(sent.utf8)
        guard path.count >= prefix.count,
            OctetText.equals(path.extracting(0..<prefix.count), prefix.span),
            path.count == prefix.count || path[prefix.count] == UInt8(ascii: "/")
        else { return false }
        out.append(utf8: own)
        out.append(contentsOf: path.extracting(prefix.count..<path.count))
        if own.isEmpty, path.count == prefix.count { out.append("/") }
        return true
    }
}

/// Where `scheme://authority` ends; `nil` for a value without it.
private func endOfOrigin(_ value: Span<UInt8>) -> Int? {
    guard let colon = OctetText.index(of: UInt8(ascii: ":"), in: value),
        colon + 2 < value.count, value[colon + 1] == UInt8(ascii: "/"),
        value[colon + 2] == UInt8(ascii: "/")
    else { return nil }
    for index in 0..<colon where !value[index].isASCIILetter { return nil }
    var end = colon + 3
    while end < value.count, value[end] != UInt8(ascii: "/"), value[end] != UInt8(ascii: "?"),
        value[end] != UInt8(ascii: "#")
    { end += 1 }
    return end
}

private func isOrigin(_ text: Span<UInt8>, _ origin: Origin) -> Bool {
    guard let string = OctetText.string(text) else { return false }
    return Origin(parsing: string) == origin
}

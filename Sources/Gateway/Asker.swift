// Who asks: what a browser's fields say of how a request came about.
//
// The first that fits, in the order of the table "Without a session where one is needed". Fetch
// Metadata (W3C) decides as far as it is sent; where it is not, what the request accepts does.

internal import HTTP
internal import Values

package enum Asker: Sendable, Equatable {
    case preflight
    case webSocket
    /// A prefetch or prerender: nobody may ever look at its answer.
    case prefetch
    /// A top-level navigation.
    case person
    /// A navigation in a frame, object or embed.
    case frame
    case graphQL
    case program
}

/// `Sec-Fetch-Mode`, `Sec-Fetch-Dest`: a value that decides, another one, or none.
private enum Said { case yes, no, nothing }

extension Asker {
    /// - Parameters:
    ///   - isGraphQL: whether a route with `graphql: true` is asked.
    ///   - hasQuery: whether the target has a `query` parameter.
    static func of(_ request: borrowing Request, isGraphQL: Bool, hasQuery: Bool) -> Asker {
        if request.method == .options, request.has(.origin),
            request.has(.accessControlRequestMethod)
        {
            return .preflight
        }
        if request.asksForWebSocket { return .webSocket }
        if request.isPrefetch { return .prefetch }
        if isNavigation(request), !isGraphQL || (request.method == .get && !hasQuery) {
            return .person
        }
        if isFrame(request) { return .frame }
        return isGraphQL ? .graphQL : .program
    }

    /// A navigation at the top: both fields say so, or one does not speak and GET or HEAD that
    /// accepts text/html stands in for it.
    static func isNavigation(_ request: borrowing Request) -> Bool {
        let mode = said(request, .secFetchMode, "navigate")
        let destination = said(request, .secFetchDest, "document")
        return switch (mode, destination) {
        case (.yes, .yes): true
        case (.no, _), (_, .no): false
        case (.nothing, .yes), (.yes, .nothing), (.nothing, .nothing):
            (request.method == .get || request.method == .head) && request.acceptsHTML
        }
    }

    private static func isFrame(_ request: borrowing Request) -> Bool {
        guard said(request, .secFetchMode, "navigate") != .no,
            let destination = request.range(of: .secFetchDest)
        else { return false }
        let value = request.octets.extracting(destination)
        return OctetText.equals(value, "iframe") || OctetText.equals(value, "frame")
            || OctetText.equals(value, "object") || OctetText.equals(value, "embed")
    }

    private static func said(
        _ request: borrowing Request, _ field: KnownField, _ wanted: StaticString
    ) -> Said {
        guard request.has(field) else { return .nothing }
        // Sent twice, a field says nothing that could be relied on; it is then as if it said no.
        guard let range = request.range(of: field) else { return .no }
        return OctetText.equals(request.octets.extracting(range), wanted) ? .yes : .no
    }
}

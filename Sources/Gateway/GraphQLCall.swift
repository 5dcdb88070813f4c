// What a GraphQL call by GET or HEAD would do, read from its target.
//
// A mutation by GET could be set off by a link (GraphQL over HTTP: 405). The query is read in full
// and strictly: what we cannot read, or could read in two ways, is not passed on to somebody who
// may.

internal import GraphQL
internal import Values

enum GraphQLCall: Equatable {
    /// No `query` parameter: an IDE's page, or a persisted query.
    case none
    case query
    case mutation
    /// A `query` that cannot be read, or two of them.
    case unreadable(String)

    /// - Parameter query: the target's query without its `?`.
    static func read(_ query: Span<UInt8>) -> GraphQLCall {
        var texts: [Range<Int>] = []
        var names: [Range<Int>] = []
        var start = 0
        while start <= query.count {
            let end = OctetText.index(of: UInt8(ascii: "&"), in: query, from: start) ?? query.count
            let pair = query.extracting(start..<end)
            let equals = OctetText.index(of: UInt8(ascii: "="), in: pair) ?? pair.count
            // A name may be percent-encoded too, and `%71uery` is `query` to whoever decodes it.
            guard let name = PercentEncoding.decodeForm(pair.extracting(0..<equals)) else {
                return .unreadable("a parameter's name is not UTF-8 in percent-encoding")
            }
            let value = min(start + equals + 1, end)..<end
            switch name {
            case "query": texts.append(value)
            case "operationName": names.append(value)
            default: break
            }
            start = end + 1
        }
        guard let text = texts.first else { return .none }
        guard texts.count == 1 else { return .unreadable("there are two `query` parameters") }
        guard names.count <= 1 else { return .unreadable("there are two operation names") }
        guard let decoded = PercentEncoding.decodeForm(query.extracting(text)) else {
            return .unreadable("`query` is not UTF-8 in percent-encoding")
        }
        var operation: String?
        if let name = names.first {
            guard let decoded = PercentEncoding.decodeForm(query.extracting(name)) else {
                return .unreadable("`operationName` is not UTF-8 in percent-encoding")
            }
            operation = decoded
        }
        return kind(decoded, named: operation)
    }

    private static func kind(_ text: String, named operation: String?) -> GraphQLCall {
        do {
            let document = try GraphQLDocument(parsing: text)
            switch document.kind(named: operation) {
            case .query?, .subscription?: return .query
            case .mutation?: return .mutation
            // Which one is meant is the API's to say; if one could be a mutation, it is taken so.
            case nil:
                return document.operations.contains { $0.kind == .mutation } ? .mutation : .query
            }
        } catch { return .unreadable("`query` is no GraphQL document at \(error)") }
    }

    /// Whether the target has a `query` parameter, for telling a page from a call. Cheap, since
    /// every navigation to a GraphQL route asks it.
    static func hasQuery(_ query: Span<UInt8>) -> Bool {
        var start = 0
        while start < query.count {
            let end = OctetText.index(of: UInt8(ascii: "&"), in: query, from: start) ?? query.count
            let pair = query.extracting(start..<end)
            let equals = OctetText.index(of: UInt8(ascii: "="), in: pair) ?? pair.count
            let name = pair.extracting(0..<equals)
            if OctetText.equals(name, "query") { return true }
            if OctetText.index(of: UInt8(ascii: "%"), in: name) != nil,
                PercentEncoding.decodeForm(name) == "query"
            {
                return true
            }
            start = end + 1
        }
        return false
    }
}

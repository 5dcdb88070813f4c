// The methods that a decision is made on; any other token is passed on by its octets.
//
// RFC 9110 §9 and RFC 5789 (PATCH). Methods are case-sensitive: `get` is another method.
import Values

package enum Method: UInt8, Sendable, CaseIterable {
    case get, head, post, put, delete, connect, options, trace, patch
    /// An extension method; its token is in the head.
    case other

    package static func of(_ token: Span<UInt8>) -> Method {
        switch token.count {
        case 3:
            if OctetText.equals(token, "GET") { return .get }
            return OctetText.equals(token, "PUT") ? .put : .other
        case 4:
            if OctetText.equals(token, "POST") { return .post }
            return OctetText.equals(token, "HEAD") ? .head : .other
        case 5:
            if OctetText.equals(token, "PATCH") { return .patch }
            return OctetText.equals(token, "TRACE") ? .trace : .other
        case 6: return OctetText.equals(token, "DELETE") ? .delete : .other
        case 7:
            if OctetText.equals(token, "OPTIONS") { return .options }
            return OctetText.equals(token, "CONNECT") ? .connect : .other
        default: return .other
        }
    }

    package init(_ token: String) {
        self = Method.allCases.first { $0 != .other && $0.token == token } ?? .other
    }

    /// RFC 9110 §9.2.1. An extension method is not known to be.
    package var isSafe: Bool {
        switch self {
        case .get, .head, .options, .trace: true
        case .post, .put, .delete, .connect, .patch, .other: false
        }
    }

    /// RFC 9110 §9.2.2: may be sent again when it is not known whether it arrived.
    package var isIdempotent: Bool {
        switch self {
        case .get, .head, .options, .trace, .put, .delete: true
        case .post, .connect, .patch, .other: false
        }
    }

    /// As it stands in a request line; `OTHER` (the metrics' word) for an extension method.
    package var token: String {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .connect: "CONNECT"
        case .options: "OPTIONS"
        case .trace: "TRACE"
        case .patch: "PATCH"
        case .other: "OTHER"
        }
    }
}

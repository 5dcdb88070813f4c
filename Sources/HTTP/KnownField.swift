// The field names that some decision asks about, and how a name is recognised without a String.
//
// A name is compared by its length first, then without case (RFC 9110 §5.1). Only the exact name is
// known: `Transfer_Encoding` is `.other`, and the gateway's looser match drops it.

public enum KnownField: UInt8, Sendable, CaseIterable {
    case other
    case host, connection, contentLength, transferEncoding, te, trailer, upgrade, keepAlive
    case proxyConnection, proxyAuthenticate, proxyAuthorization, expect, cookie, setCookie
    case authorization, wwwAuthenticate, origin, referer, accept, contentType, secFetchSite
    case secFetchMode, secFetchDest, secFetchUser, secPurpose, purpose, userAgent, xForwardedFor
    case xForwardedProto, xForwardedHost, xForwardedPort, xForwardedURI, xForwardedMethod
    case xForwardedPrefix, forwarded, via, xRequestID, traceparent, tracestate, date, server
    case location, contentLocation, cacheControl, expires, cdnCacheControl, surrogateControl
    case contentEncoding, acceptEncoding, vary, proxy, maxForwards, http2Settings, secWebSocketKey
    case secWebSocketVersion, secWebSocketProtocol, secWebSocketExtensions, secWebSocketAccept
    case xRequestedWith, xRealIP, xOriginalURL, xOriginalURI, xOriginalMethod, xRewriteURL
    case xClientCert, accessControlRequestMethod, retryAfter, strictTransportSecurity, allow

    /// `rawValue`, but without the detour through the raw type's protocol: fields are compared for
    /// every line of every head.
    @inlinable public var number: UInt8 {
        // SAFETY: an enum of at most 256 cases without payloads is one octet, which counts them in
        // order, as the raw values do.
        unsafe unsafeBitCast(self, to: UInt8.self)
    }

    @inlinable public static func == (a: KnownField, b: KnownField) -> Bool {
        a.number == b.number
    }

    /// The field that `name` names, in any case.
    package static func of(_ name: Span<UInt8>) -> KnownField {
        switch name.count {
        case 2:
            if name.isName("te") { return .te }
        case 3:
            if name.isName("via") { return .via }
        case 4:
            if name.isName("host") { return .host }
            if name.isName("date") { return .date }
            if name.isName("vary") { return .vary }
        case 5:
            if name.isName("proxy") { return .proxy }
            if name.isName("allow") { return .allow }
        case 6:
            switch name[0] | 0x20 {
            case UInt8(ascii: "a"):
                if name.isName("accept") { return .accept }
            case UInt8(ascii: "c"):
                if name.isName("cookie") { return .cookie }
            case UInt8(ascii: "e"):
                if name.isName("expect") { return .expect }
            case UInt8(ascii: "o"):
                if name.isName("origin") { return .origin }
            case UInt8(ascii: "s"):
                if name.isName("server") { return .server }
            default: break
            }
        case 7:
            switch name[0] | 0x20 {
            case UInt8(ascii: "e"):
                if name.isName("expires") { return .expires }
            case UInt8(ascii: "p"):
                if name.isName("purpose") { return .purpose }
            case UInt8(ascii: "r"):
                if name.isName("referer") { return .referer }
            case UInt8(ascii: "t"):
                if name.isName("trailer") { return .trailer }
            case UInt8(ascii: "u"):
                if name.isName("upgrade") { return .upgrade }
            default: break
            }
        case 8:
            if name.isName("location") { return .location }
        case 9:
            if name.isName("forwarded") { return .forwarded }
            if name.isName("x-real-ip") { return .xRealIP }
        case 10:
            switch name[0] | 0x20 {
            case UInt8(ascii: "c"):
                if name.isName("connection") { return .connection }
            case UInt8(ascii: "k"):
                if name.isName("keep-alive") { return .keepAlive }
            case UInt8(ascii: "s"):
                if name.isName("set-cookie") { return .setCookie }
            case UInt8(ascii: "t"):
                if name.isName("tracestate") { return .tracestate }
            case UInt8(ascii: "u"):
                if name.isName("user-agent") { return .userAgent }
            default: break
            }
        case 11:
            if name.isName("sec-purpose") { return .secPurpose }
            if name.isName("traceparent") { return .traceparent }
            if name.isName("retry-after") { return .retryAfter }
        case 12:
            if name.isName("content-type") { return .contentType }
            if name.isName("x-request-id") { return .xRequestID }
            if name.isName("max-forwards") { return .maxForwards }
        case 13:
            switch name[0] | 0x20 {
            case UInt8(ascii: "a"):
                if name.isName("authorization") { return .authorization }
            case UInt8(ascii: "c"):
                if name.isName("cache-control") { return .cacheControl }
            case UInt8(ascii: "x"):
                if name.isName("x-rewrite-url") { return .xRewriteURL }
                if name.isName("x-client-cert") { return .xClientCert }
            default: break
            }
        case 14:
            switch name[0] | 0x20 {
            case UInt8(ascii: "c"):
                if name.isName("content-length") { return .contentLength }
            case UInt8(ascii: "h"):
                if name.isName("http2-settings") { return .http2Settings }
            case UInt8(ascii: "s"):
                if name.isName("sec-fetch-site") { return .secFetchSite }
                if name.isName("sec-fetch-mode") { return .secFetchMode }
                if name.isName("sec-fetch-dest") { return .secFetchDest }
                if name.isName("sec-fetch-user") { return .secFetchUser }
            case UInt8(ascii: "x"):
                if name.isName("x-original-url") { return .xOriginalURL }
                if name.isName("x-original-uri") { return .xOriginalURI }
            default: break
            }
        case 15:
            if name.isName("x-forwarded-for") { return .xForwardedFor }
            if name.isName("x-forwarded-uri") { return .xForwardedURI }
            if name.isName("accept-encoding") { return .acceptEncoding }
        case 16:
            switch name[0] | 0x20 {
            case UInt8(ascii: "c"):
                if name.isName("content-location") { return .contentLocation }
                if name.isName("content-encoding") { return .contentEncoding }
            case UInt8(ascii: "p"):
                if name.isName("proxy-connection") { return .proxyConnection }
            case UInt8(ascii: "w"):
                if name.isName("www-authenticate") { return .wwwAuthenticate }
            case UInt8(ascii: "x"):
                if name.isName("x-forwarded-host") { return .xForwardedHost }
                if name.isName("x-forwarded-port") { return .xForwardedPort }
                if name.isName("x-requested-with") { return .xRequestedWith }
            default: break
            }
        case 17:
            switch name[0] | 0x20 {
            case UInt8(ascii: "c"):
                if name.isName("cdn-cache-control") { return .cdnCacheControl }
            case UInt8(ascii: "s"):
                if name.isName("surrogate-control") { return .surrogateControl }
                if name.isName("sec-websocket-key") { return .secWebSocketKey }
            case UInt8(ascii: "t"):
                if name.isName("transfer-encoding") { return .transferEncoding }
            case UInt8(ascii: "x"):
                if name.isName("x-forwarded-proto") { return .xForwardedProto }
                if name.isName("x-original-method") { return .xOriginalMethod }
            default: break
            }
        case 18:
            if name.isName("proxy-authenticate") { return .proxyAuthenticate }
            if name.isName("x-forwarded-method") { return .xForwardedMethod }
            if name.isName("x-forwarded-prefix") { return .xForwardedPrefix }
        case 19:
            if name.isName("proxy-authorization") { return .proxyAuthorization }
        case 20:
            if name.isName("sec-websocket-accept") { return .secWebSocketAccept }
        case 21:
            if name.isName("sec-websocket-version") { return .secWebSocketVersion }
        case 22:
            if name.isName("sec-websocket-protocol") { return .secWebSocketProtocol }
        case 24:
            if name.isName("sec-websocket-extensions") { return .secWebSocketExtensions }
        case 25:
            if name.isName("strict-transport-security") { return .strictTransportSecurity }
        case 29:
            if name.isName("access-control-request-method") { return .accessControlRequestMethod }
        default: break
        }
        return .other
    }

    /// The name in lower case; empty for `.other`.
    package var name: String {
        switch self {
        case .other: ""
        case .host: "host"
        case .connection: "connection"
        case .contentLength: "content-length"
        case .transferEncoding: "transfer-encoding"
        case .te: "te"
        case .trailer: "trailer"
        case .upgrade: "upgrade"
        case .keepAlive: "keep-alive"
        case .proxyConnection: "proxy-connection"
        case .proxyAuthenticate: "proxy-authenticate"
        case .proxyAuthorization: "proxy-authorization"
        case .expect: "expect"
        case .cookie: "cookie"
        case .setCookie: "set-cookie"
        case .authorization: "authorization"
        case .wwwAuthenticate: "www-authenticate"
        case .origin: "origin"
        case .referer: "referer"
        case .accept: "accept"
        case .contentType: "content-type"
        case .secFetchSite: "sec-fetch-site"
        case .secFetchMode: "sec-fetch-mode"
        case .secFetchDest: "sec-fetch-dest"
        case .secFetchUser: "sec-fetch-user"
        case .secPurpose: "sec-purpose"
        case .purpose: "purpose"
        case .userAgent: "user-agent"
        case .xForwardedFor: "x-forwarded-for"
        case .xForwardedProto: "x-forwarded-proto"
        case .xForwardedHost: "x-forwarded-host"
        case .xForwardedPort: "x-forwarded-port"
        case .xForwardedURI: "x-forwarded-uri"
        case .xForwardedMethod: "x-forwarded-method"
        case .xForwardedPrefix: "x-forwarded-prefix"
        case .forwarded: "forwarded"
        case .via: "via"
        case .xRequestID: "x-request-id"
        case .traceparent: "traceparent"
        case .tracestate: "tracestate"
        case .date: "date"
        case .server: "server"
        case .location: "location"
        case .contentLocation: "content-location"
        case .cacheControl: "cache-control"
        case .expires: "expires"
        case .cdnCacheControl: "cdn-cache-control"
        case .surrogateControl: "surrogate-control"
        case .contentEncoding: "content-encoding"
        case .acceptEncoding: "accept-encoding"
        case .vary: "vary"
        case .proxy: "proxy"
        case .maxForwards: "max-forwards"
        case .http2Settings: "http2-settings"
        case .secWebSocketKey: "sec-websocket-key"
        case .secWebSocketVersion: "sec-websocket-version"
        case .secWebSocketProtocol: "sec-websocket-protocol"
        case .secWebSocketExtensions: "sec-websocket-extensions"
        case .secWebSocketAccept: "sec-websocket-accept"
        case .xRequestedWith: "x-requested-with"
        case .xRealIP: "x-real-ip"
        case .xOriginalURL: "x-original-url"
        case .xOriginalURI: "x-original-uri"
        case .xOriginalMethod: "x-original-method"
        case .xRewriteURL: "x-rewrite-url"
        case .xClientCert: "x-client-cert"
        case .accessControlRequestMethod: "access-control-request-method"
        case .retryAfter: "retry-after"
        case .strictTransportSecurity: "strict-transport-security"
        case .allow: "allow"
        }
    }
}

/// Which known fields a head has, so that asking for an absent one costs a bit test.
public struct KnownFields: Equatable, Sendable {
    @usableFromInline var low: UInt64 = 0
    @usableFromInline var high: UInt64 = 0

    public init() {}

    @inlinable public func contains(_ field: KnownField) -> Bool {
        let bit = UInt64(1) &<< UInt64(field.number & 63)
        return (field.number < 64 ? low : high) & bit != 0
    }

    @inlinable public mutating func insert(_ field: KnownField) {
        let bit = UInt64(1) &<< UInt64(field.number & 63)
        if field.number < 64 { low |= bit } else { high |= bit }
    }
}

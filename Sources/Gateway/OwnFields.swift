// Which of a client's fields never reach an upstream, because an upstream could take them for ours.
//
// The copies a client sends of what we set are removed on every route, however spelled: CGI and its
// heirs read `X_Forwarded.User` as `X-Forwarded-User`. What trusted proxies say of a request
// passes, except where we say it ourselves. "To the upstream" in the contract to users. Nor does
// `Content_Length` pass: the framing it speaks of is this hop's, and ended here.

internal import Configuration
internal import HTTP

struct OwnFields: Sendable {
    /// Those of the identity fields, and those of fields that end at this hop.
    private let never: LooseNames
    /// By `KnownField.rawValue`: whether an identity field has this name.
    private let isIdentity: [Bool]

    init(_ settings: IdentitySettings) {
        never = LooseNames(settings.headers.map(\.field) + Self.hopByHop.map(\.name))
        isIdentity = KnownField.allCases.map { known in
            settings.headers.contains { $0.field.lowercased() == known.name }
        }
    }

    /// Those with a dash, which alone have other spellings. As they stand, `UpstreamHead` drops them.
    private static let hopByHop: [KnownField] = [
        .contentLength, .transferEncoding, .keepAlive, .proxyConnection, .proxyAuthenticate,
        .proxyAuthorization, .http2Settings,
    ]

    enum Fate { case keep, drop }

    /// What becomes of a field that is no hop-by-hop one and is not written anew by us.
    func fate(
        of known: KnownField, named name: Span<UInt8>, fromTrustedProxy isTrusted: Bool,
        hasCertificate: Bool
    ) -> Fate {
        if known != .other {
            if isIdentity[Int(known.number)] { return .drop }
            switch known {
            case .xForwardedFor, .xForwardedProto, .xForwardedHost, .xForwardedPort, .forwarded,
                .proxy, .xRequestID, .traceparent:
                return .drop
            case .xForwardedURI, .xForwardedMethod, .xForwardedPrefix, .xRealIP, .xOriginalURL,
                .xOriginalURI, .xRewriteURL, .xClientCert:
                return isTrusted ? .keep : .drop
            default:
                return .keep
            }
        }
        if never.contains(name) { return .drop }
        return looseFate(of: name, fromTrustedProxy: isTrusted, hasCertificate: hasCertificate)
    }

    /// Names that are none of the known ones as they stand, but could be to a loose reader.
    private func looseFate(
        of name: Span<UInt8>, fromTrustedProxy isTrusted: Bool, hasCertificate: Bool
    ) -> Fate {
        guard name.count > 0 else { return .keep }
        switch looselyFolded(name[0]) {
        case UInt8(ascii: "x"):
            if fieldNameBeginsLoosely(name, "x-ssl-") {
                // A certificate that we verified ourselves outranks what a proxy says of one.
                if fieldNameMatchesLoosely(name, "x-ssl-client-s-dn"), hasCertificate {
                    return .drop
                }
                return isTrusted ? .keep : .drop
            }
            if fieldNameMatchesLoosely(name, "x-request-id") { return .drop }
            if fieldNameBeginsLoosely(name, "x-forwarded-") {
                return isTrusted && !isWrittenByUs(name) ? .keep : .drop
            }
            let isProxys =
                fieldNameMatchesLoosely(name, "x-real-ip")
                || fieldNameMatchesLoosely(name, "x-original-url")
                || fieldNameMatchesLoosely(name, "x-original-uri")
                || fieldNameMatchesLoosely(name, "x-rewrite-url")
                || fieldNameMatchesLoosely(name, "x-client-cert")
            return isProxys && !isTrusted ? .drop : .keep
        default:
            return .keep
        }
    }

    private func isWrittenByUs(_ name: Span<UInt8>) -> Bool {
        fieldNameMatchesLoosely(name, "x-forwarded-for")
            || fieldNameMatchesLoosely(name, "x-forwarded-proto")
            || fieldNameMatchesLoosely(name, "x-forwarded-host")
            || fieldNameMatchesLoosely(name, "x-forwarded-port")
    }
}

// Why the gateway itself says no, apart from logins: for each reason a status, a stable code, and
// sentences that a visitor understands.
//
// The sentences never say what lies behind the gateway; the reason under the code is in the log.

enum Refusal: Error, Equatable {
    case hostMissing
    case hostUnknown
    case httpsRequired
    case methodRefused(allowing: String)
    case pathAmbiguous(String)
    case queryInvalid
    case notFound
    case loop
    case prefetch
    case unauthenticated
    case tokenEnded
    case tokenUnavailable
    case storeUnavailable
    case keptElsewhere
    case crossSite
    case formTokenMissing
    case webSocketInvalid(String)
    case webSocketVersion
    case graphQLUnreadable(String)
    case mutationByGet
    case parameterInvalid(String)
    case verifyUntrusted
    case verifyUnclear(String)
    case providerUnknown
    case providerRefused
    case providerError

    var status: Int {
        switch self {
        case .hostMissing, .pathAmbiguous, .queryInvalid, .webSocketInvalid, .graphQLUnreadable,
            .parameterInvalid, .providerUnknown, .providerError:
            400
        case .unauthenticated, .tokenEnded: 401
        case .httpsRequired, .crossSite, .formTokenMissing, .providerRefused, .verifyUntrusted,
            .verifyUnclear:
            403
        case .notFound: 404
        case .methodRefused, .mutationByGet: 405
        case .hostUnknown: 421
        case .webSocketVersion: 426
        case .prefetch, .tokenUnavailable, .storeUnavailable, .keptElsewhere: 503
        case .loop: 508
        }
    }

    /// Whether its asker and others on the way may have read the request differently: then nothing
    /// behind it is read.
    var hasTwoReadings: Bool {
        switch self {
        case .hostMissing, .pathAmbiguous, .queryInvalid: true
        default: false
        }
    }

    /// For pages, problems, the log and metrics.
    var code: String {
        switch self {
        case .hostMissing: "host-missing"
        case .hostUnknown: "host-unknown"
        case .httpsRequired: "https-required"
        case .methodRefused: "method-not-allowed"
        case .pathAmbiguous: "path-ambiguous"
        case .queryInvalid: "query-invalid"
        case .notFound: "not-found"
        case .loop: "loop-detected"
        case .prefetch: "prefetch-refused"
        case .unauthenticated: "unauthenticated"
        case .tokenEnded: "token-ended"
        case .tokenUnavailable: "token-unavailable"
        case .storeUnavailable: "session-store-unavailable"
        case .keptElsewhere: "session-elsewhere"
        case .crossSite: "cross-site"
        case .formTokenMissing: "form-token-missing"
        case .webSocketInvalid: "websocket-invalid"
        case .webSocketVersion: "websocket-version"
        case .graphQLUnreadable: "graphql-unreadable"
        case .mutationByGet: "mutation-by-get"
        case .parameterInvalid: "parameter-invalid"
        case .verifyUntrusted: "verify-untrusted"
        case .verifyUnclear: "verify-unclear"
        case .providerUnknown: "provider-unknown"
        case .providerRefused: "provider-refused"
        case .providerError: "provider-error"
        }
    }

    /// For `extensions.code` of a GraphQL error, in that world's spelling.
    var graphQLCode: String {
        switch self {
        case .unauthenticated, .tokenEnded: "UNAUTHENTICATED"
        default: String(code.map { $0 == "-" ? "_" : Character($0.uppercased()) })
        }
    }

    var title: String {
        switch self {
        case .hostMissing, .hostUnknown: "This is not a site we serve"
        case .httpsRequired: "A secure connection is needed"
        case .methodRefused, .mutationByGet: "That cannot be done here"
        case .pathAmbiguous, .queryInvalid, .graphQLUnreadable, .parameterInvalid:
            "This address is not valid"
        case .verifyUntrusted, .verifyUnclear: "This question cannot be answered"
        case .notFound: "There is no such page"
        case .loop: "This request goes in circles"
        case .prefetch: "Not now"
        case .unauthenticated, .tokenEnded: "Please sign in"
        case .tokenUnavailable: "Signing in is not available just now"
        case .storeUnavailable: "The site is not available just now"
        case .keptElsewhere: "Your session is kept by another server"
        case .crossSite, .formTokenMissing: "This request came from somewhere else"
        case .webSocketInvalid, .webSocketVersion: "This connection cannot be made"
        case .providerUnknown: "There is no such way to sign in"
        case .providerRefused: "You were not signed in"
        case .providerError: "Signing in did not work"
        }
    }

    var sentence: String {
        switch self {
        case .hostMissing: "The request does not say which site it is for."
        case .hostUnknown: "The name in the address does not belong to this server."
        case .httpsRequired: "This can only be sent over HTTPS."
        case .methodRefused: "The address exists, but it cannot be used in this way."
        case .pathAmbiguous(let what): "The path can be understood in more than one way. \(what)"
        case .queryInvalid: "The part of the address behind the question mark is not valid."
        case .notFound: "Check the address, or go back to where you came from."
        case .loop: "It has passed through this server several times already."
        case .prefetch: "Pages behind a login are not loaded in advance."
        case .unauthenticated: "What you asked for is for people who are signed in."
        case .tokenEnded: "Your access has run out. Signing in again renews it."
        case .tokenUnavailable:
            "Your access has run out, and the service that renews it cannot be reached. "
                + "Please try again in a moment."
        case .storeUnavailable:
            "Who is signed in cannot be looked up at the moment. Please try again in a moment."
        case .keptElsewhere:
            "It was too large for your browser, and this server cannot reach the one that keeps it. "
                + "Sign in again to go on here. Whoever runs the site can set session.redis, or send "
                + "each visitor to the same server."
        case .crossSite:
            "It was started by another site, so it was not carried out in your name."
        case .formTokenMissing:
            "It was not sent by our own form, so it was not carried out in your name."
        case .webSocketInvalid(let what): "It is no WebSocket handshake: \(what)."
        case .webSocketVersion: "Only version 13 of the WebSocket protocol is spoken here."
        case .graphQLUnreadable(let what): "The query cannot be read: \(what)."
        case .mutationByGet: "A mutation has to be sent by POST."
        case .parameterInvalid(let what): "A parameter of the address is not valid: \(what)."
        case .verifyUntrusted:
            "It says which request it is about, and whoever sent it is not in trusted_proxies."
        case .verifyUnclear(let what): "It is not clear which request it is about: \(what)."
        case .providerUnknown: "The link names a sign-in service that is not set up here."
        case .providerRefused: "The sign-in service did not let you in."
        case .providerError: "The sign-in service reported a problem. You can try again."
        }
    }

    /// Fields that the status asks for (RFC 9110 §15.5.6, §15.5.22, §15.6.4).
    var fields: [(name: String, value: String)] {
        switch self {
        case .methodRefused(let methods): [(name: "Allow", value: methods)]
        case .mutationByGet: [(name: "Allow", value: "POST")]
        case .webSocketVersion:
            [
                (name: "Upgrade", value: "websocket"), (name: "Connection", value: "Upgrade"),
                (name: "Sec-WebSocket-Version", value: "13"),
            ]
        case .tokenUnavailable, .storeUnavailable: [(name: "Retry-After", value: "5")]
        case .hostMissing, .hostUnknown, .httpsRequired, .pathAmbiguous, .queryInvalid, .notFound,
            .loop, .prefetch, .unauthenticated, .tokenEnded, .crossSite, .formTokenMissing,
            .webSocketInvalid, .graphQLUnreadable, .parameterInvalid, .providerUnknown,
            .providerRefused, .providerError, .verifyUntrusted, .verifyUnclear,
            .keptElsewhere:
            []
        }
    }
}

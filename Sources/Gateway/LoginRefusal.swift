// Why a login, a refresh or a logout did not come about, for the flows to answer with.
//
// The statuses are the contract's: 400 when what came back is wrong, 403 when the provider said no,
// 502 when it answered wrongly, 503 when it cannot be reached in time. The code is what the page
// shows and what `gatehouse_logins_total` calls the reason; the details go to the log.

package enum LoginRefusal: String, Sendable, CaseIterable {
    // What the browser brought (400).
    case stateInvalid = "state-invalid"
    case responseInvalid = "response-invalid"
    case issuerMismatch = "issuer-mismatch"
    case codeRefused = "code-refused"
    case codeSpent = "code-spent"
    case cookiesMissing = "cookies-missing"
    case idTokenForeign = "id-token-refused"
    case weakLoginReturned = "login-returned-too-weak"
    case loginOverdue = "login-overdue"
    case providerErrorReported = "provider-error"
    // What the provider decided (403).
    case declined
    case subjectChanged = "subject-changed"
    case requirementsUnmet = "requirements-unmet"
    // What the provider did wrong (502).
    case providerResponseInvalid = "provider-response-invalid"
    case clientRefused = "client-refused"
    case idTokenInvalid = "id-token-invalid"
    case loginTooWeak = "login-too-weak"
    // What could not be reached (503).
    case providerUnavailable = "provider-unavailable"
    case providerUnknown = "provider-not-ready"
    case tokenUnavailable = "token-unavailable"
    case sessionTooLarge = "session-too-large"
    case storeUnavailable = "session-store-unavailable"

    package var code: String { rawValue }

    package var status: Int {
        switch self {
        case .stateInvalid, .responseInvalid, .issuerMismatch, .codeRefused, .codeSpent,
            .cookiesMissing, .idTokenForeign, .weakLoginReturned, .loginOverdue,
            .providerErrorReported:
            400
        case .declined, .subjectChanged, .requirementsUnmet: 403
        case .providerResponseInvalid, .clientRefused, .idTokenInvalid, .loginTooWeak: 502
        case .providerUnavailable, .providerUnknown, .tokenUnavailable, .sessionTooLarge,
            .storeUnavailable:
            503
        }
    }

    /// Seconds for `Retry-After`, where trying again may help.
    package var retryAfter: Int? {
        switch self {
        case .providerUnavailable, .providerUnknown, .tokenUnavailable, .storeUnavailable: 5
        case .stateInvalid, .responseInvalid, .issuerMismatch, .codeRefused, .codeSpent,
            .cookiesMissing, .idTokenForeign, .weakLoginReturned, .loginOverdue,
            .providerErrorReported, .declined, .subjectChanged, .requirementsUnmet,
            .providerResponseInvalid, .clientRefused,
            .idTokenInvalid, .loginTooWeak, .sessionTooLarge:
            nil
        }
    }

    package var title: String {
        switch self {
        case .stateInvalid, .responseInvalid, .issuerMismatch, .codeRefused, .codeSpent,
            .idTokenForeign, .loginOverdue, .providerErrorReported, .providerResponseInvalid,
            .clientRefused, .idTokenInvalid:
            "Signing in did not work"
        case .cookiesMissing: "Your browser does not return cookies"
        case .declined, .subjectChanged, .requirementsUnmet, .loginTooWeak, .weakLoginReturned:
            "You were not signed in"
        case .providerUnavailable, .providerUnknown, .tokenUnavailable, .sessionTooLarge,
            .storeUnavailable:
            "Signing in is not available just now"
        }
    }

    package var sentence: String {
        switch self {
        case .stateInvalid:
            "What came back does not belong to a login that began here. Please begin again."
        case .responseInvalid:
            "What came back from the sign-in service is incomplete. Please begin again."
        case .issuerMismatch:
            "What came back is from another sign-in service than the one you were sent to."
        case .codeRefused:
            "The sign-in service no longer accepts this login. Please begin again."
        case .codeSpent:
            "This login has already been used. If you are not signed in, please begin again."
        case .cookiesMissing:
            "A login needs cookies. Allow them for this site, then try again."
        case .loginOverdue: "This login took too long. Please begin again."
        case .providerErrorReported:
            "The sign-in service reported a problem. Please begin again."
        case .declined:
            "The sign-in service did not let you in, or you chose not to go on."
        case .subjectChanged:
            "The sign-in service answered for somebody else. Please sign in again."
        case .idTokenForeign:
            "What came back is not from the sign-in service, or not for this login. "
                + "Please begin again."
        case .requirementsUnmet:
            "This page needs more than what the sign-in service granted."
        case .loginTooWeak, .weakLoginReturned:
            "This page needs a stronger way of signing in than the one that was used."
        case .providerResponseInvalid, .idTokenInvalid:
            "The sign-in service gave an answer that cannot be trusted. Nothing was changed."
        case .clientRefused:
            "The sign-in service does not accept this site. Whoever runs it has to look into it."
        case .providerUnavailable, .providerUnknown:
            "The sign-in service cannot be reached. Please try again in a moment."
        case .tokenUnavailable:
            "The service that renews your access cannot be reached. Please try again in a moment."
        case .storeUnavailable:
            "Sessions cannot be kept at the moment. Please try again in a moment."
        case .sessionTooLarge:
            "The sign-in service says more of you than this site can keep. "
                + "Whoever runs it has to look into it."
        }
    }
}

// Why a token request brought no tokens, and what that means for a login and for a session.

package enum TokenFault: ProviderFault, Equatable {
    /// `invalid_grant`: the code or refresh token does not count (any more).
    case invalidGrant(description: String?)
    /// `invalid_client`: the provider does not take us for who we say we are.
    case invalidClient(description: String?)
    /// Another OAuth error; without a code where a 4xx came with no readable reason.
    case refused(ProviderError)
    /// A 5xx or 429.
    case unavailable(status: Int)
    /// An answer that is neither tokens nor an error.
    case unusable(Unusable)

    package enum Unusable: Equatable, Sendable {
        case redirected
        case statusUnexpected(Int)
        case notJSON
        case accessTokenMissing
        case accessTokenUnusable
        case tokenTypeMissing
        case tokenTypeForeign(String)
        case refreshTokenUnusable
        case idTokenMissing
        case idTokenUnusable
    }

    init(error: ProviderError) {
        switch error.code {
        case "invalid_grant": self = .invalidGrant(description: error.description)
        case "invalid_client": self = .invalidClient(description: error.description)
        default: self = .refused(error)
        }
    }

    /// RFC 6749 §5.2 gives 401 to `invalid_client` alone; some providers send 400 and an empty
    /// body.
    init(errorWithoutReason status: Int) {
        if status == 401 {
            self = .invalidClient(description: nil)
        } else {
            self = .refused(
                ProviderError(code: "unreadable", description: "status \(status) without a reason"))
        }
    }

    package var code: String {
        switch self {
        case .invalidGrant: "token-grant-refused"
        case .invalidClient: "token-client-refused"
        case .refused: "token-request-refused"
        case .unavailable: "provider-unavailable"
        case .unusable(let why):
            switch why {
            case .redirected: "token-response-redirected"
            case .statusUnexpected: "token-response-status"
            case .notJSON: "token-response-not-json"
            case .accessTokenMissing: "token-response-without-access-token"
            case .accessTokenUnusable: "token-response-access-token-unusable"
            case .tokenTypeMissing: "token-response-without-type"
            case .tokenTypeForeign: "token-response-not-bearer"
            case .refreshTokenUnusable: "token-response-refresh-token-unusable"
            case .idTokenMissing: "token-response-without-id-token"
            case .idTokenUnusable: "token-response-id-token-unusable"
            }
        }
    }

    package var status: Int {
        switch self {
        case .invalidGrant: 400
        case .invalidClient, .refused, .unusable: 502
        case .unavailable: 503
        }
    }

    package var sentence: String {
        switch self {
        case .invalidGrant(let text): "the provider answered invalid_grant" + Self.tail(text)
        case .invalidClient(let text):
            "the provider does not accept client_id and its credentials" + Self.tail(text)
        case .refused(let error): error.sentence
        case .unavailable(let status): "the token endpoint answered \(status)"
        case .unusable(let why): why.sentence
        }
    }

    private static func tail(_ text: String?) -> String { text.map { ": \($0)" } ?? "" }
}

extension TokenFault.Unusable {
    var sentence: String {
        switch self {
        case .redirected: "the token endpoint answered with a redirect, which is not followed"
        case .statusUnexpected(let status): "the token endpoint answered \(status)"
        case .notJSON: "the token endpoint's answer is not a JSON object"
        case .accessTokenMissing: "the token endpoint's answer has no access_token"
        case .accessTokenUnusable: "access_token is no text that a field could hold"
        case .tokenTypeMissing: "the token endpoint's answer has no token_type"
        case .tokenTypeForeign(let type): "token_type is \(type), where Bearer is expected"
        case .refreshTokenUnusable: "refresh_token is no text that could be a token"
        case .idTokenMissing: "no id_token came; is the scope openid allowed to this client?"
        case .idTokenUnusable: "id_token is no text that could be a token"
        }
    }
}

/// What a failed refresh means for the session ("Refresh" in the contract to users).
package enum RefreshConsequence: Equatable, Sendable {
    /// The refresh token is refused: the session ends, once.
    case sessionEnds
    /// The provider could not answer, or not us: the session stays, and it is tried again later.
    case tryAgainLater
    /// It may have been used without our getting what it was used for: never sent again.
    case refreshTokenSpent
}

extension TokenFault {
    package var refreshConsequence: RefreshConsequence {
        switch self {
        case .invalidGrant, .refused: .sessionEnds
        case .invalidClient: .tryAgainLater
        // Behind a gateway timeout the provider may well have answered (RFC 9110 §15.6.5).
        case .unavailable(let status): status == 504 ? .refreshTokenSpent : .tryAgainLater
        case .unusable: .refreshTokenSpent
        }
    }
}

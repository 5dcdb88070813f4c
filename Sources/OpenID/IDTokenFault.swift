// Why an ID token does not count. One case for each check that `IDToken.verify` makes.

package enum IDTokenFault: ProviderFault, Equatable {
    case jose(JOSEFault)
    /// Read the provider's keys again, and ask once more.
    case keyUnknown(kid: String?)
    case otherKindOfToken
    case claimMissing(String)
    /// Of another type than it must be, or out of its range.
    case claimUnusable(String)
    case issuerMismatch(found: String)
    /// This client is not among the audiences.
    case audienceMissing
    /// An audience that nobody said to trust.
    case audienceForeign(String)
    case authorizedPartyForeign
    case expired
    case fromTheFuture(String)
    case nonceMismatch
    case hashMismatch(String)
    case authenticationTooOld
    case authenticationContextOther(found: String?)
    /// A refreshed token about somebody else: the session ends.
    case subjectChanged
    case issuerChanged
    case audienceChanged

    /// Whether another look at the provider's keys may help. A signature under a known `kid` counts
    /// too: Oracle's domains call every key `SIGNING_KEY`.
    package var mayBeCuredByNewKeys: Bool {
        switch self {
        case .keyUnknown, .jose(.signatureInvalid): true
        default: false
        }
    }

    /// Whether the token is good, and the login it tells of less than what was asked for.
    package var isWeakLogin: Bool {
        switch self {
        case .authenticationTooOld, .authenticationContextOther: true
        default: false
        }
    }

    package var code: String { "id-token-" + reason }

    /// The provider answered wrongly.
    package var status: Int { 502 }

    /// A token that the browser brought, anybody may have written.
    package func status(isFromBrowser: Bool) -> Int { isFromBrowser ? 400 : status }

    private var reason: String {
        switch self {
        case .jose(let fault): fault.code
        case .keyUnknown: "key-unknown"
        case .otherKindOfToken: "other-kind"
        case .claimMissing: "claim-missing"
        case .claimUnusable: "claim-unusable"
        case .issuerMismatch: "issuer-mismatch"
        case .audienceMissing: "audience-missing"
        case .audienceForeign: "audience-foreign"
        case .authorizedPartyForeign: "authorized-party-foreign"
        case .expired: "expired"
        case .fromTheFuture: "from-the-future"
        case .nonceMismatch: "nonce-mismatch"
        case .hashMismatch: "hash-mismatch"
        case .authenticationTooOld: "authentication-too-old"
        case .authenticationContextOther: "authentication-context-other"
        case .subjectChanged: "subject-changed"
        case .issuerChanged: "issuer-changed"
        case .audienceChanged: "audience-changed"
        }
    }

    package var sentence: String { "the ID token is refused: " + finding }

    private var finding: String {
        switch self {
        case .jose(let fault): fault.sentence
        case .keyUnknown(let kid): JOSEFault.keyUnknown(kid: kid).sentence
        case .otherKindOfToken: "it is a logout or access token"
        case .claimMissing(let name): "it has no \(name)"
        case .claimUnusable(let name): "its \(name) is not of the form it must have"
        case .issuerMismatch(let found):
            "its iss is \"\(found)\"; if that is right, add it to provider.accepted_issuers"
        case .audienceMissing: "its aud does not name this client"
        case .audienceForeign(let found):
            "its aud also names \"\(found)\"; if that is right, add it to provider.accepted_audiences"
        case .authorizedPartyForeign: "its azp is not this client"
        case .expired: "its exp has passed; compare the clocks"
        case .fromTheFuture(let name): "its \(name) lies in the future; compare the clocks"
        case .nonceMismatch: "its nonce is not this login's"
        case .hashMismatch(let name): "its \(name) does not fit what came with it"
        case .authenticationTooOld: "its auth_time is older than max_age allows"
        case .authenticationContextOther(let found):
            "its acr is \(found.map { "\"\($0)\"" } ?? "absent"), which is none of those asked for"
        case .subjectChanged: "it is about another subject than the session's first"
        case .issuerChanged: "its iss is not the first one's"
        case .audienceChanged: "its aud is not the first one's"
        }
    }
}

// A logout token that has been checked (OpenID Connect Back-Channel Logout 1.0 §2.4): the provider says
// which of its sessions, or whose, have ended.
//
// Anybody can post one here, so everything counts that counts for an ID token, and what tells the two
// apart besides: an access or ID token of somebody's must end no session. `verify` is §2.6 from top to
// bottom; whether the token was seen before (7) is the caller's to remember.

internal import Cryptography
internal import JSON
package import Values

package struct LogoutToken: Equatable, Sendable {
    /// `sub`: all sessions of the subject, where no `sid` says which.
    package let subject: String?
    /// `sid`: the one session at the provider.
    package let sessionID: String?
    /// `jti`.
    package let identifier: String
    /// From then on it is refused for its age alone.
    package let refusedFrom: UnixTime

    /// How old a token may be. §2.4 advises two minutes of life; a provider may have to try again.
    package static let ageMax = Duration.seconds(300)
    package static let identifierOctetsMax = 1024
    private static let event = "http://schemas.openid.net/event/backchannel-logout"

    package static func verify(
        _ token: String, keys: JWKSet, expecting expected: IDTokenExpectation, at now: UnixTime
    ) throws(LogoutTokenFault) -> LogoutToken {
        // Who made it (2): as an ID token's, so neither `none` nor HMAC.
        let jws: CompactJWS
        do throws(JOSEFault) {
            jws = try CompactJWS(token, allowing: expected.algorithms)
            try jws.verify(with: keys)
        } catch { throw .jose(error) }
        let claims = jws.payload
        // §2.4: `typ` is recommended; where it is given it must not be another token's.
        if let type = jws.type?.lowercased(), !types.contains(type) { throw .otherKindOfToken }

        // From whom, to whom, when (3).
        guard let issuer = claims["iss"]?.string else { throw .claimUnusable("iss") }
        guard expected.issuers.containsExactly(issuer) else {
            throw .issuerMismatch(found: issuer.readable())
        }
        guard let audiences = claims["aud"]?.strings, !audiences.isEmpty else {
            throw .claimUnusable("aud")
        }
        guard audiences.containsExactly(expected.clientID) else { throw .audienceMissing }
        let trusted = expected.acceptedAudiences + [expected.clientID]
        if let foreign = audiences.first(where: { !trusted.containsExactly($0) }) {
            throw .audienceForeign(foreign.readable())
        }
        let refusedFrom = try checkTimes(claims, expected.clockSkew, now)

        // About whom (4), that it is a logout (5), and no ID token (6).
        let subject = try optionalText("sub", in: claims)
        let sessionID = try optionalText("sid", in: claims)
        guard subject != nil || sessionID != nil else { throw .nobody }
        guard claims["events"]?[event]?.object != nil else { throw .eventMissing }
        guard claims["nonce"] == nil else { throw .nonceForbidden }
        guard let identifier = try optionalText("jti", in: claims),
            identifier.utf8.count <= identifierOctetsMax
        else { throw .claimUnusable("jti") }
        return LogoutToken(
            subject: subject, sessionID: sessionID, identifier: identifier,
            refusedFrom: refusedFrom)
    }

    private static let types: Set<String> = ["logout+jwt", "application/logout+jwt", "jwt"]

    private static func checkTimes(
        _ claims: JSON, _ skew: Duration, _ now: UnixTime
    ) throws(LogoutTokenFault) -> UnixTime {
        guard let issuedAt = IDToken.numericDate(claims["iat"]) else { throw .claimUnusable("iat") }
        guard issuedAt <= now.advanced(by: skew) else { throw .fromTheFuture("iat") }
        // `exp` came with the specification's first errata, and glewlwyd and others write none; a
        // token without one ends with its age below.
        var end = UnixTime.distantFuture
        if let claim = claims["exp"] {
            guard let expires = IDToken.numericDate(claim) else { throw .claimUnusable("exp") }
            end = expires.advanced(by: skew)
            guard now < end else { throw .expired }
        }
        if let claim = claims["nbf"] {
            guard let notBefore = IDToken.numericDate(claim) else { throw .claimUnusable("nbf") }
            guard notBefore <= now.advanced(by: skew) else { throw .fromTheFuture("nbf") }
        }
        let oldest = issuedAt.advanced(by: ageMax).advanced(by: skew)
        guard now < oldest else { throw .tooOld }
        return min(oldest, end)
    }

    /// `nil` where it is absent; an empty text says nobody.
    private static func optionalText(
        _ name: String, in claims: JSON
    ) throws(LogoutTokenFault) -> String? {
        guard let claim = claims[name] else { return nil }
        guard let text = claim.string, !text.isEmpty else { throw .claimUnusable(name) }
        return text
    }

    /// What a token says of itself before anything of it is true: which provider's keys to try.
    package static func claimed(_ token: String) -> (issuer: String, audiences: [String])? {
        let segments = token.split(separator: ".", omittingEmptySubsequences: false)
        guard token.utf8.count <= CompactJWS.octetsMax, segments.count == 3,
            let payload = Base64URL.decode(String(segments[1])),
            let claims = try? JSON(parsing: payload.span),  // what is wrong, `verify` says
            let issuer = claims["iss"]?.string, let audiences = claims["aud"]?.strings
        else { return nil }
        return (issuer, audiences)
    }
}

/// Why a logout token does not count. One case for each check that `LogoutToken.verify` makes.
package enum LogoutTokenFault: ProviderFault, Equatable {
    case jose(JOSEFault)
    case otherKindOfToken
    /// Missing, or not of the form it must have.
    case claimUnusable(String)
    case issuerMismatch(found: String)
    case audienceMissing
    case audienceForeign(String)
    case fromTheFuture(String)
    case expired
    case tooOld
    case nobody
    case eventMissing
    case nonceForbidden

    /// Whether another look at the provider's keys may help.
    package var mayBeCuredByNewKeys: Bool {
        switch self {
        case .jose(.keyUnknown), .jose(.signatureInvalid): true
        default: false
        }
    }

    /// §2.8: whatever is wrong.
    package var status: Int { 400 }

    package var code: String {
        switch self {
        case .jose(let fault): "logout-token-" + fault.code
        case .otherKindOfToken: "logout-token-other-kind"
        case .claimUnusable: "logout-token-claim-unusable"
        case .issuerMismatch: "logout-token-issuer-mismatch"
        case .audienceMissing: "logout-token-audience-missing"
        case .audienceForeign: "logout-token-audience-foreign"
        case .fromTheFuture: "logout-token-from-the-future"
        case .expired: "logout-token-expired"
        case .tooOld: "logout-token-too-old"
        case .nobody: "logout-token-nobody"
        case .eventMissing: "logout-token-event-missing"
        case .nonceForbidden: "logout-token-nonce"
        }
    }

    package var sentence: String { "the logout token is refused: " + finding }

    private var finding: String {
        switch self {
        case .jose(let fault): fault.sentence
        case .otherKindOfToken: "its typ is another kind of token's"
        case .claimUnusable(let name): "its \(name) is missing or not of the form it must have"
        case .issuerMismatch(let found):
            "its iss is \"\(found)\"; if that is right, add it to provider.accepted_issuers"
        case .audienceMissing: "its aud does not name this client"
        case .audienceForeign(let found):
            "its aud also names \"\(found)\"; if that is right, add it to provider.accepted_audiences"
        case .fromTheFuture(let name): "its \(name) lies in the future; compare the clocks"
        case .expired: "its exp has passed; compare the clocks"
        case .tooOld: "its iat is more than five minutes ago; compare the clocks"
        case .nobody: "it has neither sub nor sid"
        case .eventMissing: "its events have no object for back-channel logout"
        case .nonceForbidden: "it has a nonce, as only an ID token may"
        }
    }
}

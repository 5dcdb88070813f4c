// An ID token that has been checked: there is no other way to have one.
//
// `verify` is OpenID Connect Core §3.1.3.7 from top to bottom, with what RFC 8725 learned since. It
// reads no clock and fetches no key: where a key is unknown, the caller reads the provider's set
// again, at most so often, and asks once more.

internal import Cryptography
package import JSON
package import Values

package struct IDToken: Equatable, Sendable {
    /// The signed token, also of one that came encrypted: what a provider takes as a hint (§3.1.2.1).
    package let text: String
    /// All of them, as signed.
    package let claims: JSONObject
    package let issuer: String
    /// 1 … 255 octets without controls. Core §2 says ASCII; logins of Oracle's are user names,
    /// which need not be, so UTF-8 is let through and percent-encoded on its way upstream.
    package let subject: String
    package let audiences: [String]
    package let expires: UnixTime
    package let issuedAt: UnixTime
    /// `auth_time`.
    package let authenticatedAt: UnixTime?
    /// `sid`, for logout.
    package let sessionID: String?
    /// `session_exp`: the end of the provider's own session, as Oracle's domains say it.
    package let sessionExpires: UnixTime?
    /// `acr`.
    package let authenticationContext: String?

    package static let subjectOctetsMax = 255

    package static func verify(
        _ token: String, keys: JWKSet, expecting expected: IDTokenExpectation, at now: UnixTime
    ) throws(IDTokenFault) -> IDToken {
        // Who made it. Until the signature holds, what it says is anybody's (§3.1.3.7, 6 to 8).
        let token = try opened(token, expected)
        let jws = try signed(token, keys, expected)
        let claims = jws.payload

        // That it is an ID token at all, and not another token of the same provider's under the
        // same key: a logout token, an access token (RFC 8725 §3.11 and §3.12).
        if let type = jws.type?.lowercased(), foreignTypes.contains(type) {
            throw .otherKindOfToken
        }
        guard claims["events"] == nil else { throw .otherKindOfToken }
        guard claims["tok_type"]?.string != "AT" else { throw .otherKindOfToken }

        // From whom, to whom (2 to 5).
        let issuer = try text("iss", in: claims)
        guard expected.issuers.containsExactly(issuer) else {
            throw .issuerMismatch(found: issuer.readable())
        }
        let audiences = try audiences(of: claims)
        guard audiences.containsExactly(expected.clientID) else { throw .audienceMissing }
        let trusted = expected.acceptedAudiences + [expected.clientID]
        if let foreign = audiences.first(where: { !trusted.containsExactly($0) }) {
            throw .audienceForeign(foreign.readable())
        }
        if let party = claims["azp"], !(party.string?.isExactly(expected.clientID) ?? false) {
            throw .authorizedPartyForeign
        }

        // When (9, 10). A minute's difference of clocks is borne on each side.
        let expires = try time("exp", in: claims)
        guard now < expires.advanced(by: expected.clockSkew) else { throw .expired }
        let issuedAt = try time("iat", in: claims)
        let latest = now.advanced(by: expected.clockSkew)
        guard issuedAt <= latest else { throw .fromTheFuture("iat") }
        if let notBefore = try optionalTime("nbf", in: claims), notBefore > latest {
            throw .fromTheFuture("nbf")
        }

        // For which login (11, §3.1.3.6, §3.3.2.11).
        if let nonce = expected.nonce {
            guard let found = claims["nonce"]?.string, isEqual(found, nonce) else {
                throw .nonceMismatch
            }
        }
        try check("at_hash", in: claims, of: expected.accessToken, jws.algorithm)
        try check("c_hash", in: claims, of: expected.code, jws.algorithm)
        try check("s_hash", in: claims, of: expected.state, jws.algorithm)

        // About whom, and how they proved it (12, 13).
        let subject = try text("sub", in: claims)
        guard isSubject(subject) else { throw .claimUnusable("sub") }
        let authenticatedAt = try optionalTime("auth_time", in: claims)
        try check(authenticatedAt, against: expected, latest)
        let context = claims["acr"]?.string
        if !expected.authenticationContexts.isEmpty {
            guard let context, expected.authenticationContexts.containsExactly(context) else {
                throw .authenticationContextOther(found: context?.readable(80))
            }
        }

        // That a refreshed one speaks of the same person (§12.2).
        if let first = expected.first {
            guard subject.isExactly(first.subject) else { throw .subjectChanged }
            guard first.issuer?.isExactly(issuer) ?? true else { throw .issuerChanged }
            let others = first.audiences ?? audiences
            guard audiences.allSatisfy(others.containsExactly),
                others.allSatisfy(audiences.containsExactly)
            else { throw .audienceChanged }
        }

        return IDToken(
            text: token, claims: claims.object ?? JSONObject(), issuer: issuer, subject: subject,
            audiences: audiences, expires: expires, issuedAt: issuedAt,
            authenticatedAt: authenticatedAt, sessionID: claims["sid"]?.string,
            sessionExpires: numericDate(claims["session_exp"]), authenticationContext: context)
    }

    /// `typ` says little, and most providers write JWT or nothing; but these say that it is no ID
    /// token.
    private static let foreignTypes: Set<String> = [
        "at+jwt", "application/at+jwt", "logout+jwt", "application/logout+jwt", "secevent+jwt",
        "application/secevent+jwt",
    ]

    /// §3.1.3.7 (1): an encrypted token is opened with the key it was encrypted to.
    private static func opened(
        _ token: String, _ expected: IDTokenExpectation
    ) throws(IDTokenFault) -> String {
        guard let key = expected.decryptionKey, CompactJWE.isOne(token) else { return token }
        do throws(JOSEFault) { return try CompactJWE.open(token, with: key) } catch {
            throw .jose(error)
        }
    }

    private static func signed(
        _ token: String, _ keys: JWKSet, _ expected: IDTokenExpectation
    ) throws(IDTokenFault) -> CompactJWS {
        do throws(JOSEFault) {
            let jws = try CompactJWS(token, allowing: expected.algorithms)
            try jws.verify(with: keys)
            return jws
        } catch {
            if case .keyUnknown(let kid) = error { throw .keyUnknown(kid: kid) }
            throw .jose(error)
        }
    }
}

// MARK: - Claims, each of one type

extension IDToken {
    private static func text(_ name: String, in claims: JSON) throws(IDTokenFault) -> String {
        switch claims[name] {
        case nil: throw .claimMissing(name)
        case .string(let text)?: return text
        default: throw .claimUnusable(name)
        }
    }

    /// A text, or an array of nothing but texts.
    private static func audiences(of claims: JSON) throws(IDTokenFault) -> [String] {
        guard let claim = claims["aud"] else { throw .claimMissing("aud") }
        guard let texts = claim.strings, !texts.isEmpty else { throw .claimUnusable("aud") }
        return texts
    }

    private static func time(_ name: String, in claims: JSON) throws(IDTokenFault) -> UnixTime {
        guard let time = try optionalTime(name, in: claims) else { throw .claimMissing(name) }
        return time
    }

    private static func optionalTime(
        _ name: String, in claims: JSON
    ) throws(IDTokenFault) -> UnixTime? {
        guard let value = claims[name] else { return nil }
        guard let time = numericDate(value) else { throw .claimUnusable(name) }
        return time
    }

    /// RFC 7519 §2: a JSON number of seconds, with a fraction if need be; never a text. What lies
    /// outside ±2⁵³ is no time anybody meant.
    static func numericDate(_ value: JSON?) -> UnixTime? {
        guard case .number? = value, let seconds = value?.double,
            seconds.magnitude < 9_007_199_254_740_992
        else { return nil }
        return UnixTime(seconds: Int64(seconds.rounded(.down)))
    }

    private static func isSubject(_ text: String) -> Bool {
        (1...subjectOctetsMax).contains(text.utf8.count)
            && text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
    }

    private static func isEqual(_ a: String, _ b: String) -> Bool {
        constantTimeEquals(Array(a.utf8).span, Array(b.utf8).span)
    }

    /// §3.1.2.1: a provider that was asked for max_age must say auth_time.
    private static func check(
        _ authenticatedAt: UnixTime?, against expected: IDTokenExpectation, _ latest: UnixTime
    ) throws(IDTokenFault) {
        if let authenticatedAt, authenticatedAt > latest { throw .fromTheFuture("auth_time") }
        guard let maxAge = expected.maxAge else { return }
        guard let authenticatedAt else { throw .claimMissing("auth_time") }
        let now = latest - expected.clockSkew
        guard now <= authenticatedAt.advanced(by: maxAge).advanced(by: expected.clockSkew) else {
            throw .authenticationTooOld
        }
    }

    /// §3.1.3.6: the left half of the hash that belongs to the algorithm, in base64url.
    private static func check(
        _ name: String, in claims: JSON, of value: String?, _ algorithm: SignatureAlgorithm
    ) throws(IDTokenFault) {
        guard let claim = claims[name], let value else { return }
        let hash = hash(Array(value.utf8), for: algorithm)
        let expected = Base64URL.encode(hash.span.extracting(0..<hash.count / 2))
        guard let found = claim.string, isEqual(found, expected) else {
            throw .hashMismatch(name)
        }
    }

    private static func hash(_ octets: [UInt8], for algorithm: SignatureAlgorithm) -> [UInt8] {
        switch algorithm {
        case .RS256, .PS256, .ES256, .HS256: SHA256.digest(octets.span)
        case .RS384, .PS384, .ES384, .HS384: SHA384.digest(octets.span)
        // Ed25519 hashes with SHA-512 inside, and that is what providers take.
        case .RS512, .PS512, .ES512, .HS512, .EdDSA: SHA512.digest(octets.span)
        }
    }
}

extension FirstIDToken {
    /// Reads a first token that the session kept. It was checked at login and has been sealed
    /// since, so only its claims are taken; `nil` for what is no token.
    package init?(kept token: String) {
        let segments = token.split(separator: ".", omittingEmptySubsequences: false)
        guard segments.count == 3, let payload = Base64URL.decode(String(segments[1])) else {
            return nil
        }
        let claims: JSON
        do { claims = try JSON(parsing: payload.span) } catch { return nil }
        guard let subject = claims["sub"]?.string else { return nil }
        self.init(
            subject: subject, issuer: claims["iss"]?.string, audiences: claims["aud"]?.strings)
    }
}

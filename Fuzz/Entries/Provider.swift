// What a provider says, and what a browser brings from it.
import Cryptography
import HTTP
import JSON
import OpenID
import Values

extension Entry {
    static let callbacks = Entry("callbacks", octetsMax: 2048) { octets in
        guard let form = Form(parsing: octets.span) else { return }
        for type in [AuthorizationRequest.ResponseType.code, .idToken] {
            guard let response = try? AuthorizationResponse(form: form, expecting: type) else {
                continue
            }
            for isAnnounced in [false, true] {
                let isRefused =
                    (try? response.checkIssuer(House.issuer, isAnnounced: isAnnounced)) == nil
                let isOurs = response.issuer.map(House.issuer.accepts) ?? !isAnnounced
                try hold(isRefused != isOurs, "iss \(response.issuer ?? "absent")")
            }
        }
    }

    /// The first octet chooses the status; the rest is the body.
    static let tokenAnswers = Entry("token-answers") { octets in
        let statuses = [200, 200, 200, 400, 401, 503, 302]
        let status = statuses[Int(octets.first ?? 0) % statuses.count]
        let response = InboundResponse(
            status: status, fields: [("Content-Type", "application/json")],
            body: Array(octets.dropFirst()))
        for purpose in [TokenResponse.Purpose.login, .refresh] {
            do {
                let answer = try TokenResponse(response, expecting: purpose)
                try hold(status == 200, "tokens with a status of \(status)")
                try hold(purpose == .refresh || answer.idToken != nil, "a login without ID token")
            } catch let fault as TokenFault {
                _ = (fault.code, fault.status, fault.sentence, fault.refreshConsequence)
            }
        }
        let expectation = IDTokenExpectation(
            issuers: House.issuer.pins, clientID: "portal", algorithms: [.ES256], nonce: nil,
            decryptionKey: House.providerKey)
        if let claims = try? UserInfo.claims(
            in: response, about: "alice", keys: House.providerKeys, expecting: expectation)
        {
            try hold(claims["sub"]?.string == "alice", "claims of somebody else")
        }
    }

    static let providerMetadata = Entry("provider-metadata") { octets in
        guard let discovery = ProviderMetadata.discoveryURL(House.issuer.configured) else {
            throw Broken(description: "no discovery URL")
        }
        let parsed = try? ProviderMetadata(
            parsing: octets, for: House.issuer, from: discovery)
        guard let metadata = parsed else { return }
        try hold(House.issuer.accepts(metadata.issuer), "an issuer of somebody else")
        let isSafe = metadata.idTokenSigningAlgorithms.allSatisfy {
            !["HS256", "HS384", "HS512"].contains($0.rawValue)
        }
        try hold(isSafe, "a symmetric algorithm")
    }

    static let keySets = Entry("key-sets") { octets in
        guard let keys = try? JWKSet(parsing: octets) else { return }
        try hold(keys.keys.count <= JWKSet.keysMax, "\(keys.keys.count) keys")
        for algorithm in SignatureAlgorithm.allCases {
            for key in keys.candidates(kid: nil, algorithm: algorithm) {
                // A key takes any signature of any length without a trap, and no wrong one for right.
                let isTaken = key.key.verify(
                    octets.span, of: octets.span, algorithm: algorithm)
                try hold(!isTaken, "a signature of itself")
            }
        }
    }

    /// As a whole token, and as the claims of one that the provider did sign.
    static let idTokens = Entry("id-tokens") { octets in
        let keys = House.providerKeys
        var expected = IDTokenExpectation(
            issuers: House.issuer.pins, clientID: "portal", algorithms: [.ES256], nonce: "n-1")
        expected.maxAge = .seconds(3600)
        expected.decryptionKey = House.providerKey
        let whole = String(decoding: octets, as: UTF8.self)
        _ = try? IDToken.verify(whole, keys: keys, expecting: expected, at: House.noon)
        _ = FirstIDToken(kept: whole)

        let header = Base64URL.encode(Array(#"{"alg":"ES256","kid":"k1"}"#.utf8).span)
        let input = header + "." + Base64URL.encode(octets.span)
        let signature = try House.providerKey.sign(Array(input.utf8).span, algorithm: .ES256)
        let token = input + "." + Base64URL.encode(signature.span)
        let verified = try? IDToken.verify(
            token, keys: keys, expecting: expected, at: House.noon)
        _ = LogoutToken.claimed(whole)
        if let logout = try? LogoutToken.verify(
            token, keys: keys, expecting: expected, at: House.noon)
        {
            try hold(verified == nil, "both an ID token and a logout token")
            try hold(logout.subject != nil || logout.sessionID != nil, "nobody's logout")
        }
        guard verified != nil else { return }
        let claims = try JSON(parsing: octets)
        try hold(claims["iss"]?.string.map(House.issuer.accepts) == true, "iss")
        try hold(claims["nonce"]?.string == "n-1", "nonce")
        let audiences = claims["aud"]?.strings ?? [claims["aud"]?.string ?? ""]
        try hold(audiences == ["portal"] || audiences.contains("portal"), "aud")
        let expires = claims["exp"]?.double ?? 0
        try hold(expires + 61 > Double(House.noon.seconds), "expired at \(expires)")
    }
}

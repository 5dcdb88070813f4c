import Cryptography
import JSON
import Testing
import Values

@testable import OpenID

private let keys = keySet([Signer.rsa.jwk(["kid": "k1"])])

/// What `verify` says of a token, as one word.
private func outcome(
    _ token: String, _ keys: JWKSet = keys, _ expected: IDTokenExpectation = expectation(),
    at now: UnixTime = noon
) -> IDTokenFault? {
    do throws(IDTokenFault) {
        _ = try IDToken.verify(token, keys: keys, expecting: expected, at: now)
        return nil
    } catch { return error }
}

@Suite struct `An ID token, OpenID Connect Core section 3 1 3 7` {
    @Test func `that says what it must is read in full`() throws {
        let claims = goodClaims([
            "sid": "s-1", "session_exp": 1_795_028_800, "auth_time": 1_794_999_990, "acr": "2",
            "email": "alice@example.com", "azp": "portal",
        ])
        let token = try IDToken.verify(
            Signer.rsa.token(claims), keys: keys, expecting: expectation(), at: noon)
        #expect(token.subject == "alice" && token.issuer == issuer && token.audiences == ["portal"])
        #expect(token.expires == noon + .seconds(300) && token.issuedAt == noon - .seconds(5))
        #expect(token.sessionID == "s-1" && token.authenticationContext == "2")
        #expect(token.sessionExpires == UnixTime(seconds: 1_795_028_800))
        #expect(token.authenticatedAt == UnixTime(seconds: 1_794_999_990))
        #expect(token.claims["email"] == "alice@example.com")
    }

    /// One claim of a good token changed, or taken away.
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let name: String
        /// JSON; `nil` for no such claim.
        let value: String?
        let fault: IDTokenFault?

        init(_ description: String, _ name: String, _ value: String?, _ fault: IDTokenFault?) {
            testDescription = description
            self.name = name
            self.value = value
            self.fault = fault
        }
    }

    static let identity: [Row] = [
        Row("no iss", "iss", nil, .claimMissing("iss")),
        Row("iss a number", "iss", "1", .claimUnusable("iss")),
        Row(
            "iss with a slash", "iss", #""https://login.example.com/""#,
            .issuerMismatch(found: "https://login.example.com/")),
        Row(
            "iss in capitals", "iss", #""https://LOGIN.example.com""#,
            .issuerMismatch(found: "https://LOGIN.example.com")),
        Row("no aud", "aud", nil, .claimMissing("aud")),
        Row("aud another", "aud", #""other""#, .audienceMissing),
        Row("aud empty", "aud", "[]", .claimUnusable("aud")),
        Row("aud a number", "aud", "5", .claimUnusable("aud")),
        Row("aud with a number", "aud", #"["portal", 5]"#, .claimUnusable("aud")),
        Row("aud nested", "aud", #"[["portal"]]"#, .claimUnusable("aud")),
        Row("aud an object", "aud", #"{"portal": true}"#, .claimUnusable("aud")),
        Row("aud null", "aud", "null", .claimUnusable("aud")),
        Row("aud a prefix", "aud", #""porta""#, .audienceMissing),
        Row("aud longer", "aud", #""portal2""#, .audienceMissing),
        Row("aud in one text", "aud", #""portal other""#, .audienceMissing),
        Row("aud a list", "aud", #"["portal"]"#, nil),
        Row("aud twice", "aud", #"["portal", "portal"]"#, nil),
        Row("aud with a stranger", "aud", #"["portal", "other"]"#, .audienceForeign("other")),
        Row("azp another", "azp", #""other""#, .authorizedPartyForeign),
        Row("azp null", "azp", "null", .authorizedPartyForeign),
        Row("azp a list", "azp", #"["portal"]"#, .authorizedPartyForeign),
        Row("azp the client", "azp", #""portal""#, nil),
        Row("no sub", "sub", nil, .claimMissing("sub")),
        Row("sub empty", "sub", #""""#, .claimUnusable("sub")),
        Row("sub a number", "sub", "42", .claimUnusable("sub")),
        Row("sub null", "sub", "null", .claimUnusable("sub")),
        Row("sub with NUL", "sub", #""a\u0000b""#, .claimUnusable("sub")),
        Row("sub with a line end", "sub", #""a\nb""#, .claimUnusable("sub")),
        Row("sub a name", "sub", #""m\u00fcller@example.com""#, nil),
        Row("no nonce", "nonce", nil, .nonceMismatch),
        Row("nonce another", "nonce", #""n-2""#, .nonceMismatch),
        Row("nonce in capitals", "nonce", #""N-1""#, .nonceMismatch),
        Row("nonce with a space", "nonce", #""n-1 ""#, .nonceMismatch),
        Row("nonce a list", "nonce", #"["n-1"]"#, .nonceMismatch),
        Row("nonce empty", "nonce", #""""#, .nonceMismatch),
        Row(
            "a logout token", "events",
            #"{"http://schemas.openid.net/event/backchannel-logout": {}}"#,
            .otherKindOfToken),
        Row("events of any kind", "events", "null", .otherKindOfToken),
        Row("an access token of Oracle's", "tok_type", #""AT""#, .otherKindOfToken),
        Row("an ID token of Oracle's", "tok_type", #""IT""#, nil),
    ]

    static let times: [Row] = [
        Row("no exp", "exp", nil, .claimMissing("exp")),
        Row("no iat", "iat", nil, .claimMissing("iat")),
        Row("exp a minute ago", "exp", "1794999940", .expired),
        Row("exp just within the skew", "exp", "1794999941", nil),
        Row("exp a text", "exp", #""1795000300""#, .claimUnusable("exp")),
        Row("exp a float", "exp", "1.7950003e9", nil),
        Row("exp a fraction", "exp", "1795000300.75", nil),
        Row("exp negative", "exp", "-1", .expired),
        Row("exp huge", "exp", "1e300", .claimUnusable("exp")),
        Row("exp past a double", "exp", "1e400", .claimUnusable("exp")),
        Row("exp 2^63", "exp", "9223372036854775808", .claimUnusable("exp")),
        Row("exp -2^63", "exp", "-9223372036854775808", .claimUnusable("exp")),
        Row("exp 2^53 - 1", "exp", "9007199254740991", nil),
        Row("exp true", "exp", "true", .claimUnusable("exp")),
        Row("exp null", "exp", "null", .claimUnusable("exp")),
        Row("exp a list", "exp", "[1795000300]", .claimUnusable("exp")),
        Row("iat within the skew", "iat", "1795000060", nil),
        Row("iat in the future", "iat", "1795000061", .fromTheFuture("iat")),
        Row("iat a text", "iat", #""1""#, .claimUnusable("iat")),
        Row("nbf within the skew", "nbf", "1795000060", nil),
        Row("nbf in the future", "nbf", "1795000061", .fromTheFuture("nbf")),
        Row("nbf a text", "nbf", #""0""#, .claimUnusable("nbf")),
        Row("auth_time in the future", "auth_time", "1795000061", .fromTheFuture("auth_time")),
        Row("auth_time a text", "auth_time", #""1""#, .claimUnusable("auth_time")),
        Row("session_exp a text", "session_exp", #""soon""#, nil),
    ]

    @Test(arguments: identity + times) func `is judged by each claim`(_ row: Row) {
        let value = row.value.map { json($0) }
        let claims = value.map { goodClaims([row.name: $0]) } ?? without(row.name)
        #expect(outcome(Signer.rsa.token(claims)) == row.fault)
    }

    @Test func `has a subject of at most 255 octets`() {
        for (count, fault) in [(1, nil), (255, nil), (256, IDTokenFault.claimUnusable("sub"))] {
            let subject = JSON.string(String(repeating: "s", count: count))
            #expect(outcome(Signer.rsa.token(goodClaims(["sub": subject]))) == fault)
        }
    }

    @Test func `may be addressed to audiences that are configured too`() {
        let token = Signer.rsa.token(goodClaims(["aud": ["portal", .string(issuer), "api"]]))
        #expect(outcome(token) == .audienceForeign(issuer))
        #expect(
            outcome(token, keys, expectation { $0.acceptedAudiences = [issuer] })
                == .audienceForeign("api"))
        #expect(
            outcome(token, keys, expectation { $0.acceptedAudiences = ["api", issuer] }) == nil)
        let alone = Signer.rsa.token(goodClaims(["aud": "api"]))
        #expect(
            outcome(alone, keys, expectation { $0.acceptedAudiences = ["api"] })
                == .audienceMissing)
    }

    @Test func `names are compared by octets, not as Unicode would`() {
        // U+212A, the Kelvin sign, is canonically a K.
        let token = Signer.rsa.token(goodClaims(["aud": "\u{212a}"]))
        #expect(outcome(token, keys, expectation { $0.clientID = "K" }) == .audienceMissing)
        let other = Signer.rsa.token(goodClaims(["sub": "\u{212a}"]))
        let expected = expectation { $0.first = FirstIDToken(subject: "K") }
        #expect(outcome(other, keys, expected) == .subjectChanged)
    }

    struct Hash: Sendable {
        let signer: Signer
        let hash: @Sendable ([UInt8]) -> [UInt8]
    }
    static let hashes = [
        Hash(signer: .rsa) { SHA256.digest($0.span) },
        Hash(signer: .p256) { SHA256.digest($0.span) },
        Hash(signer: .p384) { SHA384.digest($0.span) },
        Hash(signer: .ed25519) { SHA512.digest($0.span) },
    ]

    @Test(arguments: hashes) func `has the hash of what came with it, if any`(_ row: Hash) {
        let keys = keySet([row.signer.jwk(["kid": "k1"])])
        for (name, set) in [
            ("at_hash", { (e: inout IDTokenExpectation) in e.accessToken = "at-1" }),
            ("c_hash", { (e: inout IDTokenExpectation) in e.code = "at-1" }),
            ("s_hash", { (e: inout IDTokenExpectation) in e.state = "at-1" }),
        ] {
            let expected = expectation {
                $0.algorithms = [row.signer.algorithm]
                set(&$0)
            }
            let hash = row.hash(octets("at-1"))
            let half = base64URL(Array(hash.prefix(hash.count / 2)))
            func outcome(with value: JSON) -> IDTokenFault? {
                OpenIDTests.outcome(row.signer.token(goodClaims([name: value])), keys, expected)
            }
            #expect(outcome(with: .string(half)) == nil)
            let whole = base64URL(hash)
            for wrong: JSON in [
                .string(whole), "", nil, 5, .string(half + "="),
                .string(base64URL(Array(row.hash(octets("at-2")).prefix(hash.count / 2)))),
            ] {
                #expect(outcome(with: wrong) == .hashMismatch(name))
            }
            #expect(
                OpenIDTests.outcome(row.signer.token(goodClaims()), keys, expected) == nil)
        }
    }

    @Test func `is fresh enough where max_age was asked for`() {
        let expected = expectation { $0.maxAge = .seconds(300) }
        func outcome(_ time: JSON?) -> IDTokenFault? {
            OpenIDTests.outcome(
                Signer.rsa.token(time.map { goodClaims(["auth_time": $0]) } ?? goodClaims()), keys,
                expected)
        }
        #expect(outcome(nil) == .claimMissing("auth_time"))
        #expect(outcome(1_794_999_640) == nil)
        #expect(outcome(1_794_999_639) == .authenticationTooOld)
        #expect(outcome(.number("-9007199254740991")) == .authenticationTooOld)
    }

    @Test func `is as strong as was asked for`() {
        let expected = expectation { $0.authenticationContexts = ["2", "3"] }
        func outcome(_ claims: JSON) -> IDTokenFault? {
            OpenIDTests.outcome(Signer.rsa.token(claims), keys, expected)
        }
        #expect(outcome(goodClaims(["acr": "3"])) == nil)
        #expect(outcome(goodClaims(["acr": "1"])) == .authenticationContextOther(found: "1"))
        #expect(outcome(goodClaims()) == .authenticationContextOther(found: nil))
        #expect(outcome(goodClaims(["acr": ["3"]])) == .authenticationContextOther(found: nil))
    }

    @Test func `refreshed speaks of the same person, or ends the session`() {
        let first = FirstIDToken(subject: "alice", issuer: issuer, audiences: ["portal", "api"])
        let expected = expectation {
            $0.nonce = nil
            $0.acceptedAudiences = ["api"]
            $0.issuers += ["https://old.example.com"]
            $0.first = first
        }
        func outcome(_ changes: JSONObject) -> IDTokenFault? {
            var all: JSONObject = ["aud": ["api", "portal"]]
            for (name, value) in changes.members { all[name] = value }
            return OpenIDTests.outcome(Signer.rsa.token(goodClaims(all)), keys, expected)
        }
        #expect(outcome([:]) == nil)
        #expect(outcome(["nonce": "whatever"]) == nil)
        #expect(outcome(["sub": "bob"]) == .subjectChanged)
        #expect(outcome(["iss": "https://old.example.com"]) == .issuerChanged)
        #expect(outcome(["aud": "portal"]) == .audienceChanged)
        #expect(outcome(["aud": ["portal", "x"]]) == .audienceForeign("x"))
        #expect(
            OpenIDTests.outcome(Signer.otherRSA.token(goodClaims()), keys, expected)
                == .jose(.signatureInvalid))
    }

    @Test func `kept from the first login says what a refreshed one must`() {
        let kept = FirstIDToken(kept: Signer.rsa.token(goodClaims(["aud": ["portal", "api"]])))
        #expect(
            kept == FirstIDToken(subject: "alice", issuer: issuer, audiences: ["portal", "api"]))
        for junk in ["", "a.b", "a.b.c", "..", "e30.e30.e30"] {
            #expect(FirstIDToken(kept: junk) == nil)
        }
    }

    @Test func `of Oracle's kind is accepted through the preset's pins alone`() {
        let domain = "https://idcs-0123.identity.oraclecloud.com"
        let oracle = IssuerExpectation(configured: domain, preset: .idcs)
        let claims = goodClaims([
            "iss": "https://identity.oraclecloud.com/", "tok_type": "IT",
            "aud": ["portal", "https://identity.oraclecloud.com/", .string(domain + ":443")],
        ])
        let token = Signer.rsa.token(claims, header: ["kid": "SIGNING_KEY"])
        let keys = keySet([Signer.rsa.jwk(["kid": "SIGNING_KEY"])])
        let expected = expectation {
            $0.issuers = oracle.pins
            $0.acceptedAudiences = oracle.audiences
        }
        #expect(outcome(token, keys, expected) == nil)
        let generic = IssuerExpectation(configured: domain)
        let strict = expectation { $0.issuers = generic.pins }
        #expect(
            outcome(token, keys, strict)
                == .issuerMismatch(found: "https://identity.oraclecloud.com/"))
        for near in [
            "https://identity.oraclecloud.com//", "http://identity.oraclecloud.com/",
            "https://identity.oraclecloud.com:443/", "https://identity.oraclecloud.com.evil.test/",
            "https://idcs-0124.identity.oraclecloud.com", "HTTPS://identity.oraclecloud.com/",
        ] {
            let wrong = Signer.rsa.token(
                goodClaims(["iss": .string(near)]),
                header: ["kid": "SIGNING_KEY"])
            #expect(outcome(wrong, keys, expected) == .issuerMismatch(found: near))
        }
        // The domain's signing key was replaced under the same name.
        let replaced = keySet([Signer.otherRSA.jwk(["kid": "SIGNING_KEY"])])
        #expect(outcome(token, replaced, expected)?.mayBeCuredByNewKeys == true)
    }

    @Test func `is 502 from the provider and 400 from a browser`() {
        #expect(IDTokenFault.expired.status == 502)
        #expect(IDTokenFault.expired.status(isFromBrowser: true) == 400)
        #expect(IDTokenFault.jose(.segments(2)).code == "id-token-malformed")
        #expect(IDTokenFault.keyUnknown(kid: nil).code == "id-token-key-unknown")
    }
}

import Cryptography
import JSON
import Testing
import Values

@testable import OpenID

private let keys = keySet([Signer.rsa.jwk(["kid": "k1"])])
private let event = "http://schemas.openid.net/event/backchannel-logout"

/// The claims of a logout that nothing is wrong with, one changed; JSON null takes one away.
private func claims(_ changes: JSONObject = [:]) -> JSON {
    var claims: JSONObject = [
        "iss": .string(issuer), "aud": "portal", "sub": "alice", "sid": "s-1", "jti": "j-1",
        "iat": .number(String(noon.seconds - 5)), "exp": .number(String(noon.seconds + 120)),
        "events": ["http://schemas.openid.net/event/backchannel-logout": [:]],
    ]
    for (name, value) in changes.members { claims[name] = value.isNull ? .none : .some(value) }
    return .object(claims)
}

private func fault(
    _ token: String, _ keys: JWKSet = keys, at now: UnixTime = noon,
    _ change: (inout IDTokenExpectation) -> Void = { _ in }
) -> LogoutTokenFault? {
    var expected = expectation()
    expected.nonce = nil
    change(&expected)
    do throws(LogoutTokenFault) {
        _ = try LogoutToken.verify(token, keys: keys, expecting: expected, at: now)
        return nil
    } catch { return error }
}

@Suite struct `A logout token, Back-Channel Logout 1 0 section 2 6` {
    @Test func `that says what it must is read`() throws {
        let token = try LogoutToken.verify(
            Signer.rsa.token(claims(["more": "is ignored"]), header: ["typ": "logout+jwt"]),
            keys: keys, expecting: expectation { $0.nonce = nil }, at: noon)
        #expect(token.subject == "alice" && token.sessionID == "s-1" && token.identifier == "j-1")
        #expect(token.refusedFrom == noon + .seconds(180))
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let changes: JSONObject
        let fault: LogoutTokenFault?

        init(_ description: String, _ changes: JSONObject, _ fault: LogoutTokenFault?) {
            testDescription = description
            self.changes = changes
            self.fault = fault
        }
    }

    private static func seconds(_ offset: Int64) -> JSON { .number("\(noon.seconds + offset)") }

    static let rows: [Row] = [
        Row("no iss", ["iss": nil], .claimUnusable("iss")),
        Row(
            "another iss", ["iss": "https://evil.test"], .issuerMismatch(found: "https://evil.test")
        ),
        Row("no aud", ["aud": nil], .claimUnusable("aud")),
        Row("an empty aud", ["aud": []], .claimUnusable("aud")),
        Row("another aud", ["aud": "other"], .audienceMissing),
        Row("aud a list", ["aud": ["portal"]], nil),
        Row("aud with a stranger", ["aud": ["portal", "other"]], .audienceForeign("other")),
        Row("no iat", ["iat": nil], .claimUnusable("iat")),
        Row("iat a text", ["iat": "1795000000"], .claimUnusable("iat")),
        Row("iat a minute ahead", ["iat": seconds(60)], nil),
        Row("iat further ahead", ["iat": seconds(61)], .fromTheFuture("iat")),
        Row("iat six minutes ago", ["iat": seconds(-359)], nil),
        Row("iat older", ["iat": seconds(-360)], .tooOld),
        Row("no exp, as before the errata", ["exp": nil], nil),
        Row("exp a text", ["exp": "1795000000"], .claimUnusable("exp")),
        Row("exp a minute ago", ["exp": seconds(-59)], nil),
        Row("exp past", ["exp": seconds(-60)], .expired),
        Row("exp beyond reason", ["exp": .number("1e300")], .claimUnusable("exp")),
        Row("nbf ahead", ["nbf": seconds(61)], .fromTheFuture("nbf")),
        Row("sub alone", ["sid": nil], nil),
        Row("sid alone", ["sub": nil], nil),
        Row("neither", ["sub": nil, "sid": nil], .nobody),
        Row("sub empty", ["sub": ""], .claimUnusable("sub")),
        Row("sid a number", ["sid": 5], .claimUnusable("sid")),
        Row("no events", ["events": nil], .eventMissing),
        Row("events a text", ["events": .string(event)], .eventMissing),
        Row("events a list", ["events": [.string(event)]], .eventMissing),
        Row(
            "events without the event", ["events": ["http://example.test/other": [:]]],
            .eventMissing),
        Row(
            "the event no object",
            [
                "events": [
                    "http://schemas.openid.net/event/backchannel-logout": "x"
                ]
            ], .eventMissing),
        Row(
            "another event beside it",
            [
                "events": [
                    "http://schemas.openid.net/event/backchannel-logout": [:], "urn:other": [:],
                ]
            ], nil),
        Row("a nonce", ["nonce": "n-1"], .nonceForbidden),
        Row("no jti", ["jti": nil], .claimUnusable("jti")),
        Row("jti a number", ["jti": 1], .claimUnusable("jti")),
    ]

    @Test(arguments: rows) func `each claim is checked`(_ row: Row) {
        #expect(fault(Signer.rsa.token(claims(row.changes))) == row.fault)
    }

    static let types: [(JSON, LogoutTokenFault?)] = [
        (.null, nil), ("JWT", nil), ("logout+jwt", nil), ("application/logout+jwt", nil),
        ("LOGOUT+JWT", nil), ("at+jwt", .otherKindOfToken), ("secevent+jwt", .otherKindOfToken),
        ("", .otherKindOfToken),
    ]

    @Test(arguments: types.indices) func `typ is a logout token's where it is given`(_ index: Int) {
        let (type, expected) = Self.types[index]
        #expect(fault(Signer.rsa.token(claims(), header: ["typ": type])) == expected)
    }

    @Test func `a signature is the provider's, by one of its algorithms`() {
        let unsigned = Signer.rsa.sign(
            #"{"alg":"none"}"#, claims().serialized(), .RS256)
        #expect(fault(unsigned) == .jose(.algorithmRefused("none")))
        #expect(fault(Signer.p256.token(claims())) == .jose(.algorithmRefused("ES256")))
        #expect(fault(Signer.otherRSA.token(claims())) == .jose(.signatureInvalid))
        let unknown = fault(Signer.rsa.token(claims(), header: ["kid": "k2"]))
        #expect(unknown == .jose(.keyUnknown(kid: "k2")) && unknown?.mayBeCuredByNewKeys == true)
        var token = Signer.rsa.token(claims())
        token.removeLast(4)
        #expect(fault(token)?.status == 400)
    }

    @Test func `an ID token ends no session`() {
        #expect(fault(Signer.rsa.token(goodClaims(["jti": "j", "sid": "s"]))) == .eventMissing)
    }

    @Test func `a logout token is no ID token`() {
        #expect(throws: IDTokenFault.otherKindOfToken) {
            try IDToken.verify(
                Signer.rsa.token(claims(["nonce": "n-1"])), keys: keys, expecting: expectation(),
                at: noon)
        }
    }

    @Test func `what it claims is read without believing it`() {
        let claimed = LogoutToken.claimed(Signer.otherRSA.token(claims()))
        #expect(claimed?.issuer == issuer && claimed?.audiences == ["portal"])
        for token in ["", "a.b.c", "..", "a.e30.c", "a.W10.c"] {
            #expect(LogoutToken.claimed(token) == nil, "\(token)")
        }
    }
}

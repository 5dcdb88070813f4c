import Cryptography
import HTTP
import JSON
import Testing
import Values

@testable import OpenID

private let endpoint = url("https://login.example.com/token")

private func content(of request: OutboundRequest) -> Form? { Form(parsing: request.body.span) }

@Suite struct `A token request` {
    private func redeem(_ method: ClientCredentials.Method, clientID: String = "portal") throws
        -> (OutboundRequest, Form)
    {
        var dice = Dice()
        let request = try TokenRequest.authorizationCode(
            "c/+=&", verifier: "v-1", redirectURI: "https://portal.example.com/.auth/callback",
            at: endpoint,
            as: ClientCredentials(clientID: clientID, method: method, assertionAudiences: [issuer]),
            now: noon, using: &dice)
        return (request, try #require(content(of: request)))
    }

    @Test func `is a form posted to the endpoint`() throws {
        let (request, form) = try redeem(.none)
        #expect(request.method == "POST" && request.url == endpoint)
        #expect(request.field("content-type") == "application/x-www-form-urlencoded")
        #expect(request.field("accept") == "application/json")
        #expect(
            form.pairs.map(\.name)
                == ["grant_type", "code", "redirect_uri", "code_verifier", "client_id"])
        #expect(form.first("code") == "c/+=&" && form.first("code_verifier") == "v-1")
        #expect(form.first("redirect_uri") == "https://portal.example.com/.auth/callback")
        #expect(request.field("authorization") == nil)
    }

    @Test(arguments: [
        ("portal", "secret", "portal:secret"), ("a b", "p:%/+", "a+b:p%3A%25%2F%2B"),
        ("ä", "é", "%C3%A4:%C3%A9"),
    ]) func `by Basic encodes each part first`(_ id: String, _ secret: String, _ pair: String)
        throws
    {
        let (request, form) = try redeem(.secretBasic(Secret(secret)), clientID: id)
        #expect(request.field("authorization") == "Basic " + Base64.encode(octets(pair).span))
        #expect(form.count(of: "client_id") == 0 && form.count(of: "client_secret") == 0)
    }

    @Test func `by post has the secret in the form, and by certificate the client's name alone`()
        throws
    {
        let (request, form) = try redeem(.secretPost(Secret("s3")))
        #expect(form.first("client_id") == "portal" && form.first("client_secret") == "s3")
        #expect(request.field("authorization") == nil)
        #expect(try redeem(.tls).1.pairs.last?.name == "client_id")
    }

    @Test func `by assertion is signed for the provider, and anew each time`() throws {
        let (_, form) = try redeem(.privateKeyJWT(.init(Signer.p256.key, keyID: "c1")))
        #expect(
            form.first("client_assertion_type")
                == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
        let token = try #require(form.first("client_assertion"))
        let jws = try CompactJWS(token, allowing: [.ES256])
        try jws.verify(with: keySet([Signer.p256.jwk(["kid": "c1"])]))
        #expect(jws.payload["iss"] == "portal" && jws.payload["sub"] == "portal")
        #expect(jws.payload["aud"] == .string(issuer))
        #expect(jws.payload["exp"]?.integer == noon.seconds + 60)
        var dice = Dice()
        let credentials = ClientCredentials(
            clientID: "portal", method: .privateKeyJWT(.init(Signer.rsa.key)))
        let tokens = try (0..<3).map { _ in
            let request = try TokenRequest.refresh(
                "r", at: endpoint, as: credentials, now: noon, using: &dice)
            return try #require(content(of: request)).first("client_assertion")
        }
        #expect(Set(tokens).count == 3)
    }

    @Test func `by secret assertion needs a secret that is long enough`() throws {
        let secret = Secret(String(repeating: "s", count: 32))
        let token = try #require(try redeem(.secretJWT(secret)).1.first("client_assertion"))
        let parts = token.split(separator: ".").map(String.init)
        let input = octets(parts[0] + "." + parts[1])
        let code = Base64URL.decode(parts[2]) ?? []
        let isValid = HMACSignature.isValid(
            code.span, of: input.span, algorithm: .HS256, secret: secret)
        #expect(isValid)
        #expect(throws: CredentialFault.self) { try redeem(.secretJWT(Secret("short"))) }
    }

    @Test func `refreshes, revokes, and asks for itself`() throws {
        var dice = Dice()
        let credentials = ClientCredentials(clientID: "portal", method: .none)
        let refresh = try TokenRequest.refresh(
            "AQ/+=", at: endpoint, as: credentials, now: noon, using: &dice)
        #expect(
            refresh.body
                == octets("grant_type=refresh_token&refresh_token=AQ%2F%2B%3D&client_id=portal"))
        let revoke = try TokenRequest.revoke(
            "r", .refreshToken, at: endpoint, as: credentials, now: noon, using: &dice)
        #expect(revoke.body == octets("token=r&token_type_hint=refresh_token&client_id=portal"))
        let own = try TokenRequest.clientCredentials(
            scope: "urn:opc:idm:__myscopes__", at: endpoint, as: credentials, now: noon,
            using: &dice)
        #expect(
            own.body
                == octets(
                    "grant_type=client_credentials&scope=urn%3Aopc%3Aidm%3A__myscopes__&client_id=portal"
                ))
    }
}

@Suite struct `A token response` {
    private func read(
        _ body: String, status: Int = 200, fields: [(String, String)] = [],
        _ purpose: TokenResponse.Purpose = .login
    ) -> Result<TokenResponse, TokenFault> {
        Result { () throws(TokenFault) in
            try TokenResponse(
                InboundResponse(status: status, fields: fields, body: octets(body)),
                expecting: purpose)
        }
    }

    private func fault(_ result: Result<TokenResponse, TokenFault>) -> TokenFault? {
        if case .failure(let fault) = result { fault } else { nil }
    }

    private static func body(_ name: String, _ value: String?) -> String {
        var object =
            json(
                #"{"access_token":"at","token_type":"Bearer","expires_in":3600,"id_token":"a.b.c"}"#
            ).object ?? [:]
        object[name] = value.map { json($0) }
        return JSON.object(object).serialized()
    }

    @Test func `of the common kind is read in full`() throws {
        let response = try read(
            #"{"access_token":"at","token_type":"bEaReR","expires_in":27261,"id_token":"a.b.c","#
                + #""refresh_token":"AQ/+=","scope":"openid","ecid":"x"}"#
        ).get()
        #expect(response.accessToken.text == "at")
        #expect(response.accessToken.expiresIn == .seconds(27_261))
        #expect(response.refreshToken == "AQ/+=" && response.idToken == "a.b.c")
        #expect(response.scope == "openid" && response.furtherAccessTokens.isEmpty)
    }

    @Test(
        arguments: [
            ("3600", 3600), ("3.6e3", 3600), ("\"3600\"", 3600), ("0", 0), ("-5", 0), ("1.9", 1),
            ("1e20", 315_360_000), ("99999999999999999999", 315_360_000),
            ("\"99999999999999999999\"", 315_360_000), ("\"-5\"", nil), ("\"\"", nil),
            ("\"1h\"", nil),
            ("\"0x10\"", nil), ("\"nan\"", nil), ("null", nil), ("true", nil), ("[1]", nil),
            (nil, nil),
        ] as [(String?, Int?)])
    func `has a lifetime, or none that helps`(_ value: String?, _ seconds: Int?) throws {
        let response = try read(Self.body("expires_in", value)).get()
        #expect(response.accessToken.expiresIn == seconds.map { .seconds($0) })
    }

    struct Row: Sendable {
        let name: String
        let value: String?
        let fault: TokenFault?
        init(_ name: String, _ value: String?, _ fault: TokenFault.Unusable?) {
            self.name = name
            self.value = value
            self.fault = fault.map { .unusable($0) }
        }
    }
    static let rows: [Row] = [
        Row("access_token", nil, .accessTokenMissing),
        Row("access_token", "null", .accessTokenMissing),
        Row("access_token", "\"\"", .accessTokenMissing),
        Row("access_token", "5", .accessTokenUnusable),
        Row("access_token", "\"a b\"", .accessTokenUnusable),
        Row("access_token", #""a\r\nX: y""#, .accessTokenUnusable),
        Row("access_token", #""\u00e4""#, .accessTokenUnusable),
        Row("access_token", "[\"a\"]", .accessTokenUnusable),
        Row("token_type", nil, .tokenTypeMissing), Row("token_type", "null", .tokenTypeMissing),
        Row("token_type", "5", .tokenTypeMissing),
        Row("token_type", "\"DPoP\"", .tokenTypeForeign("DPoP")),
        Row("token_type", "\"\"", .tokenTypeForeign("")), Row("token_type", "\"BEARER\"", nil),
        Row("id_token", nil, .idTokenMissing), Row("id_token", "null", .idTokenMissing),
        Row("id_token", "\"\"", .idTokenMissing), Row("id_token", "{}", .idTokenUnusable),
        Row("id_token", "\"a b\"", .idTokenUnusable), Row("refresh_token", "null", nil),
        Row("refresh_token", "\"\"", nil), Row("refresh_token", "1", .refreshTokenUnusable),
        Row("scope", "5", nil), Row("unknown", "{}", nil),
    ]

    @Test(arguments: rows) func `must have tokens that can be used`(_ row: Row) {
        #expect(fault(read(Self.body(row.name, row.value))) == row.fault)
    }

    @Test(arguments: [
        "", "<html>502</html>", "[]", "null", "\"x\"", "{", "{}{}",
        #"{"access_token":"a","access_token":"b"}"#, "5\r\nhello",
    ]) func `of 200 that is no JSON object is unusable`(_ body: String) {
        #expect(fault(read(body)) == .unusable(.notJSON))
        #expect(fault(read(body))?.refreshConsequence == .refreshTokenSpent)
    }

    @Test func `in a coding that was not asked for is not read`() {
        let body = Self.body("x", nil)
        #expect(fault(read(body, fields: [("content-encoding", "gzip")])) == .unusable(.notJSON))
        #expect(fault(read(body, fields: [("Content-Encoding", "Identity")])) == nil)
        #expect(fault(read(body, fields: [("Content-Type", "text/html")])) == nil)
    }

    struct Refusal: Sendable {
        let status: Int
        let body: String
        let fault: TokenFault
        let answer: Int
        let consequence: RefreshConsequence
        init(
            _ status: Int, _ body: String, _ fault: TokenFault, _ answer: Int,
            _ consequence: RefreshConsequence
        ) {
            (self.status, self.body, self.fault) = (status, body, fault)
            (self.answer, self.consequence) = (answer, consequence)
        }
    }
    private static func silent(_ status: Int) -> TokenFault {
        .refused(
            ProviderError(code: "unreadable", description: "status \(status) without a reason"))
    }
    private static func other(_ code: String) -> TokenFault {
        .refused(ProviderError(code: code, description: nil))
    }
    static let refusals: [Refusal] = [
        Refusal(
            400, #"{"error":"invalid_grant"}"#, .invalidGrant(description: nil), 400, .sessionEnds),
        Refusal(
            200, #"{"error":"invalid_grant","error_description":"a\nb"}"#,
            .invalidGrant(description: "a b"), 400, .sessionEnds),
        Refusal(
            401, #"{"error":"invalid_client"}"#, .invalidClient(description: nil), 502,
            .tryAgainLater),
        Refusal(
            400, #"{"error":"invalid_client"}"#, .invalidClient(description: nil), 502,
            .tryAgainLater),
        Refusal(401, "", .invalidClient(description: nil), 502, .tryAgainLater),
        Refusal(403, #"{"error":"invalid_code"}"#, other("invalid_code"), 502, .sessionEnds),
        Refusal(400, #"{"error":"invalid_request"}"#, other("invalid_request"), 502, .sessionEnds),
        Refusal(200, #"{"error":"a b","access_token":"x"}"#, other("a b"), 502, .sessionEnds),
        Refusal(400, "", silent(400), 502, .sessionEnds),
        Refusal(400, "<html>", silent(400), 502, .sessionEnds),
        Refusal(404, "{}", silent(404), 502, .sessionEnds),
        Refusal(400, #"{"error":5}"#, silent(400), 502, .sessionEnds),
        Refusal(500, #"{"error":"invalid_grant"}"#, .unavailable(status: 500), 503, .tryAgainLater),
        Refusal(503, "", .unavailable(status: 503), 503, .tryAgainLater),
        Refusal(429, "", .unavailable(status: 429), 503, .tryAgainLater),
        Refusal(504, "", .unavailable(status: 504), 503, .refreshTokenSpent),
        Refusal(302, "", .unusable(.redirected), 502, .refreshTokenSpent),
        Refusal(307, "{}", .unusable(.redirected), 502, .refreshTokenSpent),
        Refusal(204, "", .unusable(.statusUnexpected(204)), 502, .refreshTokenSpent),
    ]

    @Test(arguments: refusals) func `that refuses says whose fault it is`(_ row: Refusal) {
        for purpose in [TokenResponse.Purpose.login, .refresh] {
            let found = fault(read(row.body, status: row.status, purpose))
            #expect(found == row.fault)
            #expect(found?.status == row.answer)
            #expect(found?.refreshConsequence == row.consequence)
        }
    }

    @Test func `to a refresh needs no ID token and no new refresh token`() throws {
        let response = try read(#"{"access_token":"a","token_type":"Bearer"}"#, .refresh).get()
        #expect(response.idToken == nil && response.refreshToken == nil)
        #expect(response.accessToken.expiresIn == nil)
    }

    @Test func `of Oracle's with several tokens has all of them`() throws {
        let response = try read(
            #"{"tokenResponses":[{"access_token":"a","token_type":"Bearer","expires_in":60},"#
                + #"{"access_token":"b","token_type":"Bearer"}],"id_token":"a.b.c"}"#
        ).get()
        #expect(
            response.accessToken == TokenResponse.AccessToken(text: "a", expiresIn: .seconds(60)))
        #expect(response.furtherAccessTokens.map(\.text) == ["b"])
        for (body, expected) in [
            (#"{"tokenResponses":[],"id_token":"a"}"#, TokenFault.Unusable.accessTokenMissing),
            (#"{"tokenResponses":[5],"id_token":"a"}"#, .accessTokenMissing),
            (#"{"tokenResponses":[{"access_token":"a"}],"id_token":"a"}"#, .tokenTypeMissing),
            (#"{"tokenResponses":{},"id_token":"a"}"#, .accessTokenMissing),
        ] {
            #expect(fault(read(body)) == .unusable(expected))
        }
    }
}

@Suite struct `Userinfo` {
    private func read(
        _ body: String, status: Int = 200, type: String = "application/json"
    ) -> Result<JSONObject, UserInfoFault> {
        Result { () throws(UserInfoFault) in
            try UserInfo.claims(
                in: InboundResponse(
                    status: status, fields: [("Content-Type", type)], body: octets(body)),
                about: "alice", keys: keySet([Signer.rsa.jwk(["kid": "k1"])]),
                expecting: expectation())
        }
    }

    @Test func `may be signed, by the provider and for this client`() {
        let signed = { (claims: JSON, signer: Signer) in
            self.read(signer.token(claims), type: "application/jwt; charset=utf-8")
        }
        let claims: JSONObject = [
            "iss": .string(issuer), "aud": ["portal"], "sub": "alice", "email": "a@x",
        ]
        let changed = { (name: String, value: JSON?) -> JSON in
            var other = claims
            other[name] = value
            return .object(other)
        }
        #expect(signed(.object(claims), .rsa) == .success(claims))
        #expect(
            signed(changed("iss", "https://evil.test"), .rsa)
                == .failure(.token(.payloadUnreadable)))
        #expect(signed(changed("iss", nil), .rsa) == .failure(.token(.payloadUnreadable)))
        #expect(signed(changed("aud", "other"), .rsa) == .failure(.token(.payloadUnreadable)))
        #expect(signed(changed("sub", "bob"), .rsa) == .failure(.subjectMismatch))
        #expect(signed(.object(claims), .otherRSA) == .failure(.token(.signatureInvalid)))
        #expect(read("{}", type: "application/jwt") == .failure(.token(.segments(1))))
    }

    @Test func `counts only about the same subject`() {
        #expect(
            read(#"{"sub":"alice","email":"a@x"}"#) == .success(["sub": "alice", "email": "a@x"]))
        for body in [#"{"sub":"bob"}"#, "{}", #"{"sub":null}"#, #"{"sub":["alice"]}"#] {
            #expect(read(body) == .failure(.subjectMismatch))
        }
    }

    @Test(arguments: ["", "[]", "eyJh.eyJz.AAEC", "<html>", #"{"sub":"alice","sub":"bob"}"#])
    func `is one JSON object`(_ body: String) { #expect(read(body) == .failure(.notJSON)) }

    @Test func `says whose fault it is`() {
        #expect(read("", status: 500) == .failure(.unavailable(status: 500)))
        #expect(read("", status: 429) == .failure(.unavailable(status: 429)))
        #expect(read("{}", status: 401) == .failure(.statusUnexpected(401)))
        #expect(read("{}", status: 302) == .failure(.statusUnexpected(302)))
        #expect(UserInfoFault.unavailable(status: 500).status == 503)
        #expect(UserInfoFault.subjectMismatch.status == 502)
    }

    @Test func `is asked for with the bearer`() {
        let request = UserInfo.request(url("https://login.example.com/u"), accessToken: "at")
        #expect(request.method == "GET" && request.field("authorization") == "Bearer at")
    }
}

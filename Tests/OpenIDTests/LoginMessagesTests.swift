import HTTP
import JSON
import Testing
import Values

@testable import OpenID

private func request(_ change: (inout AuthorizationRequest) -> Void = { _ in })
    -> AuthorizationRequest
{
    var request = AuthorizationRequest(
        clientID: "portal", redirectURI: "https://portal.example.com/.auth/callback",
        scopes: ["openid", "email"], state: "s&t", nonce: "n-1",
        codeVerifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    change(&request)
    return request
}

@Suite struct `An authorization request` {
    private let endpoint = url("https://login.example.com/authorize")

    @Test func `has what the provider needs, once`() {
        #expect(
            request().url(endpoint)
                == "https://login.example.com/authorize?response_type=code&client_id=portal"
                + "&redirect_uri=https%3A%2F%2Fportal.example.com%2F.auth%2Fcallback"
                + "&scope=openid+email&state=s%26t&nonce=n-1"
                // RFC 7636 Appendix B.
                + "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
                + "&code_challenge_method=S256")
    }

    @Test func `keeps the endpoint's own query`() {
        let text = request().url(url("https://login.example.com/a?tenant=x"))
        #expect(text.hasPrefix("https://login.example.com/a?tenant=x&response_type=code&"))
    }

    @Test(arguments: [
        ([], "openid"), (["openid"], "openid"), (["email", "openid", "email"], "openid email"),
        (["a", "b"], "openid a b"),
    ]) func `asks for openid exactly once`(_ scopes: [String], _ sent: String) {
        #expect(request { $0.scopes = scopes }.parameters.first("scope") == sent)
    }

    @Test func `lets nobody send a parameter twice or another's`() {
        let form = request {
            $0.additional = [
                ("audience", "api"), ("audience", "evil"), ("redirect_uri", "https://evil.test"),
                ("scope", "admin"), ("state", "x"), ("nonce", "x"), ("client_id", "x"),
                ("response_type", "token"), ("response_mode", "fragment"), ("request", "x"),
                ("request_uri", "x"), ("code_challenge", "x"), ("code_challenge_method", "plain"),
                ("prompt", "none"), ("login_hint", "alice"),
            ]
            $0.prompt = "login"
        }.parameters
        for (name, _) in form.pairs { #expect(form.count(of: name) == 1, "\(name)") }
        #expect(form.first("audience") == "api" && form.first("login_hint") == "alice")
        #expect(form.first("prompt") == "login" && form.first("scope") == "openid email")
        #expect(form.first("code_challenge_method") == "S256")
        #expect(form.count(of: "request_uri") == 0 && form.count(of: "response_mode") == 0)
        let public_ = request {
            $0.codeVerifier = nil
            $0.additional = [("code_challenge_method", "plain")]
        }.parameters
        #expect(public_.count(of: "code_challenge_method") == 0)
    }

    @Test func `says what a route asks for`() {
        let form = request {
            $0.maxAge = .seconds(300)
            $0.authenticationContexts = ["2", "3"]
            $0.responseMode = .formPost
        }.parameters
        #expect(form.first("max_age") == "300" && form.first("acr_values") == "2 3")
        #expect(form.first("response_mode") == "form_post")
        let implicit = request {
            $0.responseType = .idToken
            $0.responseMode = .formPost
        }.parameters
        #expect(implicit.first("response_type") == "id_token")
        #expect(implicit.first("response_mode") == "form_post")
    }
}

@Suite struct `An authorization response` {
    private func read(_ query: String) -> Result<AuthorizationResponse, AuthorizationFault> {
        Result { () throws(AuthorizationFault) in
            try AuthorizationResponse(form: Form(parsing: query) ?? Form())
        }
    }

    struct Row: Sendable {
        let query: String
        let expected: Result<AuthorizationResponse.Outcome, AuthorizationFault>
        init(_ query: String, _ expected: Result<AuthorizationResponse.Outcome, AuthorizationFault>)
        {
            self.query = query
            self.expected = expected
        }
    }
    static let rows: [Row] = [
        Row("code=abc&state=s", .success(.code("abc"))),
        Row(
            "code=abc&state=s&session_state=x&scope=openid&client_id=p&ecid=1",
            .success(.code("abc"))),
        Row("code=a%2Fb%2Bc%3D&state=s", .success(.code("a/b+c="))),
        Row("code=abc&state=s&access_token=x&id_token=y", .success(.code("abc"))),
        Row("code=abc", .success(.code("abc"))),
        Row(
            "error=access_denied&state=s",
            .success(.error(ProviderError(code: "access_denied", description: nil)))),
        Row(
            "error=%22%3Cscript%3E&error_description=a%0Ab",
            .success(.error(ProviderError(code: "unreadable", description: "a b")))),
        Row("error=", .success(.error(ProviderError(code: "unreadable", description: nil)))),
        Row("", .failure(.empty)), Row("state=s", .failure(.empty)), Row("&=&", .failure(.empty)),
        Row("access_token=x&state=s", .failure(.empty)), Row("id_token=x", .failure(.empty)),
        Row("code=a&error=b", .failure(.contradictory)),
        Row("code=&state=s", .failure(.valueUnusable("code"))),
        Row("code=a%00b", .failure(.valueUnusable("code"))),
        Row("code=%C3%A4", .failure(.valueUnusable("code"))),
        Row("code=a&state=", .failure(.valueUnusable("state"))),
        Row("code=a&state=s&iss=", .failure(.valueUnusable("iss"))),
        Row("code=a&code=a", .failure(.repeated("code"))),
        Row("code=a&state=s&state=t", .failure(.repeated("state"))),
        Row("error=a&error=b", .failure(.repeated("error"))),
        Row("code=a&iss=x&iss=y", .failure(.repeated("iss"))),
        Row("code=a&x=1&x=2", .failure(.repeated("x"))),
        Row("code=" + String(repeating: "c", count: 8193), .failure(.valueUnusable("code"))),
        Row(
            "code=a&state=" + String(repeating: "s", count: 8193), .failure(.valueUnusable("state"))
        ),
    ]

    @Test(arguments: rows) func `has one reading`(_ row: Row) {
        #expect(read(row.query).map(\.outcome) == row.expected)
    }

    @Test func `may have a code of 8 KiB`() {
        let code = String(repeating: "c", count: 8192)
        #expect(read("code=" + code).map(\.outcome) == .success(.code(code)))
    }

    @Test func `brings an ID token only where that was asked for`() throws {
        let form = try #require(Form(parsing: "id_token=a.b.c&state=s&access_token=x"))
        let response = try AuthorizationResponse(form: form, expecting: .idToken)
        #expect(response.outcome == .idToken("a.b.c") && response.state == "s")
    }

    @Test func `names its issuer, or is refused where it should`() throws {
        let expected = IssuerExpectation(configured: issuer)
        func check(_ query: String, isAnnounced: Bool) -> AuthorizationFault? {
            do throws(AuthorizationFault) {
                try read(query).get().checkIssuer(expected, isAnnounced: isAnnounced)
                return nil
            } catch { return error }
        }
        let good = "code=a&iss=https%3A%2F%2Flogin.example.com"
        #expect(check(good, isAnnounced: true) == nil && check(good, isAnnounced: false) == nil)
        #expect(check("code=a", isAnnounced: false) == nil)
        #expect(check("code=a", isAnnounced: true) == .issuerMissing)
        for announced in [true, false] {
            #expect(
                check("code=a&iss=https://evil.test", isAnnounced: announced)
                    == .issuerMismatch(found: "https://evil.test"))
            #expect(check(good + "%2F", isAnnounced: announced)?.code == "callback-issuer-mismatch")
        }
    }

    @Test(arguments: [
        ("access_denied", 403), ("login_required", 403), ("invalid_scope", 403), ("x", 403),
        ("server_error", 503), ("temporarily_unavailable", 503),
    ]) func `with an error is the provider's no, or its trouble`(_ code: String, _ status: Int) {
        #expect(ProviderError(code: code, description: nil).status == status)
    }
}

@Suite struct `The end-session URL` {
    private func url(_ document: JSON, hint: String?, subject: String? = "alice") -> String? {
        let metadata = try? ProviderMetadata(  // `nil` fails the expectations below
            parsing: octets(document.serialized()), for: IssuerExpectation(configured: issuer),
            from: OpenIDTests.url(issuer))
        return metadata.flatMap {
            EndSession.url(
                $0, clientID: "portal", idTokenHint: hint, subject: subject,
                postLogoutRedirectURI: "https://portal.example.com/.auth/signed-out", state: "s")
        }
    }
    private func document(_ endpoint: JSON) -> JSON {
        [
            "issuer": .string(issuer), "authorization_endpoint": "https://login.example.com/a",
            "token_endpoint": "https://login.example.com/t",
            "jwks_uri": "https://login.example.com/k", "end_session_endpoint": endpoint,
        ]
    }
    private let tail =
        "&post_logout_redirect_uri=https%3A%2F%2Fportal.example.com%2F.auth%2Fsigned-out&state=s"

    @Test func `has the ID token as its hint, or the client and subject`() {
        let end = document("https://login.example.com/end")
        #expect(
            url(end, hint: "a.b.c") == "https://login.example.com/end?id_token_hint=a.b.c" + tail)
        #expect(
            url(end, hint: nil)
                == "https://login.example.com/end?client_id=portal&logout_hint=alice" + tail)
        #expect(
            url(end, hint: nil, subject: nil) == "https://login.example.com/end?client_id=portal"
                + tail)
        let long = String(repeating: "x", count: EndSession.idTokenHintOctetsMax + 1)
        #expect(url(end, hint: long) == url(end, hint: nil))
        #expect(
            url(document("https://login.example.com/end?x=1"), hint: nil)?
                .hasPrefix("https://login.example.com/end?x=1&client_id=portal") == true)
    }

    @Test func `is none where the provider has no such endpoint`() {
        #expect(url(document(nil), hint: "a.b.c") == nil)
    }
}

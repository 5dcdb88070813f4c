import Cryptography
import HTTP
import JSON
import Testing
import Values

@testable import Demo

@Suite struct `The demonstration provider is strict` {
    private static let redirectURI = "http://localhost:8080/.auth/callback"
    private static let signedOut = "http://localhost:8080/.auth/signed-out"
    private static let verifier = String(repeating: "v", count: 43)

    /// A provider, and what a browser and a client say to it.
    private final class Stage {
        let provider: DemoProvider
        var now = noon

        // Fails only where libcrypto itself does; making an RSA key takes a while.
        private static let tokens = try! TokenIssuer()

        init() {
            provider = DemoProvider(
                origin: "http://127.0.0.1:9000",
                client: RegisteredClient(
                    id: "demo-portal", secret: "s3cret", redirectURI: redirectURI,
                    postLogoutRedirectURI: signedOut), audience: "urn:demo:energy:",
                tokens: Self.tokens)
        }

        func ask(
            _ method: String, _ path: String, _ form: [String: String] = [:],
            _ fields: [(name: String, value: String)] = []
        ) -> HTTPMessage.Response {
            var encoded = Form()
            for (name, value) in form.sorted(by: { $0.key < $1.key }) {
                encoded.append(name, value)
            }
            let isGet = method == "GET"
            return provider.answer(
                HTTPMessage.Request(
                    method: method, target: isGet ? path + "?" + encoded.encoded : path,
                    fields: fields, body: isGet ? [] : Array(encoded.encoded.utf8)), at: now)
        }

        func authorize(
            _ changes: [String: String?] = [:], cookie: String? = nil
        ) -> HTTPMessage.Response {
            let challenge = Base64URL.encode(SHA256.digest(Array(verifier.utf8).span).span)
            var form: [String: String] = [
                "response_type": "code", "client_id": "demo-portal", "redirect_uri": redirectURI,
                "scope": "openid offline_access urn:demo:energy:read", "state": "st ate&1",
                "nonce": "n-1", "code_challenge": challenge, "code_challenge_method": "S256",
            ]
            for (name, value) in changes { form[name] = value }
            return ask(
                "GET", "/oauth2/v1/authorize", form,
                cookie.map { [(name: "Cookie", value: "a=b; \($0)")] } ?? [])
        }

        func signIn(_ ticket: String, _ changes: [String: String] = [:]) -> HTTPMessage.Response {
            let form = ["ticket": ticket, "username": "alice", "password": "alice"]
            return ask("POST", "/ui/v1/signin", form.merging(changes) { $1 })
        }

        /// Signs alice in and brings back the code.
        func code() throws -> String {
            let response = signIn(try authorize().ticket)
            return try #require(response.redirect(to: redirectURI)?.first("code"))
        }

        func token(
            _ form: [String: String], secret: String = "s3cret"
        ) throws -> (status: Int, body: JSON) {
            let pair = Base64.encode(Array("demo-portal:\(secret)".utf8).span)
            let response = ask(
                "POST", "/oauth2/v1/token", form,
                [(name: "Authorization", value: "Basic " + pair)])
            return (response.status, try JSON(parsing: response.body.span))
        }

        func redeem(
            _ code: String, _ changes: [String: String] = [:], secret: String = "s3cret"
        ) throws -> (status: Int, body: JSON) {
            let form = [
                "grant_type": "authorization_code", "code": code, "redirect_uri": redirectURI,
                "code_verifier": verifier,
            ]
            return try token(form.merging(changes) { $1 }, secret: secret)
        }

        func refresh(_ token: String) throws -> (status: Int, body: JSON) {
            try self.token(["grant_type": "refresh_token", "refresh_token": token])
        }
    }

    // MARK: The authorization endpoint

    @Test(
        arguments: [
            ("redirect_uri", "http://localhost:8080/.auth/callback/"),
            ("redirect_uri", "http://localhost:8080/.auth/callback?x=1"),
            ("redirect_uri", "http://LOCALHOST:8080/.auth/callback"), ("redirect_uri", nil),
            ("client_id", "other"), ("client_id", nil),
        ] as [(String, String?)]) func `nobody is redirected to where it is not registered`(
            _ name: String, _ value: String?
        ) throws
    {
        let response = Stage().authorize([name: value])
        #expect(response.status == 400 && response.field("Location") == nil)
    }

    @Test(
        arguments: [
            ("response_type", "token"), ("code_challenge", nil), ("code_challenge", "short"),
            ("code_challenge_method", "plain"), ("code_challenge_method", nil),
            ("scope", "profile"),
        ] as [(String, String?)]) func `a request without PKCE, or that is no login, comes back`(
            _ name: String, _ value: String?
        ) throws
    {
        let answer = Stage().authorize([name: value]).redirect(to: Self.redirectURI)
        #expect(answer?.first("error") == "invalid_request")
        #expect(answer?.first("state") == "st ate&1")
    }

    @Test(arguments: [
        ["password": "bob"], ["username": "mallory", "password": "mallory"], ["password": ""],
    ]) func `a wrong password is asked for again`(_ changes: [String: String]) throws {
        let stage = Stage()
        let ticket = try stage.authorize().ticket
        let response = stage.signIn(ticket, changes)
        #expect(response.status == 401 && response.field("Set-Cookie") == nil)
        #expect(try response.ticket == ticket)
        #expect(stage.signIn(ticket).status == 303, "and may be right then")
    }

    @Test func `who does not want to sign in comes back with that`() throws {
        let stage = Stage()
        let ticket = try stage.authorize().ticket
        let answer = stage.signIn(ticket, ["action": "deny"]).redirect(to: Self.redirectURI)
        #expect(answer?.first("error") == "access_denied")
        #expect(answer?.first("state") == "st ate&1" && answer?.first("code") == nil)
        #expect(stage.signIn(ticket).status == 400, "the page is over")
    }

    @Test func `a page is good once, and for a quarter of an hour`() throws {
        let stage = Stage()
        let ticket = try stage.authorize().ticket
        #expect(stage.signIn(ticket).status == 303)
        #expect(stage.signIn(ticket).status == 400)
        let late = try stage.authorize().ticket
        stage.now = stage.now + .seconds(900)
        #expect(stage.signIn(late).status == 400)
    }

    @Test func `who is signed in there is sent back at once, until they sign out`() throws {
        let stage = Stage()
        let signedIn = stage.signIn(try stage.authorize().ticket)
        let cookie = String(try #require(signedIn.field("Set-Cookie")).prefix { $0 != ";" })
        #expect(
            stage.authorize(cookie: cookie).redirect(to: Self.redirectURI)?.first("code") != nil)
        #expect(stage.authorize(["prompt": "login"], cookie: cookie).status == 200)
        #expect(
            stage.authorize(["prompt": "none"]).redirect(to: Self.redirectURI)?.first("error")
                == "login_required")
        let left = stage.ask(
            "GET", "/oauth2/v1/userlogout", [:], [(name: "Cookie", value: cookie)])
        #expect(left.status == 200 && left.field("Set-Cookie")?.contains("Max-Age=0") == true)
        #expect(stage.authorize(cookie: cookie).status == 200)
    }

    // MARK: The token endpoint

    @Test func `a code brings tokens that are signed and addressed`() throws {
        let stage = Stage()
        let (status, body) = try stage.redeem(try stage.code())
        #expect(status == 200 && body["token_type"] == "Bearer")
        let identity = try claims(of: body["id_token"])
        #expect((identity["sub"], identity["nonce"]) == ("alice", "n-1"))
        #expect(identity["aud"]?.array?.contains("demo-portal") == true)
        #expect(stage.provider.tokens.hasSigned(body["id_token"]?.string ?? ""))
        let access = try claims(of: body["access_token"])
        #expect((access["aud"], access["scope"]) == ("urn:demo:energy:", "read"))
        #expect(body["refresh_token"]?.string?.isEmpty == false)
    }

    @Test func `a code is spent once, and within three minutes`() throws {
        let stage = Stage()
        let code = try stage.code()
        #expect(try stage.redeem(code).status == 200)
        #expect(try stage.redeem(code).body["error"] == "invalid_grant")
        let late = try stage.code()
        stage.now = stage.now + .seconds(180)
        #expect(try stage.redeem(late).body["error"] == "invalid_grant")
    }

    @Test(arguments: [
        ["code_verifier": "w"], ["code_verifier": ""], ["redirect_uri": "http://localhost:8080/"],
        ["code": "x"],
    ]) func `another verifier or redirect URI spends the code for nothing`(
        _ changes: [String: String]
    ) throws {
        let stage = Stage()
        let code = try stage.code()
        let (status, body) = try stage.redeem(code, changes)
        #expect(status == 400 && body["error"] == "invalid_grant")
        #expect(try stage.redeem(code).status == (changes["code"] == nil ? 400 : 200))
    }

    @Test func `another secret spends nothing`() throws {
        let stage = Stage()
        let code = try stage.code()
        let (status, body) = try stage.redeem(code, secret: "guess")
        #expect(status == 401 && body["error"] == "invalid_client")
        #expect(try stage.redeem(code).status == 200)
    }

    @Test func `a client may say its secret in the form`() throws {
        let stage = Stage()
        let form = [
            "grant_type": "authorization_code", "code": try stage.code(),
            "redirect_uri": Self.redirectURI, "code_verifier": Self.verifier,
            "client_id": "demo-portal", "client_secret": "s3cret",
        ]
        #expect(stage.ask("POST", "/oauth2/v1/token", form).status == 200)
    }

    @Test func `refresh tokens rotate, are revoked, and end`() throws {
        let stage = Stage()
        let first = try #require(try stage.redeem(try stage.code()).body["refresh_token"]?.string)
        let second = try #require(try stage.refresh(first).body["refresh_token"]?.string)
        #expect(second != first)
        #expect(try stage.refresh(first).body["error"] == "invalid_grant")
        let third = try #require(try stage.refresh(second).body["refresh_token"]?.string)
        let revocation = [
            "token": third, "client_id": "demo-portal", "client_secret": "s3cret",
        ]
        #expect(stage.ask("POST", "/oauth2/v1/revoke", ["token": third]).status == 401)
        #expect(stage.ask("POST", "/oauth2/v1/revoke", revocation).status == 200)
        #expect(try stage.refresh(third).body["error"] == "invalid_grant")
        let last = try #require(try stage.redeem(try stage.code()).body["refresh_token"]?.string)
        stage.now = stage.now + .seconds(7 * 86_400)
        #expect(try stage.refresh(last).body["error"] == "invalid_grant")
    }

    @Test func `without offline_access there is no refresh token`() throws {
        let stage = Stage()
        let ticket = try stage.authorize(["scope": "openid"]).ticket
        let code = stage.signIn(ticket).redirect(to: Self.redirectURI)?.first("code")
        #expect(try stage.redeem(code ?? "").body["refresh_token"] == nil)
    }

    // MARK: Logout

    @Test(arguments: [true, false]) func `logout leads to where it is registered alone`(
        _ isRegistered: Bool
    ) throws {
        let stage = Stage()
        let idToken = try stage.redeem(try stage.code()).body["id_token"]?.string ?? ""
        for (hint, isOurs) in [(idToken, true), ("a.b.c", false)] {
            let response = stage.ask(
                "GET", "/oauth2/v1/userlogout",
                [
                    "id_token_hint": hint, "state": "s&t",
                    "post_logout_redirect_uri": isRegistered ? Self.signedOut : "http://evil/",
                ])
            #expect(
                response.field("Location")
                    == (isRegistered && isOurs ? Self.signedOut + "?state=s%26t" : nil))
        }
    }

    @Test func `what it remembers is bounded`() throws {
        let stage = Stage()
        for _ in 0..<(ProviderMemory.entriesMax + 50) { _ = stage.authorize() }
        #expect(
            stage.provider.memory.withContent { $0.pending.count } <= ProviderMemory.entriesMax)
    }
}

private func claims(of token: JSON?) throws -> JSON {
    let parts = (token?.string ?? "").split(separator: ".")
    try #require(parts.count == 3)
    let octets = try #require(Base64URL.decode(Array(parts[1].utf8).span) as [UInt8]?)
    return try JSON(parsing: octets.span)
}

extension HTTPMessage.Response {
    var text: String { String(decoding: body, as: UTF8.self) }

    /// What a redirect to the URI carries; `nil` for any other answer.
    fileprivate func redirect(to uri: String) -> Form? {
        guard status == 303, let location = field("Location"), location.hasPrefix(uri + "?") else {
            return nil
        }
        return Form(parsing: Array(location.dropFirst(uri.count + 1).utf8).span)
    }

    /// The ticket in a sign-in page.
    fileprivate var ticket: String {
        get throws {
            let parts = text.split(separator: "name=\"ticket\" value=\"")
            try #require(parts.count == 2)
            return String(parts[1].prefix { $0 != "\"" })
        }
    }
}

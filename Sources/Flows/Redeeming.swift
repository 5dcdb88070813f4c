// What a callback brought is turned into who somebody is: the code is spent, the ID token checked,
// userinfo asked where the configuration says so (OpenID Connect Core §3.1.3, §5.3).

internal import Configuration
internal import Gateway
internal import HTTP
internal import JSON
internal import OpenID
internal import Sessions
internal import Telemetry
internal import Values

/// What an authorization response brought.
enum LoginResult: Sendable {
    case code(String)
    case idToken(String)

    var text: String {
        switch self {
        case .code(let text), .idToken(let text): text
        }
    }
}

/// A callback that has passed its checks, with all that finishing it needs.
struct LoginInHand: Sendable {
    let attempt: LoginAttempt
    /// It takes the place of one that had ended well for nothing, or had lost its cookie.
    let isRepeated: Bool
    let intent: CallbackIntent
    let provider: ProviderSettings
    let metadata: ProviderMetadata
    let snapshot: Snapshot
}

/// Who signed in, and what came with it.
struct CheckedLogin: Sendable {
    let idToken: IDToken
    /// What the provider says besides, where it was asked.
    var userinfo: JSONObject?
    /// `nil` where the ID token came by the browser.
    let tokens: TokenResponse?
    /// When the tokens were asked for.
    let asked: UnixTime
}

extension Flows {
    static let tokenDeadline = Duration.seconds(20)
    static let tokenOctetsMax = 1 << 20

    func redeem(
        _ result: LoginResult, _ login: LoginInHand, _ environment: FlowEnvironment
    ) async -> Redemption {
        do throws(LoginFailure) {
            let checked = try await checked(result, login, environment)
            let answer = try await signIn(checked, login, environment)
            return Redemption(answer: answer, isSpent: true)
        } catch {
            let answer = refuseLogin(
                error.refusal, login.intent.asked, login.snapshot, cause: error.cause,
                details: [("check", .string(error.check))])
            return Redemption(answer: answer, isSpent: error.isCodeSpent)
        }
    }

    private func checked(
        _ result: LoginResult, _ login: LoginInHand, _ environment: FlowEnvironment
    ) async throws(LoginFailure) -> CheckedLogin {
        let asked = environment.now()
        switch result {
        case .idToken(let token):
            let idToken: IDToken
            do throws(VerificationFailure) {
                idToken = try await verify(
                    token, expectation(login, accessToken: nil), login.provider, login.metadata,
                    environment)
            } catch { throw LoginFailure(error, isFromBrowser: true) }
            return CheckedLogin(idToken: idToken, tokens: nil, asked: asked)
        case .code(let code):
            let tokens = try await redeemedTokens(code, login, environment)
            let expectation = expectation(login, accessToken: tokens.accessToken.text)
            let idToken: IDToken
            do throws(VerificationFailure) {
                idToken = try await verify(
                    tokens.idToken ?? "", expectation, login.provider, login.metadata, environment)
            } catch { throw LoginFailure(error) }
            var checked = CheckedLogin(idToken: idToken, tokens: tokens, asked: asked)
            if login.provider.userinfo {
                checked.userinfo = try await userinfo(
                    about: idToken, tokens.accessToken.text, expectation, login, environment)
            }
            return checked
        }
    }

    private func redeemedTokens(
        _ code: String, _ login: LoginInHand, _ environment: FlowEnvironment
    ) async throws(LoginFailure) -> TokenResponse {
        var generator = SystemRandomNumberGenerator()
        let request: OutboundRequest
        do throws(CredentialFault) {
            request = try TokenRequest.authorizationCode(
                code, verifier: login.attempt.codeVerifier,
                redirectURI: login.attempt.redirectURI, at: login.metadata.tokenEndpoint,
                as: login.provider.credentials(login.metadata), now: environment.now(),
                using: &generator)
        } catch { throw LoginFailure(.clientRefused, error) }
        let response: InboundResponse
        do throws(ClientFailure) {
            response = try await environment.client.send(
                request, as: login.provider.identity, deadline: Self.tokenDeadline,
                octetsMax: Self.tokenOctetsMax)
        } catch { throw LoginFailure(error) }
        do throws(TokenFault) {
            return try TokenResponse(response, expecting: .login)
        } catch { throw LoginFailure(error, correlatedBy: response.correlation) }
    }

    private func expectation(_ login: LoginInHand, accessToken: String?) -> IDTokenExpectation {
        let issuer = login.provider.issuerExpectation
        return IDTokenExpectation(
            issuers: issuer.pins, clientID: login.provider.clientID,
            acceptedAudiences: issuer.audiences,
            algorithms: login.metadata.idTokenSigningAlgorithms, nonce: login.attempt.nonce,
            accessToken: accessToken, maxAge: login.attempt.maxAge,
            authenticationContexts: login.attempt.authenticationContexts,
            decryptionKey: login.provider.clientPrivateKey)
    }

    /// Checks an ID token, with keys read again once where an unknown or changed key may be why it
    /// fails.
    func verify(
        _ token: String, _ expectation: IDTokenExpectation, _ provider: ProviderSettings,
        _ metadata: ProviderMetadata, _ environment: FlowEnvironment
    ) async throws(VerificationFailure) -> IDToken {
        let keys: KeptDocument<JWKSet>.Edition
        do throws(DirectoryFailure) {
            keys = try await directory.keys(of: provider, metadata, in: environment)
        } catch { throw .keysMissing(error) }
        do throws(IDTokenFault) {
            return try IDToken.verify(
                token, keys: keys.document, expecting: expectation, at: environment.now())
        } catch {
            guard error.mayBeCuredByNewKeys,
                let newer = await directory.keys(
                    after: keys.number, of: provider, metadata, in: environment)
            else { throw .refused(error) }
            do throws(IDTokenFault) {
                return try IDToken.verify(
                    token, keys: newer.document, expecting: expectation, at: environment.now())
            } catch { throw .refused(error) }
        }
    }

    // MARK: Userinfo

    private static let userinfoDeadline = Duration.seconds(10)

    private func userinfo(
        about idToken: IDToken, _ accessToken: String, _ expectation: IDTokenExpectation,
        _ login: LoginInHand, _ environment: FlowEnvironment
    ) async throws(LoginFailure) -> JSONObject {
        guard let endpoint = login.metadata.userinfoEndpoint else {
            throw LoginFailure(
                .providerResponseInvalid,
                cause: "provider.userinfo is true, and the provider has no userinfo_endpoint")
        }
        let response: InboundResponse
        do throws(ClientFailure) {
            response = try await environment.client.send(
                UserInfo.request(endpoint, accessToken: accessToken), as: login.provider.identity,
                deadline: Self.userinfoDeadline, octetsMax: Self.tokenOctetsMax)
        } catch { throw LoginFailure(error, at: "userinfo endpoint") }
        let keys: KeptDocument<JWKSet>.Edition
        do throws(DirectoryFailure) {
            keys = try await directory.keys(of: login.provider, login.metadata, in: environment)
        } catch { throw LoginFailure(VerificationFailure.keysMissing(error)) }
        do throws(UserInfoFault) {
            return try UserInfo.claims(
                in: response, about: idToken.subject, keys: keys.document, expecting: expectation)
        } catch {
            guard error.mayBeCuredByNewKeys,
                let newer = await directory.keys(
                    after: keys.number, of: login.provider, login.metadata, in: environment)
            else { throw LoginFailure(error) }
            do throws(UserInfoFault) {
                return try UserInfo.claims(
                    in: response, about: idToken.subject, keys: newer.document,
                    expecting: expectation)
            } catch { throw LoginFailure(error) }
        }
    }
}

extension InboundResponse {
    /// What Oracle's support finds a request by: a field, or a member of an error's JSON.
    var correlation: String? {
        if let named = field("ecid") ?? field("X-ORACLE-DMS-ECID") { return named }
        let document: JSON?
        do { document = try JSON(parsing: body.span) } catch { document = nil }
        return document?["ecid"]?.string.flatMap { $0.utf8.count <= 200 ? $0 : nil }
    }
}

extension CheckedLogin {
    /// A claim; what was signed at login counts before what was said afterwards.
    func claim(_ name: String) -> JSON? { idToken.claims[name] ?? userinfo?[name] }
}

// A login begins: the visitor is sent to the provider (OpenID Connect Core §3.1.2.1).

internal import Configuration
internal import Gateway
internal import HTTP
internal import OpenID
internal import Sessions
internal import Telemetry
internal import Values

extension Flows {
    func beginLogin(
        _ intent: LoginIntent, _ snapshot: Snapshot, _ environment: FlowEnvironment
    ) async -> Outcome {
        let now = environment.now()
        let finished = LoginCircle.finished(intent.asked, snapshot, at: now)
        if case .tokenEnded(let session) = intent.reason {
            // The session goes on without a token, rather than through the provider twice a minute,
            // or to a page that says no more than that the provider is down.
            guard finished.isEmpty, renewals.mayGo(session.id, at: now),
                await isReachable(intent, snapshot, environment)
            else { return .proceed(.session(session, setCookies: [])) }
        }
        let bringsSession = intent.asked.bringsSession(snapshot.sessionCookies(of: intent.provider))
        if case .link(isSignedIn: true) = intent.reason {
            return .answer(await sendToProvider(intent, isRepeated: false, snapshot, environment))
        }
        let name = snapshot.configuration.providers[intent.provider].name
        // What another provider's login came to says nothing of this one's.
        let own = finished.filter { $0.provider == name }
        switch LoginCircle(own, returnTo: intent.returnTo, bringsSession: bringsSession) {
        case .open:
            return .answer(await sendToProvider(intent, isRepeated: false, snapshot, environment))
        case .onceMore:
            return .answer(await sendToProvider(intent, isRepeated: true, snapshot, environment))
        case .closed(let refusal, let cause):
            return .answer(refuseLogin(refusal, intent.asked, snapshot, cause: cause))
        }
    }

    private func isReachable(
        _ intent: LoginIntent, _ snapshot: Snapshot, _ environment: FlowEnvironment
    ) async -> Bool {
        do throws(DirectoryFailure) {
            _ = try await directory.metadata(
                of: snapshot.configuration.providers[intent.provider], in: environment)
            return true
        } catch {
            return false  // logged where it happened
        }
    }

    /// - Parameter isRepeated: this login takes the place of one whose cookie did not come back.
    func sendToProvider(
        _ intent: LoginIntent, isRepeated: Bool, _ snapshot: Snapshot,
        _ environment: FlowEnvironment
    ) async -> Answer {
        let provider = snapshot.configuration.providers[intent.provider]
        let metadata: ProviderMetadata
        do throws(DirectoryFailure) {
            metadata = try await directory.metadata(of: provider, in: environment)
        } catch {
            return refuseLogin(
                error.isTransient ? .providerUnknown : .providerResponseInvalid, intent.asked,
                snapshot, cause: error.sentence)
        }
        let now = environment.now()
        var generator = SystemRandomNumberGenerator()
        let sealer = Sealer(snapshot.ring)
        let silently = intent.maySucceedSilently(at: provider)
        let attempt = LoginAttempt(
            returnTo: intent.returnTo, provider: provider.name, host: intent.asked.host,
            redirectURI: intent.redirectURI, maxAge: intent.requirements.maxAge,
            authenticationContexts: intent.requirements.acrValues,
            scopes: provider.scopes + intent.requirements.scopes + intent.requirements.scopesKept,
            scopesNeeded: intent.requirements.scopes, isSilent: silently,
            replacesSession: snapshot.isStrict && !intent.asked.sessionCookieNames.isEmpty,
            at: now, using: &generator)
        let state = LoginState(
            loginID: attempt.id, returnTo: attempt.returnTo, isRepeated: isRepeated)
        let request = AuthorizationRequest(
            attempt, state: state.sealed(by: sealer, at: now, using: &generator),
            prompt: attempt.isSilent ? "none" : intent.requirements.prompt,
            parameters: intent.parameters, provider: provider)
        let location: String
        do throws(LoginFailure) {
            location = try await place(request, provider, metadata, environment)
        } catch {
            return refuseLogin(
                error.refusal, intent.asked, snapshot, cause: error.cause,
                details: [("check", .string(error.check))])
        }
        let cookies = snapshot.loginCookies
        let sealed = attempt.sealed(by: sealer, for: cookies, at: now, using: &generator)
        let setCookies =
            [
                cookies.cookie(
                    of: attempt.id, sealed: sealed,
                    lasting: snapshot.configuration.session.loginTimeout)
            ]
            + cookies.crowdedOut(of: intent.asked.logins(cookies)).map { cookies.deletion(of: $0) }
        return .seeOther(location, setCookies: setCookies.map(\.field))
    }

    private static let pushDeadline = Duration.seconds(10)

    /// The Location: the request itself, or the name of one that was pushed (RFC 9126). It is pushed
    /// wherever the provider offers that; one that only offers it gets the request by the browser when
    /// the push did not work.
    func place(
        _ request: AuthorizationRequest, _ provider: ProviderSettings,
        _ metadata: ProviderMetadata, _ environment: FlowEnvironment
    ) async throws(LoginFailure) -> String {
        guard let endpoint = metadata.pushedAuthorizationRequestEndpoint,
            metadata.requiresPushedAuthorizationRequests || provider.pushedRequests == .offered
        else { return request.url(metadata.authorizationEndpoint) }
        do throws(LoginFailure) {
            let name = try await pushed(request, to: endpoint, provider, metadata, environment)
            return request.url(metadata.authorizationEndpoint, pushedAs: name)
        } catch {
            guard !metadata.requiresPushedAuthorizationRequests else { throw error }
            log.event(
                .warning, "pushed-request-skipped", request: nil,
                [
                    ("provider", .string(provider.label)), ("check", .string(error.check)),
                    ("cause", .string(error.cause)),
                ])
            return request.url(metadata.authorizationEndpoint)
        }
    }

    private func pushed(
        _ request: AuthorizationRequest, to endpoint: HTTPURL, _ provider: ProviderSettings,
        _ metadata: ProviderMetadata, _ environment: FlowEnvironment
    ) async throws(LoginFailure) -> String {
        let pushes = loads.load(of: provider).pushes
        guard pushes.enter() else {
            throw LoginFailure(
                .providerUnavailable,
                cause: "\(PushesUnderWay.max) requests are being pushed and not answered yet")
        }
        defer { pushes.leave() }
        var generator = SystemRandomNumberGenerator()
        let push: OutboundRequest
        do throws(CredentialFault) {
            push = try PushedRequest.request(
                request, at: endpoint, as: provider.credentials(metadata), now: environment.now(),
                using: &generator)
        } catch { throw LoginFailure(.clientRefused, error) }
        let response: InboundResponse
        do throws(ClientFailure) {
            response = try await environment.client.send(
                push, as: provider.identity, deadline: Self.pushDeadline, octetsMax: 65_536)
        } catch { throw LoginFailure(error, at: "endpoint for pushed requests") }
        do throws(PushFault) { return try PushedRequest.name(in: response) } catch {
            throw LoginFailure(error)
        }
    }

    /// One refusal: its page, its log event with the cause, its count.
    func refuseLogin(
        _ refusal: LoginRefusal, _ asked: Asked, _ snapshot: Snapshot, cause: String,
        details: [(String, LogValue)] = []
    ) -> Answer {
        tally.login(refusedFor: refusal.code)
        log.event(
            refusal.status >= 500 ? .warning : .info, "login-refused", request: asked.requestID,
            [
                ("client", .string(asked.client.map { "\($0)" } ?? "")),
                ("reason", .string(refusal.code)), ("cause", .string(cause)),
            ] + details)
        return snapshot.answer(refusal, to: asked)
    }
}

extension LoginIntent {
    /// Whether the provider is asked to show nothing: a token is renewed behind the back of somebody
    /// who goes to a page that needs none.
    fileprivate func maySucceedSilently(at provider: ProviderSettings) -> Bool {
        guard case .tokenEnded = reason, !isForToken, requirements.prompt == nil else {
            return false
        }
        return !provider.authorizationParameters.contains { $0.name == "prompt" }
    }
}

extension AuthorizationRequest {
    init(
        _ attempt: LoginAttempt, state: String, prompt: String?,
        parameters: [(name: String, value: String)] = [], provider: ProviderSettings
    ) {
        let type: ResponseType
        switch provider.responseType {
        case .code: type = .code
        case .idToken: type = .idToken
        }
        let mode: ResponseMode
        switch provider.responseMode {
        case .query: mode = .query
        case .formPost: mode = .formPost
        case .fragment: mode = .fragment
        }
        self.init(
            clientID: provider.clientID, redirectURI: attempt.redirectURI, scopes: attempt.scopes,
            state: state, nonce: attempt.nonce,
            codeVerifier: type == .code ? attempt.codeVerifier : nil, responseType: type,
            responseMode: mode, maxAge: attempt.maxAge,
            authenticationContexts: attempt.authenticationContexts,
            prompt: prompt,
            additional: provider.authorizationParameters.map { ($0.name, $0.value) }
                + parameters.map { ($0.name, $0.value) })
    }
}

extension Asked {
    /// The logins whose cookies the request brought.
    func logins(_ cookies: LoginCookies) -> [LoginID] {
        loginCookies.compactMap { cookies.id(of: $0) }
    }

    /// Whether a session cookie came, or a piece of one.
    func bringsSession(_ cookies: SessionCookies) -> Bool { !pieces(of: cookies).isEmpty }

    /// What it brought for one login; several only where somebody planted some.
    func sealed(_ login: LoginID, _ cookies: LoginCookies) -> [[UInt8]] {
        loginCookies.filter { $0.name == cookies.name(of: login) }.map(\.value)
    }
}

extension LoginCookies {
    func id(of cookie: BroughtCookie) -> LoginID? {
        guard cookie.name.hasPrefix(namePrefix) else { return nil }
        return LoginID(String(cookie.name.dropFirst(namePrefix.count)))
    }
}

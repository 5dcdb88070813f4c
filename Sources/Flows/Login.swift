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
        let finished = intent.asked.logins(snapshot.loginCookies).compactMap {
            redemptions.finished($0, at: now)
        }
        if case .tokenEnded(let session) = intent.reason {
            // The session goes on without a token, rather than through the provider twice a minute,
            // or to a page that says no more than that the provider is down.
            guard finished.isEmpty, renewals.mayGo(session.id, at: now),
                await isReachable(intent, snapshot, environment)
            else { return .proceed(.session(session, setCookies: [])) }
        }
        let bringsSession = intent.asked.bringsSession(snapshot.sessionCookies(of: intent.provider))
        switch LoginCircle(finished, returnTo: intent.returnTo, bringsSession: bringsSession) {
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
        let attempt = LoginAttempt(
            returnTo: intent.returnTo, provider: provider.name, host: intent.asked.host,
            redirectURI: intent.redirectURI, maxAge: intent.requirements.maxAge,
            authenticationContexts: intent.requirements.acrValues, at: now, using: &generator)
        let state = LoginState(
            loginID: attempt.id, returnTo: attempt.returnTo, isRepeated: isRepeated)
        let request = AuthorizationRequest(
            clientID: provider.clientID, redirectURI: attempt.redirectURI,
            scopes: provider.scopes + intent.requirements.scopes,
            state: state.sealed(by: sealer, at: now, using: &generator), nonce: attempt.nonce,
            codeVerifier: attempt.codeVerifier, maxAge: attempt.maxAge,
            authenticationContexts: attempt.authenticationContexts,
            prompt: intent.requirements.prompt,
            additional: provider.authorizationParameters.map { ($0.name, $0.value) }
                + intent.parameters.map { ($0.name, $0.value) })
        let cookies = snapshot.loginCookies
        let sealed = attempt.sealed(by: sealer, for: cookies, at: now, using: &generator)
        let setCookies =
            [
                cookies.cookie(
                    of: attempt.id, sealed: sealed,
                    lasting: snapshot.configuration.session.loginTimeout)
            ]
            + cookies.crowdedOut(of: intent.asked.logins(cookies)).map { cookies.deletion(of: $0) }
        return .seeOther(
            request.url(metadata.authorizationEndpoint), setCookies: setCookies.map(\.field))
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

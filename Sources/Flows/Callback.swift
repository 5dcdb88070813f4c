// The browser came back from the provider (RFC 6749 §4.1.2, OpenID Connect Core §3.1.2.5).
//
// The order is the security argument: the answer is read, `state` shows that this deployment began a
// login, the cookie that this browser did, `iss` that it went to this provider; only then is the code
// spent, once, and only a checked ID token makes a session.

internal import Configuration
internal import Gateway
internal import HTTP
internal import JSON
internal import OpenID
internal import Sessions
internal import Telemetry
internal import Values

extension Flows {
    func completeLogin(
        _ intent: CallbackIntent, _ snapshot: Snapshot, _ environment: FlowEnvironment
    ) async -> Outcome {
        .answer(await answerCallback(intent, snapshot, environment))
    }

    private func answerCallback(
        _ intent: CallbackIntent, _ snapshot: Snapshot, _ environment: FlowEnvironment
    ) async -> Answer {
        let now = environment.now()
        let provider = snapshot.configuration.providers[intent.provider]
        func refuse(_ refusal: LoginRefusal, _ cause: String) -> Answer {
            refuseLogin(refusal, intent.asked, snapshot, cause: cause)
        }

        let response: AuthorizationResponse
        do throws(AuthorizationFault) {
            guard let form = Form(parsing: intent.response.span) else { throw .empty }
            response = try AuthorizationResponse(form: form)
        } catch {
            return refuse(.responseInvalid, error.sentence)
        }

        let sealer = Sealer(snapshot.ring)
        guard let text = response.state,
            let state = LoginState(opening: text, with: sealer, at: now)
        else { return refuse(.stateInvalid, "the callback's state is not one of ours") }

        let cookies = snapshot.loginCookies
        let attempt = intent.asked.sealed(state.loginID, cookies).lazy.compactMap {
            LoginAttempt(opening: $0, of: state.loginID, with: sealer, for: cookies, at: now)
        }.first
        guard let attempt,
            !attempt.isOverdue(at: now, after: snapshot.configuration.session.loginTimeout)
        else { return await answerLost(state, response, intent, snapshot, environment) }
        guard attempt.provider == provider.name, attempt.host == intent.asked.host,
            attempt.redirectURI == intent.redirectURI
        else { return refuse(.stateInvalid, "the callback is another login's") }

        switch response.outcome {
        case .error(let error):
            do throws(AuthorizationFault) {
                // A provider that is down now may still have said no: nothing is asked of it here.
                try response.checkIssuer(provider.issuerExpectation, isAnnounced: false)
            } catch {
                return refuse(.issuerMismatch, error.sentence)
            }
            return answerError(error, attempt.id, intent, snapshot)
        case .idToken:
            return refuse(.responseInvalid, "an ID token came where a code was asked for")
        case .code(let code):
            let metadata: ProviderMetadata
            do throws(DirectoryFailure) {
                metadata = try await directory.metadata(of: provider, in: environment)
            } catch {
                return refuse(
                    error.isTransient ? .providerUnknown : .providerResponseInvalid,
                    error.sentence)
            }
            do throws(AuthorizationFault) {
                try response.checkIssuer(
                    provider.issuerExpectation,
                    isAnnounced: metadata.authorizationResponseIssSupported)
            } catch {
                return refuse(.issuerMismatch, error.sentence)
            }
            if let failure = await storeFailure(snapshot, environment) {
                // A code that is spent now would be spent for nothing.
                return refuse(.storeUnavailable, "redis: \(failure.sentence)")
            }
            let finished = FinishedLogin(
                returnTo: attempt.returnTo, isRepeated: state.isRepeated)
            let answer = await redemptions.once(
                attempt.id, code, finished,
                until: attempt.startedAt + snapshot.configuration.session.loginTimeout,
                now: environment.now
            ) {
                await self.redeem(
                    code, attempt, intent, provider, metadata, snapshot, environment)
            }
            return answer ?? refuse(.codeSpent, "this login has redeemed a code already")
        }
    }

    /// The provider said no. The login is over; its cookie goes.
    private func answerError(
        _ error: ProviderError, _ login: LoginID?, _ intent: CallbackIntent, _ snapshot: Snapshot
    ) -> Answer {
        var answer = refuseLogin(
            error.status == 503 ? .providerUnavailable : .declined, intent.asked, snapshot,
            cause: error.sentence)
        if let login { answer.add(setCookies: [snapshot.loginCookies.deletion(of: login).field]) }
        return answer
    }

    /// A login that is ours, and whose cookie this browser does not bring in time. Nothing is spent.
    private func answerLost(
        _ state: LoginState, _ response: AuthorizationResponse, _ intent: CallbackIntent,
        _ snapshot: Snapshot, _ environment: FlowEnvironment
    ) async -> Answer {
        if case .error(let error) = response.outcome {
            return answerError(error, nil, intent, snapshot)
        }
        if intent.session != nil { return .seeOther(state.returnTo) }
        guard !state.isRepeated else {
            return refuseLogin(
                .cookiesMissing, intent.asked, snapshot,
                cause: "two logins came back without their cookie")
        }
        let again = LoginIntent(
            asked: intent.asked, provider: intent.provider, returnTo: state.returnTo,
            reason: .noSession, requirements: LoginRequirements(), parameters: [],
            redirectURI: intent.redirectURI)
        return await sendToProvider(again, isRepeated: true, snapshot, environment)
    }

    // MARK: The code is spent

    private static let tokenDeadline = Duration.seconds(20)
    static let tokenOctetsMax = 1 << 20

    private func redeem(
        _ code: String, _ attempt: LoginAttempt, _ intent: CallbackIntent,
        _ provider: ProviderSettings, _ metadata: ProviderMetadata, _ snapshot: Snapshot,
        _ environment: FlowEnvironment
    ) async -> Redemption {
        do throws(LoginFailure) {
            let asked = environment.now()
            let tokens = try await redeemedTokens(code, attempt, provider, metadata, environment)
            let idToken = try await checkedIDToken(
                tokens, attempt, provider, metadata, environment)
            let answer = try await signIn(
                idToken, tokens, asked: asked, attempt, intent, metadata, snapshot, environment)
            return Redemption(answer: answer, isSpent: true, isSignedIn: true)
        } catch {
            let answer = refuseLogin(
                error.refusal, intent.asked, snapshot, cause: error.cause,
                details: [("check", .string(error.check))])
            return Redemption(answer: answer, isSpent: error.isCodeSpent, isSignedIn: false)
        }
    }

    private func redeemedTokens(
        _ code: String, _ attempt: LoginAttempt, _ provider: ProviderSettings,
        _ metadata: ProviderMetadata, _ environment: FlowEnvironment
    ) async throws(LoginFailure) -> TokenResponse {
        var generator = SystemRandomNumberGenerator()
        let request: OutboundRequest
        do throws(CredentialFault) {
            request = try TokenRequest.authorizationCode(
                code, verifier: attempt.codeVerifier, redirectURI: attempt.redirectURI,
                at: metadata.tokenEndpoint, as: provider.credentials, now: environment.now(),
                using: &generator)
        } catch { throw LoginFailure(.clientRefused, error) }
        let response: InboundResponse
        do throws(ClientFailure) {
            response = try await environment.client.send(
                request, as: provider.identity, deadline: Self.tokenDeadline,
                octetsMax: Self.tokenOctetsMax)
        } catch { throw LoginFailure(error) }
        do throws(TokenFault) {
            return try TokenResponse(response, expecting: .login)
        } catch { throw LoginFailure(error, correlatedBy: response.field("ecid")) }
    }

    private func checkedIDToken(
        _ tokens: TokenResponse, _ attempt: LoginAttempt, _ provider: ProviderSettings,
        _ metadata: ProviderMetadata, _ environment: FlowEnvironment
    ) async throws(LoginFailure) -> IDToken {
        let issuer = provider.issuerExpectation
        let expectation = IDTokenExpectation(
            issuers: issuer.pins, clientID: provider.clientID, acceptedAudiences: issuer.audiences,
            algorithms: metadata.idTokenSigningAlgorithms, nonce: attempt.nonce,
            accessToken: tokens.accessToken.text, maxAge: attempt.maxAge,
            authenticationContexts: attempt.authenticationContexts)
        do throws(VerificationFailure) {
            return try await verify(
                tokens.idToken ?? "", expectation, provider, metadata, environment)
        } catch { throw LoginFailure(error) }
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

    // MARK: The session

    /// How long requests of a session go on that a new login of the same person has replaced.
    private static let replacedServed = Duration.seconds(30)

    private func signIn(
        _ idToken: IDToken, _ tokens: TokenResponse, asked: UnixTime, _ attempt: LoginAttempt,
        _ intent: CallbackIntent, _ metadata: ProviderMetadata, _ snapshot: Snapshot,
        _ environment: FlowEnvironment
    ) async throws(LoginFailure) -> Answer {
        let now = environment.now()
        var session = Session(
            idToken, tokens, host: attempt.host, metadata: metadata,
            snapshot.configuration, provider: intent.provider, asked: asked, at: now)
        guard now < session.expires else {
            // It would be over as it begins, and the browser would come back at once.
            throw LoginFailure(
                .idTokenInvalid,
                cause: "the provider's own session has ended (session_exp); compare the clocks")
        }
        do throws(KeepingFailure) {
            session = try await keep(
                session, of: intent.provider, snapshot, environment, at: now)
        } catch { throw LoginFailure(error) }
        let cookies = snapshot.setCookies(
            for: session, of: intent.provider, asked: intent.asked, at: now)
        if let replaced = intent.session {
            let isSamePerson = replaced.subject == session.subject
            let from = isSamePerson ? now + Self.replacedServed : now
            _ = await end([replaced], from: from, at: now)  // its refresh token is used until then
            letGo([replaced], from: from, snapshot, environment, at: now)
        }
        tally.login(refusedFor: nil)
        log.event(
            .info, "login", request: intent.asked.requestID,
            [
                ("client", .string(intent.asked.client.map { "\($0)" } ?? "")),
                ("subject", .string(session.subject)),
                ("provider", .string(snapshot.configuration.providers[intent.provider].label)),
            ])
        // The login's cookie stays for a minute as the mark of a login that ended well: should the
        // next request bring it and no session, the browser does not return cookies.
        let mark = intent.asked.sealed(attempt.id, snapshot.loginCookies).prefix(1).map {
            snapshot.loginCookies.cookie(
                of: attempt.id, sealed: $0, lasting: Redemptions.markKept
            ).field
        }
        return snapshot.loginDone(
            attempt.returnTo, setCookies: cookies + mark, requestID: intent.asked.requestID)
    }
}

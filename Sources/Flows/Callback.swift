// The browser came back from the provider (RFC 6749 §4.1.2, OpenID Connect Core §3.1.2.5).
//
// The order is the security argument: the answer is read, `state` shows that this deployment began a
// login, the cookie that this browser did, `iss` that it went to this provider; only then is the code
// spent, once (`Redeeming`), and only a checked ID token makes a session (`SigningIn`).

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

        let form: Form
        let response: AuthorizationResponse
        do throws(AuthorizationFault) {
            guard let read = Form(parsing: intent.response.span) else { throw .empty }
            form = read
            response = try AuthorizationResponse(form: form, expecting: provider.expectedResponse)
            if case .error = response.outcome {
            } else {
                try provider.check(intent.arrival)
            }
        } catch {
            return refuse(.responseInvalid, error.sentence)
        }

        guard let text = response.state else {
            // Anyone can write such an address; so can a provider that has lost our state.
            if case .error(let error) = response.outcome {
                return refuse(.providerErrorReported, "without state: \(error.sentence)")
            }
            return refuse(.stateInvalid, "the callback has no state")
        }
        let sealer = Sealer(snapshot.ring)
        guard let state = LoginState(opening: text, with: sealer, at: now)
        else { return refuse(.stateInvalid, "the callback's state is not one of ours") }

        let cookies = snapshot.loginCookies
        let attempt = intent.asked.sealed(state.loginID, cookies).lazy.compactMap {
            LoginAttempt(opening: $0, of: state.loginID, with: sealer, for: cookies, at: now)
        }.first
        if attempt == nil, intent.arrival == .form {
            // A form from another site brings no Lax cookie: once more, from our own origin.
            return snapshot.repost(intent, form.pairs.map { ($0.name, $0.value) })
        }
        if let hop = intent.hop, attempt?.replacesSession ?? true {
            // What this login ends, or leads back to, comes along only from a page of ours.
            return hop
        }
        guard let attempt,
            !attempt.isOverdue(at: now, after: snapshot.configuration.session.loginTimeout)
        else {
            return await answerLost(
                state, hasCookie: attempt != nil, response, intent, snapshot, environment)
        }
        guard attempt.provider == provider.name, attempt.host == intent.asked.host,
            attempt.redirectURI == intent.redirectURI
        else { return refuse(.stateInvalid, "the callback is another login's") }

        let result: LoginResult
        switch response.outcome {
        case .error(let error):
            do throws(AuthorizationFault) {
                // A provider that is down now may still have said no: nothing is asked of it here.
                try response.checkIssuer(
                    provider.issuerExpectation, isAnnounced: false, isFromForm: intent.isFromForm)
            } catch {
                return refuse(.issuerMismatch, error.sentence)
            }
            return answerError(error, attempt, intent, snapshot)
        case .code(let code): result = .code(code)
        case .idToken(let token): result = .idToken(token)
        }

        let metadata: ProviderMetadata
        do throws(DirectoryFailure) {
            metadata = try await directory.metadata(of: provider, in: environment)
        } catch {
            return refuse(
                error.isTransient ? .providerUnknown : .providerResponseInvalid, error.sentence)
        }
        do throws(AuthorizationFault) {
            try response.checkIssuer(
                provider.issuerExpectation,
                isAnnounced: metadata.authorizationResponseIssSupported,
                isFromForm: intent.isFromForm)
        } catch {
            return refuse(.issuerMismatch, error.sentence)
        }
        if let failure = await storeFailure(snapshot, environment) {
            // A code that is spent now would be spent for nothing.
            return refuse(.storeUnavailable, "redis: \(failure.sentence)")
        }
        let answer = await redemptions.once(
            attempt.id, result.text, hasEnded: attempt.ending != nil,
            until: attempt.startedAt + snapshot.configuration.session.loginTimeout,
            now: environment.now
        ) {
            await self.redeem(
                result,
                LoginInHand(
                    attempt: attempt, isRepeated: state.isRepeated, intent: intent,
                    provider: provider, metadata: metadata, snapshot: snapshot),
                environment)
        }
        return answer ?? refuse(.codeSpent, "this login has redeemed a code already")
    }

    /// The provider said no. The login is over; its cookie goes.
    private func answerError(
        _ error: ProviderError, _ attempt: LoginAttempt?, _ intent: CallbackIntent,
        _ snapshot: Snapshot
    ) -> Answer {
        let deletion = attempt.map { [snapshot.loginCookies.deletion(of: $0.id).field] } ?? []
        if let attempt, attempt.isSilent, error.asksForAPerson {
            // Nobody was asked, so nobody is told: the session goes on as it was.
            return snapshot.loginDone(
                attempt.returnTo, setCookies: deletion, requestID: intent.asked.requestID)
        }
        var answer = refuseLogin(
            error.status == 503 ? .providerUnavailable : .declined, intent.asked, snapshot,
            cause: error.sentence)
        answer.add(setCookies: deletion)
        return answer
    }

    /// A login that is ours, and whose cookie this browser does not bring in time. Nothing is spent.
    private func answerLost(
        _ state: LoginState, hasCookie: Bool, _ response: AuthorizationResponse,
        _ intent: CallbackIntent,
        _ snapshot: Snapshot, _ environment: FlowEnvironment
    ) async -> Answer {
        if case .error(let error) = response.outcome {
            return answerError(error, nil, intent, snapshot)
        }
        if intent.session != nil { return .seeOther(state.returnTo) }
        guard !state.isRepeated else {
            return refuseLogin(
                hasCookie ? .loginOverdue : .cookiesMissing, intent.asked, snapshot,
                cause: hasCookie
                    ? "two logins came back later than session.login_timeout allows"
                    : "two logins came back without their cookie")
        }
        let again = LoginIntent(
            asked: intent.asked, provider: intent.provider, returnTo: state.returnTo,
            reason: .noSession, requirements: LoginRequirements(), parameters: [],
            redirectURI: intent.redirectURI)
        return await sendToProvider(again, isRepeated: true, snapshot, environment)
    }
}

extension CallbackIntent {
    fileprivate var isFromForm: Bool { arrival != .query }
}

extension ProviderSettings {
    fileprivate var expectedResponse: AuthorizationRequest.ResponseType {
        switch responseType {
        case .code: .code
        case .idToken: .idToken
        }
    }

    /// A result comes in the way that was asked for, and in no other; an error may come in any.
    fileprivate func check(_ arrival: CallbackIntent.Arrival) throws(AuthorizationFault) {
        switch (responseMode, arrival) {
        case (.query, .query), (.formPost, .form), (.formPost, .ownForm), (.fragment, .ownForm):
            break
        case (.query, .form), (.query, .ownForm), (.formPost, .query), (.fragment, .query),
            (.fragment, .form):
            throw .modeMismatch
        }
    }
}

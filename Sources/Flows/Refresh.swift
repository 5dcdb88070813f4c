// A session's access token is renewed ahead of its end (RFC 6749 §6).
//
// A request whose token still lives goes on with it while the refresh runs; one whose token has ended
// waits. Whether a failed refresh ends the session, spends the token or means nothing is the judgement
// of `TokenFault.refreshConsequence`, and of what is known of the connection.

internal import Configuration
package import Gateway
internal import OpenID
internal import Sessions
internal import Telemetry
internal import Values

extension Flows {
    /// A late answer is worth waiting for, since the refresh token may be spent by then.
    private static let refreshDeadline = Duration.seconds(60)

    func refresh(
        _ intent: RefreshIntent, _ snapshot: Snapshot, _ environment: FlowEnvironment
    ) async -> Outcome {
        let now = environment.now()
        let session = intent.session
        let entry = refreshes.entry(of: session, at: now)
        if let result = entry.result(for: session, at: now) {
            return outcome(result, intent, snapshot, at: now)
        }
        let asItIs = Outcome.proceed(.session(session, setCookies: []))
        guard !entry.isPausing(at: now) else { return asItIs }
        let provider = snapshot.configuration.providers[intent.provider]
        let run: @Sendable () async -> RefreshDesk.Result = {
            let work: @Sendable () async -> RefreshDesk.Result = {
                let result = await self.renew(session, intent, snapshot, environment)
                // One that ended with others, by the provider's or an operator's word, is known to the
                // loop and not to the desk.
                guard case .renewed(let late) = result, environment.hasEnded(late, intent.provider)
                else { return result }
                self.letGo(
                    [late], from: environment.now(), snapshot, environment, at: environment.now())
                return self.dropped(late, provider, environment)
            }
            return await entry.refresh(session, now: environment.now) {
                let result =
                    if let lock = self.lock(of: session, snapshot, environment) {
                        await self.refresh(session, under: lock, snapshot, environment, work)
                    } else {
                        await self.refreshHere(session, environment, work)
                    }
                await self.announce(result, of: session, at: environment.now())
                return result
            } drop: { late in
                environment.start { await self.revoke(late, provider, environment) }
            }
        }
        guard intent.hasEnded else {
            if !entry.isRefreshing { environment.start { _ = await run() } }
            return asItIs
        }
        return outcome(await run(), intent, snapshot, at: environment.now())
    }

    /// Without a store that nodes share: the token's digest is written down before it is sent, so that
    /// not even the next process sends it again.
    private func refreshHere(
        _ session: Session, _ environment: FlowEnvironment,
        _ work: () async -> RefreshDesk.Result
    ) async -> RefreshDesk.Result {
        guard session.handle == nil else { return await work() }  // it ends with this process
        let digest = SpentTokens.digest(session)
        if spentTokens.contains(digest, at: environment.now()) {
            return .spent(session.withoutRefreshToken(at: environment.now()))
        }
        await recordSpent(digest, session.expires)
        let result = await work()
        if case .failed = result { await recordSpent(digest, environment.now()) }
        return result
    }

    /// Every loop learns that there is a newer cookie, before anybody is given it.
    private func announce(
        _ result: RefreshDesk.Result, of session: Session, at now: UnixTime
    ) async {
        switch result {
        case .renewed(let newest), .spent(let newest):
            guard session.handle == nil else { return }  // in a store no cookie changes
            await announceRefreshed(
                RefreshedSession(newest, oldUntil: newest.keptUntil(result, at: now)))
        case .ended, .superseded, .failed, .putOff: break
        }
    }

    private static let keptOnceReturned = Duration.seconds(30)

    /// Requests have come with cookies that refreshes had made.
    package func noteReturned(
        _ cookies: [ReturnedCookie], _ environment: FlowEnvironment
    ) async {
        for cookie in cookies {
            let until = environment.now() + Self.keptOnceReturned
            guard let newest = refreshes.returned(cookie, keptUntil: until) else { continue }
            await announceRefreshed(RefreshedSession(newest, oldUntil: until, isReturned: true))
            guard let redis = environment.redis else { continue }
            // What stays there longer is harmless, and its store says in the log that it is away.
            try? await RefreshLock.noteReturned(cookie.id, keptFor: Self.keptOnceReturned, redis)
        }
    }

    private func outcome(
        _ result: RefreshDesk.Result, _ intent: RefreshIntent, _ snapshot: Snapshot,
        at now: UnixTime
    ) -> Outcome {
        switch result {
        case .renewed(let session), .spent(let session):
            // Idleness counts from this request, not from the refresh that it gets the result of.
            var session = session
            session.sealedAt = now
            // In a store it has taken the place of the old one, and the cookie names that place.
            let isNamed = session.handle != nil && session.handle == intent.session.handle
            return .proceed(
                .session(
                    session,
                    setCookies: isNamed
                        ? []
                        : snapshot.setCookies(
                            for: session, of: intent.provider, asked: intent.asked, at: now)))
        case .failed, .putOff: return .proceed(.session(intent.session, setCookies: []))
        case .ended, .superseded: return .proceed(.none)
        }
    }

    // MARK: One refresh at the provider

    private func renew(
        _ session: Session, _ intent: RefreshIntent, _ snapshot: Snapshot,
        _ environment: FlowEnvironment
    ) async -> RefreshDesk.Result {
        let provider = snapshot.configuration.providers[intent.provider]
        do throws(RenewalFailure) {
            let renewed = try await renewed(session, provider, environment)
            tally.refresh(succeeded: true)
            log.event(
                .debug, "token-refreshed", request: intent.asked.requestID,
                [("subject", .string(session.subject))])
            return await kept(renewed, intent, snapshot, environment).map { .renewed($0) }
                ?? dropped(renewed, provider, environment)
        } catch {
            tally.refresh(succeeded: false)
            log.event(
                .warning, "token-refresh-failed", request: intent.asked.requestID,
                [
                    ("subject", .string(session.subject)), ("cause", .string(error.cause)),
                    ("consequence", .string("\(error.consequence)")),
                ])
            switch error.consequence {
            case .tryAgainLater: return .failed
            case .refreshTokenSpent:
                let spent = session.withoutRefreshToken(at: environment.now())
                return await kept(spent, intent, snapshot, environment).map { .spent($0) } ?? .ended
            case .sessionEnds:
                let now = environment.now()
                await announceEnded([EndedSession(session, from: now)])
                letGo([session], from: now, snapshot, environment, at: now)
                return .ended
            }
        }
    }

    /// The session as it is kept now; `nil` where its store says that it has ended.
    private func kept(
        _ session: Session, _ intent: RefreshIntent, _ snapshot: Snapshot,
        _ environment: FlowEnvironment
    ) async -> Session? {
        do throws(KeepingFailure) {
            return try await keep(
                session, of: intent.provider, snapshot, environment, at: environment.now())
        } catch {
            if case .ended = error { return nil }
            // This process still has the new tokens, and goes on with them while they live.
            log.event(
                .warning, "session-not-kept", request: intent.asked.requestID,
                [
                    ("subject", .string(session.subject)),
                    ("cause", .string(LoginFailure(error).cause)),
                ])
            if session.handle != nil {
                environment.start { await self.keepLater(session, intent, snapshot, environment) }
            }
            return session
        }
    }

    /// A store that was away when a refresh ended: nobody but this process has the new refresh token.
    private func keepLater(
        _ session: Session, _ intent: RefreshIntent, _ snapshot: Snapshot,
        _ environment: FlowEnvironment
    ) async {
        for _ in 0..<120 {
            await environment.pause(.milliseconds(500))
            do throws(KeepingFailure) {
                _ = try await keep(
                    session, of: intent.provider, snapshot, environment, at: environment.now())
                return
            } catch { if case .ended = error { return } }
        }
    }

    /// A refresh that finishes after its session's end helps nobody.
    private func dropped(
        _ session: Session, _ provider: ProviderSettings, _ environment: FlowEnvironment
    ) -> RefreshDesk.Result {
        environment.start { await self.revoke(session, provider, environment) }
        return .ended
    }

    private func renewed(
        _ session: Session, _ provider: ProviderSettings, _ environment: FlowEnvironment
    ) async throws(RenewalFailure) -> Session {
        let began = environment.now()
        let metadata: ProviderMetadata
        do throws(DirectoryFailure) {
            metadata = try await directory.metadata(of: provider, in: environment)
        } catch { throw RenewalFailure(.tryAgainLater, "discovery: \(error.sentence)") }
        var generator = SystemRandomNumberGenerator()
        let request: OutboundRequest
        do throws(CredentialFault) {
            request = try TokenRequest.refresh(
                session.refreshToken ?? "", at: metadata.tokenEndpoint,
                as: provider.credentials(metadata),
                now: environment.now(), using: &generator)
        } catch { throw RenewalFailure(.tryAgainLater, error.sentence) }
        let gate = loads.load(of: provider).refreshes
        await gate.enter()
        defer { gate.leave() }
        let asked = environment.now()
        guard began.duration(to: asked) < Self.refreshDeadline else {
            throw RenewalFailure(.tryAgainLater, "too many refreshes wait for the provider")
        }
        let response: InboundResponse
        do throws(ClientFailure) {
            response = try await environment.client.send(
                request, as: provider.identity,
                // The minute is that of whoever waits, discovery included.
                deadline: max(
                    .seconds(1), Self.refreshDeadline - began.duration(to: asked)),
                octetsMax: Self.tokenOctetsMax)
        } catch {
            throw RenewalFailure(
                error.mayHaveBeenRead ? .refreshTokenSpent : .tryAgainLater,
                "token endpoint: \(error.sentence)")
        }
        let tokens: TokenResponse
        do throws(TokenFault) {
            tokens = try TokenResponse(response, expecting: .refresh)
        } catch { throw RenewalFailure(error.refreshConsequence, error.sentence) }
        let idToken = try await believedIDToken(
            tokens, session, provider, metadata, environment)
        return session.refreshed(
            by: tokens, idToken: idToken, asked: asked, at: environment.now())
    }

    /// A refreshed ID token is kept only when it is good, and about the same person (Core §12.2). One
    /// that is not good is left alone; one about somebody else ends the session.
    private func believedIDToken(
        _ tokens: TokenResponse, _ session: Session, _ provider: ProviderSettings,
        _ metadata: ProviderMetadata, _ environment: FlowEnvironment
    ) async throws(RenewalFailure) -> String? {
        guard let token = tokens.idToken else { return nil }
        let issuer = provider.issuerExpectation
        let first =
            session.idToken.flatMap(FirstIDToken.init(kept:))
            ?? FirstIDToken(subject: session.subject)
        let expectation = IDTokenExpectation(
            issuers: issuer.pins, clientID: provider.clientID, acceptedAudiences: issuer.audiences,
            algorithms: metadata.idTokenSigningAlgorithms, nonce: nil,
            accessToken: tokens.accessToken.text, first: first,
            decryptionKey: provider.clientPrivateKey)
        do throws(VerificationFailure) {
            return try await verify(token, expectation, provider, metadata, environment).text
        } catch {
            if case .refused(.subjectChanged) = error {
                throw RenewalFailure(.sessionEnds, "the refreshed ID token is about somebody else")
            }
            log.event(
                .warning, "refreshed-id-token-refused", request: nil,
                [
                    ("subject", .string(session.subject)),
                    ("cause", .string(LoginFailure(error).cause)),
                ])
            return nil
        }
    }
}

private struct RenewalFailure: Error {
    let consequence: RefreshConsequence
    let cause: String

    init(_ consequence: RefreshConsequence, _ cause: String) {
        self.consequence = consequence
        self.cause = cause
    }
}

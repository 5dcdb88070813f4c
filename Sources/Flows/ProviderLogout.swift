// A session has ended at the provider, which says so by a token it posts here (OpenID Connect
// Back-Channel Logout 1.0), or by a frame in the browser (Front-Channel Logout 1.0).
//
// Both end sessions of this provider's client here, on every host, at once; neither speaks to the
// provider of tokens: what it ended it has seen to, and a frame is nobody's proof of anything.

internal import Configuration
internal import Cryptography
internal import Gateway
internal import HTTP
internal import OpenID
internal import Sessions
internal import Telemetry
internal import Values

extension Flows {
    /// Until when an ending of sessions that nobody has counted has to be remembered.
    func rememberedUntil(_ snapshot: Snapshot, from now: UnixTime) -> UnixTime {
        now + snapshot.configuration.session.lifetime
    }

    // MARK: Back channel

    func backchannelLogout(
        _ intent: BackchannelLogoutIntent, _ snapshot: Snapshot, _ environment: FlowEnvironment
    ) async -> Outcome {
        do throws(LogoutRefusal) {
            let (provider, token) = try await verified(intent.token, snapshot, environment)
            let now = environment.now()
            guard
                logoutTokens.isFirst(
                    token, of: snapshot.configuration.providers[provider].issuer, at: now)
            else {
                throw LogoutRefusal(
                    "logout-token-replayed", "the logout token is refused: its jti was seen before")
            }
            await end(groups(of: token, snapshot.realms[provider]), snapshot, at: now)
            log.event(
                .info, "backchannel-logout", request: intent.asked.requestID,
                [
                    ("provider", .string(snapshot.configuration.providers[provider].label)),
                    ("subject", .string(token.subject ?? "")),
                    ("by", token.sessionID == nil ? "sub" : "sid"),
                ])
            return .answer(snapshot.logoutDone())
        } catch {
            log.event(
                .info, "backchannel-logout-refused", request: intent.asked.requestID,
                [
                    ("client", .string(intent.asked.client.map { "\($0)" } ?? "")),
                    ("reason", .string(error.code)), ("cause", .string(error.sentence)),
                ])
            var answer = snapshot.logoutFailure(error.error, error.sentence)
            answer.logReason = nil  // it has an event of its own
            return .answer(answer)
        }
    }

    /// `sid` says which session; without one all of the subject's are meant. A session that came
    /// without a `sid` is known by its subject alone.
    private func groups(of token: LogoutToken, _ realm: SessionRealm) -> [SessionGroup] {
        guard let session = token.sessionID else {
            return token.subject.map { [SessionGroup(.subject, $0, of: realm)] } ?? []
        }
        return [SessionGroup(.providerSession, session, of: realm)]
            + (token.subject.map { [SessionGroup(.subjectWithoutSession, $0, of: realm)] } ?? [])
    }

    func end(_ groups: [SessionGroup], _ snapshot: Snapshot, at now: UnixTime) async {
        let until = rememberedUntil(snapshot, from: now)
        await announceEnded(groups.map { EndedSession(.group($0), from: now, until: until) })
    }

    /// The token, and whose it is: of the providers that it may be of, the first with whose keys it
    /// holds.
    private func verified(
        _ token: String, _ snapshot: Snapshot, _ environment: FlowEnvironment
    ) async throws(LogoutRefusal) -> (Int, LogoutToken) {
        guard let claimed = LogoutToken.claimed(token) else {
            throw LogoutRefusal("logout-token-malformed", "logout_token is no signed token")
        }
        let providers = snapshot.configuration.providers
        let candidates = providers.indices.filter { index in
            providers[index].issuerExpectation.accepts(claimed.issuer)
                && claimed.audiences.contains { $0.isExactly(providers[index].clientID) }
        }
        var refusal = LogoutRefusal(
            "logout-token-foreign",
            "the logout token is refused: its iss and aud are of no provider that is set up here")
        for index in candidates {
            do throws(LogoutRefusal) {
                return (index, try await verified(token, of: providers[index], environment))
            } catch { refusal = error }
        }
        throw refusal
    }

    private func verified(
        _ token: String, of provider: ProviderSettings, _ environment: FlowEnvironment
    ) async throws(LogoutRefusal) -> LogoutToken {
        let metadata: ProviderMetadata
        let keys: KeptDocument<JWKSet>.Edition
        do throws(DirectoryFailure) {
            metadata = try await directory.metadata(of: provider, in: environment)
            keys = try await directory.keys(of: provider, metadata, in: environment)
        } catch { throw LogoutRefusal(error) }
        let issuer = provider.issuerExpectation
        let expectation = IDTokenExpectation(
            issuers: issuer.pins, clientID: provider.clientID, acceptedAudiences: issuer.audiences,
            algorithms: metadata.idTokenSigningAlgorithms, nonce: nil)
        do throws(LogoutTokenFault) {
            return try LogoutToken.verify(
                token, keys: keys.document, expecting: expectation, at: environment.now())
        } catch {
            guard error.mayBeCuredByNewKeys,
                let newer = await directory.keys(
                    after: keys.number, of: provider, metadata, forStranger: true, in: environment)
            else { throw LogoutRefusal(error) }
            do throws(LogoutTokenFault) {
                return try LogoutToken.verify(
                    token, keys: newer.document, expecting: expectation, at: environment.now())
            } catch { throw LogoutRefusal(error) }
        }
    }

    // MARK: Front channel

    func frontchannelLogout(
        _ intent: FrontchannelLogoutIntent, _ snapshot: Snapshot, _ environment: FlowEnvironment
    ) async -> Outcome {
        let now = environment.now()
        for (_, session) in intent.sessions {
            _ = await end([session], from: now, at: now)
        }
        // A session that came along has shown that the name is right. Anybody can write another.
        let isRemembered =
            !intent.sessions.isEmpty
            || unprovenLogouts.mayEnd(
                intent.sessionID, from: intent.asked.client, at: now,
                until: rememberedUntil(snapshot, from: now))
        if isRemembered {
            let groups = intent.providers.map {
                SessionGroup(.providerSession, intent.sessionID, of: snapshot.realms[$0])
            }
            await end(groups, snapshot, at: now)
        }
        log.event(
            isRemembered ? .info : .warning,
            isRemembered ? "frontchannel-logout" : "frontchannel-logout-skipped",
            request: intent.asked.requestID,
            [
                ("client", .string(intent.asked.client.map { "\($0)" } ?? "")),
                ("subject", .string(intent.sessions.first?.session.subject ?? "")),
            ])
        var answer = Pages.signedOutInFrame(
            ancestors: await ancestors(intent, snapshot, environment),
            requestID: intent.asked.requestID)
        let cookies = intent.sessions.flatMap { index, _ in
            let cookies = snapshot.sessionCookies(of: index)
            return cookies.deletions(of: intent.asked.pieces(of: cookies))
        }
        answer.add(setCookies: cookies.map(\.field))
        return .answer(snapshot.finished(answer))
    }

    /// Who may frame it: the issuer's origin and its authorization endpoint's.
    private func ancestors(
        _ intent: FrontchannelLogoutIntent, _ snapshot: Snapshot, _ environment: FlowEnvironment
    ) async -> [String] {
        var origins: [String] = []
        for index in intent.providers {
            let provider = snapshot.configuration.providers[index]
            var found = HTTPURL(parsing: provider.issuer).map { [$0.origin] } ?? []
            do throws(DirectoryFailure) {
                let metadata = try await directory.metadata(of: provider, in: environment)
                found.append(metadata.authorizationEndpoint.origin)
            } catch {}  // logged where it happened
            for origin in found.map(\.description) where !origins.contains(origin) {
                origins.append(origin)
            }
        }
        return origins.isEmpty ? ["'none'"] : origins
    }
}

/// Why a logout token ends nothing.
private struct LogoutRefusal: Error {
    let code: String
    let sentence: String
    /// For `error` of the answer.
    let error: String

    init(_ code: String, _ sentence: String, error: String = "invalid_request") {
        self.code = code
        self.sentence = sentence
        self.error = error
    }

    init(_ fault: LogoutTokenFault) { self.init(fault.code, fault.sentence) }

    init(_ failure: DirectoryFailure) {
        self.init(
            "provider-keys-missing",
            "the provider's documents are not at hand, so its token cannot be checked",
            error: "temporarily_unavailable")
    }
}

extension String {
    fileprivate func isExactly(_ other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}

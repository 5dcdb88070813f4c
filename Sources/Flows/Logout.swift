// A visitor signs out: here at once, and at the provider (OpenID Connect RP-Initiated Logout 1.0).
//
// Ending the session here comes first and needs nobody else. A provider that is down, and was never
// read, costs the answer one bounded attempt; its own session is then left standing, and the log says
// so.

internal import Configuration
internal import Gateway
internal import HTTP
internal import OpenID
internal import Sessions
internal import Telemetry
internal import Values

extension Flows {
    func logout(
        _ intent: LogoutIntent, _ snapshot: Snapshot, _ environment: FlowEnvironment
    ) async -> Outcome {
        let now = environment.now()
        let newest = await end(intent.sessions.map(\.session), from: now, at: now)
        letGo(intent.sessions.map(\.session), from: now, snapshot, environment, at: now)
        for (index, session) in zip(intent.sessions.map(\.provider), newest) {
            log.event(
                .info, "logout", request: intent.asked.requestID,
                [("subject", .string(session.subject))])
            let provider = snapshot.configuration.providers[index]
            environment.start { await self.revoke(session, provider, environment) }
        }
        let place = await providersLogout(intent, snapshot, environment) ?? "/.auth/signed-out"
        var answer = Answer.seeOther(place, setCookies: snapshot.deletions(for: intent.asked))
        let data = snapshot.configuration.session.logout.clearSiteData
        if !data.isEmpty {
            answer.add("Clear-Site-Data", data.map { "\"\($0)\"" }.joined(separator: ", "))
        }
        return .answer(answer)
    }

    /// Where the provider ends its own session; `nil` when it is not to, or cannot.
    private func providersLogout(
        _ intent: LogoutIntent, _ snapshot: Snapshot, _ environment: FlowEnvironment
    ) async -> String? {
        guard snapshot.configuration.session.logout.provider,
            let session = intent.sessions.first(where: { $0.provider == intent.provider })?.session
        else { return nil }
        let provider = snapshot.configuration.providers[intent.provider]
        do throws(DirectoryFailure) {
            let metadata = try await directory.metadata(of: provider, in: environment)
            var generator = SystemRandomNumberGenerator()
            let state = Session.newID(using: &generator)
            return EndSession.url(
                metadata, clientID: provider.clientID, idTokenHint: session.idToken,
                subject: session.subject, postLogoutRedirectURI: intent.signedOutURI,
                state: Base64URL.encode(state.span))
        } catch {
            log.event(
                .warning, "provider-logout-skipped", request: intent.asked.requestID,
                [("subject", .string(session.subject)), ("cause", .string(error.sentence))])
            return nil
        }
    }

    private static let revocationDeadline = Duration.seconds(10)

    /// A refresh token outlives the session unless it is revoked (RFC 7009). Nobody waits for it.
    func revoke(
        _ session: Session, _ provider: ProviderSettings, _ environment: FlowEnvironment
    ) async {
        guard let token = session.refreshToken else { return }
        let cause: String
        do throws(DirectoryFailure) {
            let metadata = try await directory.metadata(of: provider, in: environment)
            guard let endpoint = metadata.revocationEndpoint else { return }
            var generator = SystemRandomNumberGenerator()
            do {
                let request = try TokenRequest.revoke(
                    token, .refreshToken, at: endpoint, as: provider.credentials(metadata),
                    now: environment.now(), using: &generator)
                let response = try await environment.client.send(
                    request, as: provider.identity, deadline: Self.revocationDeadline,
                    octetsMax: 65_536)
                guard response.status != 200 else { return }
                cause = "status \(response.status)"
            } catch let failure as ClientFailure {
                cause = failure.sentence
            } catch let fault as CredentialFault {
                cause = fault.sentence
            } catch { cause = "\(error)" }
        } catch { cause = "discovery: \(error.sentence)" }
        log.event(
            .warning, "revocation-failed", request: nil,
            [("subject", .string(session.subject)), ("cause", .string(cause))])
    }
}

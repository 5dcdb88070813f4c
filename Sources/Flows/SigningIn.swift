// Who has been checked gets a session: its cookies, the end of the one it replaces, and the way on.

internal import Configuration
internal import Gateway
internal import HTTP
internal import OpenID
internal import Sessions
internal import Telemetry
internal import Values

extension Flows {
    /// How long requests of a session go on that a new login of the same person has replaced.
    private static let replacedServed = Duration.seconds(30)

    func signIn(
        _ checked: CheckedLogin, _ login: LoginInHand, _ environment: FlowEnvironment
    ) async throws(LoginFailure) -> Answer {
        let (attempt, intent, snapshot) = (login.attempt, login.intent, login.snapshot)
        var (session, now) = session(checked, login, environment)
        // Endings are known by the second, and a session that begins within it counts as ended: who
        // signs in at once after one waits the second out, or would be sent to the provider again.
        for _ in 0..<4 where environment.hasEnded(session, intent.provider) {
            await environment.pause(.milliseconds(300))
            (session, now) = self.session(checked, login, environment)
        }
        let missing = attempt.scopesMissing(in: checked.tokens?.scope)
        guard missing.isEmpty else {
            // With such a session the page would only send the browser here again.
            throw LoginFailure(
                .requirementsUnmet,
                cause: "the provider did not grant \(missing.joined(separator: " ")), which the "
                    + "route needs")
        }
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
        var ended = attempt
        ended.ending = LoginAttempt.Ending(at: now, isRepeated: login.isRepeated)
        let mark = LoginCircle.mark(of: ended, snapshot, at: now)
        return snapshot.loginDone(
            attempt.returnTo, setCookies: cookies + [mark.field],
            requestID: intent.asked.requestID)
    }
}

extension Flows {
    /// What somebody who was checked gets, as from now.
    private func session(
        _ checked: CheckedLogin, _ login: LoginInHand, _ environment: FlowEnvironment
    ) -> (Session, UnixTime) {
        let now = environment.now()
        let session = Session(
            checked, login.attempt, metadata: login.metadata, login.snapshot.configuration,
            provider: login.intent.provider, at: now)
        return (session, now)
    }
}

extension LoginAttempt {
    /// What the page asked for and the provider kept back; without `scope` it granted what was asked
    /// (RFC 6749 §5.1).
    fileprivate func scopesMissing(in granted: String?) -> [String] {
        guard let granted else { return [] }
        let names = granted.scopeNames
        return scopesNeeded.filter { needed in
            !names.contains { $0.utf8.elementsEqual(needed.utf8) }
        }
    }
}

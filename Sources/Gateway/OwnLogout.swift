// /.auth/logout: a link to it asks first, a form of ours or of the site's carries it out.
//
// Signing somebody out from another site is a nuisance that browsers let any form cause, so a POST
// has to come from our own origin, as the browser says, or bring the token of our form, which only
// a page with this very session was given.

internal import Configuration
internal import HTTP
internal import Sessions
internal import Values

extension Gatekeeper {
    /// A form's fields, its token among them.
    private static let contentOctetsMax = 8192
    private static let formTokenLasts: Duration = .seconds(3600)

    mutating func answerLogout(
        _ request: borrowing Request, _ inquiry: borrowing Inquiry, _ facts: inout RequestFacts
    ) -> Verdict {
        guard let provider = logoutProvider(request) else {
            return refuse(.providerUnknown, request, inquiry, facts)
        }
        let sessions = liveSessions(
            of: Array(snapshot.configuration.providers.indices), request, inquiry, &facts)
        guard request.method == .post else {
            return .answer(confirmation(sessions, request, inquiry, facts))
        }
        // Without a session there is nobody to do it to.
        if !sessions.isEmpty {
            let relation = siteRelation(request, inquiry, facts)
            switch crossSite(.logout, relation) {
            case .pass: break
            case .refuse: return refuse(.crossSite, request, inquiry, facts)
            case .needsFormToken:
                guard let content = inquiry.gathered else {
                    return .gather(octetsMax: Self.contentOctetsMax)
                }
                guard isFormToken(in: content, for: sessions, at: inquiry.now) else {
                    return refuse(.formTokenMissing, request, inquiry, facts)
                }
            }
        }
        return .suspend(
            .logout(
                LogoutIntent(
                    asked: asked(request, inquiry, facts), provider: provider, sessions: sessions,
                    signedOutURI: origin(inquiry, facts).description + "/.auth/signed-out")))
    }

    /// `provider=NAME`, else the first; `nil` for a name that is not configured.
    private func logoutProvider(_ request: borrowing Request) -> Int? {
        guard request.head.hasQuery, !request.head.query.isEmpty else { return 0 }
        guard let form = Form(parsing: request.octets.extracting(request.head.query.range)),
            form.count(of: "provider") <= 1
        else { return nil }
        guard let name = form.first("provider") else { return 0 }
        return snapshot.configuration.providers.firstIndex { $0.name == name }
    }

    mutating func liveSessions(
        of providers: [Int], _ request: borrowing Request, _ inquiry: borrowing Inquiry,
        _ facts: inout RequestFacts
    ) -> [(provider: Int, session: Session)] {
        var found: [(provider: Int, session: Session)] = []
        for provider in providers {
            guard findSession([provider], request, inquiry, into: &facts) != .none,
                let session = view.session()
            else { continue }
            found.append((provider: provider, session: session))
        }
        return found
    }

    private mutating func confirmation(
        _ sessions: [(provider: Int, session: Session)], _ request: borrowing Request,
        _ inquiry: borrowing Inquiry, _ facts: borrowing RequestFacts
    ) -> Answer {
        let token = sessions.first.map { formToken(for: $0.session, at: inquiry.now) } ?? ""
        return Pages.logoutConfirmation(
            action: "/.auth/logout" + request.queryText, formToken: token,
            endsProviderSession: snapshot.configuration.session.logout.provider,
            allowsPlainProvider: snapshot.configuration.externalURL.scheme == .http,
            requestID: facts.requestID.text)
    }

    // MARK: The form's token

    /// Sealed: the session's id, and when the form was made.
    private mutating func formToken(for session: Session, at now: UnixTime) -> String {
        var plaintext = session.id
        for shift in stride(from: Int64(56), through: 0, by: -8) {
            plaintext.append(UInt8(truncatingIfNeeded: now.seconds >> shift))
        }
        let text = sealer.seal(
            plaintext.span, for: .state, named: "logout", at: now, using: &dice)
        return String(decoding: text, as: UTF8.self)
    }

    private func isFormToken(
        in content: [UInt8], for sessions: [(provider: Int, session: Session)], at now: UnixTime
    ) -> Bool {
        guard let form = Form(parsing: content.span), form.count(of: "token") == 1,
            let text = form.first("token")
        else { return false }
        var plaintext: [UInt8] = []
        guard
            sealer.open(
                Array(text.utf8).span, for: .state, named: "logout", appendingTo: &plaintext,
                at: now) != nil,
            plaintext.count == Session.idOctets + 8
        else { return false }
        var seconds: Int64 = 0
        for octet in plaintext[Session.idOctets...] { seconds = seconds << 8 | Int64(octet) }
        let madeAt = UnixTime(seconds: seconds)
        return now <= madeAt.advanced(by: Self.formTokenLasts)
            && sessions.contains { $0.session.id == Array(plaintext[..<Session.idOctets]) }
    }
}

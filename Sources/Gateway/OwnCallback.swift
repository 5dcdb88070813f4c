// /.auth/callback: the way back from a provider.
//
// By GET with a query, by POST where the provider answers by form (OAuth 2.0 Form Post Response Mode),
// and for a fragment by way of a page of ours, since no browser sends one. A provider's POST comes
// without the Lax cookies of the login, so a page of ours posts it once more, from here.

internal import Configuration
internal import HTTP
internal import Sessions
internal import Values

extension Gatekeeper {
    /// An ID token, percent-encoded, and what stands beside it.
    private static let contentOctetsMax = 262_144
    /// What marks a post as our own page's.
    private static let ownFormQuery: StaticString = "again=1"

    mutating func answerCallback(
        _ provider: Int, _ request: borrowing Request, _ inquiry: borrowing Inquiry,
        _ facts: inout RequestFacts
    ) -> Verdict {
        // A login that nobody wished for would spend its code.
        if request.isPrefetch { return refuse(.prefetch, request, inquiry, facts) }
        // Whoever only wants the fields gets them without spending the code.
        if request.method == .head {
            return .answer(Answer(status: 200, fields: [(name: "Referrer-Policy", "no-referrer")]))
        }
        if request.method == .post {
            return answerForm(provider, request, inquiry, &facts)
        }
        let query = [UInt8](request.octets.extracting(request.head.query.range))
        let mode = snapshot.configuration.providers[provider].responseMode
        if mode == .fragment, query.isEmpty {
            return .answer(
                Pages.fragmentReader(
                    action: callbackAction(provider),
                    allowsPlainProvider: snapshot.configuration.externalURL.scheme == .http,
                    requestID: facts.requestID.text))
        }
        return complete(provider, query, .query, request, inquiry, &facts)
    }

    private mutating func answerForm(
        _ provider: Int, _ request: borrowing Request, _ inquiry: borrowing Inquiry,
        _ facts: inout RequestFacts
    ) -> Verdict {
        guard request.sendsForm else {
            return refuse(
                .parameterInvalid("the callback takes application/x-www-form-urlencoded"), request,
                inquiry, facts)
        }
        guard let content = inquiry.gathered else {
            return .gather(octetsMax: Self.contentOctetsMax)
        }
        let isOwn = OctetText.equals(
            request.octets.extracting(request.head.query.range), Self.ownFormQuery)
        return complete(provider, content, isOwn ? .ownForm : .form, request, inquiry, &facts)
    }

    private mutating func complete(
        _ provider: Int, _ response: [UInt8], _ arrival: CallbackIntent.Arrival,
        _ request: borrowing Request, _ inquiry: borrowing Inquiry, _ facts: inout RequestFacts
    ) -> Verdict {
        let finding = findSession([provider], request, inquiry, into: &facts)
        // Whoever signs in here does without a session that only another node can read.
        if case .otherNode = obstacle { obstacle = nil }
        let session = finding == .none ? nil : view.session()
        let hop =
            arrival == .query
            ? hop(to: facts.path.text + request.queryText, request, inquiry, facts) : nil
        return .suspend(
            .completeLogin(
                CallbackIntent(
                    asked: asked(request, inquiry, facts), provider: provider, response: response,
                    arrival: arrival, redirectURI: redirectURI(provider, inquiry, facts),
                    session: session, hop: hop)))
    }

    private func callbackAction(_ provider: Int) -> String {
        snapshot.callbackAction(provider)
    }
}

extension Snapshot {
    fileprivate func callbackAction(_ provider: Int) -> String {
        Configuration.callbackPath(ofProviderNamed: configuration.providers[provider].name)
            + "?again=1"
    }

    /// A page that posts an authorization response once more, with the cookies of our own origin.
    package func repost(_ intent: CallbackIntent, _ fields: [(String, String)]) -> Answer {
        finished(
            Pages.repost(
                action: callbackAction(intent.provider), fields: fields,
                allowsPlainProvider: configuration.externalURL.scheme == .http,
                requestID: intent.asked.requestID))
    }
}

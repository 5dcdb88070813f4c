// The facts that a flow is given, copied out of a request; and what is said to whom we refuse.

internal import Configuration
internal import HTTP
internal import Sessions
internal import Values

extension Gatekeeper {
    func asked(
        _ request: borrowing Request, _ inquiry: borrowing Inquiry,
        _ facts: borrowing RequestFacts
    ) -> Asked {
        var logins: [BroughtCookie] = []
        var sessions: [String] = []
        for field in request.head.fields where field.known == .cookie {
            let value = request.octets.extracting(field.value.range)
            var pairs = CookiePairs()
            while let pair = pairs.next(in: value), logins.count + sessions.count < Self.cookiesMax
            {
                guard snapshot.cookieNames.areOurs(value.extracting(pair.name)),
                    let name = OctetText.string(value.extracting(pair.name))
                else { continue }
                if name.hasPrefix(snapshot.loginCookies.namePrefix) {
                    logins.append(
                        BroughtCookie(name: name, value: [UInt8](value.extracting(pair.value))))
                } else if snapshot.isSessionCookie(name), !sessions.contains(name) {
                    sessions.append(name)
                }
            }
        }
        return Asked(
            requestID: facts.requestID.text,
            host: facts.host.text, origin: origin(inquiry, facts),
            client: facts.client, asker: facts.asker, isGraphQL: facts.isGraphQL,
            wantsPlainJSON: facts.isGraphQL && request.wantsPlainJSON, loginCookies: logins,
            sessionCookieNames: sessions)
    }

    /// A browser with more of ours has been given them by somebody else.
    private static let cookiesMax = 100

    /// To the route's provider, or to a page where the visitor chooses one.
    func beginLogin(
        _ route: CompiledRoute, _ reason: LoginIntent.Reason, returnTo: String,
        _ request: borrowing Request, _ inquiry: borrowing Inquiry,
        _ facts: borrowing RequestFacts
    ) -> Verdict {
        let providers = route.settings.providers
        guard providers.count == 1 || reason != .noSession || weak != nil else {
            return .answer(chooser(providers, returnTo: returnTo, facts))
        }
        var provider = weak?.provider ?? providers.first ?? 0
        if case .live(let own, _) = inquiry.finding { provider = own }
        return .suspend(
            .beginLogin(
                LoginIntent(
                    asked: asked(request, inquiry, facts), provider: provider, returnTo: returnTo,
                    reason: reason, requirements: requirements(of: route),
                    parameters: [], redirectURI: redirectURI(provider, inquiry, facts),
                    isForToken: route.settings.injectsToken)))
    }

    /// What the route asks of a login, and what the session that steps up has already.
    func requirements(of route: CompiledRoute?) -> LoginRequirements {
        var requirements = route.map { LoginRequirements($0.settings) } ?? LoginRequirements()
        requirements.scopesKept = weak?.scopes ?? []
        return requirements
    }

    func chooser(
        _ providers: [Int], returnTo: String, _ facts: borrowing RequestFacts
    ) -> Answer {
        let acts = providers.map { index in
            let name = snapshot.configuration.providers[index].name
            return Pages.Act(name, OwnPath.loginTarget(returnTo: returnTo, provider: name))
        }
        return Pages.chooser(acts, requestID: facts.requestID.text)
    }

    func redirectURI(
        _ provider: Int, _ inquiry: borrowing Inquiry, _ facts: borrowing RequestFacts
    ) -> String {
        origin(inquiry, facts).description
            + Configuration.callbackPath(
                ofProviderNamed: snapshot.configuration.providers[provider].name)
    }

    /// Where a login for this request leads: to what was asked by GET, else to where the visitor
    /// was, for a POST cannot be repeated (OR-19).
    func returnPath(_ request: borrowing Request, _ facts: borrowing RequestFacts) -> String {
        guard request.isGetOrHead else { return "/" }
        return ReturnPath.checked(
            facts.path.text + request.queryText)
    }

    /// The path of a Referer of our own origin, else `/`.
    private func refererPath(
        _ request: borrowing Request, _ inquiry: borrowing Inquiry,
        _ facts: borrowing RequestFacts
    ) -> String {
        guard let range = request.range(of: .referer),
            let text = OctetText.string(request.octets.extracting(range)),
            let url = HTTPURL(parsing: text), url.origin == origin(inquiry, facts)
        else { return "/" }
        return ReturnPath.checked(url.target)
    }

    /// Where the login that a refusal offers leads.
    func offeredReturnPath(
        _ request: borrowing Request, _ inquiry: borrowing Inquiry,
        _ facts: borrowing RequestFacts
    ) -> String {
        switch facts.asker {
        case .person, .frame:
            request.isGetOrHead
                ? returnPath(request, facts) : refererPath(request, inquiry, facts)
        case .preflight, .webSocket, .prefetch, .graphQL, .program:
            refererPath(request, inquiry, facts)
        }
    }

    /// - Parameters:
    ///   - status: another than the refusal's own, for who would not understand that.
    ///   - returnTo: where the login that is offered leads; by default to what was asked.
    func refuse(
        _ refusal: Refusal, as status: Int? = nil, returnTo: String? = nil,
        _ request: borrowing Request, _ inquiry: borrowing Inquiry, _ facts: borrowing RequestFacts
    ) -> Verdict {
        var audience = Audience(
            asker: facts.asker, isGraphQL: facts.isGraphQL,
            wantsPlainJSON: facts.isGraphQL && request.wantsPlainJSON,
            requestID: facts.requestID.text)
        if inquiry.isHostOurs {
            audience.loginURL =
                origin(inquiry, facts).description
                + OwnPath.loginTarget(
                    returnTo: returnTo ?? offeredReturnPath(request, inquiry, facts), provider: "")
        }
        audience.presentedToken =
            refusal == .tokenEnded
            || (refusal == .unauthenticated
                && (request.presentsBearer || inquiry.wasFoundWithoutSession))
        if refusal == .unauthenticated, weak != nil, facts.route >= 0 {
            audience.shortfall = Self.shortfall(snapshot.compiled[facts.route].settings)
        }
        var statement = Statement(refusal)
        statement.status = status ?? statement.status
        var answer = snapshot.answer(statement, to: audience)
        answer.logReason = refusal.sentence
        answer.closes = refusal.hasTwoReadings
        return .answer(answer)
    }
}

extension Gatekeeper {
    /// What a challenge says of a session that is too weak (RFC 9470 §3; RFC 6750 §3.1 for scopes).
    private static func shortfall(_ route: RouteSettings) -> String {
        func quoted(_ words: [String]) -> String {
            "\"" + words.joined(separator: " ").filter { $0 != "\"" && $0 != "\\" } + "\""
        }
        guard !route.acrValues.isEmpty || route.maxAge != nil else {
            return "error=\"insufficient_scope\", scope=\(quoted(route.scopes))"
        }
        var text = "error=\"insufficient_user_authentication\""
        if !route.acrValues.isEmpty { text += ", acr_values=\(quoted(route.acrValues))" }
        if let maxAge = route.maxAge { text += ", max_age=\(maxAge.components.seconds)" }
        return text
    }
}

extension LoginRequirements {
    init(_ route: RouteSettings) {
        scopes = route.scopes
        acrValues = route.acrValues
        maxAge = route.maxAge
        prompt = route.prompt
    }
}

extension Snapshot {
    /// Whether a session of some provider, or a piece of it, has this cookie name.
    func isSessionCookie(_ name: String) -> Bool {
        sessionCookies.contains { cookies in
            (0..<SessionCookies.piecesMax).contains { cookies.pieceName($0) == name }
        }
    }

    /// What goes on every answer of ours, those of flows included.
    package func finished(_ answer: Answer) -> Answer {
        guard let strictTransportSecurity, answer.field("Strict-Transport-Security") == nil else {
            return answer
        }
        var answer = answer
        answer.add("Strict-Transport-Security", strictTransportSecurity)
        return answer
    }

    /// A flow's refusal, in the shape of whoever asked. `reason` is for the log.
    package func answer(
        _ refusal: LoginRefusal, to asked: Asked, reason: String? = nil
    ) -> Answer {
        let statement = Statement(refusal)
        let login = asked.origin.description + OwnPath.loginTarget(returnTo: "/", provider: "")
        var answer =
            switch asked.asker {
            case .person, .frame:
                Pages.message(
                    status: statement.status, code: statement.code, title: statement.title,
                    sentence: statement.sentence, acts: [Pages.Act("Sign in again", login)],
                    requestID: asked.requestID)
            case .preflight, .webSocket, .prefetch, .graphQL, .program:
                self.answer(
                    statement,
                    to: Audience(
                        asker: asked.asker, isGraphQL: asked.isGraphQL,
                        wantsPlainJSON: asked.wantsPlainJSON, requestID: asked.requestID,
                        loginURL: login))
            }
        if asked.asker == .person || asked.asker == .frame {
            for field in statement.fields { answer.add(field.name, field.value) }
        }
        answer.logReason = reason ?? statement.sentence
        return finished(answer)
    }
}

// /.auth/login: what a link or a third party may say of a login.
//
// A login that is begun by nobody's wish (a prefetch) would spend a place among the browser's five,
// so it is refused. OpenID Connect Core §4 for `iss`, `login_hint` and `target_link_uri`.

internal import Configuration
internal import HTTP
internal import Sessions
internal import Values

extension Gatekeeper {
    mutating func answerLogin(
        _ request: borrowing Request, _ inquiry: borrowing Inquiry, _ facts: inout RequestFacts
    ) -> Verdict {
        if request.isPrefetch { return refuse(.prefetch, request, inquiry, facts) }
        guard let form = Form(parsing: request.octets.extracting(request.head.query.range)) else {
            return refuse(
                .parameterInvalid("the query is not UTF-8 in percent-encoding"), request, inquiry,
                facts)
        }
        let read = [
            "return_to", "provider", "iss", "login_hint", "target_link_uri", "requirements",
        ]
        if let twice = read.first(where: { form.count(of: $0) > 1 }) {
            return refuse(.parameterInvalid("\(twice) is given twice"), request, inquiry, facts)
        }
        let origin = origin(inquiry, facts)
        let returnTo = returnPath(of: form, on: origin)
        let route = route(ofReturnPath: returnTo, facts)
        var candidates = route?.settings.providers ?? [0]
        if let name = form.first("provider") {
            candidates = indices { $0.name == name }
        }
        if let issuer = form.first("iss") {
            let ofIssuer = indices { $0.isKnown(as: issuer) }
            candidates =
                form.first("provider") == nil
                ? ofIssuer : candidates.filter { ofIssuer.contains($0) }
        }
        guard let provider = candidates.first else {
            return refuse(.providerUnknown, request, inquiry, facts)
        }
        var demand: StepUpDemand?
        if let text = form.first("requirements") {
            demand = StepUpDemand(opening: text, with: sealer, at: inquiry.now)
            guard demand != nil else {
                return refuse(
                    .parameterInvalid("requirements are not ours, or too old"), request, inquiry,
                    facts)
            }
        }
        if candidates.count > 1, form.first("iss") == nil {
            return .answer(chooser(candidates, returnTo: returnTo, facts))
        }
        if let hop = hop(to: facts.path.text + request.queryText, request, inquiry, facts) {
            return .answer(hop)
        }
        // A login by link replaces whatever there is; a session that is too weak for the page says
        // what it was granted.
        let finding = findSession([provider], request, inquiry, into: &facts, for: route)
        // Whoever signs in here does without a session that only another node can read.
        if case .otherNode = obstacle { obstacle = nil }
        return .suspend(
            .beginLogin(
                LoginIntent(
                    asked: asked(request, inquiry, facts), provider: provider, returnTo: returnTo,
                    // A session that was not enough for an upstream keeps nobody from going in a circle.
                    reason: .link(isSignedIn: finding != .none && demand == nil),
                    requirements: requirements(of: route).and(demand),
                    parameters: passed(of: form, to: snapshot.configuration.providers[provider]),
                    redirectURI: redirectURI(provider, inquiry, facts))))
    }

    private func indices(where isWanted: (ProviderSettings) -> Bool) -> [Int] {
        let providers = snapshot.configuration.providers
        return providers.indices.filter { isWanted(providers[$0]) }
    }

    /// `return_to`, else `target_link_uri` where it is a URL of ours, else `/`.
    private func returnPath(of form: Form, on origin: Origin) -> String {
        if let path = form.first("return_to") { return ReturnPath.checked(path) }
        guard let text = form.first("target_link_uri") else { return "/" }
        guard let url = HTTPURL(parsing: text), url.origin == origin else { return "/" }
        return ReturnPath.checked(url.target)
    }

    /// What a link may say to the provider: the names that are configured, and a third party's
    /// hint.
    private func passed(
        of form: Form, to provider: ProviderSettings
    ) -> [(name: String, value: String)] {
        var names = provider.passParameters
        if form.first("iss") != nil, !names.contains("login_hint") { names.append("login_hint") }
        return names.compactMap { name in
            guard form.count(of: name) == 1, let value = form.first(name) else { return nil }
            return (name: name, value: value)
        }
    }

    /// What the page that a login leads to asks of it.
    private func route(
        ofReturnPath text: String, _ facts: borrowing RequestFacts
    ) -> CompiledRoute? {
        let target = Array(text.utf8)
        var path: [UInt8] = []
        guard let parts = try? CanonicalPath.splitTarget(target.span),
            (try? CanonicalPath.canonicalize(  // a path that a request could not have leads nowhere
                target.span.extracting(parts.path),
                options: CanonicalPath.Options(encodedSlashesPass: true), into: &path)) != nil,
            let index = snapshot.routes.match(
                path: path.span, host: facts.host.span, method: .get, token: "GET".utf8Span.span)
        else { return nil }
        return snapshot.compiled[index]
    }
}

extension ProviderSettings {
    /// Whether `iss` of a third party's link names this provider, octet for octet.
    fileprivate func isKnown(as issuer: String) -> Bool {
        ([self.issuer] + acceptedIssuers).contains { $0.utf8.elementsEqual(issuer.utf8) }
    }
}

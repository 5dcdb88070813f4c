// The paths under /.auth/: all of them are ours, only the exact ones do something, the rest is 404,
// and none is ever forwarded.

internal import Configuration
internal import HTTP
internal import Values

enum OwnPath: Equatable {
    case login
    /// An index into the configuration's providers.
    case callback(Int)
    case logout
    case signedOut
    case backchannelLogout
    case frontchannelLogout
    case me
    case verify
    case error

    /// Whether a canonical path lies under ours.
    static func covers(_ path: Span<UInt8>) -> Bool { OctetText.hasPrefix(path, "/.auth/") }

    static let verifyPath: StaticString = "/.auth/verify"

    /// - Parameter path: canonical, as octets, since `String` calls equal what is not the same.
    static func of(_ path: Span<UInt8>, _ providers: [ProviderSettings]) -> OwnPath? {
        if OctetText.equals(path, "/.auth/login") { return .login }
        if OctetText.equals(path, "/.auth/logout") { return .logout }
        if OctetText.equals(path, "/.auth/signed-out") { return .signedOut }
        if OctetText.equals(path, "/.auth/me") { return .me }
        if OctetText.equals(path, verifyPath) { return .verify }
        if OctetText.equals(path, "/.auth/backchannel-logout") { return .backchannelLogout }
        if OctetText.equals(path, "/.auth/frontchannel-logout") { return .frontchannelLogout }
        if OctetText.equals(path, "/.auth/error") { return .error }
        for index in providers.indices {
            let callback = Configuration.callbackPath(ofProviderNamed: providers[index].name)
            if OctetText.equals(path, Array(callback.utf8).span) { return .callback(index) }
        }
        return nil
    }

    /// The link that begins a login.
    static func loginTarget(returnTo: String, provider: String) -> String {
        var target = "/.auth/login?return_to=" + PercentEncoding.encodeComponent(returnTo)
        if !provider.isEmpty { target += "&provider=" + PercentEncoding.encodeComponent(provider) }
        return target
    }

    /// - Parameter takesForms: whether this callback's provider answers by a form's POST.
    func methods(takesForms: Bool) -> String {
        switch self {
        case .callback where takesForms: "GET, HEAD, POST"
        case .login, .callback, .signedOut, .frontchannelLogout, .me, .error: "GET, HEAD"
        case .backchannelLogout: "POST"
        case .verify: Gatekeeper.methods
        case .logout: "GET, HEAD, POST"
        }
    }

    func allows(_ method: Method, takesForms: Bool) -> Bool {
        switch (self, method) {
        case (.backchannelLogout, _): method == .post
        // Envoy asks with the method of the request that it asks about.
        case (.verify, _): true
        case (.callback, .post): takesForms
        case (_, .get), (_, .head), (.logout, .post): true
        case (.login, _), (.callback, _), (.signedOut, _), (.frontchannelLogout, _), (.me, _),
            (.error, _), (.logout, _):
            false
        }
    }
}

extension Gatekeeper {
    mutating func answerOwnPath(
        _ request: borrowing Request, _ inquiry: borrowing Inquiry, _ facts: inout RequestFacts
    ) -> Verdict {
        guard let path = OwnPath.of(facts.path.span, snapshot.configuration.providers) else {
            return refuse(.notFound, request, inquiry, facts)
        }
        let takesForms = takesForms(path)
        guard path.allows(request.method, takesForms: takesForms) else {
            return refuse(
                .methodRefused(allowing: path.methods(takesForms: takesForms)), request, inquiry,
                facts)
        }
        switch path {
        case .login: return answerLogin(request, inquiry, &facts)
        case .callback(let provider): return answerCallback(provider, request, inquiry, &facts)
        case .logout: return answerLogout(request, inquiry, &facts)
        case .signedOut:
            if let next = snapshot.configuration.session.logout.redirect {
                return .answer(.seeOther(next))
            }
            return .answer(
                Pages.signedOut(requestID: facts.requestID.text))
        case .backchannelLogout: return answerBackchannelLogout(request, inquiry, facts)
        case .frontchannelLogout: return answerFrontchannelLogout(request, inquiry, &facts)
        case .me: return answerMe(request, inquiry, &facts)
        case .verify: return answerVerify(request, inquiry, &facts)
        case .error: return answerError(request, inquiry, facts)
        }
    }

    private func takesForms(_ path: OwnPath) -> Bool {
        guard case .callback(let provider) = path else { return false }
        return snapshot.configuration.providers[provider].responseMode != .query
    }

    // MARK: Where a provider sends people without `state`

    /// Which error it was decides the sentence; what the address says besides is not repeated,
    /// since anyone can write such an address.
    private func answerError(
        _ request: borrowing Request, _ inquiry: borrowing Inquiry,
        _ facts: borrowing RequestFacts
    ) -> Verdict {
        let query = Form(parsing: request.octets.extracting(request.head.query.range))
        return refuse(
            query?.first("error") == "access_denied" ? .providerRefused : .providerError, request,
            inquiry, facts)
    }
}

// What of a login is kept as a session: what some route, identity field or logout needs, and no more.

internal import Configuration
internal import JSON
internal import OpenID
internal import Sessions
internal import Values

extension Session {
    /// `expires_in` counts from the answer's making (RFC 6749 §5.1), which is no earlier than our
    /// asking, so the token never seems to live longer than it does.
    init(
        _ login: CheckedLogin, _ attempt: LoginAttempt, metadata: ProviderMetadata,
        _ configuration: Configuration, provider index: Int, at now: UnixTime
    ) {
        let (idToken, asked) = (login.idToken, login.asked)
        let provider = configuration.providers[index]
        let tokens = configuration.routes.contains(where: \.injectsToken) ? login.tokens : nil
        // Only a route that asks for scopes ever looks at them.
        let needsScopes = configuration.routes.contains { !$0.scopes.isEmpty }
        let needsHint =
            configuration.session.logout.provider && metadata.endSessionEndpoint != nil
        var generator = SystemRandomNumberGenerator()
        let lifetime = now + configuration.session.lifetime
        self.init(
            id: Session.newID(using: &generator),
            binding: Session.binding(
                host: attempt.host, issuer: provider.issuer, clientID: provider.clientID),
            subject: idToken.subject,
            claims: Self.claims(of: login, for: configuration.identity), startedAt: now,
            sealedAt: now, authenticatedAt: idToken.authenticatedAt,
            expires: idToken.sessionExpires.map { min($0, lifetime) } ?? lifetime,
            accessToken: tokens?.accessToken.text,
            accessTokenExpires: tokens?.accessTokensEnd(asked: asked),
            resourceTokens: tokens?.resourceTokens(
                for: configuration.routes.compactMap(\.tokenAudience)) ?? [],
            refreshToken: tokens?.refreshToken, idToken: needsHint ? idToken.text : nil,
            providerSessionID: idToken.sessionID,
            scope: needsScopes
                ? login.tokens?.scope ?? attempt.scopes.joined(separator: " ") : nil,
            authenticationContext: idToken.authenticationContext)
    }

    /// The claims that identity fields send, in the form they are kept in. `sub` is the session's
    /// subject already.
    private static func claims(
        of login: CheckedLogin, for identity: IdentitySettings
    ) -> [SessionClaim] {
        var names = identity.headers.map(\.claim)
        if names.contains("email") { names.append("email_verified") }
        var seen: Set<String> = ["sub"]
        return names.filter { seen.insert($0).inserted }.compactMap { name in
            login.claim(name).flatMap(SessionClaim.Value.init).map {
                SessionClaim(name: name, value: $0)
            }
        }
    }

    /// The session with what a refresh brought. Its claims stay: a provider that says less of a person
    /// when it refreshes has not changed who they are.
    func refreshed(
        by tokens: TokenResponse, idToken: String?, asked: UnixTime, at now: UnixTime
    ) -> Session {
        var session = self
        session.generation &+= 1
        session.sealedAt = now
        session.accessToken = tokens.accessToken.text
        session.accessTokenExpires = tokens.accessTokensEnd(asked: asked)
        session.resourceTokens = tokens.resourceTokens(
            for: resourceTokens.map(\.audience), wereSeveral: !resourceTokens.isEmpty)
        session.refreshToken = tokens.refreshToken ?? refreshToken
        if session.idToken != nil, let idToken { session.idToken = idToken }
        if session.scope != nil { session.scope = tokens.scope ?? scope }
        return session
    }

    /// The session once its refresh token may be spent without anything to show for it.
    func withoutRefreshToken(at now: UnixTime) -> Session {
        var session = self
        session.generation &+= 1
        session.sealedAt = now
        session.refreshToken = nil
        return session
    }
}

extension SessionClaim.Value {
    /// `nil` for what sends no field: an object, null, an empty text.
    fileprivate init?(_ json: JSON) {
        switch json {
        case .string(let text): if text.isEmpty { return nil } else { self = .text(text) }
        case .number(let text): self = .number(text)
        case .bool(let flag): self = .bool(flag)
        case .array(let members):
            let texts = members.compactMap(\.memberText)
            if texts.isEmpty { return nil } else { self = .list(texts) }
        case .object, .null: return nil
        }
    }
}

extension JSON {
    fileprivate var memberText: String? {
        switch self {
        case .string(let text): text.isEmpty ? nil : text
        case .number(let text): text
        case .bool(let flag): flag ? "true" : "false"
        case .array, .object, .null: nil
        }
    }
}

extension TokenResponse {
    /// When the first of them ends.
    fileprivate func accessTokensEnd(asked: UnixTime) -> UnixTime? {
        ([accessToken] + furtherAccessTokens).compactMap(\.expiresIn).min().map { asked + $0 }
    }

    /// Which token goes to whom, of those that routes name; none where there is but one token.
    /// - Parameter wereSeveral: there have been several before these.
    fileprivate func resourceTokens(
        for audiences: [String], wereSeveral: Bool = false
    ) -> [ResourceToken] {
        guard wereSeveral || !furtherAccessTokens.isEmpty, !audiences.isEmpty else { return [] }
        var named: Set<String> = []
        let found = audiences.filter { named.insert($0).inserted }.compactMap {
            audience -> ResourceToken? in
            if accessToken.isFor(audience) { return ResourceToken(audience: audience, text: nil) }
            return furtherAccessTokens.first { $0.isFor(audience) }.map {
                ResourceToken(audience: audience, text: $0.text)
            }
        }
        // A name that no route has: there are several, and none of them is for whom routes name.
        return found.isEmpty ? [ResourceToken(audience: "", text: nil)] : found
    }
}

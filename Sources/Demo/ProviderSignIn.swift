// The demonstration provider's authorization endpoint, its page, and its logout: what a browser visits
// (RFC 6749 §4.1.1, OpenID Connect RP-Initiated Logout 1.0).

import HTTP
import Values

extension DemoProvider {
    private static let ssoCookie = "ORA_OCIS_DEMO"

    func authorize(
        _ request: HTTPMessage.Request, at now: UnixTime
    ) -> HTTPMessage.Response {
        let query = request.query
        // Before client and redirect URI are known to be right, nobody is redirected (RFC 6749 §4.1.2.1).
        guard query.first("client_id") == client.id,
            query.first("redirect_uri") == client.redirectURI
        else {
            return .html(
                400,
                ProviderPages.message(
                    "This application is not registered",
                    "Its client_id or redirect_uri is not the one registered here."))
        }
        guard query.first("response_type") == "code",
            query.first("code_challenge_method") == "S256",
            let challenge = query.first("code_challenge"), challenge.utf8.count == 43,
            let scope = query.first("scope"), scope.split(separator: " ").contains("openid")
        else {
            return back(error: "invalid_request", to: client.redirectURI, query.first("state"))
        }
        let pending = PendingAuthorization(
            redirectURI: client.redirectURI, state: query.first("state"),
            nonce: query.first("nonce"), challenge: challenge, scope: scope, began: now)
        if query.first("prompt") != "login", let cookie = request.cookie(Self.ssoCookie),
            let session = memory.withContent({ $0.sessions[cookie] }), session.isLive(at: now)
        {
            return grant(
                pending, to: session.visitor, session: cookie, since: session.began, at: now)
        }
        if query.first("prompt") == "none" {
            // OpenID Connect Core §3.1.2.6: no page may be shown.
            return back(error: "login_required", to: pending.redirectURI, pending.state)
        }
        let ticket = ProviderMemory.random()
        memory.withContent {
            ProviderMemory.bound(&$0.pending) { $0.isLive(at: now) }
            $0.pending[ticket] = pending
        }
        return .html(200, ProviderPages.signIn(ticket: ticket, failed: false))
    }

    func signIn(_ request: HTTPMessage.Request, at now: UnixTime) -> HTTPMessage.Response {
        let form = request.form
        guard let ticket = form.first("ticket"),
            let pending = memory.withContent({ $0.pending[ticket] }),
            pending.isLive(at: now)
        else {
            return .html(
                400,
                ProviderPages.message(
                    "This page is too old", "Go back to the site and sign in from there."))
        }
        if form.first("action") == "deny" {
            memory.withContent { $0.pending[ticket] = nil }
            return back(error: "access_denied", to: pending.redirectURI, pending.state)
        }
        guard let visitor = Visitor.named(form.first("username") ?? ""),
            form.first("password") == visitor.userName
        else { return .html(401, ProviderPages.signIn(ticket: ticket, failed: true)) }
        let session = ProviderMemory.random()
        memory.withContent {
            $0.pending[ticket] = nil
            ProviderMemory.bound(&$0.sessions) { $0.isLive(at: now) }
            $0.sessions[session] = SignedInVisitor(visitor: visitor, began: now)
        }
        return grant(
            pending, to: visitor, session: session, since: now, at: now,
            cookie: "\(Self.ssoCookie)=\(session); HttpOnly; SameSite=Lax; Path=/")
    }

    private func grant(
        _ pending: PendingAuthorization, to visitor: Visitor, session: String,
        since authenticated: UnixTime,
        at now: UnixTime, cookie: String? = nil
    ) -> HTTPMessage.Response {
        let code = ProviderMemory.random()
        memory.withContent {
            ProviderMemory.bound(&$0.codes) { $0.isLiveCode(at: now) }
            $0.codes[code] = Grant(
                visitor: visitor, nonce: pending.nonce, challenge: pending.challenge,
                scope: pending.scope, session: session, authenticated: authenticated, made: now)
        }
        var answer = Form()
        answer.append("code", code)
        if let state = pending.state { answer.append("state", state) }
        return .redirect(pending.redirectURI + "?" + answer.encoded, cookie: cookie)
    }

    private func back(
        error: String, to redirectURI: String, _ state: String?
    ) -> HTTPMessage.Response {
        var answer = Form()
        answer.append("error", error)
        if error == "access_denied" {
            answer.append("error_description", "The visitor chose not to sign in.")
        }
        if let state { answer.append("state", state) }
        return .redirect(redirectURI + "?" + answer.encoded)
    }

    // MARK: Logout

    func logOut(_ request: HTTPMessage.Request) -> HTTPMessage.Response {
        let query = request.query
        if let cookie = request.cookie(Self.ssoCookie) {
            memory.withContent { $0.sessions[cookie] = nil }
        }
        let gone = "\(Self.ssoCookie)=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0"
        // Where to, only a client that is known may say, and only as it is registered.
        let isClients =
            query.first("id_token_hint").map(tokens.hasSigned)
            ?? (query.first("client_id") == client.id)
        guard isClients, query.first("post_logout_redirect_uri") == client.postLogoutRedirectURI
        else {
            var page = HTTPMessage.Response.html(
                200, ProviderPages.message("You are signed out", "You may close this page."))
            page.fields.append((name: "Set-Cookie", value: gone))
            return page
        }
        var back = client.postLogoutRedirectURI
        if let state = query.first("state") {
            back += "?state=" + PercentEncoding.encodeComponent(state)
        }
        return .redirect(back, cookie: gone)
    }
}

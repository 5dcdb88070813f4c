// The cookies that flows set and delete, by the snapshot they run under.

internal import Configuration
internal import Gateway
internal import HTTP
internal import Sessions
internal import Values

extension Snapshot {
    private var isSecure: Bool { configuration.externalURL.scheme == .https }

    var loginCookies: LoginCookies {
        LoginCookies(named: configuration.session.cookie.name, isSecure: isSecure)
    }

    func sessionCookies(of provider: Int) -> SessionCookies {
        SessionCookies(
            named: configuration.session.cookie.name,
            provider: configuration.providers[provider].name, isSecure: isSecure,
            sameSite: configuration.session.cookie.sameSite == .strict ? .strict : .lax)
    }

    func fitsCookies(_ session: Session, of provider: Int) -> Bool {
        sessionCookies(of: provider).fits(
            plaintext: session.encoded().count, budget: configuration.session.cookie.budget)
    }

    /// The Set-Cookie lines that carry a session, or the handle to one in a store, and delete what a
    /// larger one left behind. None for a session that does not fit and is in no store.
    func setCookies(
        for session: Session, of provider: Int, asked: Asked, at now: UnixTime
    ) -> [String] {
        if let handle = session.handle {
            return setCookies(sealing: handle.encoded(), of: provider, asked: asked, at: now)
        }
        guard fitsCookies(session, of: provider) else { return [] }
        return setCookies(sealing: session.encoded(), of: provider, asked: asked, at: now)
    }

    private func setCookies(
        sealing plaintext: [UInt8], of provider: Int, asked: Asked, at now: UnixTime
    ) -> [String] {
        let cookies = sessionCookies(of: provider)
        var generator = SystemRandomNumberGenerator()
        let text = Sealer(ring).seal(
            plaintext.span, for: .session, named: cookies.name, at: now, using: &generator)
        return cookies.setCookies(text, replacing: asked.pieces(of: cookies)).map(\.field)
    }

    /// Deletes whatever cookies of ours a request brought: sessions, their pieces, logins.
    func deletions(for asked: Asked) -> [String] {
        let sessions = configuration.providers.indices.flatMap { index in
            let cookies = sessionCookies(of: index)
            return cookies.deletions(of: asked.pieces(of: cookies))
        }
        let logins = asked.logins(loginCookies).map { loginCookies.deletion(of: $0) }
        return (sessions + logins).map(\.field)
    }
}

extension Asked {
    func pieces(of cookies: SessionCookies) -> SessionCookies.Pieces {
        (0..<SessionCookies.piecesMax).reduce(into: []) { pieces, index in
            if sessionCookieNames.contains(cookies.pieceName(index)) {
                pieces.insert(.piece(index))
            }
        }
    }
}

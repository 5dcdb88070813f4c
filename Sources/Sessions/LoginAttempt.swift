// One trip through the provider, as this browser began it; it waits, sealed, in the login's cookie.
//
// `nonce` binds the ID token to it (OpenID Connect Core §3.1.2.1), `codeVerifier` the code (RFC
// 7636), and the cookie both to the browser. The return path stands here in full; `LoginState` has
// a short one for when this cookie is gone. When it has ended well, the cookie stays for a minute and
// says so: to whichever node the browser comes next.

package import Values

package struct LoginAttempt: Equatable, Sendable {
    package var id: LoginID
    /// 256 random bits as 43 characters; the verifier's alphabet and length are RFC 7636 §4.1's.
    package var nonce: String
    package var codeVerifier: String
    /// Where the visitor wanted to go; went through `ReturnPath.checked`.
    package var returnTo: String
    /// The name of the entry of `providers`; empty for the only one.
    package var provider: String
    package var startedAt: UnixTime
    /// The host the browser asked for, where the session will be valid.
    package var host: String
    /// As sent, since the token request must repeat it (RFC 6749 §4.1.3).
    package var redirectURI: String
    /// How old the person's proof may be; checked in the ID token.
    package var maxAge: Duration?
    /// Acceptable `acr` values; empty for any.
    package var authenticationContexts: [String]
    /// What was asked for: a provider that grants just that need not say so (RFC 6749 §5.1).
    package var scopes: [String]
    /// Those of them without which the login is for nothing.
    package var scopesNeeded: [String]
    /// The provider was asked to show nothing (`prompt=none`): its no is no answer to a person.
    package var isSilent: Bool
    /// The browser had a session as it began, which the new one may have to end.
    package var replacesSession: Bool
    /// There once it has ended with a session.
    package var ending: Ending?

    package struct Ending: Equatable, Sendable {
        package var at: UnixTime
        /// It took the place of one that had ended well for nothing, or had lost its cookie.
        package var isRepeated: Bool

        package init(at: UnixTime, isRepeated: Bool) {
            self.at = at
            self.isRepeated = isRepeated
        }
    }

    package init(
        id: LoginID, nonce: String, codeVerifier: String, returnTo: String, provider: String,
        startedAt: UnixTime, host: String, redirectURI: String, maxAge: Duration? = nil,
        authenticationContexts: [String] = [], scopes: [String] = [], scopesNeeded: [String] = [],
        isSilent: Bool = false, replacesSession: Bool = false, ending: Ending? = nil
    ) {
        self.id = id
        self.nonce = nonce
        self.codeVerifier = codeVerifier
        self.returnTo = returnTo
        self.provider = provider
        self.startedAt = startedAt
        self.host = host
        self.redirectURI = redirectURI
        self.maxAge = maxAge
        self.authenticationContexts = authenticationContexts
        self.scopes = scopes
        self.scopesNeeded = scopesNeeded
        self.isSilent = isSilent
        self.replacesSession = replacesSession
        self.ending = ending
    }

    /// Begins a login: id, nonce and verifier are drawn here.
    package init(
        returnTo: String, provider: String, host: String, redirectURI: String,
        maxAge: Duration? = nil, authenticationContexts: [String] = [], scopes: [String] = [],
        scopesNeeded: [String] = [], isSilent: Bool = false, replacesSession: Bool = false,
        at now: UnixTime, using generator: inout some RandomNumberGenerator
    ) {
        self.init(
            id: LoginID(at: now, using: &generator), nonce: Self.randomText(using: &generator),
            codeVerifier: Self.randomText(using: &generator), returnTo: returnTo,
            provider: provider, startedAt: now, host: host, redirectURI: redirectURI,
            maxAge: maxAge, authenticationContexts: authenticationContexts, scopes: scopes,
            scopesNeeded: scopesNeeded, isSilent: isSilent, replacesSession: replacesSession)
    }

    private static func randomText(using generator: inout some RandomNumberGenerator) -> String {
        Base64URL.encode([UInt8](randomCount: 32, using: &generator).span)
    }

    /// A login that began in the future was begun by a clock that is ahead of ours: it counts as
    /// new.
    package func isOverdue(at now: UnixTime, after loginTimeout: Duration) -> Bool {
        startedAt.advanced(by: loginTimeout) < now
    }
}

extension LoginAttempt {
    private static let version: UInt8 = 2

    private struct Flags: OptionSet {
        let rawValue: UInt8
        static let silent = Flags(rawValue: 1)
        static let replacesSession = Flags(rawValue: 2)
        /// The time follows.
        static let ended = Flags(rawValue: 4)
        static let repeated = Flags(rawValue: 8)
        static let all: Flags = [.silent, .replacesSession, .ended, .repeated]
    }

    package func encoded() -> [UInt8] {
        var writer = PackedWriter(version: Self.version)
        for text in [id.text, nonce, codeVerifier, returnTo, provider, host, redirectURI] {
            writer.append(text)
        }
        writer.append(startedAt.seconds)
        writer.append(maxAge?.components.seconds)
        writer.append(count: authenticationContexts.count)
        for context in authenticationContexts { writer.append(context) }
        writer.append(scopes.joined(separator: " "))
        writer.append(scopesNeeded.joined(separator: " "))
        var flags: Flags = []
        if isSilent { flags.insert(.silent) }
        if replacesSession { flags.insert(.replacesSession) }
        if let ending { flags.formUnion(ending.isRepeated ? [.ended, .repeated] : .ended) }
        writer.append(flags.rawValue)
        if let ending { writer.append(ending.at.seconds) }
        return writer.octets
    }

    /// `nil` for octets that this version did not write.
    package init?(decoding octets: [UInt8]) {
        var reader = PackedReader()
        guard reader.octet(octets.span) == Self.version else { return nil }
        func text() -> String? {
            reader.text(octets.span).flatMap { String(packed: octets.span, $0) }
        }
        guard let id = text().flatMap(LoginID.init), let nonce = text(), let codeVerifier = text(),
            let returnTo = text(), let provider = text(), let host = text(),
            let redirectURI = text(), let startedAt = reader.signed64(octets.span),
            let maxAge = reader.signed64(octets.span), let count = reader.count(octets.span)
        else { return nil }
        var contexts: [String] = []
        for _ in 0..<count {
            guard let context = text() else { return nil }
            contexts.append(context)
        }
        guard let scopes = text(), let needed = text(),
            let flags = reader.octet(octets.span).map(Flags.init), flags.isSubset(of: .all)
        else { return nil }
        var ending: Ending?
        if flags.contains(.ended) {
            guard let time = reader.signed64(octets.span) else { return nil }
            ending = Ending(
                at: UnixTime(seconds: time), isRepeated: flags.contains(.repeated))
        }
        guard reader.isAtEnd(octets.span) else { return nil }
        self.init(
            id: id, nonce: nonce, codeVerifier: codeVerifier, returnTo: returnTo,
            provider: provider, startedAt: UnixTime(seconds: startedAt), host: host,
            redirectURI: redirectURI,
            maxAge: maxAge == PackedReader.noTime ? nil : .seconds(maxAge),
            authenticationContexts: contexts, scopes: scopes.scopeNames,
            scopesNeeded: needed.scopeNames, isSilent: flags.contains(.silent),
            replacesSession: flags.contains(.replacesSession), ending: ending)
    }

    /// The value of the login's cookie.
    package func sealed(
        by sealer: Sealer, for cookies: LoginCookies, at now: UnixTime,
        using generator: inout some RandomNumberGenerator
    ) -> [UInt8] {
        sealer.seal(
            encoded().span, for: .login, named: cookies.name(of: id), at: now, using: &generator)
    }

    /// Opens a login's cookie; `nil` as well where another login's cookie was renamed.
    package init?(
        opening text: [UInt8], of id: LoginID, with sealer: Sealer, for cookies: LoginCookies,
        at now: UnixTime
    ) {
        var plaintext: [UInt8] = []
        let opened = sealer.open(
            text.span, for: .login, named: cookies.name(of: id), appendingTo: &plaintext, at: now)
        guard opened != nil else { return nil }
        self.init(decoding: plaintext)
        guard self.id == id else { return nil }
    }
}

extension String {
    /// RFC 6749 §3.3: scopes stand in one text, a space between two.
    package var scopeNames: [String] { split(separator: " ").map(String.init) }
}

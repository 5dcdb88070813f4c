// A session as the login flow makes it and a refresh changes it: the cold form, with every part a
// value of its own. `SessionView` is the hot form, for reading it in place with every request.
//
// What is not needed later is not here: Flows leaves out the tokens and claims that no route,
// identity field or logout uses. Lengths and budgets are `SessionCookies`' business.

internal import Cryptography
package import Values

/// A claim that an identity field (or `email_verified`, for one of them) needs.
package struct SessionClaim: Equatable, Sendable {
    package enum Value: Equatable, Sendable {
        case text(String)
        /// Members that are no text stand here as their JSON text.
        case list([String])
        /// JSON text, as the provider wrote it: 10000000000000000001 stays that.
        case number(String)
        case bool(Bool)
    }

    package var name: String
    package var value: Value

    package init(name: String, value: Value) {
        self.name = name
        self.value = value
    }
}

/// Which access token goes to a resource server, where a login brought several.
package struct ResourceToken: Equatable, Sendable {
    package var audience: String
    /// `nil`: it is the session's `accessToken`.
    package var text: String?

    package init(audience: String, text: String?) {
        self.audience = audience
        self.text = text
    }
}

/// A visitor who has signed in.
package struct Session: Equatable, Sendable {
    /// 16 random octets; what logout, revocation and refresh locks know the session by. It stays
    /// the same through refreshes and changes with every login.
    package var id: [UInt8]
    /// Counts the refreshes: of two cookies of one session the higher is the newer.
    package var generation: UInt32
    /// `Session.binding(host:issuer:clientID:)` of where the login took place.
    package var binding: [UInt8]
    package var subject: String
    package var claims: [SessionClaim]
    package var startedAt: UnixTime
    /// When the cookie was made; idleness counts from here.
    package var sealedAt: UnixTime
    /// `auth_time`: when the person last proved who they are, as the provider says.
    package var authenticatedAt: UnixTime?
    /// The end that nothing extends: `lifetime`, or the provider's `session_exp` if earlier.
    package var expires: UnixTime
    package var accessToken: String?
    package var accessTokenExpires: UnixTime?
    /// Where there are several: those that routes name, and no other goes there.
    package var resourceTokens: [ResourceToken]
    package var refreshToken: String?
    /// The first login's, as a hint for logout; its own `exp` no longer matters.
    package var idToken: String?
    /// `sid`: what a front- or back-channel logout names.
    package var providerSessionID: String?
    /// What the provider granted, space-separated (RFC 6749 §3.3); `nil` where it did not say.
    package var scope: String?
    /// `acr`: how strongly the person proved it.
    package var authenticationContext: String?
    /// Where it is kept; `nil`: in its cookies. No part of the text that is sealed.
    package var handle: SessionHandle?

    package init(
        id: [UInt8], generation: UInt32 = 0, binding: [UInt8], subject: String,
        claims: [SessionClaim] = [], startedAt: UnixTime, sealedAt: UnixTime,
        authenticatedAt: UnixTime? = nil, expires: UnixTime, accessToken: String? = nil,
        accessTokenExpires: UnixTime? = nil, resourceTokens: [ResourceToken] = [],
        refreshToken: String? = nil, idToken: String? = nil,
        providerSessionID: String? = nil, scope: String? = nil, authenticationContext: String? = nil
    ) {
        precondition(id.count == Self.idOctets && binding.count == Self.bindingOctets)
        self.id = id
        self.generation = generation
        self.binding = binding
        self.subject = subject
        self.claims = claims
        self.startedAt = startedAt
        self.sealedAt = sealedAt
        self.authenticatedAt = authenticatedAt
        self.expires = expires
        self.accessToken = accessToken
        self.accessTokenExpires = accessTokenExpires
        self.resourceTokens = resourceTokens
        self.refreshToken = refreshToken
        self.idToken = idToken
        self.providerSessionID = providerSessionID
        self.scope = scope
        self.authenticationContext = authenticationContext
    }

    package static let idOctets = 16
    package static let bindingOctets = 16

    /// A new session's name: 128 random bits.
    package static func newID(using generator: inout some RandomNumberGenerator) -> [UInt8] {
        [UInt8](randomCount: idOctets, using: &generator)
    }

    /// Ties a session to where it was made. A ring shared by two deployments, hosts or clients then
    /// lets nobody carry a session from one to the other.
    package static func binding(host: String, issuer: String, clientID: String) -> [UInt8] {
        // A zero cannot occur in any of the three, so no two triples read the same.
        let text = Array(host.utf8) + [0] + Array(issuer.utf8) + [0] + Array(clientID.utf8)
        return Array(SHA256.digest(text.span).prefix(bindingOctets))
    }
}

extension Session {
    /// The layout's version. A reader that does not know it takes the session as absent, so a fleet
    /// can be upgraded, or set back, node by node.
    static let version: UInt8 = 1
    /// The same, and resource tokens behind it: what has none is written as before.
    static let versionWithResourceTokens: UInt8 = 2

    /// The plaintext to seal; `SessionView` reads it.
    package func encoded() -> [UInt8] {
        var writer = PackedWriter(
            version: resourceTokens.isEmpty ? Self.version : Self.versionWithResourceTokens)
        writer.append(fixed: id)
        writer.append(generation)
        writer.append(fixed: binding)
        writer.append(startedAt.seconds)
        writer.append(sealedAt.seconds)
        writer.append(expires.seconds)
        writer.append(authenticatedAt?.seconds)
        writer.append(accessTokenExpires?.seconds)
        writer.append(subject)
        writer.append(count: claims.count)
        for claim in claims { claim.append(to: &writer) }
        for token in [accessToken, refreshToken, idToken] { append(token, to: &writer) }
        writer.append(providerSessionID)
        writer.append(scope)
        writer.append(authenticationContext)
        if !resourceTokens.isEmpty {
            writer.append(count: resourceTokens.count)
            for token in resourceTokens {
                writer.append(token.audience)
                append(token.text, to: &writer)
            }
        }
        return writer.octets
    }

    private func append(_ token: String?, to writer: inout PackedWriter) {
        writer.append(token == nil ? 0 : 1 as UInt8)
        if let token { PackedToken.append(token, to: &writer) }
    }

    /// `nil` for octets that this version did not write.
    package init?(decoding octets: [UInt8]) {
        var view = SessionView()
        guard view.parse(octets), let session = view.session() else { return nil }
        self = session
    }
}

extension SessionClaim {
    func append(to writer: inout PackedWriter) {
        writer.append(name)
        switch value {
        case .text(let text):
            writer.append(SessionView.ClaimKind.text.rawValue)
            writer.append(text)
        case .list(let members):
            writer.append(SessionView.ClaimKind.list.rawValue)
            writer.append(count: members.count)
            for member in members { writer.append(member) }
        case .number(let text):
            writer.append(SessionView.ClaimKind.number.rawValue)
            writer.append(text)
        case .bool(let value):
            writer.append(SessionView.ClaimKind.bool.rawValue)
            writer.append(value ? "true" : "false")
        }
    }
}

extension [UInt8] {
    init(randomCount count: Int, using generator: inout some RandomNumberGenerator) {
        self = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}

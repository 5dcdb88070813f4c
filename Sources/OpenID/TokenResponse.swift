// The token endpoint's answer, in every shape providers give it (RFC 6749 §5, Core §3.1.3.3).
//
// What is needed is strict: a token that goes into a field of ours must be able to stand there, and
// a token of another type than bearer is not used as one (RFC 6749 §7.1). What only advises is
// tolerant: `expires_in` may be text, and one that is no number is as if absent.

internal import JSON
internal import Values

package struct TokenResponse: Equatable, Sendable {
    package enum Purpose: Equatable, Sendable {
        /// A code was redeemed: an ID token must come.
        case login
        /// Most providers send none then, and no new refresh token unless they rotate.
        case refresh
    }

    /// A bearer token and how long it says it lives.
    package struct AccessToken: Equatable, Sendable {
        package let text: String
        /// Seconds, 0 … ten years; `nil` where the provider does not say.
        package let expiresIn: Duration?

        /// Whether it says that it is for this resource server. A client takes nobody's word for what
        /// an access token is (RFC 9068 §4 is the resource server's); of several it must choose one.
        package func isFor(_ audience: String) -> Bool {
            let parts = text.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 3, let octets = Base64URL.decode(String(parts[1])) else {
                return false
            }
            let claims: JSON
            do { claims = try JSON(parsing: octets.span) } catch { return false }
            let named = claims["aud"]?.array ?? claims["aud"].map { [$0] } ?? []
            return named.contains { $0.string.map { $0.isExactly(audience) } ?? false }
        }
    }

    package let accessToken: AccessToken
    /// The rest of Oracle's `tokenResponses`: one token for each resource server asked for.
    package let furtherAccessTokens: [AccessToken]
    package let refreshToken: String?
    package let idToken: String?
    /// What was granted, where it differs from what was asked (RFC 6749 §5.1), or always.
    package let scope: String?

    /// Domains can be set to issue tokens of up to 128 000 octets.
    package static let tokenOctetsMax = 131_072
    package static let expiresInMax: Int64 = 315_360_000
    private static let responsesMax = 16

    /// Reads an answer that arrived whole. That it did not arrive is Flows' to say.
    package init(_ response: InboundResponse, expecting purpose: Purpose) throws(TokenFault) {
        // The status first: behind a 5xx or 429 stands something that is not the endpoint itself.
        switch response.status {
        case 429, 500...599: throw .unavailable(status: response.status)
        case 300...399: throw .unusable(.redirected)  // never followed: secrets are in the request
        case 200, 400...499: break
        default: throw .unusable(.statusUnexpected(response.status))
        }
        let document = Self.document(response)
        // An error counts as one under whatever status it came.
        if let error = document?["error"]?.string {
            let description = document?["error_description"]?.string
            throw TokenFault(error: ProviderError(code: error, description: description))
        }
        guard response.status == 200 else {
            throw TokenFault(errorWithoutReason: response.status)
        }
        guard let document else { throw .unusable(.notJSON) }
        try self.init(document, purpose)
    }

    private init(_ document: JSON, _ purpose: Purpose) throws(TokenFault) {
        var tokens: [AccessToken] = []
        if let responses = document["tokenResponses"]?.array, document["access_token"] == nil {
            guard responses.count <= Self.responsesMax else { throw .unusable(.accessTokenMissing) }
            for response in responses { tokens.append(try Self.accessToken(in: response)) }
        } else {
            tokens.append(try Self.accessToken(in: document))
        }
        guard let first = tokens.first else { throw .unusable(.accessTokenMissing) }
        accessToken = first
        furtherAccessTokens = Array(tokens.dropFirst())
        refreshToken = try Self.token("refresh_token", in: document, .refreshTokenUnusable)
        idToken = try Self.token("id_token", in: document, .idTokenUnusable)
        scope = document["scope"]?.string
        if purpose == .login, idToken == nil { throw .unusable(.idTokenMissing) }
    }

    private static func document(_ response: InboundResponse) -> JSON? {
        // We ask for no coding, so a coded answer is not read; its media type is not asked for,
        // since what is JSON says so itself.
        let coding = response.field("Content-Encoding")?.lowercased() ?? "identity"
        guard coding == "identity" || coding.isEmpty else { return nil }
        do {
            let document = try JSON(parsing: response.body.span)
            guard document.object != nil else { return nil }
            return document
        } catch {
            return nil  // HTML, an empty body, half a document: the caller says which it minds
        }
    }

    private static func accessToken(in document: JSON) throws(TokenFault) -> AccessToken {
        guard let text = try token("access_token", in: document, .accessTokenUnusable) else {
            throw .unusable(.accessTokenMissing)
        }
        guard let type = document["token_type"]?.string else { throw .unusable(.tokenTypeMissing) }
        guard type.lowercased() == "bearer" else {
            throw .unusable(.tokenTypeForeign(type.readable(40)))
        }
        return AccessToken(text: text, expiresIn: expiresIn(document["expires_in"]))
    }

    /// Absent, null and empty are the same; anything that is no token is a fault.
    private static func token(
        _ name: String, in document: JSON, _ fault: TokenFault.Unusable
    ) throws(TokenFault) -> String? {
        switch document[name] {
        case nil, .null?, .string("")?: return nil
        case .string(let text)? where text.isVisibleASCII && text.utf8.count <= tokenOctetsMax:
            return text
        default: throw .unusable(fault)
        }
    }

    /// A number, or one in a text; negative is 0, more than ten years is ten years.
    private static func expiresIn(_ value: JSON?) -> Duration? {
        let seconds: Double?
        switch value {
        case .number?: seconds = value?.double
        case .string(let text)? where (1...20).contains(text.utf8.count):
            seconds =
                text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Double(text) : nil
        default: seconds = nil
        }
        // Past a double's range JSON's number is infinite or none at all; both live ten years.
        guard let seconds, !seconds.isNaN else { return nil }
        return .seconds(Int64(max(0, min(seconds, Double(expiresInMax)))))
    }
}

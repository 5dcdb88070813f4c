// Requests to the provider's token and revocation endpoints (RFC 6749 §4.1.3 and §6, RFC 7009).
//
// A code or refresh token is spent by being sent: whether a request may be sent again is Flows'
// decision, and never yes when the first try's fate is unknown.

package import HTTP
package import Values

package enum TokenRequest {
    /// Redeems a code. The redirect URI is repeated, octet for octet as it was sent.
    package static func authorizationCode(
        _ code: String, verifier: String?, redirectURI: String, at endpoint: HTTPURL,
        as credentials: ClientCredentials, now: UnixTime,
        using generator: inout some RandomNumberGenerator
    ) throws(CredentialFault) -> OutboundRequest {
        var form = Form()
        form.append("grant_type", "authorization_code")
        form.append("code", code)
        form.append("redirect_uri", redirectURI)
        if let verifier { form.append("code_verifier", verifier) }
        return try request(form, to: endpoint, as: credentials, at: now, using: &generator)
    }

    /// Asks for new tokens with the scope that was granted: an own `scope` could only narrow it.
    package static func refresh(
        _ refreshToken: String, at endpoint: HTTPURL, as credentials: ClientCredentials,
        now: UnixTime, using generator: inout some RandomNumberGenerator
    ) throws(CredentialFault) -> OutboundRequest {
        var form = Form()
        form.append("grant_type", "refresh_token")
        form.append("refresh_token", refreshToken)
        return try request(form, to: endpoint, as: credentials, at: now, using: &generator)
    }

    /// A token of our own, where a provider's key set is not open to all (Oracle's default).
    package static func clientCredentials(
        scope: String, at endpoint: HTTPURL, as credentials: ClientCredentials, now: UnixTime,
        using generator: inout some RandomNumberGenerator
    ) throws(CredentialFault) -> OutboundRequest {
        var form = Form()
        form.append("grant_type", "client_credentials")
        form.append("scope", scope)
        return try request(form, to: endpoint, as: credentials, at: now, using: &generator)
    }

    package enum TokenKind: String, Sendable {
        case refreshToken = "refresh_token"
        case accessToken = "access_token"
    }

    /// RFC 7009 §2.1; any 200 is success, also for a token the provider does not know.
    package static func revoke(
        _ token: String, _ kind: TokenKind, at endpoint: HTTPURL,
        as credentials: ClientCredentials, now: UnixTime,
        using generator: inout some RandomNumberGenerator
    ) throws(CredentialFault) -> OutboundRequest {
        var form = Form()
        form.append("token", token)
        form.append("token_type_hint", kind.rawValue)
        return try request(form, to: endpoint, as: credentials, at: now, using: &generator)
    }

    private static func request(
        _ form: Form, to endpoint: HTTPURL, as credentials: ClientCredentials, at now: UnixTime,
        using generator: inout some RandomNumberGenerator
    ) throws(CredentialFault) -> OutboundRequest {
        var form = form
        var fields = [
            ("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json"),
        ]
        try credentials.authenticate(&form, &fields, at: now, using: &generator)
        return OutboundRequest(
            method: "POST", url: endpoint, fields: fields, body: Array(form.encoded.utf8))
    }
}

// The URL that ends the provider's own session (OpenID Connect RP-Initiated Logout 1.0 §2).

internal import HTTP
internal import Values

package enum EndSession {
    /// A longer hint is left out, since a URL with it would reach no provider: many stop at 8 KiB.
    package static let idTokenHintOctetsMax = 7168

    /// With the ID token as the hint, or else with what says the same: the client and the subject.
    /// `nil` where the provider has no such endpoint; the logout is then ours alone.
    package static func url(
        _ metadata: ProviderMetadata, clientID: String, idTokenHint: String?, subject: String?,
        postLogoutRedirectURI: String, state: String
    ) -> String? {
        guard let endpoint = metadata.endSessionEndpoint else { return nil }
        var form = Form()
        if let idTokenHint, idTokenHint.utf8.count <= idTokenHintOctetsMax {
            form.append("id_token_hint", idTokenHint)
        } else {
            form.append("client_id", clientID)
            if let subject { form.append("logout_hint", subject) }
        }
        form.append("post_logout_redirect_uri", postLogoutRedirectURI)
        form.append("state", state)
        return endpoint.description + (endpoint.query == nil ? "?" : "&") + form.encoded
    }
}

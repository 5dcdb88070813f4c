// Providers: reached safely, and with what a client needs to prove itself.

internal import HTTP

enum ProviderChecks {
    static func check(_ draft: Draft, _ reading: inout Reading) {
        switch (draft.provider != nil, draft.providers != nil) {
        case (false, false):
            guard !reading.hasProblem("provider"), !reading.hasProblem("providers") else { break }
            reading.problem(
                "provider", "is required",
                fix: "add `provider:` with the issuer and client_id of the OpenID Provider")
        case (true, true):
            reading.keyProblem(
                "providers", "is there beside provider",
                fix: "write provider for one, providers for named ones")
        case (true, false), (false, true): break
        }
        if let providers = draft.providers, providers.isEmpty, !reading.hasProblem("providers") {
            reading.problem("providers", "names no provider", fix: "add one, or write provider")
        }
        for provider in draft.allProviders { check(provider.value, provider.key, &reading) }
        checkTokens(draft, &reading)
    }

    private static func check(_ provider: ProviderDraft, _ key: String, _ reading: inout Reading) {
        if let issuer = provider.issuer { check(issuer, "\(key).issuer", &reading) }
        let authentication = provider.clientAuthentication
        switch (authentication.needsSecret, provider.clientSecret != nil) {
        case (true, false):
            // One that was written and could not be read has its problem already.
            guard !reading.hasProblem("\(key).client_secret"),
                !reading.hasProblem("\(key).client_authentication")
            else { break }
            reading.problem(
                "\(key).client_secret", "is required for \(authentication.rawValue)",
                fix: "add client_secret: { file: PATH }, or client_authentication: none for a "
                    + "public client")
        case (false, true) where authentication == .none:
            reading.problem(
                "\(key).client_secret", "is there although client_authentication is none",
                fix: "remove the secret, or the line client_authentication: none")
        case (true, true), (false, _): break
        }
        if !provider.scopes.contains("openid"), reading.isWritten("\(key).scopes") {
            reading.problem(
                "\(key).scopes", "does not contain openid, so no ID token would come",
                fix: "add openid to the list")
        }
        switch (provider.responseType, provider.responseMode) {
        case (.code, .fragment?):
            reading.problem(
                "\(key).response_mode", "fragment is for response_type id_token only",
                fix: "leave response_mode out")
        case (.idToken, .query?):
            reading.problem(
                "\(key).response_mode", "query cannot carry an ID token",
                fix: "write form_post, or leave response_mode out")
        case (.code, _), (.idToken, _): break
        }
    }

    private static func check(_ issuer: WrittenURL, _ key: String, _ reading: inout Reading) {
        let origin = issuer.url.origin
        if origin.scheme == .http, !origin.isLoopback {
            reading.problem(
                key, "\(quoted(issuer.text)) does not use https",
                fix: "write the issuer exactly as the provider's discovery document gives it")
        }
        // OpenID Connect Discovery §3: no query and no fragment.
        if issuer.url.query != nil {
            reading.problem(
                key, "\(quoted(issuer.text)) has a query",
                fix: "write the issuer exactly as the provider's discovery document gives it")
        }
    }

    /// Routes that send a token want one that can be renewed.
    private static func checkTokens(_ draft: Draft, _ reading: inout Reading) {
        guard draft.routes?.contains(where: \.injectsToken) ?? false else { return }
        for provider in draft.allProviders where !provider.value.scopes.contains("offline_access") {
            reading.warning(
                "\(provider.key).scopes",
                "has no offline_access, so a route's access token cannot be refreshed",
                fix: "add offline_access if the provider grants refresh tokens for it")
        }
    }
}

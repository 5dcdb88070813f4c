// Providers: reached safely, and with what a client needs to prove itself.

internal import Cryptography
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
        // Without a code there is nothing to prove at the token endpoint.
        let needsProof = provider.responseType == .code
        switch (authentication.needsSecret && needsProof, provider.clientSecret != nil) {
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
        checkKey(provider, key, &reading)
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
        if provider.responseType == .idToken, provider.userinfo {
            reading.problem(
                "\(key).userinfo", "needs an access token, and response_type id_token brings none",
                fix: "leave userinfo out, or use response_type code")
        }
    }

    /// What proves the client has to be there, and to be usable: a login would find out too late.
    private static func checkKey(
        _ provider: ProviderDraft, _ key: String, _ reading: inout Reading
    ) {
        switch provider.clientAuthentication {
        case .clientSecretJWT:
            if let secret = provider.clientSecret,
                !HMACSignature.isLongEnough(secret, for: .HS256)
            {
                reading.problem(
                    "\(key).client_secret",
                    "has \(secret.count) octets, and client_secret_jwt needs 32 (RFC 7518 §3.2)",
                    fix: "have the provider make a longer secret, or use client_secret_basic")
            }
        case .privateKeyJWT:
            require("client_key", provider.clientKey != nil, provider, key, &reading)
        case .tlsClientAuth:
            require("client_key", provider.clientKey != nil, provider, key, &reading)
            require(
                "client_certificate", provider.clientCertificate != nil, provider, key, &reading)
        case .clientSecretBasic, .clientSecretPost, .none: break
        }
        guard let octets = provider.clientKey else { return }
        do throws(KeyFault) { _ = try PrivateKey(pem: octets.span) } catch {
            reading.problem(
                "\(key).client_key", "cannot be used: it holds \(error)",
                fix:
                    "make one with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`"
            )
        }
    }

    private static func require(
        _ name: String, _ isThere: Bool, _ provider: ProviderDraft, _ key: String,
        _ reading: inout Reading
    ) {
        guard !isThere, !reading.hasProblem("\(key).\(name)"),
            !reading.hasProblem("\(key).client_authentication")
        else { return }
        reading.problem(
            "\(key).\(name)", "is required for \(provider.clientAuthentication.rawValue)",
            fix: name == "client_key"
                ? "add client_key: { file: PATH } with the PEM key that the provider knows"
                : "add client_certificate: PATH with the PEM certificate that the provider knows")
    }

    /// What `checkKey` has found to be one.
    static func privateKey(_ octets: [UInt8]) -> PrivateKey? {
        do throws(KeyFault) { return try PrivateKey(pem: octets.span) } catch { return nil }
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
        for provider in draft.allProviders where provider.value.responseType == .idToken {
            reading.warning(
                "\(provider.key).response_type",
                "id_token brings no access token, so a route that sends one answers 401",
                fix: "use response_type code for the provider of that route")
        }
        for provider in draft.allProviders
        where provider.value.responseType == .code
            && !provider.value.scopes.contains("offline_access")
        {
            reading.warning(
                "\(provider.key).scopes",
                "has no offline_access, so a route's access token cannot be refreshed",
                fix: "add offline_access if the provider grants refresh tokens for it")
        }
    }
}

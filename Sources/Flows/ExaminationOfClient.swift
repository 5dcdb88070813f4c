// Whether the provider takes our client: the questions that a first login asks, before anybody does.

internal import Configuration
internal import HTTP
internal import OpenID
internal import Sessions
internal import Values

extension Examination {
    private func attempt(_ redirectURI: String, _ scopes: [String]) -> LoginAttempt {
        var generator = SystemRandomNumberGenerator()
        return LoginAttempt(
            returnTo: "/", provider: provider.name, host: configuration.externalURL.host,
            redirectURI: redirectURI, scopes: scopes, isSilent: true,
            at: environment.now(), using: &generator)
    }

    // MARK: The redirect URI, the scopes, the flow

    /// Asks for a login that shows nothing: who is not signed in, as we are not, is sent back to the
    /// redirect URI with an error that says just that (OpenID Connect Core §3.1.2.1, `prompt=none`).
    func login(by redirectURI: String, _ metadata: ProviderMetadata) async -> Judgement {
        let judgement = await login(by: redirectURI, asking: provider.scopes, metadata)
        // A scope that takes somebody's consent may be refused where nobody can be asked.
        guard case .bad = judgement, provider.scopes != ["openid"],
            case .good = await login(by: redirectURI, asking: ["openid"], metadata)
        else { return judgement }
        return .doubtful(
            "it takes \(redirectURI), and refuses \(provider.scopes.joined(separator: " ")) where nobody "
                + "can be asked", fix: "sign in once by hand, or correct \(key("scopes"))")
    }

    private func login(
        by redirectURI: String, asking scopes: [String], _ metadata: ProviderMetadata
    ) async -> Judgement {
        let attempt = attempt(redirectURI, scopes)
        let request = AuthorizationRequest(
            attempt, state: attempt.nonce, prompt: "none", provider: provider)
        let place: String
        do throws(LoginFailure) {
            place = try await flows.place(request, provider, metadata, environment)
        } catch {
            return .bad(
                "it refuses an authorization request for \(redirectURI): \(error.cause)",
                fix:
                    "register \(redirectURI), and check \(key("client_id")) and the client's secret or key"
            )
        }
        guard let url = HTTPURL(parsing: place) else {
            return .bad("it sends nobody anywhere: \(place.prefix(120))", fix: "ask the provider")
        }
        let asked = OutboundRequest(method: "GET", url: url, fields: [("Accept", "text/html")])
        switch await ask(asked) {
        case .success(let response): return judged(response, redirectURI)
        case .failure(let failure):
            return .bad(failure.sentence, fix: "check the network between here and the provider")
        }
    }

    private func judged(_ response: InboundResponse, _ redirectURI: String) -> Judgement {
        switch response.status {
        case 300..<400:
            let location = response.field("Location") ?? ""
            guard location.hasPrefix(redirectURI + "?") || location.hasPrefix(redirectURI + "#")
            else {
                return .doubtful(
                    "it leads on to \(location.prefix(120)), where nothing can be told of \(redirectURI)",
                    fix: "sign in once by hand")
            }
            let parameters = Form(parsing: String(location.dropFirst(redirectURI.count + 1)))
            return judged(error: parameters?.first("error"), redirectURI)
        case 200:
            // By a form, the page has what would have stood in the address.
            let page = String(decoding: response.body, as: UTF8.self)
            guard provider.responseMode == .formPost,
                let error = Self.expectedErrors.first(where: page.contains)
            else {
                return .doubtful(
                    "it shows a page where it was asked to show nothing, so nothing can be told of "
                        + redirectURI, fix: "sign in once by hand")
            }
            return judged(error: error, redirectURI)
        case 400..<500:
            return .bad(
                "it refuses an authorization request for \(redirectURI): status \(response.status)",
                fix: "register \(redirectURI) exactly so, and check \(key("client_id"))")
        default:
            return .bad(
                "its authorization endpoint answers \(response.status)", fix: "ask the provider")
        }
    }

    /// What says that nobody is signed in, and that all else is well.
    private static let expectedErrors = [
        "login_required", "interaction_required", "consent_required", "account_selection_required",
    ]

    private func judged(error: String?, _ redirectURI: String) -> Judgement {
        switch error {
        case nil: .good("it takes \(redirectURI)")
        case let error? where Self.expectedErrors.contains(error):
            .good("it takes \(redirectURI) and what is asked for")
        case "invalid_scope":
            .bad(
                "it refuses the scopes \(provider.scopes.joined(separator: " "))",
                fix: "allow them to this client, or correct \(key("scopes"))")
        case "unauthorized_client", "unsupported_response_type":
            .bad(
                "it does not let this client use response_type=\(provider.responseType.rawValue)",
                fix: "allow it in the client's registration, or correct \(key("response_type"))")
        case let error?:
            .doubtful(
                "it answers an authorization request with \(ProviderError(code: error, description: nil).code)",
                fix: "look the error up in the provider's documents")
        }
    }

    // MARK: Who we are

    /// Redeems a code that nobody has: a provider that takes us for who we are says `invalid_grant`.
    func client(_ metadata: ProviderMetadata) async -> Judgement {
        let method = provider.clientAuthentication.rawValue
        let uris = configuration.redirectURIs(ofProviderNamed: provider.name)
        let attempt = attempt(uris.first ?? "", provider.scopes)
        let request: OutboundRequest
        var generator = SystemRandomNumberGenerator()
        do throws(CredentialFault) {
            request = try TokenRequest.authorizationCode(
                attempt.nonce, verifier: attempt.codeVerifier, redirectURI: attempt.redirectURI,
                at: metadata.tokenEndpoint, as: provider.credentials(metadata),
                now: environment.now(), using: &generator)
        } catch {
            return .bad(
                error.sentence, fix: "correct \(key("client_key")) or \(key("client_secret"))")
        }
        let response: InboundResponse
        switch await ask(request) {
        case .success(let answer): response = answer
        case .failure(let failure):
            return .bad(
                "its token endpoint cannot be asked: \(failure.sentence)",
                fix: "check the network between here and the provider")
        }
        do throws(TokenFault) {
            _ = try TokenResponse(response, expecting: .login)
            return .doubtful(
                "its token endpoint gave tokens for a code that nobody has", fix: "ask the provider"
            )
        } catch {
            if case .refused(let refusal) = error, refusal.code == "unauthorized_client" {
                return clientRefused(error)
            }
            switch error {
            case .invalidGrant: return .good("it takes our client, by \(method)")
            case .invalidClient: return clientRefused(error)
            case .refused, .unavailable, .unusable:
                return .doubtful(
                    "whether it takes our client cannot be told: \(error.sentence)",
                    fix: "sign in once by hand")
            }
        }
    }

    private func clientRefused(_ fault: TokenFault) -> Judgement {
        .bad(
            "it does not take our client: \(fault.sentence)",
            fix:
                "check \(key("client_id")), the client's secret or key, and that the client is registered "
                + "for \(provider.clientAuthentication.rawValue) and for authorization codes")
    }
}

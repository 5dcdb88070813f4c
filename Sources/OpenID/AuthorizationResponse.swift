// What the browser brings back to the callback (RFC 6749 §4.1.2, RFC 9207, Core §3.1.2.5).
//
// Anybody can write a callback's URL, so reading one proves nothing yet: the caller opens `state`,
// finds the browser's own login, and asks `checkIssuer`, in this order, before anything goes to the
// provider. Parameters that nobody asked for (session_state, scope, client_id) are not looked at,
// but no parameter may come twice: two readers would take two different ones.

package import Values

package struct AuthorizationResponse: Equatable, Sendable {
    package enum Outcome: Equatable, Sendable {
        case code(String)
        /// Only where the response type asks for it; `IDToken.verify` comes next.
        case idToken(String)
        case error(ProviderError)
    }

    package let outcome: Outcome
    /// Absent where a provider sends people to an error page of ours by itself.
    package let state: String?
    /// `iss`, RFC 9207.
    package let issuer: String?

    /// Codes in the field have 32 to 900 octets.
    package static let valueOctetsMax = 8192
    /// An ID token is as long as its claims.
    package static let idTokenOctetsMax = 131_072

    package init(
        form: Form, expecting type: AuthorizationRequest.ResponseType = .code
    ) throws(AuthorizationFault) {
        for (name, _) in form.pairs where form.count(of: name) > 1 {
            throw .repeated(name.readable(40))
        }
        if let state = form.first("state"), !state.isReasonable(Self.valueOctetsMax) {
            throw .valueUnusable("state")
        }
        if let issuer = form.first("iss"), !issuer.isReasonable(Self.valueOctetsMax) {
            throw .valueUnusable("iss")
        }
        state = form.first("state")
        issuer = form.first("iss")
        outcome = try Self.outcome(of: form, type)
    }

    private static func outcome(
        of form: Form, _ type: AuthorizationRequest.ResponseType
    ) throws(AuthorizationFault) -> Outcome {
        let name = type.rawValue
        switch (form.first(name), form.first("error")) {
        case (.some, .some): throw .contradictory
        case (nil, nil): throw .empty
        case (nil, let error?):
            // An error we cannot even print is still an answer of no.
            return .error(
                ProviderError(code: error, description: form.first("error_description")))
        case (let value?, nil):
            let most = type == .code ? valueOctetsMax : idTokenOctetsMax
            guard value.isReasonable(most) else { throw .valueUnusable(name) }
            return type == .code ? .code(value) : .idToken(value)
        }
    }

    /// RFC 9207 §2.4, against mix-up: an issuer that is named must be the one this login went to,
    /// and must be named by a provider that says it always does.
    /// - Parameter isFromForm: glewlwyd escapes what its form posts once too often. Only the one
    ///   spelling of the very same issuer counts as it, and is compared as a whole.
    package func checkIssuer(
        _ expected: IssuerExpectation, isAnnounced: Bool, isFromForm: Bool = false
    ) throws(AuthorizationFault) {
        switch issuer {
        case let issuer? where isFromForm && expected.acceptsEscaped(issuer): break
        case let issuer? where !expected.accepts(issuer):
            throw .issuerMismatch(found: issuer.readable())
        case nil where isAnnounced: throw .issuerMissing
        case .some, nil: break
        }
    }
}

extension String {
    /// RFC 6749 App. A: codes and states are of VSCHARs.
    fileprivate func isReasonable(_ octetsMax: Int) -> Bool {
        !isEmpty && utf8.count <= octetsMax && utf8.allSatisfy { (0x20...0x7e).contains($0) }
    }
}

/// The provider's own words for no (RFC 6749 §4.1.2.1 and §5.2, Core §3.1.2.6).
package struct ProviderError: Equatable, Sendable {
    /// One of the registered codes, or what else a provider thinks of; `unreadable` for no code at
    /// all.
    package let code: String
    /// For the log and the page, escaped; printable, at most 200 characters.
    package let description: String?

    package init(code: String, description: String?) {
        self.code = code.isErrorCode ? code : "unreadable"
        self.description = description.map { $0.readable() }
    }
}

/// Why a callback leads to no session. The visitor's browser's fault, or the provider's decision.
package enum AuthorizationFault: ProviderFault, Equatable {
    case repeated(String)
    case contradictory
    case empty
    case valueUnusable(String)
    case issuerMismatch(found: String)
    case issuerMissing
    case modeMismatch

    package var code: String {
        switch self {
        case .repeated: "callback-parameter-repeated"
        case .contradictory: "callback-contradictory"
        case .empty: "callback-empty"
        case .valueUnusable: "callback-value-unusable"
        case .issuerMismatch: "callback-issuer-mismatch"
        case .issuerMissing: "callback-issuer-missing"
        case .modeMismatch: "callback-mode-mismatch"
        }
    }

    package var status: Int { 400 }

    package var sentence: String {
        switch self {
        case .repeated(let name): "the callback has \(name) more than once"
        case .contradictory: "the callback has both a result and an error"
        case .empty: "the callback has neither a result nor an error"
        case .valueUnusable(let name):
            "the callback's \(name) is empty, too long, or has characters it cannot have"
        case .issuerMismatch(let found): "the callback's iss is not the provider's: \(found)"
        case .modeMismatch: "the result did not come in the way provider.response_mode says"
        case .issuerMissing: "the callback has no iss, which the provider says it always sends"
        }
    }
}

extension ProviderError {
    /// The answers of §3.1.2.6 to `prompt=none`: a person would have had to do something.
    package var asksForAPerson: Bool {
        [
            "login_required", "interaction_required", "consent_required",
            "account_selection_required",
        ].contains(code)
    }
}

extension ProviderError: ProviderFault {
    /// 503 for the two codes that stand for a 5xx, which cannot travel through a browser (RFC 6749
    /// §4.1.2.1); any other is the provider's no.
    package var status: Int {
        switch code {
        case "server_error", "temporarily_unavailable": 503
        default: 403
        }
    }

    package var sentence: String {
        "the provider answered \(code)" + (description.map { ": \($0)" } ?? "")
    }
}

// A provider's discovery document (OpenID Connect Discovery 1.0 §3 and §4.3, RFC 8414).
//
// It decides where secrets and people are sent, so it is believed only if its issuer is one of the
// pinned ones, and only endpoints over https count (or over http on a loopback issuer, where nobody
// listens in between). Fetching it, keeping the last good copy and reading it again are Flows'.

package import Cryptography
package import HTTP
internal import JSON

package struct ProviderMetadata: Sendable {
    package let issuer: String
    package let authorizationEndpoint: HTTPURL
    package let tokenEndpoint: HTTPURL
    package let jwksURI: HTTPURL
    package let userinfoEndpoint: HTTPURL?
    package let endSessionEndpoint: HTTPURL?
    package let revocationEndpoint: HTTPURL?
    package let introspectionEndpoint: HTTPURL?
    package let pushedAuthorizationRequestEndpoint: HTTPURL?
    /// RFC 9126 §5: a request in the URL is then refused.
    package let requiresPushedAuthorizationRequests: Bool
    /// What an ID token may be signed with: the announced algorithms that use a public key, RS256
    /// where none is announced (Core §2 makes it every provider's). `none` and HMAC are never here.
    package let idTokenSigningAlgorithms: [SignatureAlgorithm]
    /// RFC 9207: a callback without `iss` is then refused.
    package let authorizationResponseIssSupported: Bool
    /// As announced; empty where nothing is said. For `gatehouse check --online`.
    package let tokenEndpointAuthenticationMethods: [String]
    package let tokenEndpointSigningAlgorithms: [String]
    package let codeChallengeMethods: [String]
    package let responseModes: [String]
    package let scopes: [String]
    package let backchannelLogoutSupported: Bool

    /// Reads the document that `discoveryURL` answered with.
    /// - Parameter usesMutualTLS: whether the client proves itself by its certificate; then the
    ///   endpoints that ask for one are taken where they have another address (RFC 8705 §5).
    package init(
        parsing octets: [UInt8], for expected: IssuerExpectation, from discoveryURL: HTTPURL,
        usesMutualTLS: Bool = false
    ) throws(DiscoveryFault) {
        let document: JSON
        do { document = try JSON(parsing: octets.span) } catch { throw .notJSON }
        guard document.object != nil else { throw .notJSON }

        guard let issuer = document["issuer"]?.string else { throw .missing("issuer") }
        guard expected.accepts(issuer) else {
            throw .issuerMismatch(expected: expected.pins, found: issuer.readable())
        }
        self.issuer = issuer

        let reader = EndpointReader(
            document: document, expected: expected, base: discoveryURL,
            usesMutualTLS: usesMutualTLS)
        authorizationEndpoint = try reader.required("authorization_endpoint")
        tokenEndpoint = try reader.required("token_endpoint")
        jwksURI = try reader.required("jwks_uri")
        userinfoEndpoint = try reader.optional("userinfo_endpoint")
        endSessionEndpoint = try reader.optional("end_session_endpoint")
        revocationEndpoint = try reader.optional("revocation_endpoint")
        // The second name is that of Oracle's older domains.
        let olderIntrospection = try reader.optional("introspect_endpoint")
        introspectionEndpoint = try reader.optional("introspection_endpoint") ?? olderIntrospection
        pushedAuthorizationRequestEndpoint =
            try reader.optional("pushed_authorization_request_endpoint")
        requiresPushedAuthorizationRequests =
            document["require_pushed_authorization_requests"]?.bool ?? false

        let announced = document.texts("id_token_signing_alg_values_supported")
            .compactMap(SignatureAlgorithm.init).filter { !$0.isSymmetric }
        idTokenSigningAlgorithms = announced.isEmpty ? [.RS256] : announced
        authorizationResponseIssSupported =
            document["authorization_response_iss_parameter_supported"]?.bool ?? false
        tokenEndpointAuthenticationMethods = document.texts("token_endpoint_auth_methods_supported")
        tokenEndpointSigningAlgorithms = document.texts(
            "token_endpoint_auth_signing_alg_values_supported")
        codeChallengeMethods = document.texts("code_challenge_methods_supported")
        responseModes = document.texts("response_modes_supported")
        scopes = document.texts("scopes_supported")
        backchannelLogoutSupported = document["backchannel_logout_supported"]?.bool ?? false
    }

    /// Discovery §4.1: the issuer, without a slash at its end, and the well-known path; so that an
    /// issuer "https://host/" is never asked for "https://host//.well-known/…". `nil` for an issuer
    /// that is no URL of ours or has a query.
    package static func discoveryURL(_ issuer: String) -> HTTPURL? {
        guard let url = HTTPURL(parsing: issuer), url.query == nil else { return nil }
        let path = url.path.hasSuffix("/") ? String(url.path.dropLast()) : url.path
        return url.resolving(path + "/.well-known/openid-configuration")
    }
}

/// Reads endpoints under one rule.
private struct EndpointReader {
    let document: JSON
    let expected: IssuerExpectation
    let base: HTTPURL
    let usesMutualTLS: Bool

    func required(_ name: String) throws(DiscoveryFault) -> HTTPURL {
        guard let url = try optional(name) else { throw .missing(name) }
        return url
    }

    func optional(_ name: String) throws(DiscoveryFault) -> HTTPURL? {
        for value in [alias(of: name), document[name]] {
            switch value {
            case nil, .null?: continue
            case .string(let text)?: return try endpoint(text, name)
            default: throw .endpointMalformed(name, found: "no text")
            }
        }
        return nil
    }

    /// RFC 8705 §5; Oracle's domains have a name of their own for each.
    private func alias(of name: String) -> JSON? {
        guard usesMutualTLS, name != "authorization_endpoint", name != "end_session_endpoint"
        else { return nil }
        if let alias = document["mtls_endpoint_aliases"]?[name] { return alias }
        return expected.preset == .idcs ? document["secure_" + name] : nil
    }

    private func endpoint(_ text: String, _ name: String) throws(DiscoveryFault) -> HTTPURL {
        // Oracle's reference shows relative endpoints: they are the domain's. Elsewhere a relative
        // one is a mistake of which nobody knows what was meant.
        let url =
            switch expected.preset {
            case .generic: HTTPURL(parsing: text)
            case .idcs: HTTPURL(parsing: text) ?? base.resolving(text)
            }
        guard let url else { throw .endpointMalformed(name, found: text.readable()) }
        guard url.origin.scheme == .https || (url.origin.isLoopback && base.isPlainLoopback) else {
            throw .endpointInsecure(name, found: text.readable())
        }
        return url
    }
}

extension HTTPURL {
    /// Http to this machine: for trying things out, and for tests.
    fileprivate var isPlainLoopback: Bool { origin.scheme == .http && origin.isLoopback }
}

extension JSON {
    /// The texts of an array; what is no text in it is left out, and no array is an empty one.
    func texts(_ name: String) -> [String] { self[name]?.array?.compactMap(\.string) ?? [] }
}

/// Why a discovery document does not count. The provider's fault, or the configuration's.
package enum DiscoveryFault: ProviderFault, Equatable {
    case notJSON
    /// A required member is absent.
    case missing(String)
    case issuerMismatch(expected: [String], found: String)
    case endpointMalformed(String, found: String)
    case endpointInsecure(String, found: String)

    package var code: String {
        switch self {
        case .notJSON: "discovery-not-json"
        case .missing: "discovery-incomplete"
        case .issuerMismatch: "discovery-issuer-mismatch"
        case .endpointMalformed: "discovery-endpoint-malformed"
        case .endpointInsecure: "discovery-endpoint-insecure"
        }
    }

    package var status: Int { 502 }

    package var sentence: String {
        switch self {
        case .notJSON: "the discovery document is not a JSON object"
        case .missing(let name): "the discovery document has no \(name)"
        case .issuerMismatch(let expected, let found):
            "the discovery document's issuer is \"\(found)\", where \(Self.list(expected)) is expected; "
                + "write it in provider.issuer, or in provider.accepted_issuers, exactly as it is"
        case .endpointMalformed(let name, let found): "\(name) is no URL: \(found)"
        case .endpointInsecure(let name, let found): "\(name) does not use https: \(found)"
        }
    }

    private static func list(_ values: [String]) -> String {
        values.map { "\"\($0)\"" }.joined(separator: " or ")
    }
}

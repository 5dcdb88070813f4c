// The userinfo endpoint's claims (OpenID Connect Core §5.3), where the configuration asks for them.
//
// They count only as an answer about the person of the ID token: a `sub` that differs is how one
// user's token would bring another's claims (§5.3.2). A provider may sign its answer, and encrypt it;
// then it must be the provider's, and for this client.

internal import Cryptography
package import HTTP
package import JSON

package enum UserInfo {
    package static func request(_ endpoint: HTTPURL, accessToken: String) -> OutboundRequest {
        OutboundRequest(
            method: "GET", url: endpoint,
            fields: [
                ("Authorization", "Bearer " + accessToken), ("Accept", "application/json"),
            ])
    }

    /// The claims, if they are about `subject`.
    /// - Parameter expected: what the login's ID token was held to.
    package static func claims(
        in response: InboundResponse, about subject: String, keys: JWKSet,
        expecting expected: IDTokenExpectation
    ) throws(UserInfoFault) -> JSONObject {
        switch response.status {
        case 200: break
        case 429, 500...599: throw .unavailable(status: response.status)
        default: throw .statusUnexpected(response.status)
        }
        let document: JSON
        if isToken(response) {
            document = try signed(
                String(decoding: response.body, as: UTF8.self), keys, expected)
        } else {
            do { document = try JSON(parsing: response.body.span) } catch { throw .notJSON }
        }
        guard let claims = document.object else { throw .notJSON }
        guard claims["sub"]?.string?.isExactly(subject) ?? false else { throw .subjectMismatch }
        return claims
    }

    private static func isToken(_ response: InboundResponse) -> Bool {
        let type = response.field("Content-Type")?.prefix { $0 != ";" } ?? ""
        return type.lowercased().filter { $0 != " " } == "application/jwt"
    }

    private static func signed(
        _ text: String, _ keys: JWKSet, _ expected: IDTokenExpectation
    ) throws(UserInfoFault) -> JSON {
        do throws(JOSEFault) {
            var text = text
            if let key = expected.decryptionKey, CompactJWE.isOne(text) {
                text = try CompactJWE.open(text, with: key)
            }
            let jws = try CompactJWS(text, allowing: expected.algorithms)
            try jws.verify(with: keys)
            // §5.3.2: a signed answer names who made it, and for whom.
            guard let issuer = jws.payload["iss"]?.string,
                expected.issuers.containsExactly(issuer),
                jws.payload["aud"]?.strings?.containsExactly(expected.clientID) ?? false
            else { throw .payloadUnreadable }
            return jws.payload
        } catch { throw .token(error) }
    }
}

package enum UserInfoFault: ProviderFault, Equatable {
    case unavailable(status: Int)
    case statusUnexpected(Int)
    case notJSON
    /// A signed answer that is not the provider's, or not for this client.
    case token(JOSEFault)
    case subjectMismatch

    package var mayBeCuredByNewKeys: Bool {
        switch self {
        case .token(.keyUnknown), .token(.signatureInvalid): true
        case .unavailable, .statusUnexpected, .notJSON, .token, .subjectMismatch: false
        }
    }

    package var code: String {
        switch self {
        case .unavailable: "userinfo-unavailable"
        case .statusUnexpected: "userinfo-status"
        case .notJSON: "userinfo-not-json"
        case .token: "userinfo-token-refused"
        case .subjectMismatch: "userinfo-subject-mismatch"
        }
    }

    package var status: Int {
        switch self {
        case .unavailable: 503
        case .statusUnexpected, .notJSON, .token, .subjectMismatch: 502
        }
    }

    package var sentence: String {
        switch self {
        case .unavailable(let status), .statusUnexpected(let status):
            "the userinfo endpoint answered \(status)"
        case .notJSON: "the userinfo endpoint's answer is not a JSON object"
        case .token(.payloadUnreadable):
            "the userinfo endpoint's signed answer is not the provider's for this client (iss, aud)"
        case .token(let fault):
            "the userinfo endpoint's signed answer is refused: \(fault.sentence)"
        case .subjectMismatch: "the userinfo endpoint's sub is not the ID token's"
        }
    }
}

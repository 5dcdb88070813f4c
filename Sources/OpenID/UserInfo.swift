// The userinfo endpoint's claims (OpenID Connect Core §5.3), where the configuration asks for them.
//
// Its answer is not signed, so it counts only as an answer about the person of the ID token: a
// `sub` that differs is how one user's token would bring another's claims (§5.3.2).

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
    package static func claims(
        in response: InboundResponse, about subject: String
    ) throws(UserInfoFault) -> JSONObject {
        switch response.status {
        case 200: break
        case 429, 500...599: throw .unavailable(status: response.status)
        default: throw .statusUnexpected(response.status)
        }
        let document: JSON
        do { document = try JSON(parsing: response.body.span) } catch { throw .notJSON }
        guard let claims = document.object else { throw .notJSON }
        guard claims["sub"]?.string?.isExactly(subject) ?? false else { throw .subjectMismatch }
        return claims
    }
}

package enum UserInfoFault: ProviderFault, Equatable {
    case unavailable(status: Int)
    case statusUnexpected(Int)
    /// Signed answers are among these: none was asked for at registration.
    case notJSON
    case subjectMismatch

    package var code: String {
        switch self {
        case .unavailable: "userinfo-unavailable"
        case .statusUnexpected: "userinfo-status"
        case .notJSON: "userinfo-not-json"
        case .subjectMismatch: "userinfo-subject-mismatch"
        }
    }

    package var status: Int {
        switch self {
        case .unavailable: 503
        case .statusUnexpected, .notJSON, .subjectMismatch: 502
        }
    }

    package var sentence: String {
        switch self {
        case .unavailable(let status), .statusUnexpected(let status):
            "the userinfo endpoint answered \(status)"
        case .notJSON: "the userinfo endpoint's answer is not a JSON object"
        case .subjectMismatch: "the userinfo endpoint's sub is not the ID token's"
        }
    }
}

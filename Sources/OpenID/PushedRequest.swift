// An authorization request that goes to the provider first, from us and not through the browser
// (RFC 9126): what the visitor carries is then a name for it, which nobody on the way can change.

package import HTTP
internal import JSON
package import Values

package enum PushedRequest {
    /// The request, with the client authenticated as at the token endpoint (§2).
    package static func request(
        _ request: AuthorizationRequest, at endpoint: HTTPURL, as credentials: ClientCredentials,
        now: UnixTime, using generator: inout some RandomNumberGenerator
    ) throws(CredentialFault) -> OutboundRequest {
        var form = request.parameters
        var fields = [
            ("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json"),
        ]
        try credentials.authenticate(&form, &fields, at: now, using: &generator)
        return OutboundRequest(
            method: "POST", url: endpoint, fields: fields, body: Array(form.encoded.utf8))
    }

    private static let nameOctetsMax = 1024

    /// The `request_uri`: good for one login, and for as long as the provider likes (§2.2).
    package static func name(in response: InboundResponse) throws(PushFault) -> String {
        switch response.status {
        case 200...201: break
        case 429, 500...599: throw .unavailable(status: response.status)
        default: throw .refused(error(in: response))
        }
        let document: JSON
        do { document = try JSON(parsing: response.body.span) } catch { throw .unusable }
        guard let name = document["request_uri"]?.string, name.isVisibleASCII,
            name.utf8.count <= nameOctetsMax
        else { throw .unusable }
        return name
    }

    private static func error(in response: InboundResponse) -> ProviderError {
        let document: JSON?
        do { document = try JSON(parsing: response.body.span) } catch { document = nil }
        guard let code = document?["error"]?.string else {
            return ProviderError(
                code: "unreadable", description: "status \(response.status) without a reason")
        }
        return ProviderError(code: code, description: document?["error_description"]?.string)
    }
}

extension AuthorizationRequest {
    /// The Location for the browser after a push: the client and the name, nothing else (§4).
    package func url(_ endpoint: HTTPURL, pushedAs name: String) -> String {
        var form = Form()
        form.append("client_id", clientID)
        form.append("request_uri", name)
        return endpoint.description + (endpoint.query == nil ? "?" : "&") + form.encoded
    }
}

/// Why a pushed request has no name.
package enum PushFault: ProviderFault, Equatable {
    case refused(ProviderError)
    case unavailable(status: Int)
    case unusable

    package var code: String {
        switch self {
        case .refused(let error):
            error.code == "invalid_client" ? "pushed-client-refused" : "pushed-request-refused"
        case .unavailable: "pushed-request-unavailable"
        case .unusable: "pushed-answer-unusable"
        }
    }

    package var status: Int {
        switch self {
        case .refused, .unusable: 502
        case .unavailable: 503
        }
    }

    package var sentence: String {
        switch self {
        case .refused(let error): "the pushed request was refused: " + error.sentence
        case .unavailable(let status): "the endpoint for pushed requests answered \(status)"
        case .unusable: "the answer to the pushed request has no request_uri"
        }
    }
}

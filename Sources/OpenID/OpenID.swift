// The front of the room: what goes to a provider, what came back, and whose fault it is when a
// login ends badly.
//
// OpenID is the relying party's half of OpenID Connect Core as values. In the order of a login:
// `IssuerExpectation` and `ProviderMetadata` (discovery), `AuthorizationRequest`,
// `AuthorizationResponse`, `TokenRequest` and `TokenResponse`, `JWKSet` and `IDToken`, `UserInfo`,
// and at the end `EndSession`. Sending, waiting, caching and trying again are Flows'.

package import HTTP

/// What every error of this room can say. A visitor sees `code` on a page with `status`; the log
/// adds `sentence`, which never holds a token, code or secret.
package protocol ProviderFault: Error, Sendable {
    /// Stable and kebab-case: people search for it, and metrics count by it.
    var code: String { get }
    /// 400: what came back is wrong; 403: the provider said no; 502: it answered wrongly; 503: it
    /// could not answer.
    var status: Int { get }
    /// What was expected and what was found, for the person on call.
    var sentence: String { get }
}

/// A request to the provider, whole.
package struct OutboundRequest: Sendable {
    package var method: String
    package var url: HTTPURL
    package var fields: [(String, String)]
    package var body: [UInt8]

    package init(
        method: String, url: HTTPURL, fields: [(String, String)] = [], body: [UInt8] = []
    ) {
        self.method = method
        self.url = url
        self.fields = fields
        self.body = body
    }

    /// The first field of this name.
    package func field(_ name: String) -> String? { value(of: name, in: fields) }
}

/// The provider's answer, whole.
package struct InboundResponse: Sendable {
    package var status: Int
    package var fields: [(String, String)]
    package var body: [UInt8]

    package init(status: Int, fields: [(String, String)] = [], body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// The first field of this name.
    package func field(_ name: String) -> String? { value(of: name, in: fields) }
}

/// Field names are ASCII and compare without case (RFC 9110 §5.1).
private func value(of name: String, in fields: [(String, String)]) -> String? {
    let name = name.lowercased()
    return fields.first { $0.0.lowercased() == name }?.1
}

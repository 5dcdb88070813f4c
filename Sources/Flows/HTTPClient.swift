// What a flow is handed to speak with a provider: one request, one bounded answer, one deadline.
//
// The client is the server room's, over the same connections, TLS and pools that requests use. It
// follows no redirect (a provider's credentials go to the provider alone) and repeats nothing, because
// whether a code or a refresh token was read is something only the flow may judge.

package import OpenID

package protocol HTTPClient: Sendable {
    /// - Parameters:
    ///   - deadline: for all of it, names and handshakes included.
    ///   - octetsMax: of the answer's content.
    func send(
        _ request: OutboundRequest, as identity: ClientIdentity, deadline: Duration, octetsMax: Int
    ) async throws(ClientFailure) -> InboundResponse
}

/// Whom TLS connections of this client trust, and as whom they present themselves.
package struct ClientIdentity: Hashable, Sendable {
    /// PEM; `nil`: the system's authorities.
    package let ca: [UInt8]?
    /// PEM, both or neither.
    package let certificate: [UInt8]?
    package let key: [UInt8]?

    package init(ca: [UInt8]?, certificate: [UInt8]? = nil, key: [UInt8]? = nil) {
        self.ca = ca
        self.certificate = certificate
        self.key = key
    }
}

/// Why no answer came. `sent` says whether any octet of the request may have reached the peer.
package enum ClientFailure: Error, Equatable {
    /// No name, no route, no connection: nothing was sent.
    case unreachable(String)
    /// The certificate or the handshake was refused, in OpenSSL's words: nothing was sent.
    case untrusted(String)
    case timedOut(sent: Bool)
    case cut(sent: Bool)
    /// The head or the content passed the bound.
    case tooLarge
    case malformed(String)

    package var mayHaveBeenRead: Bool {
        switch self {
        case .unreachable, .untrusted: false
        case .timedOut(let sent), .cut(let sent): sent
        case .tooLarge, .malformed: true
        }
    }

    package var sentence: String {
        switch self {
        case .unreachable(let why): "it could not be reached: \(why)"
        case .untrusted(let why): "its TLS was refused: \(why)"
        case .timedOut(let sent): sent ? "it did not answer in time" : "no connection in time"
        case .cut(let sent):
            sent ? "it cut the connection before its answer was whole" : "it cut the connection"
        case .tooLarge: "its answer is larger than the bound"
        case .malformed(let why): "its answer is not HTTP: \(why)"
        }
    }
}

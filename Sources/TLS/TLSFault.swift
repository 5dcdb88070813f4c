// What goes wrong, in words for the person on call.

/// The settings cannot work, with any server: found when a configuration is loaded.
package enum TLSProblem: Error, Equatable, Sendable {
    case caUnreadable
    case clientCertificateUnreadable
    case clientKeyUnreadable
    case clientKeyMissing
    case clientCertificateMissing
    case clientKeyMismatch
    /// libssl's security level refuses the certificate or key: too short, or signed with SHA-1.
    case clientCertificateRefused(String)
    case serverNameRefused(String)
    case protocolRefused(String)
    /// A server has none to show.
    case certificateMissing
    /// One of a server's, by its index, and what is wrong with it.
    case certificate(Int, String)
}

extension TLSProblem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .caUnreadable: "the certificates to trust hold no readable certificate in PEM form"
        case .clientCertificateUnreadable: "the client certificate is no readable PEM certificate"
        case .clientKeyUnreadable:
            "the client key is no readable PEM key; a key under a password cannot be used"
        case .clientKeyMissing: "a client certificate is given without its key"
        case .clientCertificateMissing: "a client key is given without its certificate"
        case .clientKeyMismatch: "the client key is not the key of the client certificate"
        case .clientCertificateRefused(let why): "the client certificate cannot be used: \(why)"
        case .serverNameRefused(let name):
            "\(String(reflecting: name)) is neither a host name nor an IP address"
        case .protocolRefused(let name):
            "\(String(reflecting: name)) cannot be offered: a protocol's name has 1 to 255 octets"
        case .certificateMissing: "there is no certificate to show"
        case .certificate(let index, let why): "certificate \(index + 1): \(why)"
        }
    }
}

extension PairFault: CustomStringConvertible {
    var description: String {
        switch self {
        case .chainUnreadable: "its chain is no readable PEM certificate"
        case .keyUnreadable:
            "its key is no readable PEM key; a key under a password cannot be used"
        case .mismatch: "its key is not the key of the certificate"
        case .refused(let why): "it cannot be used: \(why)"
        }
    }
}

/// Why a connection is over. What was appended to `out` before the throw, an alert that tells the peer,
/// should still be sent.
package enum TLSFault: Error, Equatable, Sendable {
    /// The peer's certificate: what is wrong, and with which.
    case untrusted(String)
    /// The peer ended the connection with this alert, in OpenSSL's words.
    case alert(String)
    /// The first octet received begins no TLS record.
    case notTLS
    /// The peer broke the protocol, in OpenSSL's words.
    case broken(String)
    /// The octets ended without close_notify: what was received may not be all that was sent.
    case truncated(whileHandshaking: Bool)
    /// Sent to before it was open, or after it was closed.
    case notOpen
}

extension TLSFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .untrusted(let why): "certificate not trusted: \(why)"
        case .alert(let words): "the peer refused: \(words)"
        case .notTLS: "the peer does not speak TLS; is it plain text?"
        case .broken(let words): "TLS broke: \(words)"
        case .truncated(true): "the peer hung up during the handshake"
        case .truncated(false): "the peer hung up without close_notify; data may be missing"
        case .notOpen: "the connection is not open"
        }
    }
}

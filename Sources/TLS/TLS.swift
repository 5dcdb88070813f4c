// Transport Layer Security as a value: octets in; octets, plaintext and faults out (RFC 8446, RFC 5246).
//
// OpenSSL's libssl does the protocol. This room gives it neither sockets nor time to wait: the owner of
// a connection hands over what it received and sends what it is given back. Only TLS 1.2 with
// authenticated ciphers and TLS 1.3 are spoken; there is no compression and no renegotiation, whatever
// the machine's openssl.cnf says. There is no way to turn verification off.
//
//     TLSContext     what many connections share: whom to trust, whom to expect, the last session
//     TLSConnection  one connection: `start`, `receive`, `send`, `close`
//     TLSProblem     the configuration cannot work; TLSFault: this connection did not

/// What a client asks of the servers it connects to.
package struct ClientSettings: Sendable {
    /// Certificates in PEM form that are trusted instead of the system's, be they roots or not.
    package var caFile: [UInt8]?
    /// A host name, which is also sent to the server (RFC 6066 section 3), or an IP address, which
    /// is not. The certificate must be for it.
    package var serverName: String
    /// Offered in this order (RFC 7301). A server that ignores the offer is not refused.
    package var alpn: [String]
    /// PEM: the certificate and what leads from it towards a root, and the key.
    package var clientCertificate: [UInt8]?
    package var clientKey: [UInt8]?
    package var minimumVersion: TLSVersion

    package init(
        caFile: [UInt8]? = nil, serverName: String, alpn: [String] = [],
        clientCertificate: [UInt8]? = nil, clientKey: [UInt8]? = nil,
        minimumVersion: TLSVersion = .tls12
    ) {
        self.caFile = caFile
        self.serverName = serverName
        self.alpn = alpn
        self.clientCertificate = clientCertificate
        self.clientKey = clientKey
        self.minimumVersion = minimumVersion
    }
}

package enum TLSVersion: Comparable, Sendable {
    case tls12, tls13
}

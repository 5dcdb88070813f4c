// Transport Layer Security as a value: octets in; octets, plaintext and faults out (RFC 8446, RFC 5246).
//
// OpenSSL's libssl does the protocol. This room gives it neither sockets nor time to wait: the owner of
// a connection hands over what it received and sends what it is given back. Only TLS 1.2 with
// authenticated ciphers and TLS 1.3 are spoken; there is no compression and no renegotiation, whatever
// the machine's openssl.cnf says. There is no way to turn verification off.
//
//     TLSContext        what many connections to a server share: whom to trust and expect, the last session
//     TLSServerContext  what a listener's connections share: certificates by name, clients' authorities
//     TicketKeys        what sessions are sealed with; all contexts of a process share them
//     TLSConnection     one connection: `start`, `receive`, `send`, `close`
//     TLSProblem        the configuration cannot work; TLSFault: this connection did not

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

/// What a server shows, and asks of its clients.
package struct ServerSettings: Sendable {
    /// PEM: the certificate and what leads from it towards a root, and its key; DER: the OCSP answer
    /// that is stapled while it is good.
    package struct Certificate: Sendable {
        package var chain: [UInt8]
        package var key: [UInt8]
        package var ocsp: [UInt8]?
        package init(chain: [UInt8], key: [UInt8], ocsp: [UInt8]? = nil) {
            self.chain = chain
            self.key = key
            self.ocsp = ocsp
        }
    }
    package enum ClientCertificates: Sendable { case optional, required }

    /// Chosen by the name that a client asks for (RFC 6066 section 3) and by the kinds of key that it
    /// knows; the first is for whoever asks for none of them.
    package var certificates: [Certificate]
    package var minimumVersion: TLSVersion
    /// Certificates in PEM form. Clients are asked for one that leads to one of these.
    package var clientAuthorities: [UInt8]?
    package var clientCertificates: ClientCertificates
    /// In the order of our preference (RFC 7301). Who offers others alone is refused.
    package var alpn: [String]

    package init(
        certificates: [Certificate], minimumVersion: TLSVersion = .tls12,
        clientAuthorities: [UInt8]? = nil, clientCertificates: ClientCertificates = .required,
        alpn: [String] = ["http/1.1"]
    ) {
        self.certificates = certificates
        self.minimumVersion = minimumVersion
        self.clientAuthorities = clientAuthorities
        self.clientCertificates = clientCertificates
        self.alpn = alpn
    }
}

package enum TLSVersion: Comparable, Sendable {
    case tls12, tls13
}

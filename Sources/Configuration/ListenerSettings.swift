// Where connections are accepted, and whose forwarding fields are believed.

package import Cryptography
package import Values

package enum ListenAddress: Hashable, Sendable, CustomStringConvertible {
    case ip(IPAddress, port: UInt16)
    case unix(String)  // an absolute path

    /// As written in the file: `0.0.0.0:8443`, `[::]:8443`, `unix:/run/gatehouse.sock`.
    package var description: String {
        switch self {
        case .ip(.v4(let address), let port): "\(IPAddress.v4(address)):\(port)"
        case .ip(let address, let port): "[\(address)]:\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

package struct ListenerSettings: Sendable {
    package let address: ListenAddress
    package let tls: TLSListenerSettings?
    package let proxyProtocol: Bool
    package let tlsTerminated: Bool
    package let h2c: Bool
    /// A path answered here whatever the Host.
    package let healthPath: String?
    package let redirectToHTTPS: Bool
    /// For metrics: the address as text.
    package var label: String { address.description }
}

package struct TLSListenerSettings: Sendable {
    /// At least one; the first is the default.
    package internal(set) var certificates: [CertificateFiles] = []
    package internal(set) var minimumVersion = TLSVersion.v1_2
    package internal(set) var profile = TLSProfile.intermediate
    /// PEM; turns on client certificates.
    package internal(set) var clientCA: NamedFile?
    package internal(set) var clientCertificates = ClientCertificates.required
    package internal(set) var ticketKeys: TicketKeysFile?
}

/// PEM chain and key, and a DER OCSP answer where there is one.
package struct CertificateFiles: Sendable {
    package internal(set) var chain: NamedFile?
    package internal(set) var key: NamedSecret?
    /// Empty where the file is not there yet.
    package internal(set) var ocsp: NamedFile?
}

/// A file as it was read, and where it can be read again.
package struct NamedFile: Sendable {
    package let path: String
    package let octets: [UInt8]
}

package struct NamedSecret: Sendable {
    package let path: String
    package let value: Secret
    package var exposed: [UInt8] { value.exposed }
}

/// A fleet's ticket keys: at least one, the first seals.
package struct TicketKeysFile: Sendable {
    package let path: String
    package let keys: [Secret]
    package var exposedKeys: [[UInt8]] { keys.map(\.exposed) }
}

package enum TLSVersion: String, CaseIterable, Sendable {
    case v1_2 = "1.2"
    case v1_3 = "1.3"
}

package enum TLSProfile: String, CaseIterable, Sendable { case intermediate, modern }

package enum ClientCertificates: String, CaseIterable, Sendable { case required, optional }

package struct AdminSettings: Sendable {
    package let address: ListenAddress
    /// The absolute path of the socket on which sessions are ended.
    package let control: String?
}

/// Whose forwarding fields are believed. The default is nobody's.
package struct TrustedProxies: Sendable {
    package internal(set) var blocks: [AddressBlock] = []
    /// Whether peers of unix listeners are believed.
    package internal(set) var unix = false

    package func contains(_ address: IPAddress) -> Bool {
        blocks.contains { $0.contains(address) }
    }
}

// An origin: scheme, host and port (RFC 6454, RFC 9110 §4.3.1).
import Values

package enum Scheme: String, Sendable, Hashable, CaseIterable {
    case http, https

    package var defaultPort: UInt16 {
        switch self {
        case .http: 80
        case .https: 443
        }
    }
}

package struct Origin: Hashable, Sendable, CustomStringConvertible {
    package let scheme: Scheme
    /// In lower case; IPv6 in brackets.
    package let host: String
    package let port: UInt16

    /// `nil` for a host that `HostField` refuses.
    package init?(scheme: Scheme, host: String, port: UInt16? = nil) {
        guard let parsed = HostField.parse(host), parsed.port == nil else { return nil }
        self.scheme = scheme
        self.host = parsed.host
        self.port = port ?? scheme.defaultPort
    }

    /// Exactly `scheme://host` or `scheme://host:port`; with `trailingSlash` one `/` may follow.
    package init?(parsing text: String, trailingSlash: Bool = false) {
        guard let (scheme, rest) = Origin.splitScheme(text) else { return nil }
        var authority = rest
        if trailingSlash, authority.hasSuffix("/") { authority = authority.dropLast() }
        self.init(scheme: scheme, authority: [UInt8](authority.utf8).span)
    }

    /// `host[:port]` as a Host field has it.
    package init?(scheme: Scheme, authority: Span<UInt8>) {
        guard let (host, port) = HostField.parse(authority) else { return nil }
        self.scheme = scheme
        self.host = host
        self.port = port ?? scheme.defaultPort
    }

    /// A name or address that never leaves this machine: `localhost`, `*.localhost` (RFC 6761 §6.3),
    /// 127.0.0.0/8, `[::1]`.
    package var isLoopback: Bool { Origin.isLoopback(host: host) }

    /// As above, for a host as `HostField.parse` gives it.
    package static func isLoopback(host: String) -> Bool {
        if host == "localhost" || host.hasSuffix(".localhost") { return true }
        let literal = host.hasPrefix("[") ? host.dropFirst().dropLast() : host[...]
        return IPAddress(parsing: literal)?.isLoopback ?? false
    }

    /// `host`, and `:port` where it is not the scheme's own: what a Host field says.
    package var hostField: String { port == scheme.defaultPort ? host : "\(host):\(port)" }

    package var description: String { "\(scheme.rawValue)://\(hostField)" }

    /// The scheme in any case, and what follows its `://`.
    static func splitScheme(_ text: String) -> (Scheme, Substring)? {
        for scheme in Scheme.allCases {
            let prefix = scheme.rawValue + "://"
            guard text.utf8.count >= prefix.utf8.count else { continue }
            let end = text.utf8.index(text.startIndex, offsetBy: prefix.utf8.count)
            // Octet by octet: a combining mark after the prefix is no part of it, nor equal to it.
            let isSame = zip(text.utf8[..<end], prefix.utf8).allSatisfy {
                $0.asciiLowercased == $1
            }
            if isSame { return (scheme, text[end...]) }
        }
        return nil
    }
}

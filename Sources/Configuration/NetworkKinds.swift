// Origins, URLs, addresses, hosts and paths.

internal import HTTP
internal import JSON
internal import Values
internal import YAML

extension Kind where Value == Origin {
    static let origin = Kind.scalar(
        "origin", schema: ["type": "string", "format": "uri"],
        fix: "write scheme, host and port only, such as https://portal.example.com",
        text: { $0.description }, parse: { Origin(parsing: $0, trailingSlash: true) })
}

/// A URL as written, which may be compared octet for octet, and as read.
struct WrittenURL: Sendable {
    let text: String
    let url: HTTPURL
}

extension Kind where Value == WrittenURL {
    static func url(fix: String) -> Kind {
        .scalar(
            "URL", schema: ["type": "string", "format": "uri"], fix: fix, text: { $0.text },
            parse: { text in HTTPURL(parsing: text).map { WrittenURL(text: text, url: $0) } })
    }
}

extension Kind where Value == ListenAddress {
    /// A host is an address literal or `localhost`: what is listened on must not depend on DNS.
    static let listenAddress = Kind<String>.text.map(
        name: "address", text: { (address: ListenAddress) in address.description }
    ) { text, key, reading in
        if text.hasPrefix("unix:") {
            let path = text.dropFirst("unix:".count)
            if !path.isEmpty { return .unix(reading.source.resolve(String(path))) }
        } else if let address = tcpAddress(text) {
            return address
        }
        reading.problem(
            key, "\(quoted(text)) is not an address to listen on",
            fix:
                "write an address and a port (127.0.0.1:8080, 0.0.0.0:8080, [::]:8080) or unix:PATH"
        )
        return nil
    }

    private static func tcpAddress(_ text: String) -> ListenAddress? {
        guard let colon = text.lastIndex(of: ":"),
            let number = decimal(text[text.index(after: colon)...]),
            let port = UInt16(exactly: number)
        else { return nil }
        let host = text[..<colon]
        if host == "localhost" {
            return IPAddress(parsing: "127.0.0.1").map { .ip($0, port: port) }
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            let literal = host.dropFirst().dropLast()
            guard literal.contains(":") else { return nil }
            return IPAddress(parsing: literal).map { .ip($0, port: port) }
        }
        // An IPv6 address without brackets: which of its colons comes before the port?
        guard !host.contains(":") else { return nil }
        return IPAddress(parsing: host).map { .ip($0, port: port) }
    }
}

/// A server as an upstream's `url` names it.
struct ServerAddress: Sendable {
    let address: UpstreamAddress
    let scheme: UpstreamScheme
    let origin: Origin
}

extension Kind where Value == ServerAddress {
    /// A path is a problem: what is sent is the path asked for, or a route's upstream_path.
    static let server = Kind<String>.text.map(
        name: "URL", text: { (server: ServerAddress) in server.address.description }
    ) { text, key, reading in
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            if !path.isEmpty, let origin = Origin(parsing: "http://localhost") {
                let address = UpstreamAddress.unix(reading.source.resolve(path))
                return ServerAddress(address: address, scheme: .http, origin: origin)
            }
        }
        let isH2C = text.hasPrefix("h2c://")
        let plain = isH2C ? "http" + text.dropFirst("h2c".count) : text
        if let origin = Origin(parsing: plain, trailingSlash: true) {
            let scheme: UpstreamScheme = isH2C ? .h2c : origin.scheme == .https ? .https : .http
            return ServerAddress(address: .tcp(origin), scheme: scheme, origin: origin)
        }
        if HTTPURL(parsing: plain) != nil {
            reading.problem(
                key, "\(quoted(text)) has a path; an upstream is an origin",
                fix: "leave the path out here and write it as upstream_path of the route")
        } else {
            reading.problem(
                key, "\(quoted(text)) is not an upstream's URL",
                fix: "write http://HOST:PORT, https://HOST or unix:PATH")
        }
        return nil
    }
}

extension Kind where Value == TrustedProxies {
    static let trustedProxies = Kind<[String]>.list(.text).map(
        name: "list of address blocks or `unix`", text: { (_: TrustedProxies) in "[]" }
    ) { members, key, reading in
        var proxies = TrustedProxies()
        for (index, member) in members.enumerated() {
            if member == "unix" {
                proxies.unix = true
            } else if let block = AddressBlock(parsing: member) {
                proxies.blocks.append(block)
            } else {
                reading.problem(
                    "\(key)[\(index)]", "\(quoted(member)) is not a block of addresses",
                    fix: "write 10.0.0.0/8, 2001:db8::/32, one address, or unix")
            }
        }
        return proxies
    }
}

extension Kind where Value == HostPattern {
    static let host = Kind.scalar(
        "host", schema: ["type": "string"],
        fix: "write a name (portal.example.com) or *.example.com, without scheme and port",
        text: { $0.description },
        parse: { text in
            if text.hasPrefix("*.") {
                let parent = text.dropFirst(2)
                return isHostName(parent) ? .suffix("." + parent.lowercased()) : nil
            }
            guard let origin = Origin(parsing: "http://" + text), !text.contains("/"),
                origin.host == text.lowercased()
            else { return nil }
            return isHostName(text[...]) || text.hasPrefix("[") ? .exact(origin.host) : nil
        })
}

extension Kind where Value == String {
    static let hostName = Kind.text("host name", fix: "write a name such as api.example.com") {
        isHostName($0[...])
    }

    /// A path of our own or an upstream's, exact.
    static let urlPath = Kind.text(
        "URL path", fix: "write a path that begins with / and is in its simplest form",
        pattern: "^/"
    ) { isCanonicalPath($0) }
}

extension Kind where Value == PathPattern {
    static let pathPattern = Kind.scalar(
        "path", schema: ["type": "string", "pattern": "^/"],
        fix: "write a path that begins with / and is in its simplest form (no //, no . or .. "
            + "segment, no needless %); /* at its end covers what lies below",
        text: { $0.description },
        parse: { text in
            text.hasSuffix("/*")
                ? isCanonicalPath(text.dropLast()) ? .prefix(String(text.dropLast(2))) : nil
                : isCanonicalPath(text) ? .exact(text) : nil
        })
}

/// Labels of letters, digits, `-` and `_`, without a final dot (RFC 1123 §2.1; `_` is met in practice).
func isHostName(_ text: Substring) -> Bool {
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    return text.utf8.count <= 253
        && labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { isLetterOrDigit($0) || $0 == 0x2D || $0 == 0x5F }
        }
}

/// Whether a request's path can be this after it was brought into canonical form: no route with
/// another could ever match. An escaped slash may be in it, for the routes that pass one; `*` may
/// not, which would look like a pattern and be none.
func isCanonicalPath(_ text: some StringProtocol) -> Bool {
    let octets = Array(text.utf8)
    guard octets.first == 0x2F, !octets.contains(where: { [0x23, 0x2A, 0x3F].contains($0) }) else {
        return false  // # * ?
    }
    var canonical: [UInt8] = []
    do {
        _ = try CanonicalPath.canonicalize(
            octets.span, options: .init(encodedSlashesPass: true), into: &canonical)
    } catch { return false }
    return canonical == octets
}

func isLetterOrDigit(_ octet: UInt8) -> Bool {
    switch octet {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    default: false
    }
}

/// Whether a text is an absolute http or https URL.
func isURL(_ text: String) -> Bool { HTTPURL(parsing: text) != nil }

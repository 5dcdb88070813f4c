// The hosts that are ours: external_url's and the routes', ports aside.
//
// A host decides what a session is bound to, where a login returns and which routes apply, so one
// that is not here is 421 (RFC 9110 §15.5.20) and never falls to a default.

internal import Configuration
internal import HTTP
internal import Values

struct HostTable: Sendable {
    struct Host: Sendable {
        let pattern: HostPattern
        /// The name, or for a wildcard what it ends in.
        let octets: [UInt8]
        /// external_url's scheme and port on this host; for a wildcard, external_url's own.
        let origin: Origin
        /// `origin` as browsers write it in `Origin`.
        let originOctets: [UInt8]
    }

    /// external_url's first, then the routes' exact names, then their wildcards.
    let hosts: [Host]
    private let external: Origin
    /// What is compared of each, in `text`: asking counts no reference.
    private let names: [(octets: Range<Int>, isSuffix: Bool)]
    private let text: [UInt8]

    init(_ configuration: Configuration) {
        external = configuration.externalURL
        var exact = [configuration.externalURL.host]
        var suffixes: [String] = []
        for route in configuration.routes {
            switch route.host {
            case .exact(let name)? where !exact.contains(name): exact.append(name)
            case .suffix(let suffix)? where !suffixes.contains(suffix): suffixes.append(suffix)
            case .exact?, .suffix?, nil: break
            }
        }
        let external = configuration.externalURL
        hosts =
            exact.map { name in
                let origin = external.on(host: name)
                return Host(
                    pattern: .exact(name), octets: Array(name.utf8), origin: origin,
                    originOctets: Array(origin.description.utf8))
            }
            + suffixes.map { suffix in
                Host(
                    pattern: .suffix(suffix), octets: Array(suffix.utf8), origin: external,
                    originOctets: Array(external.description.utf8))
            }
        var text: [UInt8] = []
        names = hosts.map { host in
            text += host.octets
            let isSuffix = if case .suffix = host.pattern { true } else { false }
            return (text.count - host.octets.count..<text.count, isSuffix)
        }
        self.text = text
    }

    /// Which host of ours `name` (lower case, without port) is; `nil` where it is none.
    func index(of name: Span<UInt8>) -> Int? {
        let text = text.span
        for index in names.indices {
            let octets = text.extracting(names[index].octets)
            if names[index].isSuffix {
                if hasSuffix(name, octets) { return index }
            } else if OctetText.equals(name, octets) {
                return index
            }
        }
        return nil
    }

    /// external_url's scheme and port on a host that a wildcard covers.
    func origin(onHost name: [UInt8]) -> Origin {
        external.on(host: String(decoding: name, as: UTF8.self))
    }
}

extension Origin {
    /// This scheme and port on another host. The host comes from the configuration or was matched
    /// against it, so the text is an origin; should it ever not be, external_url stays.
    func on(host: String) -> Origin {
        Origin(scheme: scheme, host: host, port: port) ?? self
    }
}

/// Whether `name` ends in `suffix` and has something before it.
func hasSuffix(_ name: Span<UInt8>, _ suffix: Span<UInt8>) -> Bool {
    name.count > suffix.count
        && OctetText.equals(name.extracting(last: suffix.count), suffix)
}

/// What a Host field, a target's authority or X-Forwarded-Host names, in one spelling: lower case,
/// without port, without the root's dot. `false` where it is no host; then `out` is as it was.
func appendHost(_ text: Span<UInt8>, to out: inout OctetWriter) -> Bool {
    guard HostField.isValid(text) else { return false }
    if text[0] == UInt8(ascii: "[") {
        guard let host = HostField.parse(text)?.host else { return false }
        out.append(utf8: host)
        return true
    }
    var end = OctetText.index(of: UInt8(ascii: ":"), in: text) ?? text.count
    if text[end - 1] == UInt8(ascii: ".") { end -= 1 }
    appendLowercased(text.extracting(0..<end), to: &out)
    return true
}

func appendLowercased(_ text: Span<UInt8>, to out: inout OctetWriter) {
    out.append(addingCapacity: text.count) { output in
        for index in text.indices { output.append(text[index].asciiLowercased) }
    }
}

// What proxies before us say of a request, and what we say of it to the upstream.
//
// Believed from a trusted peer alone. `Forwarded` (RFC 7239) is read only where no X-Forwarded-*
// came, because two accounts of one hop cannot be told true from false. The list of addresses is
// walked from the right, each hop vouching for the next, to the first that is not trusted; what
// lies beyond was not read and is not passed on.

internal import Configuration
internal import HTTP
internal import Values

struct Forwarding {
    private(set) var isTrusted = false
    /// From the client to the peer: everyone that somebody trusted vouched for.
    private(set) var chain: [IPAddress] = []
    /// Ranges in the request's octets.
    private(set) var host: Range<Int>?
    private(set) var port: Range<Int>?
    private(set) var isSaidHTTP = false
    private(set) var isSaidHTTPS = false

    /// Who asked.
    var client: IPAddress? { chain.first }

    static let hopsMax = 32

    private let trusted: TrustedProxies

    /// - Parameter trusted: whose word counts.
    init(trusting trusted: TrustedProxies) { self.trusted = trusted }

    mutating func read(_ request: borrowing Request, from peer: Peer) {
        chain.removeAll(keepingCapacity: true)
        host = nil
        port = nil
        isSaidHTTP = false
        isSaidHTTPS = false
        if let address = peer.address {
            isTrusted = trusted.contains(address)
            chain.append(address)
        } else {
            isTrusted = peer.isUnix && trusted.unix
        }
        guard isTrusted else { return }
        if hasForwardedFields(request) {
            readForwardedFields(request)
        } else if request.has(.forwarded) {
            readForwarded(request)
        }
        chain.reverse()
    }

    // MARK: X-Forwarded-*

    private func hasForwardedFields(_ request: borrowing Request) -> Bool {
        request.has(.xForwardedFor) || request.has(.xForwardedProto)
            || request.has(.xForwardedHost) || request.has(.xForwardedPort)
            || request.has(.xForwardedURI) || request.has(.xForwardedMethod)
            || request.has(.xForwardedPrefix)
    }

    private mutating func readForwardedFields(_ request: borrowing Request) {
        host = lastMember(of: .xForwardedHost, in: request)
        if let range = lastMember(of: .xForwardedPort, in: request),
            let number = OctetText.decimal(request.octets.extracting(range)),
            (1...65535).contains(number)
        {
            port = range
        }
        if let range = lastMember(of: .xForwardedProto, in: request) {
            readProto(request.octets.extracting(range))
        }
        walk(request, .xForwardedFor) { member in
            IPAddress(parsing: Forwarding.withoutPort(member))
        }
    }

    private func lastMember(of field: KnownField, in request: borrowing Request) -> Range<Int>? {
        var last: Range<Int>?
        var index = request.head.nextIndex(of: field, from: 0)
        while let at = index {
            let value = request.head.fields[at].value.range
            var members = ListMembers()
            while let member = members.next(in: request.octets.extracting(value)) {
                last = member.lowerBound + value.lowerBound..<member.upperBound + value.lowerBound
            }
            index = request.head.nextIndex(of: field, from: at + 1)
        }
        return last
    }

    private mutating func readProto(_ value: Span<UInt8>) {
        isSaidHTTP = OctetText.equalsIgnoringASCIICase(value, "http")
        isSaidHTTPS = OctetText.equalsIgnoringASCIICase(value, "https")
    }

    // MARK: Forwarded (RFC 7239 §4)

    private mutating func readForwarded(_ request: borrowing Request) {
        if let last = lastMember(of: .forwarded, in: request) {
            let element = request.octets.extracting(last)
            if let range = Forwarding.parameter("host", of: element) {
                host = range.lowerBound + last.lowerBound..<range.upperBound + last.lowerBound
            }
            if let range = Forwarding.parameter("proto", of: element) {
                readProto(element.extracting(range))
            }
        }
        walk(request, .forwarded) { element in
            guard let range = Forwarding.parameter("for", of: element) else { return nil }
            return IPAddress(parsing: Forwarding.withoutPort(element.extracting(range)))
        }
    }

    /// The value of one parameter of an element, without its quotes; `nil` where it is absent or
    /// needs unescaping, which no address or host does.
    private static func parameter(
        _ name: StaticString, of element: Span<UInt8>
    ) -> Range<Int>? {
        var members = ListMembers()
        while let pair = members.next(in: element, separatedBy: UInt8(ascii: ";")) {
            let text = element.extracting(pair)
            guard let equals = OctetText.index(of: UInt8(ascii: "="), in: text),
                OctetText.equalsIgnoringASCIICase(text.extracting(0..<equals), name)
            else { continue }
            var start = pair.lowerBound + equals + 1
            var end = pair.upperBound
            if end - start >= 2, element[start] == UInt8(ascii: "\""),
                element[end - 1] == UInt8(ascii: "\"")
            {
                start += 1
                end -= 1
            }
            for index in start..<end
            where element[index] == UInt8(ascii: "\\") || element[index] == UInt8(ascii: "\"") {
                return nil
            }
            return start..<end
        }
        return nil
    }

    // MARK: The walk

    /// Adds the members of a list from the right, as long as the one before vouches: the chain is
    /// built from the peer outwards.
    private mutating func walk(
        _ request: borrowing Request, _ field: KnownField,
        _ address: (Span<UInt8>) -> IPAddress?
    ) {
        var line = request.head.fields.count - 1
        while line >= 0 {
            defer { line -= 1 }
            guard request.head.fields[line].known == field else { continue }
            let value = request.octets.extracting(request.head.fields[line].value.range)
            var end = value.count
            while end > 0 {
                var start = end
                while start > 0, value[start - 1] != UInt8(ascii: ",") { start -= 1 }
                let member = OctetText.trimmedRange(value, in: start..<end)
                end = start - 1
                if member.isEmpty { continue }
                guard chain.count < Forwarding.hopsMax,
                    let found = address(value.extracting(member))
                else { return }
                chain.append(found)
                guard trusted.contains(found) else { return }
            }
        }
    }

    /// `192.0.2.1:80` and `[2001:db8::1]:80` as some proxies write them, without port and brackets.
    @_lifetime(copy member)
    private static func withoutPort(_ member: Span<UInt8>) -> Span<UInt8> {
        if member.count > 0, member[0] == UInt8(ascii: "[") {
            guard let close = OctetText.index(of: UInt8(ascii: "]"), in: member) else {
                return member
            }
            return member.extracting(1..<close)
        }
        if let colon = OctetText.index(of: UInt8(ascii: ":"), in: member),
            OctetText.index(of: UInt8(ascii: ":"), in: member, from: colon + 1) == nil
        {
            return member.extracting(0..<colon)
        }
        return member
    }
}

extension Forwarding {
    /// The fields that tell the upstream who asked for what: all five, whoever the peer was.
    func append(
        host: Span<UInt8>, external: Origin, request: borrowing Request,
        to out: inout OctetWriter
    ) {
        let isHTTPS = isSaidHTTPS || (!isSaidHTTP && external.scheme == .https)
        // Where the only address is one of IPv4, it is written once and copied for `Forwarded`.
        var address = 0..<0
        if !chain.isEmpty {
            out.append("X-Forwarded-For: ")
            let start = out.count
            for index in chain.indices {
                if index > 0 { out.append(", ") }
                out.append(chain[index])
            }
            if chain.count == 1 { address = start..<out.count }
            out.append("\r\n")
        }
        if isHTTPS {
            out.append("X-Forwarded-Proto: https\r\nX-Forwarded-Host: ")
        } else {
            out.append("X-Forwarded-Proto: http\r\nX-Forwarded-Host: ")
        }
        out.append(contentsOf: host)
        out.append("\r\nX-Forwarded-Port: ")
        if let port {
            out.append(contentsOf: request.octets.extracting(port))
        } else {
            out.append(decimal: UInt64(external.port))
        }
        out.append("\r\nForwarded: ")
        for index in chain.indices {
            if index > 0 { out.append(", ") }
            switch chain[index] {
            case .v4:
                out.append("for=")
                if address.isEmpty { out.append(chain[index]) } else { out.append(again: address) }
            case .v6:
                out.append("for=\"[")
                out.append(chain[index])
                out.append("]\"")
            }
        }
        // The last element is the hop to us; a peer without address has nothing but these.
        if chain.isEmpty { out.append("host=\"") } else { out.append(";host=\"") }
        out.append(contentsOf: host)
        if isHTTPS { out.append("\";proto=https\r\n") } else { out.append("\";proto=http\r\n") }
    }
}

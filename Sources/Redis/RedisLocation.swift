// Where a store is: `session.redis.url`, read into servers to ask.
//
//     redis://HOST[:PORT][/NUMBER]
//     redis+sentinel://HOST[:PORT][,HOST[:PORT]…]/MASTER[/NUMBER]
//     redis+cluster://HOST[:PORT][,HOST[:PORT]…]
//
// `rediss` in front says TLS, to every server of it. Names and passwords are not part of it: they are
// secrets with keys of their own.

package struct RedisAddress: Hashable, Sendable, CustomStringConvertible {
    /// A name or an address, without brackets.
    package let host: String
    package let port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// `host:port`, `[v6]:port`, or the host alone.
    init?(_ text: Substring, defaultPort: UInt16) {
        var host = text
        var port = defaultPort
        let closing = text.lastIndex(of: "]")
        if let colon = text.lastIndex(of: ":"), closing.map({ $0 < colon }) ?? true {
            guard let number = UInt16(plainDigits: text[text.index(after: colon)...]), number > 0
            else { return nil }
            port = number
            host = text[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard (1...253).contains(host.utf8.count), host.utf8.allSatisfy(Self.isHostOctet) else {
            return nil
        }
        self.init(host: host.lowercased(), port: port)
    }

    private static func isHostOctet(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "_"), UInt8(ascii: ":"):
            true
        default: false
        }
    }

    package var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

package struct RedisLocation: Equatable, Sendable {
    package enum Arrangement: Equatable, Sendable {
        case single
        /// The addresses are sentinels', and know which server is this master.
        case sentinel(master: String)
        /// The addresses are some of a cluster's.
        case cluster
    }

    package let arrangement: Arrangement
    /// At least one.
    package let addresses: [RedisAddress]
    package let isTLS: Bool
    package let database: Int

    /// `nil` for what is no such URL.
    package init?(parsing text: String) {
        guard let mark = text.firstRange(of: "://") else { return nil }
        let scheme = text[..<mark.lowerBound].split(
            separator: "+", maxSplits: 1, omittingEmptySubsequences: false)
        switch scheme[0] {
        case "redis": isTLS = false
        case "rediss": isTLS = true
        default: return nil
        }
        var path = text[mark.upperBound...].split(
            separator: "/", omittingEmptySubsequences: false)[...]
        let authority = path.removeFirst()
        if path.last == "" { path.removeLast() }
        switch scheme.dropFirst().first {
        case nil: arrangement = .single
        case "cluster": arrangement = .cluster
        case "sentinel":
            guard let master = path.popFirst(), Self.isName(master) else { return nil }
            arrangement = .sentinel(master: String(master))
        default: return nil
        }
        guard let database = Self.database(path, arrangement) else { return nil }
        self.database = database
        var addresses: [RedisAddress] = []
        let port: UInt16 = if case .sentinel = arrangement { 26_379 } else { 6379 }
        for member in authority.split(separator: ",", omittingEmptySubsequences: false) {
            guard let address = RedisAddress(member, defaultPort: port) else { return nil }
            addresses.append(address)
        }
        guard arrangement != .single || addresses.count == 1, addresses.count <= 64 else {
            return nil
        }
        self.addresses = addresses
    }

    private static func database(
        _ path: ArraySlice<Substring>, _ arrangement: Arrangement
    ) -> Int? {
        guard let number = path.first else { return 0 }
        guard path.count == 1, let value = UInt16(plainDigits: number), value < 10_000,
            arrangement != .cluster || value == 0  // a cluster has one database
        else { return nil }
        return Int(value)
    }

    private static func isName(_ text: Substring) -> Bool {
        (1...128).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "?") }
    }
}

extension UInt16 {
    /// Digits alone: no sign, no spaces.
    init?(plainDigits text: some StringProtocol) {
        guard (1...5).contains(text.utf8.count),
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        self.init(String(text))
    }
}

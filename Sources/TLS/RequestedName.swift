// The name in a ClientHello's server_name extension (RFC 6066 section 3).
//
// Read before libssl has looked at it, since the certificate has to be chosen before a session is
// resumed. What is malformed here libssl refuses itself a moment later; so it is simply no name.

package enum RequestedName {
    /// The host name in lower case, without the root's dot; `nil` where there is none, an address or
    /// what could be no name included.
    package static func read(_ extension: Span<UInt8>) -> String? {
        var rest = `extension`
        guard let length = integer(&rest), length == rest.count, rest.count > 0, rest[0] == 0 else {
            return nil
        }
        rest = rest.extracting(1...)
        // One name of this type, and nothing behind it: other types were never defined.
        guard let count = integer(&rest), count == rest.count, (1...255).contains(count) else {
            return nil
        }
        var text: [UInt8] = []
        for index in rest.indices {
            guard rest[index] < 0x80, rest[index] > 0x20 else { return nil }
            text.append(rest[index])
        }
        guard case .host(let name)? = ServerName(parsing: String(decoding: text, as: UTF8.self))
        else { return nil }
        return name
    }

    @_lifetime(rest: copy rest)
    private static func integer(_ rest: inout Span<UInt8>) -> Int? {
        guard rest.count >= 2 else { return nil }
        defer { rest = rest.extracting(2...) }
        return Int(rest[0]) << 8 | Int(rest[1])
    }
}

// Which part of a cluster a key is in, and where a server says that it is now (Redis Cluster
// specification, "Key distribution model" and "Redirection").

package enum RedisSlot {
    package static let count = 16_384

    /// CRC16 (XMODEM) of the key, or of what stands between its first `{` and the next `}` where that
    /// is something.
    package static func of(_ key: [UInt8]) -> Int {
        var hashed = key[...]
        if let open = key.firstIndex(of: UInt8(ascii: "{")),
            let close = key[(open + 1)...].firstIndex(of: UInt8(ascii: "}")), close > open + 1
        {
            hashed = key[open + 1..<close]
        }
        var code: UInt16 = 0
        for octet in hashed {
            code ^= UInt16(octet) << 8
            for _ in 0..<8 { code = code & 0x8000 != 0 ? code << 1 ^ 0x1021 : code << 1 }
        }
        return Int(code) % count
    }
}

/// Where a command is to be sent instead.
package enum RedisRedirection: Equatable, Sendable {
    /// The slot has a new home, for every command from now on.
    case moved(slot: Int, RedisAddress)
    /// This one command, behind ASKING.
    case ask(RedisAddress)

    /// - Parameter asked: the server that said so; it leaves its own host's name out.
    package init?(_ reply: RedisReply, from asked: RedisAddress) {
        guard case .error(let text) = reply else { return nil }
        let words = text.split(separator: " ")
        guard words.count == 3, let slot = UInt16(plainDigits: words[1]), slot < RedisSlot.count,
            let colon = words[2].lastIndex(of: ":"),
            let port = UInt16(plainDigits: words[2][words[2].index(after: colon)...])
        else { return nil }
        let host = words[2][..<colon]
        guard host.utf8.count <= 253 else { return nil }
        let address = RedisAddress(
            host: host.isEmpty ? asked.host : String(host), port: port)
        switch words[0] {
        case "MOVED": self = .moved(slot: Int(slot), address)
        case "ASK": self = .ask(address)
        default: return nil
        }
    }
}

// The front of the room that knows Redis' protocol: commands to octets, octets to replies, a URL to
// servers, and which server of a cluster has a key.
//
// hiredis writes and reads the protocol (RESP version 2; HELLO is never sent); sockets, TLS, time and
// the order of servers are Server's. A server's octets are a peer's: whole replies are found and
// bounded before hiredis sees them (`ReplyExtent`), because it believes every length it is told.

package enum Redis {
    /// No reply of ours is larger: an entry of the session store is at most a quarter of it.
    package static let replyOctetsMax = 1 << 20
    /// Of a list, all levels together.
    package static let membersMax = 65_536
}

package enum RedisReply: Equatable, Sendable {
    case status(String)
    /// In the server's words; the first is a code (`MOVED`, `WRONGPASS`, `LOADING`).
    case error(String)
    case integer(Int64)
    case octets([UInt8])
    case null
    case list([RedisReply])

    package var octets: [UInt8]? {
        if case .octets(let octets) = self { octets } else { nil }
    }

    package var text: String? {
        switch self {
        case .octets(let octets): String(validating: octets, as: UTF8.self)
        case .status(let text): text
        case .error, .integer, .null, .list: nil
        }
    }

    package var integer: Int64? {
        if case .integer(let value) = self { value } else { nil }
    }

    package var members: [RedisReply]? {
        if case .list(let members) = self { members } else { nil }
    }
}

/// What a server sent is no reply: the connection has lost its place and is of no more use.
package struct RedisFault: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}

// What a flow is handed to speak with the store that several nodes share.
//
// The client is the server room's: connections of the loop that asks, pipelined, with TLS, a user,
// sentinels or a cluster behind it. Every call has an end within a second, and a store that cannot
// serve is a failure of the store and never an answer: nobody is signed out by it.

package import Redis

package protocol RedisClient: Sendable {
    /// Sends the commands in order to the server that has the key, in one round trip.
    /// - Returns: a reply for each; none is an error.
    func call(_ commands: [RedisCommand], key: [UInt8]) async throws(RedisFailure) -> [RedisReply]
}

extension RedisClient {
    package func call(
        _ command: RedisCommand, key: [UInt8]
    ) async throws(RedisFailure) -> RedisReply {
        let replies = try await call([command], key: key)
        guard let reply = replies.first else { throw .cut }  // the client gives one for each
        return reply
    }
}

/// Why the store did not do what it was asked. Only after `unreachable` is it sure that nothing was
/// done.
package enum RedisFailure: Error, Equatable, Sendable {
    /// No name, no route, no connection, no handshake, or none of the servers leads.
    case unreachable(String)
    case timedOut
    case cut
    /// The server answered, and said no.
    case refused(String)

    package var sentence: String {
        switch self {
        case .unreachable(let why): "it could not be reached: \(why)"
        case .timedOut: "it did not answer in time"
        case .cut: "it cut the connection"
        case .refused(let why): "it refused a command: \(why)"
        }
    }
}

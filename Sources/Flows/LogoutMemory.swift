// What is remembered of logouts that others bring: which logout tokens were seen (OpenID Connect
// Back-Channel Logout 1.0 §2.6, 7), and how many sessions were named by frames that proved nothing.

internal import Cryptography
internal import OpenID
internal import Synchronization
internal import Values

/// The logout tokens of the last minutes, by a digest of their `jti`. Only what a provider signed gets
/// here, so nobody else can fill it.
final class LogoutTokensSeen: Sendable {
    static let entriesMax = 50_000

    private let seen = Mutex<[[UInt8]: UnixTime]>([:])

    var count: Int { seen.withLock { $0.count } }

    /// - Parameter issuer: `jti` is unique to it.
    func isFirst(_ token: LogoutToken, of issuer: String, at now: UnixTime) -> Bool {
        let text = Array(issuer.utf8) + [0] + Array(token.identifier.utf8)
        let name = Array(SHA256.digest(text.span).prefix(16))
        return seen.withLock { seen in
            if let until = seen[name], now < until { return false }
            if seen.count >= Self.entriesMax { seen = seen.filter { now < $0.value } }
            // A provider that ends more sessions than this in five minutes is believed twice.
            if seen.count >= Self.entriesMax { seen.removeAll() }
            seen[name] = token.refusedFrom
            return true
        }
    }
}

/// Sessions that were named by a front-channel logout without their cookie. A browser sends none from
/// another site's frame, so these have to count; but each is remembered for as long as a session may
/// live, and anybody can write one. So there is a bound to all of them, and one to each address's.
final class UnprovenLogouts: Sendable {
    static let entriesMax = 65_536
    static let entriesMaxForClient = 2048
    private static let clientWindow = Duration.seconds(3600)

    private struct State {
        /// By the digest of the name.
        var entries: [[UInt8]: UnixTime] = [:]
        var clients: [IPAddress?: (since: UnixTime, count: Int)] = [:]
        var sweptAt: UnixTime?
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.entries.count } }

    /// Whether the session named may be ended: it is one of those already, or there is room.
    func mayEnd(
        _ sessionID: String, from client: IPAddress?, at now: UnixTime, until: UnixTime
    ) -> Bool {
        let name = Array(SHA256.digest(Array(sessionID.utf8).span).prefix(16))
        return state.withLock { state in
            if state.entries[name] != nil {
                state.entries[name] = until
                return true
            }
            if state.entries.count >= Self.entriesMax { Self.sweep(&state, at: now) }
            var its = state.clients[client] ?? (now, 0)
            if !(its.since <= now && now < its.since + Self.clientWindow) { its = (now, 0) }
            guard state.entries.count < Self.entriesMax, its.count < Self.entriesMaxForClient else {
                return false
            }
            its.count += 1
            state.clients[client] = its
            state.entries[name] = until
            return true
        }
    }

    private static func sweep(_ state: inout State, at now: UnixTime) {
        guard state.sweptAt != now else { return }
        state.sweptAt = now
        state.entries = state.entries.filter { now < $0.value }
        state.clients = state.clients.filter { now < $0.value.since + clientWindow }
    }
}

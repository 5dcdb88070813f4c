// What the demonstration provider remembers: visitors on their way, codes, refresh tokens, who is signed
// in. All of it is bounded, forgotten when it is over, and gone at the end of the process.

import Cryptography
import Synchronization
import Values

/// An authorization request that waits for its visitor.
struct PendingAuthorization {
    let redirectURI: String, state: String?, nonce: String?, challenge: String
    let scope: String, began: UnixTime

    static let lifetime = Duration.seconds(900)

    func isLive(at now: UnixTime) -> Bool { now < began + Self.lifetime }
}

/// What a code or a refresh token stands for.
struct Grant {
    let visitor: Visitor, nonce: String?, challenge: String, scope: String
    let session: String, authenticated: UnixTime, made: UnixTime

    static let codeLifetime = Duration.seconds(180)
    static let refreshTokenLifetime = Duration.seconds(7 * 86_400)

    func isLiveCode(at now: UnixTime) -> Bool { now < made + Self.codeLifetime }
    func isLiveRefreshToken(at now: UnixTime) -> Bool { now < made + Self.refreshTokenLifetime }
}

/// Somebody who is signed in at the provider itself.
struct SignedInVisitor {
    let visitor: Visitor, began: UnixTime

    static let lifetime = Duration.seconds(8 * 3600)

    func isLive(at now: UnixTime) -> Bool { now < began + Self.lifetime }
}

/// Its server runs on one loop; the lock says so to the compiler.
final class ProviderMemory: Sendable {
    struct Content {
        /// By the ticket of the page that waits.
        var pending: [String: PendingAuthorization] = [:]
        var codes: [String: Grant] = [:]
        var refreshTokens: [String: Grant] = [:]
        /// By SSO cookie.
        var sessions: [String: SignedInVisitor] = [:]
    }

    private let content = Mutex(Content())

    func withContent<Value: Sendable>(_ body: (inout Content) -> sending Value) -> Value {
        content.withLock { body(&$0) }
    }

    /// A ticket, code, token or cookie that nobody guesses.
    static func random() -> String { Base64URL.encode(RandomOctets.make(24).span) }

    static let entriesMax = 1000

    /// Makes room: forgets what is over; and, should that not be enough, everything.
    static func bound<Value>(
        _ entries: inout [String: Value], keeping isLive: (Value) -> Bool
    ) {
        guard entries.count >= entriesMax else { return }
        entries = entries.filter { isLive($0.value) }
        if entries.count >= entriesMax { entries.removeAll() }
    }
}

// Refresh tokens that were sent, by digest, where no store that nodes share remembers it: over a restart
// too, in `state_directory`. What a process does not know any more it must not send twice.

internal import Cryptography
internal import Sessions
internal import Synchronization
package import Values

package final class SpentTokens: Sendable {
    static let entriesMax = 200_000
    private static let sweepsEvery = Duration.seconds(60)

    private struct State {
        var until: [[UInt8]: UnixTime] = [:]
        var sweptAt = UnixTime.distantPast
    }

    private let state = Mutex(State())

    /// 16 octets that tell a session's token of one generation from every other: a provider that does
    /// not rotate gives the same token to the next.
    static func digest(_ session: Session) -> [UInt8] {
        var text = Array("gatehouse spent\0".utf8) + session.id
        for shift in stride(from: UInt32(24), through: 0, by: -8) {
            text.append(UInt8(truncatingIfNeeded: session.generation >> shift))
        }
        text += Array((session.refreshToken ?? "").utf8)
        return Array(SHA256.digest(text.span).prefix(16))
    }

    func contains(_ digest: [UInt8], at now: UnixTime) -> Bool {
        state.withLock { $0.until[digest].map { now < $0 } ?? false }
    }

    /// What the last process wrote; a time that has passed takes it back.
    package func note(_ digest: [UInt8], until: UnixTime, at now: UnixTime) {
        state.withLock { state in
            if until <= now {
                state.until[digest] = nil
                return
            }
            if state.until.count >= Self.entriesMax || state.sweptAt + Self.sweepsEvery <= now {
                state.sweptAt = now
                state.until = state.until.filter { now < $0.value }
            }
            if state.until.count < Self.entriesMax { state.until[digest] = until }
        }
    }
}

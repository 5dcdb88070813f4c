// A session that is over before its time: by logout, by a refused refresh, or because a new login took
// its place. It is announced to every loop, and stays ended for as long as it could have lived.

internal import Sessions
package import Values

package struct EndedSession: Sendable, Equatable {
    /// The session's id, as in `Session.id`.
    package let id: [UInt8]
    /// From when it is refused: now, or a little later where requests may still be on their way.
    package let from: UnixTime
    /// Until when it has to be remembered.
    package let until: UnixTime

    init(_ session: Session, from: UnixTime) {
        id = session.id
        self.from = from
        until = session.expires
    }
}

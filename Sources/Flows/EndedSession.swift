// Sessions that are over before their time: by logout here or at the provider, by an operator, by a
// refused refresh, or because a new login took their place. An ending is announced to every loop, and
// stays for as long as what it ended could have lived.

package import Gateway
internal import Sessions
package import Values

package struct EndedSession: Sendable, Equatable {
    package let scope: EndedScope
    /// One session is refused from then on: now, or a little later where requests may still be on
    /// their way. Of several, those that had begun by then.
    package let from: UnixTime
    /// Until when it has to be remembered.
    package let until: UnixTime

    package init(_ scope: EndedScope, from: UnixTime, until: UnixTime) {
        self.scope = scope
        self.from = from
        self.until = until
    }

    init(_ session: Session, from: UnixTime) {
        self.init(.session(session.id), from: from, until: session.expires)
    }
}

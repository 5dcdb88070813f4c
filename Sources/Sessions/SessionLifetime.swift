// When a session ends, and when its cookie is made again ("Lifetimes" in the contract to users).
//
// Everything is decided from what the ciphertext says; a cookie's Max-Age is the browser's business
// and proves nothing. `lifetime` is exact. In a cookie, idleness is counted from when it was
// sealed, and it is sealed again only now and then, so a session may end early by that much, but
// never late.

package import Values

package struct SessionLifetime: Sendable, Equatable {
    package let idleTimeout: Duration
    /// How old a cookie may be before it is sealed again: a tenth of the idle timeout, at least 60
    /// s (few Set-Cookie fields), at most half (a short timeout still works).
    package let resealsAfter: Duration

    package init(idleTimeout: Duration) {
        self.idleTimeout = idleTimeout
        resealsAfter = min(max(idleTimeout / 10, .seconds(60)), idleTimeout / 2)
    }

    /// The first moment at which the session is no longer one.
    package func end(sealedAt: UnixTime, expires: UnixTime) -> UnixTime {
        min(expires, sealedAt.advanced(by: idleTimeout))
    }

    package func isLive(_ view: borrowing SessionView, at now: UnixTime) -> Bool {
        now < end(sealedAt: view.sealedAt, expires: view.expires)
    }

    package func isLive(_ session: Session, at now: UnixTime) -> Bool {
        now < end(sealedAt: session.sealedAt, expires: session.expires)
    }

    package func wantsSealing(_ view: borrowing SessionView, at now: UnixTime) -> Bool {
        view.sealedAt.advanced(by: resealsAfter) <= now
    }
}

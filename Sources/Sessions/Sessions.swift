// The front of the room: what a sealed value is for, and what reading a session can come to.
//
// Sessions knows how a signed-in browser is remembered: the ring of keys (`KeyRing`), sealing and
// opening (`Sealer`), the cookies that carry the result (`SessionCookies`, `LoginCookies`), and
// what is inside them (`Session`, hot as `SessionView`; `LoginAttempt`; `LoginState`). Whether a
// session may pass a route is Gateway's question, and where ended sessions are remembered is
// Flows'. Everything here is a value over octets: the time and the dice are arguments.

/// What a sealed value is for. Each purpose has keys of its own, and its name is authenticated: a
/// login cookie never opens as a session, whatever it is renamed to.
package enum Purpose: String, CaseIterable, Sendable {
    case session  // the session cookie, opened with every request
    case login  // one login in progress
    case state  // the `state` of an authorization request (RFC 6749 §4.1.1)
    case store  // what is kept on the server side

    /// Sealed values that a stranger can have had made without signing in get a key of their own
    /// each: nobody's traffic then uses up the nonces of the others' key (NIST SP 800-38D §8.3).
    var isSalted: Bool {
        switch self {
        case .login, .state: true
        case .session, .store: false
        }
    }

    /// Only a session may need more than one cookie, and then says how many.
    var countsPieces: Bool { self == .session }
}

/// What looking for a session in a request came to.
package enum SessionReading: Equatable, Sendable {
    /// The request brought no cookie of this name.
    case absent
    /// It brought one that does not open: to the visitor as if absent, to the metrics a failure.
    case unreadable
    /// The view now holds the session. Whether it is this host's and still lives is not yet asked.
    /// A key that no longer seals is about to leave the ring: the session is to be sealed again.
    case opened(keyIsRetired: Bool)
    /// The view now holds the handle to a session that is kept on the server side, and no more.
    case kept(keyIsRetired: Bool)
}

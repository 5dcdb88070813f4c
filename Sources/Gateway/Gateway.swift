// The front of the room that decides: who may pass, and what an upstream is sent.
//
// `Gatekeeper.decide` is pure and synchronous: a request's head, who sent it, what is known of its
// session and the time go in, a verdict comes out. The room holds no socket and reads no clock.
// Opening a sealed cookie happens here, since it needs no waiting; whatever has to wait (a login, a
// refresh) is handed out as `Work`, and the request is decided again once that work has ended.

package import Sessions
package import Values

/// What becomes of a request. Every one has a verdict, and nearly all pass: so the large and rare cases
/// stand apart, and what is handed from call to call is a plan's size.
package enum Verdict {
    /// Pass it to the plan's upstream; the head to send has been written.
    case forward(ForwardPlan)
    /// Answer it from here.
    indirect case answer(Answer)
    /// Let `Flows` do this, then answer with its result or decide again with what it found.
    indirect case suspend(Work)
    /// Keep the content, at most so many octets (413 past it), and decide again with it.
    case gather(octetsMax: Int)
}

/// Who is at the other end of the connection, as the listener knows it.
package struct Peer: Sendable {
    /// The peer's address; under the PROXY protocol its preface's source. `nil` where there is
    /// none.
    package var address: IPAddress?
    package var isUnix: Bool
    package var isTLS: Bool
    package var isHTTP2: Bool
    /// An index into `Configuration.listeners`.
    package var listener: Int
    /// The subject of a verified client certificate, sent up as X-SSL-Client-S-DN.
    package var certificateSubject: String?

    package init(
        address: IPAddress?, isUnix: Bool = false, isTLS: Bool = false,
        isHTTP2: Bool = false, listener: Int = 0, certificateSubject: String? = nil
    ) {
        self.address = address
        self.isUnix = isUnix
        self.isTLS = isTLS
        self.isHTTP2 = isHTTP2
        self.listener = listener
        self.certificateSubject = certificateSubject
    }
}

/// What is known of a request's session before its cookies are read.
package enum KnownSession: Sendable {
    /// Nothing: read the cookies.
    case unread
    /// A flow found or refreshed this one. Its cookies go out on whatever answers the request.
    indirect case session(Session, setCookies: [String])
    /// A flow found that there is none, whatever the cookies say.
    case none
    /// A flow asked the store for what a cookie names: read the cookies again.
    indirect case fetched(FetchedEntry)
    /// A flow asked, and the store did not answer.
    case unavailable
}

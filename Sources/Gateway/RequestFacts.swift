// What the log and the metrics say of a request: filled while it is decided, reused for the next.
//
// Octets, not strings: nothing here allocates once they have grown. Whoever prints them
// quotes them, because a path is what a peer wrote.

package import HTTP
internal import Sessions
package import Values

package struct RequestFacts: ~Copyable {
    /// How the session cookie a request brought fared; `none` when it brought none or none was
    /// read.
    package enum SessionOutcome: Sendable { case none, opened, failed }

    /// Valid as a field value: the client's own if it was safe, else made here.
    package var requestID = OctetWriter(capacity: 64)
    package var traceparent = OctetWriter(capacity: 64)
    package var method: Method = .other
    /// Lower case, without port; empty when the request named none that could be read.
    package var host = OctetWriter(capacity: 64)
    /// Canonical, without query; the path as it came where it has no canonical form.
    package var path = OctetWriter(capacity: 64)
    /// An index into `Configuration.routes`, or −1 where no route was matched.
    package var route = -1
    /// An index into `Configuration.upstreams`, or −1.
    package var upstream = -1
    package var subject = OctetWriter(capacity: 64)
    /// The live session it was accepted under, where one was read.
    package var session: SessionMark?
    /// Its `sid`; empty where it has none.
    var providerSession = OctetWriter(capacity: 64)
    /// Who asked, as far as trusted proxies are believed.
    package var client: IPAddress?
    package var sessionOutcome = SessionOutcome.none
    /// In which shape a failure is told, should the exchange end in one.
    package var asker = Asker.program
    package var isGraphQL = false

    package init() {}

    package mutating func reset() {
        requestID.removeAll()
        traceparent.removeAll()
        method = .other
        host.removeAll()
        path.removeAll()
        route = -1
        upstream = -1
        subject.removeAll()
        session = nil
        providerSession.removeAll()
        client = nil
        sessionOutcome = .none
        asker = .program
        isGraphQL = false
    }
}

extension RequestFacts {
    /// For what goes on when the request has long been judged; `nil` where no session let it in.
    /// - Parameter snapshot: the one that it was decided under.
    package func watch(under snapshot: Snapshot) -> SessionWatch? {
        guard let session, snapshot.realms.indices.contains(Int(session.provider)) else {
            return nil
        }
        return SessionWatch(
            session,
            SessionGroup.all(
                subject: [UInt8](subject.span),
                session: providerSession.isEmpty ? nil : [UInt8](providerSession.span),
                of: snapshot.realms[Int(session.provider)]))
    }
}

// Which of our hosts is asked, and whether it is asked in the right way.
//
// "Paths" in the contract to users: a host that is not ours is 421, another spelling of this
// machine leads to external_url's, and plain HTTP under an https external_url leads there or ends.
// From a trusted proxy X-Forwarded-Host is the host for all of this.

internal import Configuration
internal import HTTP
internal import Values

extension Gatekeeper {
    /// Finds the host, or gives the verdict where it is none of ours.
    func readHost(
        _ request: borrowing Request, _ inquiry: inout Inquiry, _ facts: inout RequestFacts
    ) -> Verdict? {
        if let path = entrance(of: inquiry.peer)?.healthPath,
            OctetText.equals(request.octets.extracting(request.head.path.range), path.span)
        {
            return .answer(health(request.method))
        }
        inquiry.hostRange = forwarding.host ?? request.head.authority.range
        guard !inquiry.hostRange.isEmpty else {
            return refuse(.hostMissing, request, inquiry, facts)
        }
        if forwarding.host == nil, let name = request.head.hostName {
            appendLowercased(request.octets.extracting(name.range), to: &facts.host)
        } else if !appendHost(request.octets.extracting(inquiry.hostRange), to: &facts.host) {
            return refuse(.hostUnknown, request, inquiry, facts)
        }
        if let index = snapshot.hosts.index(of: facts.host.span) {
            inquiry.host = index
            inquiry.isHostOurs = true
            return nil
        }
        let external = snapshot.configuration.externalURL
        guard external.isLoopback,
            Origin.isLoopback(host: facts.host.text)
        else { return refuse(.hostUnknown, request, inquiry, facts) }
        inquiry.isOtherLoopback = true
        return nil
    }

    /// The verdicts that need a canonical path to lead to.
    func redirectToExternal(
        _ request: borrowing Request, _ inquiry: borrowing Inquiry, _ facts: borrowing RequestFacts
    ) -> Verdict? {
        if inquiry.isOtherLoopback {
            return redirect(to: snapshot.configuration.externalURL, request, facts)
        }
        if entrance(of: inquiry.peer)?.redirectsToHTTPS == true {
            return redirect(to: origin(inquiry, facts), request, facts)
        }
        guard forwarding.isSaidHTTP, snapshot.configuration.externalURL.scheme == .https else {
            return nil
        }
        // Who asks about a request is not led anywhere in its place.
        guard request.isGetOrHead, !OctetText.equals(facts.path.span, OwnPath.verifyPath) else {
            return refuse(.httpsRequired, request, inquiry, facts)
        }
        return redirect(to: origin(inquiry, facts), request, facts)
    }

    private func redirect(
        to origin: Origin, _ request: borrowing Request, _ facts: borrowing RequestFacts
    ) -> Verdict {
        let path = facts.path.text
        return .answer(.permanentRedirect(origin.description + path + request.queryText))
    }

    private func health(_ method: Method) -> Answer {
        guard method == .get || method == .head else {
            return Answer(status: 405, fields: [(name: "Allow", value: "GET, HEAD")])
        }
        return isReady ? .text(200, "ok\n") : .text(503, "not ready\n")
    }

    /// Whether the request is known to have come in the clear.
    func cameByHTTP(_ peer: borrowing Peer) -> Bool {
        forwarding.isSaidHTTP || entrance(of: peer)?.redirectsToHTTPS == true
    }

    private func entrance(of peer: borrowing Peer) -> Entrance? {
        snapshot.entrances.indices.contains(peer.listener)
            ? snapshot.entrances[peer.listener] : nil
    }

    // MARK: What follows from the host

    /// external_url's scheme and port with the host asked for.
    func origin(_ inquiry: borrowing Inquiry, _ facts: borrowing RequestFacts) -> Origin {
        let host = snapshot.hosts.hosts[inquiry.host]
        return switch host.pattern {
        case .exact: host.origin
        case .suffix: snapshot.hosts.origin(onHost: [UInt8](facts.host.span))
        }
    }

    func askedHost(_ inquiry: borrowing Inquiry, _ facts: borrowing RequestFacts) -> AskedHost {
        switch snapshot.hosts.hosts[inquiry.host].pattern {
        case .exact: .named(inquiry.host)
        case .suffix: .wildcard([UInt8](facts.host.span))
        }
    }

    func siteRelation(
        _ request: borrowing Request, _ inquiry: borrowing Inquiry,
        _ facts: borrowing RequestFacts, byOriginAlone: Bool = false
    ) -> SiteRelation {
        let host = snapshot.hosts.hosts[inquiry.host]
        let origin =
            switch host.pattern {
            case .exact: host.originOctets
            case .suffix:
                Array(snapshot.hosts.origin(onHost: [UInt8](facts.host.span)).description.utf8)
            }
        return byOriginAlone
            ? .ofOrigin(request, ourOrigin: origin.span) : .of(request, ourOrigin: origin.span)
    }
}

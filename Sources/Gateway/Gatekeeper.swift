// Decides about requests, one loop's worth of them.
//
// Everything a decision needs beyond the request is here and reused: the compiled configuration,
// the opener of session cookies, scratch room for a path, a host and a session. So a request that
// passes allocates nothing once these have grown. `decide` reads from top to bottom as the order of
// checks, which is the security argument: nothing is opened before the host and the path are known
// to be unambiguous, and nothing is written for an upstream before every rule has passed.
//
// It is a value with one owner, the loop's worker, and not an object: what a request touches here is
// then known not to be touched by anyone else, and costs neither reference counts nor checks.

internal import Configuration
package import HTTP
package import Sessions
package import Values

package struct Gatekeeper: ~Copyable {
    private(set) var snapshot: Snapshot
    /// Whether load balancers are to send traffic: what `health_path` answers. The server says.
    package var isReady = true

    var sealer: Sealer
    var sessions: SessionReader
    /// The cookies of the request in hand.
    var cookies = RequestCookies()
    /// The session of the request in hand; only `SessionFinding` says whether it may be read.
    var view = SessionView()
    var dice = SystemRandomNumberGenerator()
    var endedSessions = EndedSessions()
    var watched = WatchedSessions()
    var fetchedEntries = FetchedEntries()
    var refreshedSessions = RefreshedSessions()
    var returned: [ReturnedCookie] = []
    package var hasReturned: Bool { !returned.isEmpty }
    /// Why the session of the request in hand is not at hand, where it is kept elsewhere.
    var obstacle: Obstacle?
    /// The session that would have been let in, had its login been what the route asks for.
    var weak: WeakSession?
    /// When the loop's turn began, for what is used again for a second. The server says.
    package var turn = MonotonicInstant(nanoseconds: 0)

    private var identifiers: RequestIdentifiers
    var forwarding: Forwarding
    private var upstreamHeadWriter = UpstreamHead()
    private var clientHeadWriter = ClientHead()
    private var matchedPath: [UInt8] = []
    private var plainPath: [UInt8] = []
    /// Sessions are bound to hosts; under a wildcard these are found as they come.
    private var wildcardBindings: [[UInt8]: [[UInt8]]] = [:]

    private static let wildcardHostsMax = 256

    /// - Parameter seed: of the identifiers given to requests; for tests.
    package init(_ snapshot: Snapshot, seed: UInt64 = .random(in: 0 ... .max)) {
        self.snapshot = snapshot
        sealer = Sealer(snapshot.ring)
        sessions = SessionReader(sealer)
        identifiers = RequestIdentifiers(seed: seed)
        forwarding = Forwarding(trusting: snapshot.configuration.trustedProxies)
    }

    /// From now on requests are decided under this configuration; what is in flight keeps its own.
    package mutating func adopt(_ snapshot: Snapshot) {
        self.snapshot = snapshot
        sealer = Sealer(snapshot.ring)
        sessions = SessionReader(sealer)
        forwarding = Forwarding(trusting: snapshot.configuration.trustedProxies)
        wildcardBindings.removeAll()
    }

    /// Refuses sessions from now on, or one from a little later where requests may still be under way.
    /// - Parameters:
    ///   - from: of several, those that had begun by then.
    ///   - until: when they would have ended anyway.
    package mutating func end(_ scope: EndedScope, from: UnixTime, until: UnixTime) {
        endedSessions.insert(scope, from: from, until: until)
    }

    /// Whether a session that was live when a request was accepted has ended since.
    package func hasEnded(_ session: SessionWatch, at now: UnixTime) -> Bool {
        session.mark.expires <= now || endedSessions.contains(session, at: now)
    }

    /// Whether a flow's session has ended while it worked.
    /// - Parameter provider: an index into the configuration's providers.
    package func hasEnded(_ session: Session, of provider: Int, at now: UnixTime) -> Bool {
        guard snapshot.realms.indices.contains(provider) else { return true }
        return endedSessions.contains(session, of: snapshot.realms[provider], at: now)
    }

    /// Reads the head in place. On `.forward` the upstream's head has been appended to
    /// `upstreamHead`: request line, Host, end-to-end fields, identity and bearer, but no framing
    /// fields, no Connection, and no empty line.
    package mutating func decide(
        _ head: borrowing RequestHead, _ octets: Span<UInt8>, from peer: Peer,
        known: KnownSession = .unread, gathered: [UInt8]? = nil, at now: UnixTime,
        upstreamHead: inout OctetWriter, facts: inout RequestFacts
    ) -> Verdict {
        let request = Request(copy head, octets)
        // A request that is decided again keeps its name.
        let isAgain = if case .unread = known { gathered != nil } else { true }
        cookies.read(request.head, octets)
        let passesTracestate = identify(
            request, from: peer, named: isAgain ? [UInt8](facts.requestID.span) : [], into: &facts)
        var inquiry = Inquiry(
            peer: peer, known: known, gathered: gathered, now: now,
            passesTracestate: passesTracestate)
        if case .fetched(let fetched) = known { fetchedEntries.insert(fetched, at: turn) }
        obstacle = nil
        var verdict = judge(request, &inquiry, &upstreamHead, &facts)
        if let obstacle { verdict = resolve(obstacle, request, inquiry, facts) }
        switch verdict {
        case .answer(var answer):
            answer.add(setCookies: inquiry.cookiesOfFlow)
            // What follows a CONNECT may be meant for the tunnel that it did not get.
            if request.method == .connect { answer.closes = true }
            // Over plain HTTP it would be without effect, and is forbidden (RFC 6797 §7.2).
            return .answer(cameByHTTP(peer) ? answer : snapshot.finished(answer))
        case .forward, .suspend, .gather:
            return verdict
        }
    }

    /// What the log and everything after need, whatever becomes of the request.
    private mutating func identify(
        _ request: borrowing Request, from peer: Peer, named name: [UInt8],
        into facts: inout RequestFacts
    ) -> Bool {
        facts.reset()
        facts.method = request.method
        if !name.isEmpty {
            facts.requestID.append(contentsOf: name)
        } else if let range = request.range(of: .xRequestID) {
            identifiers.appendRequestID(request.octets.extracting(range), to: &facts.requestID)
        } else {
            identifiers.appendRequestID(nil, to: &facts.requestID)
        }
        forwarding.read(request, from: peer)
        facts.client = forwarding.client
        if let range = request.range(of: .traceparent) {
            return identifiers.appendTraceparent(
                request.octets.extracting(range), to: &facts.traceparent)
        }
        return identifiers.appendTraceparent(nil, to: &facts.traceparent)
    }

    // MARK: The order of checks

    private mutating func judge(
        _ request: borrowing Request, _ inquiry: inout Inquiry,
        _ upstreamHead: inout OctetWriter, _ facts: inout RequestFacts
    ) -> Verdict {
        facts.path.append(contentsOf: request.octets.extracting(request.head.path.range))
        facts.asker = Asker.of(request, isGraphQL: false, hasQuery: false)
        if let refusal = readHost(request, &inquiry, &facts) { return refusal }
        switch request.method {
        case .connect, .trace:
            return refuse(.methodRefused(allowing: Self.methods), request, inquiry, facts)
        case .get, .head, .post, .put, .delete, .options, .patch, .other: break
        }
        if request.head.form == .asterisk {
            return .answer(Answer(status: 200, fields: [(name: "Allow", value: Self.methods)]))
        }

        let features: CanonicalPath.Features
        do {
            features = try CanonicalPath.canonicalize(
                request.octets.extracting(request.head.path.range),
                options: CanonicalPath.Options(encodedSlashesPass: true), into: &matchedPath)
        } catch { return refuse(.pathAmbiguous(error.sentence), request, inquiry, facts) }
        facts.path.removeAll()
        facts.path.append(contentsOf: matchedPath)
        if let verdict = redirectToExternal(request, inquiry, facts) { return verdict }

        if OwnPath.covers(matchedPath.span) {
            guard !features.contains(.encodedSlash) else {
                return refuse(
                    .pathAmbiguous(PathFault.encodedSlash.sentence), request, inquiry, facts)
            }
            return answerOwnPath(request, inquiry, &facts)
        }
        let route = match(matchedPath.span, request, facts)
        if features.contains(.semicolon) {
            CanonicalPath.withoutParameters(facts.path.span, into: &plainPath)
            guard !OwnPath.covers(plainPath.span), match(plainPath.span, request, facts) == route
            else {
                return refuse(
                    .pathAmbiguous("Its parameters hide another path."), request, inquiry, facts)
            }
        }
        guard let route else { return refuse(.notFound, request, inquiry, facts) }
        facts.route = route
        facts.upstream = snapshot.compiled[route].settings.upstream
        return judge(request, route: route, features, &inquiry, &upstreamHead, &facts)
    }

    /// Everything that depends on the route.
    private mutating func judge(
        _ request: borrowing Request, route index: Int, _ features: CanonicalPath.Features,
        _ inquiry: inout Inquiry, _ upstreamHead: inout OctetWriter, _ facts: inout RequestFacts
    ) -> Verdict {
        let route = snapshot.compiled[index]
        if features.contains(.encodedSlash), !route.settings.encodedSlashesPass {
            return refuse(.pathAmbiguous(PathFault.encodedSlash.sentence), request, inquiry, facts)
        }
        // The facts have the path that was matched; what is sent may keep its slashes.
        var keptPath: [UInt8]?
        if !route.settings.mergeSlashes, features.contains(.repeatedSlashes) {
            var path: [UInt8] = []
            do {
                _ = try CanonicalPath.canonicalize(
                    request.octets.extracting(request.head.path.range),
                    options: CanonicalPath.Options(
                        encodedSlashesPass: route.settings.encodedSlashesPass, keepSlashes: true),
                    into: &path)
            } catch { return refuse(.pathAmbiguous(error.sentence), request, inquiry, facts) }
            keptPath = path
        }
        if hasLooped(request) { return refuse(.loop, request, inquiry, facts) }
        let maxForwards = self.maxForwards(request)
        if maxForwards == 0 {
            return .answer(Answer(status: 200, fields: [(name: "Allow", value: Self.methods)]))
        }

        let query = request.octets.extracting(request.head.query.range)
        let isGraphQL = route.settings.graphQL
        let hasQuery = isGraphQL && GraphQLCall.hasQuery(query)
        facts.isGraphQL = isGraphQL
        if isGraphQL { facts.asker = Asker.of(request, isGraphQL: true, hasQuery: hasQuery) }
        if facts.asker == .webSocket, let refusal = handshakeRefusal(request) {
            return refuse(refusal, request, inquiry, facts)
        }
        if hasQuery, request.isGetOrHead {
            switch GraphQLCall.read(query) {
            case .none, .query: break
            case .mutation: return refuse(.mutationByGet, request, inquiry, facts)
            case .unreadable(let why):
                return refuse(.graphQLUnreadable(why), request, inquiry, facts)
            }
        }

        if route.settings.access != .public {
            inquiry.finding = findSession(
                route.settings.providers, request, inquiry, into: &facts, for: route)
            if !watched.isEmpty { watched.note(facts.session, at: inquiry.now) }
        }
        if let verdict = rule(request, route, hasQuery: hasQuery, inquiry, facts) { return verdict }

        let upgrade = upgradeAsked(request, route, facts)
        let passesTrailers = request.head.framing == .chunked && inquiry.gathered == nil
        let takesTrailers = upgrade == .none && acceptsTrailers(request)
        upstreamHeadWriter.write(
            request, cookies, under: snapshot, route,
            UpstreamHead.Facts(
                host: request.octets.extracting(inquiry.hostRange),
                isTrusted: forwarding.isTrusted, isHTTP2: inquiry.peer.isHTTP2,
                passesTracestate: inquiry.passesTracestate,
                hasCertificate: inquiry.peer.certificateSubject != nil,
                maxForwards: maxForwards.map { $0 - 1 }, passesTrailers: passesTrailers,
                acceptsTrailers: takesTrailers),
            keptPath: keptPath, subject: inquiry.peer.certificateSubject, forwarding, facts,
            session: view, hasSession: inquiry.finding != .none, to: &upstreamHead)
        return .forward(
            ForwardPlan(
                snapshot: snapshot, route: index, upstream: route.settings.upstream,
                acceptsTrailers: takesTrailers,
                hop: upgrade == .none && !passesTrailers
                    ? .usual
                    : .special(upgrade, endingHere: passesTrailers ? request.connectionNames : []),
                injectsToken: route.settings.injectsToken,
                readsSession: route.settings.access != .public,
                cookies: cookiesToAdd(inquiry), host: askedHost(inquiry, facts)))
    }

    /// What the tables say, once the session is known; `nil` to go on.
    private func rule(
        _ request: borrowing Request, _ route: CompiledRoute, hasQuery: Bool,
        _ inquiry: borrowing Inquiry,
        _ facts: borrowing RequestFacts
    ) -> Verdict? {
        let isSignedIn = inquiry.finding != .none
        switch access(route.settings.access, isSignedIn: isSignedIn, facts.asker) {
        case .forward: break
        case .login:
            let target = offeredReturnPath(request, inquiry, facts)
            if let hop = hop(to: target, request, inquiry, facts) { return .answer(hop) }
            return beginLogin(route, .noSession, returnTo: target, request, inquiry, facts)
        case .unauthorized: return refuse(.unauthenticated, request, inquiry, facts)
        case .prefetchRefused: return refuse(.prefetch, request, inquiry, facts)
        }
        guard case .live(let provider, _) = inquiry.finding else { return nil }

        let kind = CallKind.of(
            request, request.method, facts.asker, isGraphQL: route.settings.graphQL,
            hasQuery: hasQuery)
        let relation = siteRelation(request, inquiry, facts, byOriginAlone: kind == .webSocket)
        switch crossSite(kind, relation) {
        case .pass: break
        case .refuse, .needsFormToken: return refuse(.crossSite, request, inquiry, facts)
        }

        let mayNavigate = facts.asker == .person && request.method == .get
        let state = tokenState(of: route, at: inquiry.now)
        guard route.settings.injectsToken else {
            // Elsewhere a token that ended for good asks for nothing but a person's next
            // navigation.
            if state == .missing, view.hasAccessToken(), snapshot.hasTokenRoutes, mayNavigate,
                !inquiry.wasTried
            {
                return renewLogin(route, request, inquiry, facts)
            }
            return nil
        }
        if state == .missing, route.settings.access == .optional { return nil }
        switch token(state, wasTried: inquiry.wasTried, mayNavigate: mayNavigate) {
        case .forward: return nil
        case .refresh:
            guard let session = view.session() else {
                return refuse(.tokenEnded, request, inquiry, facts)
            }
            return .suspend(
                .refresh(
                    RefreshIntent(
                        asked: asked(request, inquiry, facts), provider: provider,
                        session: session, hasEnded: state == .endedRenewable)))
        case .login:
            return renewLogin(route, request, inquiry, facts)
                ?? refuse(.tokenEnded, request, inquiry, facts)
        case .unauthorized: return refuse(.tokenEnded, request, inquiry, facts)
        case .unavailable: return refuse(.tokenUnavailable, request, inquiry, facts)
        }
    }

    /// Through the provider for a new token, for a person who is signed in all the while.
    private func renewLogin(
        _ route: CompiledRoute, _ request: borrowing Request, _ inquiry: borrowing Inquiry,
        _ facts: borrowing RequestFacts
    ) -> Verdict? {
        guard let session = view.session() else { return nil }
        return beginLogin(
            route, .tokenEnded(session), returnTo: returnPath(request, facts), request, inquiry,
            facts)
    }

    // MARK: Small checks

    static let methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

    private func match(
        _ path: Span<UInt8>, _ request: borrowing Request, _ facts: borrowing RequestFacts
    ) -> Int? {
        snapshot.routes.match(
            path: path, host: facts.host.span, method: request.method,
            token: request.octets.extracting(request.head.methodToken.range))
    }

    /// RFC 9110 §7.6.2: of OPTIONS alone, since TRACE never passes. `nil` where there is none.
    private func maxForwards(_ request: borrowing Request) -> UInt64? {
        guard request.method == .options, let range = request.range(of: .maxForwards) else {
            return nil
        }
        return OctetText.decimal(request.octets.extracting(range))
    }

    private func upgradeAsked(
        _ request: borrowing Request, _ route: CompiledRoute, _ facts: borrowing RequestFacts
    ) -> UpgradeAsked {
        if facts.asker == .webSocket { return .webSocket }
        guard request.head.upgrade != nil else { return .none }
        return request.upgrade(among: route.settings.upgrades).map { .other($0) } ?? .none
    }

    /// RFC 6455 §4.2.1; `nil` for a handshake that may be passed on.
    private func handshakeRefusal(_ request: borrowing Request) -> Refusal? {
        guard request.method == .get else { return .webSocketInvalid("the method is not GET") }
        guard request.head.framing == .none else { return .webSocketInvalid("it has content") }
        guard let upgrade = request.range(of: .upgrade),
            OctetText.equalsIgnoringASCIICase(request.octets.extracting(upgrade), "websocket")
        else { return .webSocketInvalid("it asks for other protocols too") }
        guard request.says(.secWebSocketVersion, "13") else { return .webSocketVersion }
        guard let key = request.range(of: .secWebSocketKey),
            Base64.decode(request.octets.extracting(key))?.count == 16
        else {
            return .webSocketInvalid("there is no key of 16 octets")
        }
        return nil
    }

    mutating func bindings(_ inquiry: borrowing Inquiry, _ facts: borrowing RequestFacts)
        -> [[UInt8]]
    {
        let known = snapshot.bindings[inquiry.host]
        guard known.isEmpty else { return known }
        let host = [UInt8](facts.host.span)
        if let found = wildcardBindings[host] { return found }
        let found = Snapshot.bindings(
            onHost: facts.host.text, snapshot.configuration.providers)
        // Hosts under a wildcard are the client's to choose; remembering them has an end.
        if wildcardBindings.count >= Self.wildcardHostsMax { wildcardBindings.removeAll() }
        wildcardBindings[host] = found
        return found
    }

    // MARK: The way back

    /// Appends what the client is sent of an upstream's head: end-to-end fields after hygiene, and
    /// ours. No status line, no framing fields, no Connection; a missing Date is the server's to
    /// add.
    package mutating func writeResponseFields(
        _ plan: ForwardPlan, _ head: borrowing ResponseHead, _ octets: Span<UInt8>,
        at now: UnixTime, into out: inout OctetWriter
    ) {
        let setCookies = setCookies(plan, head, octets, at: now)
        clientHeadWriter.write(head, octets, under: plan, cookies: setCookies, to: &out)
    }

    /// Our cookies are made as the head leaves, from what is known then.
    private mutating func setCookies(
        _ plan: ForwardPlan, _ head: borrowing ResponseHead, _ octets: Span<UInt8>,
        at now: UnixTime
    ) -> [String] {
        switch plan.cookies {
        case .none: return []
        case .made(let cookies, let session, let provider):
            return mayBring(session, of: provider, under: plan.snapshot) ? cookies : []
        case .extend(let session, let provider, let present, let decidedAt):
            // One that only extends the session is not worth an answer that others could share.
            guard head.status >= 200, !Caching(head, octets).isPublic,
                plan.snapshot.lifetime.isLive(session, at: now),
                !mayBeRenewedElsewhere(session, since: decidedAt, at: now),
                mayBring(session, of: provider, under: plan.snapshot)
            else { return [] }
            return plan.snapshot.setCookies(
                for: session, provider: provider, replacing: present, sealer: sealer, at: now,
                using: &dice)
        }
    }

    // MARK: When the server has to say no

    /// A name for a request that is refused before it could be decided.
    package mutating func appendRequestID(to facts: inout RequestFacts) {
        identifiers.appendRequestID(nil, to: &facts.requestID)
    }

    /// For what went wrong outside a decision: a head that could not be read, an upstream that did
    /// not answer. The shape is the asker's, as far as the request got.
    package func failureAnswer(
        status: Int, code: String, sentence: String, facts: borrowing RequestFacts
    ) -> Answer {
        let statement = Statement(status: status, code: code, sentence: sentence)
        let audience = Audience(
            asker: facts.asker, isGraphQL: facts.isGraphQL,
            requestID: facts.requestID.text)
        return snapshot.finished(snapshot.answer(statement, to: audience))
    }
}

// /.auth/verify: another proxy asks whether a request may pass (nginx's auth_request, Traefik's and
// Caddy's forward auth, Envoy's ext_authz over HTTP).
//
// Such a proxy understands three answers: pass (with the identity fields to copy), sign in, no. What it
// asks about stands in fields that anyone can write, so they count from a trusted proxy alone; and where
// two of them say different things, one of the two programs would decide about another request than the
// one that runs. Then the answer is no.

internal import Configuration
internal import HTTP
internal import Sessions
internal import Values

/// The request that a proxy asks about.
private struct AskedAbout {
    var method = Method.get
    var methodToken: [UInt8] = []
    /// As it came, with its query; `nil` where only the session is asked about.
    var target: [UInt8]?
}

extension Gatekeeper {
    mutating func answerVerify(
        _ request: borrowing Request, _ inquiry: borrowing Inquiry, _ facts: inout RequestFacts
    ) -> Verdict {
        var about = AskedAbout()
        if let refusal = read(&about, request, inquiry, facts) {
            return deny(refusal, nil, request, inquiry, facts)
        }
        guard let target = about.target else {
            return answerVerify(about, route: nil, returnTo: nil, request, inquiry, &facts)
        }
        let query: ArraySlice<UInt8>
        let compiled: CompiledRoute
        do throws(Refusal) {
            (compiled, query) = try route(of: target, about, facts)
        } catch { return deny(error, nil, request, inquiry, facts) }
        let returnTo =
            about.method == .get || about.method == .head
            ? ReturnPath.checked(String(decoding: target, as: UTF8.self)) : "/"
        let hasQuery = compiled.settings.graphQL && GraphQLCall.hasQuery(Array(query).span)
        facts.isGraphQL = compiled.settings.graphQL
        if facts.isGraphQL {
            facts.asker = Asker.of(request, isGraphQL: true, hasQuery: hasQuery)
        }
        if hasQuery, about.method == .get || about.method == .head {
            switch GraphQLCall.read(Array(query).span) {
            case .none, .query: break
            case .mutation: return deny(.mutationByGet, returnTo, request, inquiry, facts)
            case .unreadable(let why):
                return deny(.graphQLUnreadable(why), returnTo, request, inquiry, facts)
            }
        }
        return answerVerify(
            about, route: compiled, hasQuery: hasQuery, returnTo: returnTo, request, inquiry, &facts
        )
    }

    private mutating func answerVerify(
        _ about: AskedAbout, route: CompiledRoute?, hasQuery: Bool = false, returnTo: String?,
        _ request: borrowing Request, _ inquiry: borrowing Inquiry, _ facts: inout RequestFacts
    ) -> Verdict {
        let access = route?.settings.access ?? .signedIn
        guard access != .public else { return .answer(Answer(status: 200)) }
        let providers =
            route?.settings.providers ?? Array(snapshot.configuration.providers.indices)
        let finding = findSession(providers, request, inquiry, into: &facts, for: route)
        if !watched.isEmpty { watched.note(facts.session, at: inquiry.now) }
        guard finding != .none else {
            return access == .optional
                ? .answer(Answer(status: 200))
                : deny(.unauthenticated, returnTo, request, inquiry, facts)
        }
        let kind = CallKind.of(
            request, about.method, facts.asker, isGraphQL: facts.isGraphQL, hasQuery: hasQuery)
        let relation = siteRelation(request, inquiry, facts, byOriginAlone: kind == .webSocket)
        switch crossSite(kind, relation) {
        case .pass: break
        case .refuse, .needsFormToken:
            return deny(.crossSite, returnTo, request, inquiry, facts)
        }
        var answer = Answer(status: 200)
        if route?.settings.identity ?? true { addIdentity(to: &answer) }
        // What it lets pass is a use of the session, so the session lives on; a proxy that can hands
        // the cookie to the browser.
        answer.add(setCookies: extendingCookies(finding, inquiry))
        return .answer(answer)
    }

    private func addIdentity(to answer: inout Answer) {
        var writer = OctetWriter(capacity: 512)
        snapshot.identityFields.append(view, to: &writer)
        let lines = [UInt8](writer.span)
        for line in lines.split(whereSeparator: { $0 == 13 || $0 == 10 }) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            answer.add(
                String(decoding: line[..<colon], as: UTF8.self),
                String(decoding: line[colon...].dropFirst(2), as: UTF8.self))
        }
    }

    private mutating func extendingCookies(
        _ finding: SessionFinding, _ inquiry: borrowing Inquiry
    ) -> [String] {
        guard case .unread = inquiry.known, case .live(let provider, wantsSealing: true) = finding,
            let session = view.session()
        else { return [] }
        return snapshot.setCookies(
            for: session, provider: provider, replacing: sessions.present, sealer: sealer,
            at: inquiry.now, using: &dice)
    }

    /// The route that the target leads to, by the rules that a request of its own would meet, and the
    /// target's query.
    private func route(
        of target: [UInt8], _ about: AskedAbout, _ facts: borrowing RequestFacts
    ) throws(Refusal) -> (CompiledRoute, query: ArraySlice<UInt8>) {
        var canonical: [UInt8] = []
        let features: CanonicalPath.Features
        let query: Range<Int>
        do throws(PathFault) {
            let parts = try CanonicalPath.splitTarget(target.span)
            query = parts.query ?? target.count..<target.count
            features = try CanonicalPath.canonicalize(
                target.span.extracting(parts.path),
                options: CanonicalPath.Options(encodedSlashesPass: true), into: &canonical)
        } catch { throw .pathAmbiguous(error.sentence) }
        // Ours are answered here, and by nobody else.
        guard !OwnPath.covers(canonical.span) else { throw .notFound }
        func match(_ path: [UInt8]) -> Int? {
            snapshot.routes.match(
                path: path.span, host: facts.host.span, method: about.method,
                token: about.methodToken.span)
        }
        guard let index = match(canonical) else { throw .notFound }
        if features.contains(.semicolon) {
            var plain: [UInt8] = []
            CanonicalPath.withoutParameters(canonical.span, into: &plain)
            guard !OwnPath.covers(plain.span), match(plain) == index else {
                throw .pathAmbiguous("Its parameters hide another path.")
            }
        }
        let route = snapshot.compiled[index]
        guard !features.contains(.encodedSlash) || route.settings.encodedSlashesPass else {
            throw .pathAmbiguous(PathFault.encodedSlash.sentence)
        }
        return (route, target[query])
    }

    // MARK: What is asked about

    /// Reads the fields; a refusal where they may not be read, or cannot be read in one way.
    private func read(
        _ about: inout AskedAbout, _ request: borrowing Request, _ inquiry: borrowing Inquiry,
        _ facts: borrowing RequestFacts
    ) -> Refusal? {
        about.method = request.method
        about.methodToken = Array(
            request.octets.extracting(request.head.methodToken.range))
        let methods = values(of: [.xForwardedMethod, .xOriginalMethod], request)
        let targets = values(of: [.xForwardedURI, .xOriginalURI], request)
        let urls = values(of: [.xOriginalURL, .xRewriteURL], request)
        guard !methods.isEmpty || !targets.isEmpty || !urls.isEmpty else { return nil }
        guard forwarding.isTrusted else { return .verifyUntrusted }
        // A proxy that tells the path by one set of fields passes the other on, as a client sent it.
        let original = values(of: [.xOriginalURI, .xOriginalURL, .xRewriteURL], request)
        let isForwarded = original.isEmpty
        if !targets.isEmpty || !urls.isEmpty, !methods.isEmpty,
            values(of: [isForwarded ? .xForwardedMethod : .xOriginalMethod], request).isEmpty
        {
            return .verifyUnclear("the method is told by another field than the path's")
        }

        if let method = methods.first {
            guard methods.allSatisfy({ $0 == method }), Self.isToken(method) else {
                return .verifyUnclear("the method is told in two ways")
            }
            about.method = Method.of(method.span)
            about.methodToken = method
            switch about.method {
            case .connect, .trace: return .methodRefused(allowing: Self.methods)
            case .get, .head, .post, .put, .delete, .options, .patch, .other: break
            }
        }
        var told = targets
        for url in urls {
            guard let target = self.target(of: url, inquiry, facts) else {
                return .verifyUnclear("the URL is not of the host that is asked")
            }
            told.append(target)
        }
        if let target = told.first {
            guard told.allSatisfy({ $0 == target }), target.first == UInt8(ascii: "/") else {
                return .verifyUnclear("the path is told in two ways, or is none")
            }
            about.target = target
        }
        return nil
    }

    /// Of a whole URL the target, where its origin is the one asked; a target as it is.
    private func target(
        of url: [UInt8], _ inquiry: borrowing Inquiry, _ facts: borrowing RequestFacts
    ) -> [UInt8]? {
        if url.first == UInt8(ascii: "/") { return url }
        let text = OctetText.string(url.span) ?? ""
        let origin = origin(inquiry, facts)
        guard let parsed = HTTPURL(parsing: text), parsed.origin.host == origin.host,
            parsed.origin.scheme == origin.scheme
        else { return nil }
        // The first slash behind the host need not be the path's: `https://host?a=/public/x` asks for /.
        return Array(parsed.target.utf8)
    }

    private func values(of fields: [KnownField], _ request: borrowing Request) -> [[UInt8]] {
        var values: [[UInt8]] = []
        for field in request.head.fields where fields.contains(field.known) {
            values.append([UInt8](request.octets.extracting(field.value.range)))
        }
        return values
    }

    /// RFC 9110 §5.6.2.
    private static func isToken(_ octets: [UInt8]) -> Bool {
        !octets.isEmpty && octets.count <= 32
            && octets.allSatisfy { (0x41...0x5A).contains($0) || $0 == 0x2D || $0 == 0x5F }
    }

    /// 401 stays; everything else is a no.
    private func deny(
        _ refusal: Refusal, _ returnTo: String?, _ request: borrowing Request,
        _ inquiry: borrowing Inquiry, _ facts: borrowing RequestFacts
    ) -> Verdict {
        refuse(
            refusal, as: refusal.status == 401 ? 401 : 403, returnTo: returnTo ?? "/", request,
            inquiry, facts)
    }
}

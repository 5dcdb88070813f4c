// The head an upstream is sent, written as octets in one pass over the client's fields.
//
// Lines that pass are copied in runs as they came, order kept. First everything the client may not
// say is left out (hop-by-hop fields and what `Connection` names, RFC 9110 §7.6.1; copies of ours),
// then ours are added: the client's list is applied before, never after. Framing fields,
// `Connection` and `Upgrade`, and the empty line are the server's.

internal import Configuration
internal import HTTP
internal import Sessions
internal import Values

struct UpstreamHead {
    /// Where the names lie that `Connection` lists. Reused.
    private var named: [Range<Int>] = []

    /// What was found out of the request. No references: each would be counted.
    struct Facts: ~Escapable {
        /// As asked for, with its port.
        let host: Span<UInt8>
        let isTrusted: Bool
        let isHTTP2: Bool
        let passesTracestate: Bool
        let hasCertificate: Bool
        /// What is left of Max-Forwards, for OPTIONS alone.
        let maxForwards: UInt64?
        /// Whether fields that follow the content pass.
        let passesTrailers: Bool
        /// Whether fields that follow the answer's do.
        let acceptsTrailers: Bool

        @_lifetime(copy host)
        init(
            host: Span<UInt8>, isTrusted: Bool, isHTTP2: Bool, passesTracestate: Bool,
            hasCertificate: Bool, maxForwards: UInt64?, passesTrailers: Bool, acceptsTrailers: Bool
        ) {
            self.host = host
            self.isTrusted = isTrusted
            self.isHTTP2 = isHTTP2
            self.passesTracestate = passesTracestate
            self.hasCertificate = hasCertificate
            self.maxForwards = maxForwards
            self.passesTrailers = passesTrailers
            self.acceptsTrailers = acceptsTrailers
        }
    }

    /// - Parameters:
    ///   - keptPath: what is sent instead of the path that was matched, where slashes are kept.
    ///   - subject: of the client's certificate.
    mutating func write(
        _ request: borrowing Request, _ cookies: borrowing RequestCookies,
        under snapshot: Snapshot, _ route: CompiledRoute, _ facts: borrowing Facts,
        keptPath: borrowing [UInt8]?, subject: borrowing String?,
        _ forwarding: borrowing Forwarding, _ ids: borrowing RequestFacts,
        session: borrowing SessionView, hasSession: Bool,
        to out: inout OctetWriter
    ) {
        if let kept = copy keptPath {
            writeRequestLine(request, route, path: kept.span, to: &out)
        } else {
            writeRequestLine(request, route, path: ids.path.span, to: &out)
        }
        switch route.upstream.hostSent {
        case .client: out.append(contentsOf: facts.host)
        case .upstream: out.append(contentsOf: route.upstreamHost)
        }
        out.append("\r\n")
        writeClientFields(request, cookies, under: snapshot, route, facts, to: &out)
        writeOurs(
            request, under: snapshot, route, facts, subject: subject, forwarding, ids, to: &out)
        guard hasSession else { return }
        if route.settings.identity { snapshot.identityFields.append(session, to: &out) }
        if route.settings.injectsToken, session.hasAccessToken(for: route.settings.tokenAudience) {
            out.append("Authorization: Bearer ")
            session.appendAccessToken(for: route.settings.tokenAudience, to: &out)
            out.append("\r\n")
        }
    }

    // MARK: The request line

    /// And the name of the field behind it.
    /// - Parameter path: canonical, before `upstream_path` is applied.
    private func writeRequestLine(
        _ request: borrowing Request, _ route: CompiledRoute, path: Span<UInt8>,
        to out: inout OctetWriter
    ) {
        out.append(contentsOf: request.octets.extracting(request.head.methodToken.range))
        out.append(" ")
        let start = out.count
        switch route.settings.upstreamPath {
        case nil:
            out.append(contentsOf: path)
        case .exact(let replacement)?:
            out.append(utf8: replacement)
        case .prefix(let replacement)?:
            let rest =
                switch route.settings.path {
                case .exact(let whole): lengthOfPrefix(whole, in: path)
                case .prefix(let prefix): lengthOfPrefix(prefix, in: path)
                }
            out.append(utf8: replacement)
            out.append(contentsOf: path.extracting(rest..<path.count))
        }
        if out.count == start { out.append("/") }
        if request.head.hasQuery {
            out.append("?")
            out.append(contentsOf: request.octets.extracting(request.head.query.range))
        }
        out.append(" HTTP/1.1\r\nHost: ")
    }

    /// How much of the path the prefix takes. The path may still have repeated slashes, which the
    /// prefix, being canonical, has not.
    private func lengthOfPrefix(_ prefix: String, in path: Span<UInt8>) -> Int {
        var at = 0
        for octet in prefix.utf8 {
            while at < path.count, path[at] != octet, path[at] == UInt8(ascii: "/") { at += 1 }
            guard at < path.count, path[at] == octet else { return at }
            at += 1
        }
        return at
    }

    // MARK: The client's fields

    private mutating func writeClientFields(
        _ request: borrowing Request, _ cookies: borrowing RequestCookies,
        under snapshot: Snapshot, _ route: CompiledRoute, _ facts: borrowing Facts,
        to out: inout OctetWriter
    ) {
        findNamed(request)
        let octets = request.octets
        var run = 0..<0
        for index in request.head.fields.indices {
            let field = request.head.fields[index]
            if keeps(field, request, under: snapshot, route, facts) {
                if case .cookie = field.known {
                    out.append(contentsOf: octets.extracting(run))
                    run = 0..<0
                    let pairs = Self.pairs(of: index, in: cookies.pairs.span)
                    switch snapshot.cookieNames.appendOthers(of: pairs, octets, to: &out) {
                    case .all: run = field.line.range
                    case .none, .some: break
                    }
                    continue
                }
                let line = field.line.range
                if run.upperBound == line.lowerBound, !run.isEmpty {
                    run = run.lowerBound..<line.upperBound
                } else {
                    out.append(contentsOf: octets.extracting(run))
                    run = line
                }
            }
        }
        out.append(contentsOf: octets.extracting(run))
    }

    @_lifetime(copy pairs)
    private static func pairs(
        of line: Int, in pairs: Span<RequestCookies.Pair>
    ) -> Span<RequestCookies.Pair> {
        var start = 0
        while start < pairs.count, pairs[start].line < line { start += 1 }
        var end = start
        while end < pairs.count, pairs[end].line == line { end += 1 }
        return pairs.extracting(start..<end)
    }

    private func keeps(
        _ field: FieldLine, _ request: borrowing Request, under snapshot: Snapshot,
        _ route: CompiledRoute, _ facts: borrowing Facts
    ) -> Bool {
        switch field.known {
        case .host, .connection, .contentLength, .transferEncoding, .te, .upgrade, .keepAlive,
            .proxyConnection, .proxyAuthenticate, .proxyAuthorization, .http2Settings:
            return false
        case .trailer:
            // Where none can follow, none are promised.
            if !facts.passesTrailers { return false }
        case .authorization:
            if route.settings.injectsToken { return false }
        case .cookie:
            if route.settings.cookies == .drop { return false }
        case .tracestate:
            if !facts.passesTracestate { return false }
        case .maxForwards:
            if facts.maxForwards != nil { return false }
        case .expect:
            // Of HTTP/1.0 it is to be ignored (RFC 9110 §10.1.1); upstreams are spoken to in 1.1.
            if request.head.minorVersion == 0 { return false }
        default: break
        }
        let name = request.octets.extracting(field.name.range)
        guard
            snapshot.ownFields.fate(
                of: field.known, named: name, fromTrustedProxy: facts.isTrusted,
                hasCertificate: facts.hasCertificate) == .keep
        else { return false }
        return named.isEmpty || !isNamed(name, request)
    }

    private mutating func findNamed(_ request: borrowing Request) {
        if !named.isEmpty { named.removeAll(keepingCapacity: true) }
        guard request.head.connection.contains(.namesFields) else { return }
        for field in request.head.fields where field.known == .connection {
            let start = field.value.range.lowerBound
            let value = request.octets.extracting(field.value.range)
            var members = ListMembers()
            while let member = members.next(in: value) {
                named.append(member.lowerBound + start..<member.upperBound + start)
            }
        }
    }

    private func isNamed(_ name: Span<UInt8>, _ request: borrowing Request) -> Bool {
        for range in named
        where OctetText.equalsIgnoringASCIICase(name, request.octets.extracting(range)) {
            return true
        }
        return false
    }

    // MARK: Ours

    private func writeOurs(
        _ request: borrowing Request, under snapshot: Snapshot, _ route: CompiledRoute,
        _ facts: borrowing Facts, subject: borrowing String?, _ forwarding: borrowing Forwarding,
        _ ids: borrowing RequestFacts, to out: inout OctetWriter
    ) {
        // RFC 9110 §10.1.4: who sends TE names it in Connection too.
        if facts.acceptsTrailers { out.append("TE: trailers\r\nConnection: TE\r\n") }
        if let left = facts.maxForwards {
            out.append("Max-Forwards: ")
            out.append(decimal: left)
            out.append("\r\n")
        }
        if route.upstream.via {
            // The version is the one the request came in (RFC 9110 §7.6.3).
            if facts.isHTTP2 {
                out.append("Via: 2.0 gatehouse\r\n")
            } else if request.head.minorVersion == 0 {
                out.append("Via: 1.0 gatehouse\r\n")
            } else {
                out.append("Via: 1.1 gatehouse\r\n")
            }
        }
        forwarding.append(
            host: facts.host, external: snapshot.configuration.externalURL, request: request,
            to: &out)
        if let subject = copy subject {
            out.append("X-SSL-Client-S-DN: ")
            appendIdentityValue(Array(subject.utf8).span, inList: false, to: &out)
            out.append("\r\n")
        }
        out.append("X-Request-Id: ")
        out.append(contentsOf: ids.requestID.span)
        out.append("\r\ntraceparent: ")
        out.append(contentsOf: ids.traceparent.span)
        out.append("\r\n")
    }
}

/// How often a request has passed a gateway of this name: a few in a row are a lawful chain, more
/// are a circle (RFC 9110 §7.6.3).
func hasLooped(_ request: borrowing Request) -> Bool {
    guard request.has(.via) else { return false }
    var passes = 0
    for field in request.head.fields where field.known == .via {
        let value = request.octets.extracting(field.value.range)
        var members = ListMembers()
        while let member = members.next(in: value) {
            let text = value.extracting(member)
            guard let space = OctetText.index(of: UInt8(ascii: " "), in: text) else { continue }
            let by = text.extracting(OctetText.trimmedRange(text, in: space..<text.count))
            if OctetText.equals(by, "gatehouse") { passes += 1 }
        }
    }
    return passes >= 4
}

// The fields a client is sent of an upstream's answer: hop-by-hop ones and cookies of ours out,
// Location turned back, our cookies and the caching that they ask for in.
//
// RFC 9110 §7.6.1, RFC 9111 §7.3. The status line, `Connection`, framing fields and a missing Date
// are the server's, because they depend on the connection and not on the answer.

internal import Configuration
internal import HTTP
internal import Values

struct ClientHead {
    private var named: [Range<Int>] = []
    private var location: [UInt8] = []

    /// - Parameter cookies: our own Set-Cookie values.
    mutating func write(
        _ head: borrowing ResponseHead, _ octets: Span<UInt8>, under plan: ForwardPlan,
        cookies: [String], to out: inout OctetWriter
    ) {
        let isFinal = head.status >= 200 || head.status == 101
        let isOurs = isFinal && !cookies.isEmpty
        findNamed(head, octets)
        var run = 0..<0
        var hasCacheControl = false
        for index in head.fields.indices {
            let field = head.fields[index]
            if field.known == .cacheControl { hasCacheControl = true }
            if field.known == .trailer,
                !isFinal || !plan.acceptsTrailers || head.framing != .chunked
            {
                continue
            }
            guard keeps(field, octets, plan, carriesOurCookie: isOurs) else { continue }
            if field.known == .location || field.known == .contentLocation,
                rewrite(octets.extracting(field.value.range), plan)
            {
                out.append(contentsOf: octets.extracting(run))
                run = 0..<0
                out.append(contentsOf: octets.extracting(field.name.range))
                out.append(": ")
                out.append(contentsOf: location)
                out.append("\r\n")
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
        out.append(contentsOf: octets.extracting(run))
        guard isFinal else { return }
        // A browser that has only seen public pages has to learn it too (RFC 6797 §7.1); what the
        // upstream says of its own stays.
        if let age = plan.snapshot.strictTransportSecurity,
            head.first(.strictTransportSecurity) == nil
        {
            out.append("Strict-Transport-Security: ")
            out.append(utf8: age)
            out.append("\r\n")
        }
        if isOurs {
            if !Caching(head, octets).isNeverStored {
                out.append("Cache-Control: private, no-cache\r\n")
            }
            for cookie in cookies {
                out.append("Set-Cookie: ")
                out.append(utf8: cookie)
                out.append("\r\n")
            }
        } else if plan.readsSession, !hasCacheControl, head.status != 101 {
            out.append("Cache-Control: private\r\n")
        }
    }

    private func keeps(
        _ field: FieldLine, _ octets: Span<UInt8>, _ plan: ForwardPlan, carriesOurCookie: Bool
    ) -> Bool {
        switch field.known {
        case .connection, .contentLength, .transferEncoding, .te, .upgrade, .keepAlive,
            .proxyConnection, .proxyAuthenticate, .proxyAuthorization, .http2Settings:
            return false
        case .setCookie:
            if plan.snapshot.cookieNames.namesOurs(setCookie: octets.extracting(field.value.range))
            {
                return false
            }
        case .expires, .cdnCacheControl, .surrogateControl:
            if carriesOurCookie { return false }
        case .cacheControl:
            // An upstream's `no-store` says more than ours would, and stays as it stands.
            if carriesOurCookie,
                !Caching.saysNoStore(octets.extracting(field.value.range))
            {
                return false
            }
        default: break
        }
        // What every recipient is meant to read ends at no hop, whatever `Connection` lists (RFC 9110
        // §7.6.1): who could take away `Cache-Control` would decide what shared caches keep.
        guard !named.isEmpty, field.known == .other else { return true }
        let name = octets.extracting(field.name.range)
        guard !EndToEndFields.contains(name) else { return true }
        for range in named where OctetText.equalsIgnoringASCIICase(name, octets.extracting(range)) {
            return false
        }
        return true
    }

    private mutating func findNamed(_ head: borrowing ResponseHead, _ octets: Span<UInt8>) {
        if !named.isEmpty { named.removeAll(keepingCapacity: true) }
        guard head.connection.contains(.namesFields) else { return }
        for field in head.fields where field.known == .connection {
            let start = field.value.range.lowerBound
            let value = octets.extracting(field.value.range)
            var members = ListMembers()
            while let member = members.next(in: value) {
                named.append(member.lowerBound + start..<member.upperBound + start)
            }
        }
    }

    /// Writes `location` where the value has to change.
    private mutating func rewrite(
        _ value: Span<UInt8>, _ plan: ForwardPlan
    ) -> Bool {
        location.removeAll(keepingCapacity: true)
        let route = plan.compiled
        let origin = plan.originOctets
        return rewriteLocation(
            value, route: route.settings,
            upstreamOrigin: route.upstream.hostSent == .upstream ? route.upstream.origin : nil,
            askedOrigin: origin.span, into: &location)
    }
}

/// What an answer's fields say to caches that many share (RFC 9111 §3, §5.2.2).
struct Caching {
    /// `no-store`: nothing of ours needs to be added to that.
    let isNeverStored: Bool
    /// Whether a shared cache may keep and reuse it, so that a cookie for one visitor must wait.
    let isPublic: Bool

    init(_ head: borrowing ResponseHead, _ octets: Span<UInt8>) {
        var isNeverStored = false
        var isKept = false  // private, no-cache, or stale at once
        var isShared = false  // public, or fresh for shared caches
        var isForCDN = false
        var speaks = false
        for field in head.fields {
            switch field.known {
            case .cacheControl:
                speaks = true
                let value = octets.extracting(field.value.range)
                var members = ListMembers()
                while let member = members.next(in: value) {
                    let directive = value.extracting(member)
                    if Caching.isNamed(directive, "no-store") { isNeverStored = true }
                    if Caching.isNamed(directive, "private") { isKept = true }
                    if Caching.isNamed(directive, "no-cache") { isKept = true }
                    if OctetText.equalsIgnoringASCIICase(directive, "max-age=0") { isKept = true }
                    if OctetText.equalsIgnoringASCIICase(directive, "public") { isShared = true }
                    if Caching.isNamed(directive, "s-maxage") { isShared = true }
                }
            case .cdnCacheControl, .surrogateControl:
                isForCDN = true
            default: break
            }
        }
        self.isNeverStored = isNeverStored
        // Without Cache-Control the answer gets `private` from us; a field for CDNs outranks that.
        isPublic = isForCDN || (!isNeverStored && (isShared || (speaks && !isKept)))
    }

    static func saysNoStore(_ value: Span<UInt8>) -> Bool {
        var members = ListMembers()
        while let member = members.next(in: value) {
            if isNamed(value.extracting(member), "no-store") { return true }
        }
        return false
    }

    /// Whether a directive has this name, with an argument or without.
    private static func isNamed(_ directive: Span<UInt8>, _ name: StaticString) -> Bool {
        let end = OctetText.index(of: UInt8(ascii: "="), in: directive) ?? directive.count
        return OctetText.equalsIgnoringASCIICase(directive.extracting(0..<end), name)
    }
}

// A request's head with the octets it lies in, and the questions that policy asks of it.
//
// It lives as long as the octets may be read and is copied nowhere; what has to outlive the turn is
// copied out as `Asked`.

internal import HTTP
internal import Values

struct Request: ~Escapable {
    let head: RequestHead
    let octets: Span<UInt8>

    @_lifetime(copy octets)
    init(_ head: RequestHead, _ octets: Span<UInt8>) {
        self.head = head
        self.octets = octets
    }

    var method: Method { head.method }
    var isGetOrHead: Bool { head.method == .get || head.method == .head }

    func has(_ field: KnownField) -> Bool { head.present.contains(field) }

    /// Where the value of a field lies that was sent exactly once.
    func range(of field: KnownField) -> Range<Int>? { head.only(field)?.value.range }

    /// Whether the field was sent once, with this value.
    func says(_ field: KnownField, _ value: StaticString) -> Bool {
        guard let range = range(of: field) else { return false }
        return OctetText.equals(octets.extracting(range), value)
    }

    /// The octets as text for cold paths: what a peer wrote, kept only where it is UTF-8.
    func text(_ range: OctetRange) -> String {
        OctetText.string(octets.extracting(range.range)) ?? ""
    }
}

extension Request {
    /// Whether a WebSocket is asked for, well or badly (RFC 6455 §4.1).
    var asksForWebSocket: Bool {
        guard head.upgrade != nil else { return false }
        var index = head.nextIndex(of: .upgrade, from: 0)
        while let at = index {
            let value = octets.extracting(head.fields[at].value.range)
            var members = ListMembers()
            while let member = members.next(in: value) {
                if OctetText.equalsIgnoringASCIICase(value.extracting(member), "websocket") {
                    return true
                }
            }
            index = head.nextIndex(of: .upgrade, from: at + 1)
        }
        return false
    }

    /// The names that `Connection` lists, in all its lines: a list of its own; empty where it names
    /// no fields.
    var connectionNames: [UInt8] {
        head.connection.contains(.namesFields) ? head.connectionNames(octets) : []
    }

    /// `Sec-Purpose: prefetch`, `prefetch;prerender` and what may follow.
    var isPrefetch: Bool {
        guard let line = head.first(.secPurpose) else { return false }
        return OctetText.hasPrefix(octets.extracting(line.value.range), "prefetch")
    }

    /// Whether the media type text/html is named: a program's `*/*` is no wish for a page.
    var acceptsHTML: Bool { weight(of: "text", "html") > 0 }

    /// Whether a GraphQL client asks for plain JSON rather than for GraphQL's own media type.
    var wantsPlainJSON: Bool {
        weight(of: "application", "json") > weight(of: "application", "graphql-response+json")
    }

    /// How much Accept wants the media type where it names it; 0 where it does not.
    private func weight(of type: String, _ subtype: String) -> Int {
        var best = 0
        var index = head.nextIndex(of: .accept, from: 0)
        while let at = index {
            let value = octets.extracting(head.fields[at].value.range)
            best = max(
                best, Accept.quality(of: value, type: type, subtype: subtype, explicitly: true))
            index = head.nextIndex(of: .accept, from: at + 1)
        }
        return best
    }

    /// Whether the content is JSON by its media type: one that no form can send without a preflight
    /// (Fetch §2.2.2).
    var sendsJSON: Bool {
        guard let range = range(of: .contentType) else { return false }
        let value = octets.extracting(range)
        let end = OctetText.index(of: UInt8(ascii: ";"), in: value) ?? value.count
        let type = value.extracting(OctetText.trimmedRange(value, in: 0..<end))
        if OctetText.equalsIgnoringASCIICase(type, "application/json") { return true }
        return type.count > 17
            && OctetText.equalsIgnoringASCIICase(type.extracting(first: 12), "application/")
            && OctetText.equalsIgnoringASCIICase(type.extracting(last: 5), "+json")
    }

    /// Whether a bearer token was presented (RFC 6750 §2.1).
    var presentsBearer: Bool {
        guard let line = head.first(.authorization) else { return false }
        let value = octets.extracting(line.value.range)
        return value.count >= 7
            && OctetText.equalsIgnoringASCIICase(value.extracting(first: 7), "bearer ")
    }

    /// The target's query as it came, with its `?`; empty without one.
    var queryText: String {
        head.hasQuery ? "?" + text(head.query) : ""
    }
}

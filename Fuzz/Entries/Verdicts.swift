// The whole decision about an arbitrary head, from a trusted proxy and from a stranger, signed in and
// not. What an upstream would be sent is read back as an upstream reads it: one request, one Host,
// none of our cookies, and of the identity fields exactly those that the session gives.
import Gateway
import HTTP
import Values

extension Entry {
    static let verdicts = Entry("verdicts", octetsMax: 3072) { octets in
        var head = RequestHead()
        var reader = RequestReader()
        guard reader.step(octets.span, into: &head) == .head else { return }
        var gatekeeper = Gatekeeper(House.snapshot, seed: 7)
        for peer in [Peer(address: .v4(0x0a00_0001)), Peer(address: .v4(0xc000_0201))] {
            for isSignedIn in [false, true] {
                var facts = RequestFacts()
                var upstreamHead = OctetWriter()
                let verdict = gatekeeper.decide(
                    head, octets.span, from: peer,
                    known: isSignedIn ? .session(House.session, setCookies: []) : .unread,
                    gathered: Array(octets.dropFirst(head.octetCount)), at: House.noon,
                    upstreamHead: &upstreamHead, facts: &facts)
                switch verdict {
                case .forward: try checkUpstream([UInt8](upstreamHead.span), isSignedIn: isSignedIn)
                case .answer(let answer): try check(answer)
                case .suspend(.beginLogin(let intent)): try checkReturnPath(intent.returnTo)
                case .suspend, .gather: break
                }
            }
        }
    }

    private static let identity = [
        "x-forwarded-user": "alice-id", "x-forwarded-email": "alice@example.com",
        "x-forwarded-groups": "readers,writers", "x-forwarded-preferred-username": "",
    ]

    private static func checkUpstream(_ written: [UInt8], isSignedIn: Bool) throws {
        let octets = written + [0x0d, 0x0a]
        let text = String(decoding: octets, as: UTF8.self)
        var head = RequestHead()
        // Our own fields come on top of as many as a client may send.
        var reader = RequestReader(limits: HTTPLimits(headOctetsMax: 131_072, fieldsMax: 160))
        let step = reader.step(octets.span, into: &head)
        try hold(step == .head && head.octetCount == octets.count, "\(step): \(text)")
        try hold(head.count(of: .host) == 1 && head.framing == .none, text)
        try hold(head.form == .origin, text)
        // RFC 9110 §10.1.4: TE is named, and nothing else.
        let isNamed = head.text(.connection, in: octets.span) == "TE" && head.only(.te) != nil
        try hold(head.connection.isEmpty || (isNamed && head.only(.connection) != nil), text)
        let path = Array(octets[head.path.range])
        var canonical: [UInt8] = []
        let options = CanonicalPath.Options(encodedSlashesPass: true, keepSlashes: true)
        _ = try CanonicalPath.canonicalize(path.span, options: options, into: &canonical)
        try hold(canonical == path, "a path that is not canonical: \(text)")
        for ended in [KnownField.keepAlive, .proxyConnection, .upgrade, .trailer, .http2Settings] {
            try hold(head.count(of: ended) == 0, "\(ended) goes on: \(text)")
        }
        var seen: Set<String> = []
        for field in head.fields {
            let value = Array(octets[field.value.range])
            if field.known == .cookie { try checkCookies(value) }
            let name = String(
                decoding: octets[field.name.range].map(looselyFolded), as: UTF8.self)
            guard let own = identity[name] else { continue }
            let isOurs = isSignedIn && String(decoding: value, as: UTF8.self) == own
            try hold(isOurs && seen.insert(name).inserted, "a forged \(name): \(text)")
        }
    }

    private static func checkCookies(_ value: [UInt8]) throws {
        for part in value.split(separator: UInt8(ascii: ";")) {
            let pair = String(decoding: part, as: UTF8.self).drop { $0 == " " || $0 == "\t" }
            // Without `=` it is a value without a name (RFC 6265bis), and holds nothing of ours.
            guard pair.contains("=") else { continue }
            let isOurs = ["__Host-", "__Secure-", ""].contains { prefix in
                ["=", ".", "-login=", "-login."].contains { tail in
                    pair.hasPrefix(prefix + "gatehouse" + tail)
                }
            }
            try hold(!isOurs, "our cookie to an upstream: \(pair)")
        }
    }

    static func check(_ answer: Answer) throws {
        try hold((200...599).contains(answer.status), "a status of \(answer.status)")
        for (name, value) in answer.fields {
            let isLine = (name + value).utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }
            try hold(isLine, "no field line: \(name): \(value)")
        }
    }
}

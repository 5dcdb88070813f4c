// What a client is sent of an arbitrary answer: one head that reads back, without our cookies and
// without what ends at this hop.
import Gateway
import HTTP
import Values

extension Entry {
    static let answers = Entry("answers", octetsMax: 2048) { octets in
        var head = ResponseHead()
        var reader = ResponseReader()
        let step = reader.step(octets.span, into: &head, requestMethod: .get)
        guard step == .head else { return }
        var gatekeeper = Gatekeeper(House.snapshot, seed: 7)
        for path in ["/public/a", "/v/b"] {
            guard let plan = plan(path, &gatekeeper) else {
                throw Broken(description: "\(path) is not forwarded")
            }
            var written = OctetWriter()
            gatekeeper.writeResponseFields(
                plan, head, octets.span, at: House.noon, into: &written)
            try checkClient([UInt8](written.span))
        }
    }

    private static func plan(_ path: String, _ gatekeeper: inout Gatekeeper) -> ForwardPlan? {
        let request = Array("GET \(path) HTTP/1.1\r\nHost: portal.example.com\r\n\r\n".utf8)
        var head = RequestHead()
        var reader = RequestReader()
        guard reader.step(request.span, into: &head) == .head else { return nil }
        var facts = RequestFacts()
        var upstreamHead = OctetWriter()
        let verdict = gatekeeper.decide(
            head, request.span, from: Peer(address: .v4(0xc000_0201)),
            known: .session(House.session, setCookies: ["__Host-gatehouse=ours"]),
            at: House.noon, upstreamHead: &upstreamHead, facts: &facts)
        guard case .forward(let plan) = verdict else { return nil }
        return plan
    }

    private static func checkClient(_ written: [UInt8]) throws {
        let octets = Array("HTTP/1.1 200 OK\r\n".utf8) + written + [0x0d, 0x0a]
        let text = String(decoding: octets, as: UTF8.self)
        var head = ResponseHead()
        var reader = ResponseReader(limits: HTTPLimits(fieldsMax: 160))
        let step = reader.step(octets.span, into: &head, requestMethod: .get)
        try hold(step == .head && head.octetCount == octets.count, "\(step): \(text)")
        try hold(head.framing == .untilClose && head.connection.isEmpty, "a framing field: \(text)")
        for field in head.fields where field.known == .setCookie {
            let value = String(decoding: octets[field.value.range], as: UTF8.self)
            let isForged =
                value != "__Host-gatehouse=ours"
                && ["__Host-gatehouse", "__Secure-gatehouse", "gatehouse"].contains {
                    value.hasPrefix($0 + "=") || value.hasPrefix($0 + ".")
                }
            try hold(!isForged, "an upstream sets our cookie: \(value)")
        }
    }
}

// A gatekeeper with a configuration of its own, asked in text: what the tests of this room share.

import Configuration
import HTTP
import Sessions
import Testing
import Values

@testable import Gateway

let noon = UnixTime(seconds: 1_800_000_000)

/// A configuration, a gatekeeper under it, and requests as a client would write them.
final class Door {
    let snapshot: Snapshot
    var gatekeeper: Gatekeeper
    let sealer: Sealer
    var facts = RequestFacts()
    var now = noon
    var peer = Peer(address: .v4(0xC000_0201))  // 192.0.2.1

    static let site = """
        external_url: https://portal.example.com
        listeners: [{ address: "127.0.0.1:8080", tls_terminated: true, health_path: /healthz }]
        provider:
          issuer: https://login.example.com
          client_id: portal
          client_secret: secret
        upstreams:
          site: { url: "http://127.0.0.1:3000" }
          api: { url: "https://api.example.com" }
        routes:
          - { path: /public/*, access: public, upstream: site }
          - { path: /maybe/*, access: optional, upstream: site }
          - { path: /graphql, graphql: true, upstream: api, upstream_path: /util/graphql }
          - { path: /v/*, upstream: api, upstream_path: /v1/* }
          - { path: /bare/*, identity: false, cookies: drop, upstream: site }
          - { path: /*, upstream: site }

        """

    /// - Parameter change: what no file can say yet.
    init(
        _ text: String = Door.site, changing change: (Configuration) -> Configuration = { $0 }
    ) throws {
        let source = ConfigurationSource(
            file: "/gatehouse.yaml", read: { _ in .success(Array(text.utf8)) },
            environment: { _ in nil })
        let loaded = Loaded.load(source)
        let errors = loaded.problems.filter { !$0.isWarning }.map { "\($0)" }
        let configuration = try #require(loaded.configuration, "\(errors)")
        var dice = SystemRandomNumberGenerator()
        let ring = KeyRing.ephemeral(using: &dice)
        snapshot = Snapshot(configuration: change(configuration), ring: ring, generation: 1)
        gatekeeper = Gatekeeper(snapshot, seed: 7)
        sealer = Sealer(ring)
    }

    /// Reads a request of these lines and decides about it.
    func ask(
        _ method: String, _ target: String, _ lines: [String] = [],
        host: String? = "portal.example.com", version: String = "1.1",
        known: KnownSession = .unread, gathered: [UInt8]? = nil
    ) throws -> Reply {
        var text = "\(method) \(target) HTTP/\(version)\r\n"
        if let host { text += "Host: \(host)\r\n" }
        for line in lines { text += line + "\r\n" }
        let octets = Array((text + "\r\n").utf8)
        var head = RequestHead()
        var reader = RequestReader()
        let step = reader.step(octets.span, into: &head)
        guard step == .head else { return Reply(refused: "\(step)") }
        var upstreamHead = OctetWriter()
        let verdict = gatekeeper.decide(
            head, octets.span, from: peer, known: known, gathered: gathered, at: now,
            upstreamHead: &upstreamHead, facts: &facts)
        return Reply(verdict, upstreamHead.text)
    }

    /// What the client is sent of an upstream's head.
    func relay(_ reply: Reply, _ status: Int = 200, _ lines: [String] = []) throws -> [String] {
        let text = "HTTP/1.1 \(status) OK\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        let octets = Array(text.utf8)
        var head = ResponseHead()
        var reader = ResponseReader()
        guard case .head = reader.step(octets.span, into: &head, requestMethod: .get) else {
            Issue.record("the test's response cannot be read")
            return []
        }
        let plan = try #require(reply.plan)
        var out = OctetWriter()
        gatekeeper.writeResponseFields(plan, head, octets.span, at: now, into: &out)
        return out.text.split(separator: "\r\n").map(String.init)
    }

    // MARK: Sessions

    func session(_ change: (inout Session) -> Void = { _ in }) -> Session {
        var session = Session(
            id: Array(1...16), binding: binding(), subject: "alice-id",
            claims: [
                SessionClaim(name: "email", value: .text("alice@example.com")),
                SessionClaim(name: "groups", value: .list(["readers", "writers"])),
            ], startedAt: noon, sealedAt: noon, expires: noon + .seconds(8 * 3600),
            accessToken: "access-1", accessTokenExpires: noon + .seconds(3600),
            refreshToken: "refresh-1", providerSessionID: nil, scope: "openid")
        change(&session)
        return session
    }

    func binding(
        host: String = "portal.example.com", issuer: String = "https://login.example.com",
        client: String = "portal"
    ) -> [UInt8] {
        Session.binding(host: host, issuer: issuer, clientID: client)
    }

    /// A Cookie line's pairs for the session.
    func cookie(_ session: Session, provider: Int = 0) -> String {
        let cookies = snapshot.sessionCookies[provider]
        var dice = SystemRandomNumberGenerator()
        let text = sealer.seal(
            session.encoded().span, for: .session, named: cookies.name, at: now, using: &dice)
        return cookies.split(text).map { "\($0.name)=\($0.value)" }.joined(separator: "; ")
    }

    /// A Cookie line of somebody who is signed in.
    func signedIn(_ change: (inout Session) -> Void = { _ in }) -> String {
        "Cookie: " + cookie(session(change))
    }
}

/// A verdict, taken apart for expectations.
struct Reply {
    var kind = ""
    var status = 0
    var answer: Answer?
    var plan: ForwardPlan?
    var work: Work?
    var lines: [String] = []

    init(refused: String) { kind = refused }

    init(_ verdict: Verdict, _ upstreamHead: String) {
        switch verdict {
        case .forward(let plan):
            kind = "forward"
            self.plan = plan
            lines = upstreamHead.split(separator: "\r\n").map(String.init)
        case .answer(let answer):
            kind = "answer"
            status = answer.status
            self.answer = answer
        case .suspend(let work):
            self.work = work
            kind =
                switch work {
                case .beginLogin: "login"
                case .completeLogin: "callback"
                case .logout: "logout"
                case .refresh: "refresh"
                case .backchannelLogout: "backchannel-logout"
                case .frontchannelLogout: "frontchannel-logout"
                case .fetchSession: "fetch"
                }
        case .gather: kind = "gather"
        }
    }

    /// What is sent as the request line's target.
    var target: String {
        let parts = (lines.first ?? "").split(separator: " ")
        return parts.count == 3 ? String(parts[1]) : ""
    }

    /// The values of an upstream field, by its name in any case.
    func sent(_ name: String) -> [String] { values(of: name, in: lines) }

    func field(_ name: String) -> String? { answer?.field(name) }

    var body: String { String(decoding: answer?.body ?? [], as: UTF8.self) }

    /// A word for tables: `forward`, `login`, or the status of an answer.
    var word: String { kind == "answer" ? "\(status)" : kind }
}

func values(of name: String, in lines: [String]) -> [String] {
    lines.compactMap { line in
        let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].lowercased() == name.lowercased() else { return nil }
        return String(parts[1].drop { $0 == " " })
    }
}

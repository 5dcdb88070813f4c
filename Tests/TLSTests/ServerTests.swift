// The server's side: whom it shows what, and whose sessions count. The client here is the room's own.

import COpenSSL
import Testing

@testable import TLS

/// A client and a server of ours, with the octets carried between them by hand.
final class Pair {
    let client: TLSConnection
    let server: TLSConnection
    var toServer: [UInt8] = []
    var toClient: [UInt8] = []
    var atServer: [UInt8] = []
    var atClient: [UInt8] = []

    init(_ client: TLSContext, _ server: TLSServerContext) throws {
        self.client = try TLSConnection(client)
        self.server = try TLSConnection(server)
        try self.client.start(out: &toServer)
    }

    /// Carries octets until neither has anything to say, in pieces of `size`.
    func run(inPiecesOf size: Int = .max) throws {
        while !toServer.isEmpty || !toClient.isEmpty {
            let (up, down) = (toServer, toClient)
            (toServer, toClient) = ([], [])
            for piece in up.pieces(of: size) {
                try server.receive(piece.span, plain: &atServer, out: &toClient)
            }
            for piece in down.pieces(of: size) {
                try client.receive(piece.span, plain: &atClient, out: &toServer)
            }
        }
    }

    /// The server's fault; `nil` where it has none.
    func serverFault() -> TLSFault? {
        do throws(TLSFault) {
            while !toServer.isEmpty {
                let octets = toServer
                toServer = []
                try server.receive(octets.span, plain: &atServer, out: &toClient)
                let answer = toClient
                toClient = []
                // What the client makes of it is not the question.
                do { try client.receive(answer.span, plain: &atClient, out: &toServer) } catch {}
            }
            return nil
        } catch { return error }
    }
}

extension [UInt8] {
    fileprivate func pieces(of size: Int) -> [[UInt8]] {
        stride(from: 0, to: count, by: Swift.max(1, Swift.min(size, count))).map {
            Array(self[$0..<Swift.min($0 + Swift.min(size, count), count)])
        }
    }
}

extension ServerSettings.Certificate {
    init(_ identity: Identity, ocsp: [UInt8]? = nil) {
        self.init(chain: identity.certificatePEM, key: identity.keyPEM, ocsp: ocsp)
    }
}

private func context(
    _ identities: [Identity] = [Fixtures.server], tickets: TicketKeys = TicketKeys(),
    authorities: Identity? = nil,
    clients: ServerSettings.ClientCertificates = .required, minimum: TLSVersion = .tls12
) throws -> TLSServerContext {
    try TLSServerContext(
        ServerSettings(
            certificates: identities.map { ServerSettings.Certificate($0) },
            minimumVersion: minimum, clientAuthorities: authorities?.certificatePEM,
            clientCertificates: clients, alpn: ["h2", "http/1.1"]), tickets: tickets)
}

private func client(
    _ name: String = "a.test", alpn: [String] = [], showing identity: Identity? = nil
) throws -> TLSContext {
    var settings = Fixtures.settings(name)
    settings.alpn = alpn
    settings.clientCertificate = identity?.certificatePEM
    settings.clientKey = identity?.keyPEM
    return try TLSContext(client: settings)
}

@Suite struct `A server` {
    @Test(arguments: [1, 2, 3, 7, 100, 5_000, .max])
    func `opens and carries data wherever the octets are cut`(_ size: Int) throws {
        let pair = try Pair(client(), context())
        try pair.run(inPiecesOf: size)
        #expect(pair.client.progress == .open && pair.server.progress == .open)
        #expect(pair.server.version == "TLSv1.3")
        let text = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try pair.client.send(text.span, out: &pair.toServer)
        try pair.server.send(text.span, out: &pair.toClient)
        try pair.run(inPiecesOf: size)
        #expect(pair.atServer == text && pair.atClient == text)
        pair.client.close(out: &pair.toServer)
        try pair.run()
        #expect(pair.server.peerClosed)
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func `and its client keep no key of the exchange`(_ version: TLSVersion) throws {
        var settings = Fixtures.settings()
        settings.minimumVersion = version
        let scripted = ScriptedServer(
            Fixtures.server, version: version == .tls12 ? TLS1_2_VERSION : nil)
        let dialogue = try Dialogue(TLSContext(client: settings), scripted)
        try dialogue.run()
        // Under TLS 1.3 a server that does nothing about it keeps both.
        #expect(unsafe keysHeld(by: scripted.connection) == (version == .tls12 ? 0 : 2))
        #expect(unsafe keysHeld(by: dialogue.client.connection) == 0)
        let pair = try Pair(client(), context(minimum: version))
        try pair.run()
        #expect(unsafe keysHeld(by: pair.server.connection) == 0)
        #expect(unsafe keysHeld(by: pair.client.connection) == 0)
    }

    private func keysHeld(by connection: OpaquePointer) -> Int {
        let all = [gate_SSL_get_tmp_key, gate_SSL_get_peer_tmp_key].map { get -> Bool in
            var key: OpaquePointer?
            var octets = 0
            guard unsafe get(connection, &key) == 1 else { return false }
            defer { unsafe EVP_PKEY_free(key) }
            return unsafe EVP_PKEY_get_octet_string_param(
                key, OSSL_PKEY_PARAM_PUB_KEY, nil, 0, &octets) == 1
        }
        return all.count { $0 }
    }

    @Test(arguments: [
        (["http/1.1"], "http/1.1"), (["http/1.1", "h2"], "h2"), (["x", "h2"], "h2"), ([], nil),
    ])
    func `agrees on the protocol that it likes best`(
        _ offered: [String], _ agreed: String?
    ) throws {
        let pair = try Pair(client(alpn: offered), context())
        try pair.run()
        #expect(pair.server.negotiatedProtocol == agreed)
        #expect(pair.client.negotiatedProtocol == agreed)
    }

    @Test func `refuses a client that offers only other protocols`() throws {
        let pair = try Pair(client(alpn: ["ftp"]), context())
        #expect(pair.serverFault() != nil)
        #expect(pair.server.progress == .closed)
    }

    @Test(arguments: ["GET / HTTP/1.1\r\n\r\n", "\0\0\0\0\0\0", "\u{15}\u{3}\u{1}\0\u{2}\u{2}\0"])
    func `refuses what begins no handshake`(_ text: String) throws {
        let server = try TLSConnection(context())
        var (plain, out): ([UInt8], [UInt8]) = ([], [])
        #expect(throws: TLSFault.self) {
            try server.receive(Array(text.utf8).span, plain: &plain, out: &out)
        }
        #expect(plain.isEmpty && server.progress == .closed)
    }

    @Test func `is not made of a pair that is none`() {
        let stranger = Identity("stranger", names: "DNS:a.test")
        let settings = ServerSettings(
            certificates: [
                ServerSettings.Certificate(Fixtures.server),
                .init(chain: Fixtures.server.certificatePEM, key: stranger.keyPEM),
            ])
        #expect(throws: TLSProblem.certificate(1, "its key is not the key of the certificate")) {
            try TLSServerContext(settings, tickets: TicketKeys())
        }
        #expect(throws: TLSProblem.certificateMissing) {
            try TLSServerContext(ServerSettings(certificates: []), tickets: TicketKeys())
        }
    }
}

@Suite struct `A session` {
    /// Whether the second connection of a client resumes the first's session.
    private func resumes(
        _ first: TLSServerContext, _ second: TLSServerContext, _ client: TLSContext
    ) throws -> Bool {
        let before = try Pair(client, first)
        try before.run()
        #expect(!before.server.isResumed)
        let after = try Pair(client, second)
        try after.run()
        #expect(after.server.progress == .open && after.server.isResumed == after.client.isResumed)
        return after.server.isResumed
    }

    @Test func `resumes at another context under the same keys`() throws {
        let tickets = TicketKeys()
        #expect(try resumes(context(tickets: tickets), context(tickets: tickets), client()))
    }

    @Test func `does not under other keys`() throws {
        #expect(try !resumes(context(), context(), client()))
    }

    @Test(arguments: [(1, true), (2, true), (3, false)])
    func `lives through rotations, and not too many`(_ count: Int, _ lives: Bool) throws {
        let tickets = TicketKeys()
        let server = try context(tickets: tickets)
        let client = try client()
        let before = try Pair(client, server)
        try before.run()
        for _ in 0..<count { tickets.rotate() }
        let after = try Pair(client, server)
        try after.run()
        // A connection that is cut off takes its session along, so the first is still there.
        #expect(before.client.progress == .open && after.server.isResumed == lives)
    }

    @Test func `passes between processes that share a file, as long as the key is in it`() throws {
        let (old, new) = ([UInt8](repeating: 1, count: 80), [UInt8](repeating: 2, count: 80))
        let one = try #require(TicketKeys([old]))
        let other = try #require(TicketKeys([new, old]))
        #expect(try resumes(context(tickets: one), context(tickets: other), client()))
        other.replace([new])
        #expect(try !resumes(context(tickets: one), context(tickets: other), client()))
        #expect(TicketKeys([]) == nil && TicketKeys([[1, 2, 3]]) == nil)
    }

    /// TL-02: what a client proved to be under one rule says nothing under another.
    @Test(arguments: [ServerSettings.ClientCertificates.required, .optional])
    func `does not pass where clients' certificates are looked at`(
        _ clients: ServerSettings.ClientCertificates
    ) throws {
        let tickets = TicketKeys()
        let known = Identity("known", signedBy: Fixtures.authority)
        let open = try context(tickets: tickets)
        let asking = try context(
            tickets: tickets, authorities: Fixtures.authority, clients: clients)
        let client = try client(showing: known)
        #expect(try !resumes(open, asking, client))
        #expect(try !resumes(asking, asking, client))
    }

    @Test func `belongs to the certificate it was begun under`() throws {
        let tickets = TicketKeys()
        let (a, b) = (
            Identity("a", names: "DNS:a.test", signedBy: Fixtures.authority),
            Identity("b", names: "DNS:b.test", signedBy: Fixtures.authority)
        )
        let both = try context([a, b], tickets: tickets)
        // Where b.test is the default, a.test's session is not its own.
        let onlyB = try context([b], tickets: tickets)
        let client = try client("a.test")
        let before = try Pair(client, both)
        try before.run()
        let after = try Pair(client, onlyB)
        #expect(before.client.progress == .open)
        #expect(after.serverFault() != nil || !after.server.isResumed)
    }
}

@Suite struct `A client's certificate, at the server` {
    private let known = Identity("known, or so", signedBy: Fixtures.authority)

    @Test func `gives its subject`() throws {
        let pair = try Pair(
            client(showing: known), context(authorities: Fixtures.authority))
        try pair.run()
        #expect(pair.server.peerSubject == #"CN=known\, or so"#)
    }

    @Test(arguments: [(ServerSettings.ClientCertificates.optional, true), (.required, false)])
    func `may be missing where it is optional`(
        _ clients: ServerSettings.ClientCertificates, _ opens: Bool
    ) throws {
        let pair = try Pair(
            client(), context(authorities: Fixtures.authority, clients: clients))
        #expect((pair.serverFault() == nil) == opens)
        #expect((pair.server.progress == .open) == opens && pair.server.peerSubject == nil)
    }

    @Test(arguments: [ServerSettings.ClientCertificates.optional, .required])
    func `that is not trusted is refused`(_ clients: ServerSettings.ClientCertificates) throws {
        let strangers = [
            Identity("stranger"), Identity("old", signedBy: Fixtures.authority, days: -9 ... -2),
            Identity("known", signedBy: Identity("Other Root", isAuthority: true)),
        ]
        for stranger in strangers {
            let pair = try Pair(
                client(showing: stranger),
                context(authorities: Fixtures.authority, clients: clients))
            guard case .untrusted = pair.serverFault() else {
                Issue.record("a stranger was let in")
                continue
            }
            #expect(pair.server.peerSubject == nil)
        }
    }

    @Test func `is not asked for without authorities`() throws {
        let pair = try Pair(client(showing: known), context())
        try pair.run()
        #expect(pair.server.peerSubject == nil)
    }
}

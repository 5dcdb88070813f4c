// What two peers agree on, and that data arrives however it was cut.

import COpenSSL
import TLS
import Testing

enum Fixtures {
    static let authority = Identity("Test Root", isAuthority: true)
    static let server = Identity(
        "ignored", names: "DNS:a.test,DNS:*.w.test,IP:127.0.0.1,IP:::1", signedBy: authority)
    static func settings(_ name: String = "a.test") -> ClientSettings {
        ClientSettings(caFile: authority.certificatePEM, serverName: name)
    }
}

@Suite struct `A handshake` {
    @Test(arguments: [nil, TLS1_2_VERSION, TLS1_3_VERSION])
    func `opens, carries data both ways, and closes`(_ version: Int32?) throws {
        let server = ScriptedServer(Fixtures.server, version: version)
        let dialogue = try Dialogue(TLSContext(client: Fixtures.settings()), server)
        #expect(dialogue.client.progress == .handshaking)
        try dialogue.run()
        #expect(dialogue.client.progress == .open)
        #expect(dialogue.client.version == (version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3"))
        #expect(server.serverNameSeen == "a.test")
        try dialogue.send(Array("question".utf8))
        try dialogue.run()
        #expect(server.received == Array("question".utf8))
        try dialogue.deliver(server.send(Array("answer".utf8)))
        #expect(dialogue.plain == Array("answer".utf8))
        dialogue.client.close(out: &dialogue.toServer)
        #expect(dialogue.client.progress == .closed)
        _ = server.exchange(dialogue.toServer)
        #expect(server.hasSeenClose)
    }

    @Test(arguments: [1, 2, 3, 5, 100, 1_000])
    func `and data come out the same wherever the octets are cut`(_ size: Int) throws {
        let server = ScriptedServer(Fixtures.server)
        let dialogue = try Dialogue(TLSContext(client: Fixtures.settings()), server)
        try dialogue.run(inPiecesOf: size)
        #expect(dialogue.client.progress == .open)
        let text = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try dialogue.deliver(server.send(text), inPiecesOf: size)
        #expect(dialogue.plain == text)
        try dialogue.send(text)
        try dialogue.run(inPiecesOf: size)
        #expect(server.received == text)
    }

    @Test func `is not with anything older than TLS 1.2`() throws {
        let server = ScriptedServer(Fixtures.server, version: TLS1_1_VERSION, weakly: true)
        let fault = try fault(TLSContext(client: Fixtures.settings()), server)
        guard case .alert = fault else {
            Issue.record("not refused so: \(String(describing: fault))")
            return
        }
    }

    @Test func `keeps to a minimum of TLS 1.3`() throws {
        var settings = Fixtures.settings()
        settings.minimumVersion = .tls13
        let old = ScriptedServer(Fixtures.server, version: TLS1_2_VERSION)
        #expect(try fault(TLSContext(client: settings), old) != nil)
        #expect(try fault(TLSContext(client: settings), ScriptedServer(Fixtures.server)) == nil)
    }

    @Test(arguments: [("h2", "h2"), ("http/1.1", "http/1.1"), (nil, nil)])
    func `agrees on a protocol that was offered`(_ chosen: String?, _ agreed: String?) throws {
        var settings = Fixtures.settings()
        settings.alpn = ["h2", "http/1.1"]
        let server = ScriptedServer(Fixtures.server, chooses: chosen)
        let dialogue = try Dialogue(TLSContext(client: settings), server)
        try dialogue.run()
        #expect(dialogue.client.negotiatedProtocol == agreed)
    }

    @Test func `does not accept a protocol that was not offered`() throws {
        var settings = Fixtures.settings()
        settings.alpn = ["http/1.1"]
        let fault = try fault(
            TLSContext(client: settings), ScriptedServer(Fixtures.server, chooses: "h2"))
        guard case .broken = fault else {
            Issue.record("not refused so: \(String(describing: fault))")
            return
        }
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func `resumes the session before, but looks at the certificate now and then`(
        _ version: Int32
    ) throws {
        let context = try TLSContext(client: Fixtures.settings())
        let server = ScriptedServer(Fixtures.server, version: version)
        for attempt in 0..<40 {
            let dialogue = try Dialogue(context, server)
            try dialogue.run()
            #expect(
                dialogue.client.isResumed == (attempt % (TLSContext.resumptionsMax + 1) != 0))
            try dialogue.send([1])
            try dialogue.run()
            #expect(server.received.last == 1)
            dialogue.client.close(out: &dialogue.toServer)
            try dialogue.run()
            server.next()
        }
        let stranger = try Dialogue(TLSContext(client: Fixtures.settings()), server)
        try stranger.run()
        #expect(!stranger.client.isResumed, "a session stays in its context")
    }

    @Test func `is made once: a server that asks for another is told no`() throws {
        let server = ScriptedServer(Fixtures.server, version: TLS1_2_VERSION)
        let dialogue = try Dialogue(TLSContext(client: Fixtures.settings()), server)
        try dialogue.run()
        try dialogue.deliver(server.askForRenegotiation())
        let isRefusal = dialogue.toServer.first == 21 && dialogue.toServer.count < 64
        #expect(isRefusal, "an alert, and no ClientHello")
        #expect(dialogue.client.progress == .open)
    }

    @Test func `goes on through a change of keys`() throws {
        let server = ScriptedServer(Fixtures.server, version: TLS1_3_VERSION)
        let dialogue = try Dialogue(TLSContext(client: Fixtures.settings()), server)
        try dialogue.run()
        for round in 0..<10 as Range<UInt8> {
            try dialogue.deliver(server.updateKeys())
            try dialogue.send([round])
            try dialogue.run()
            try dialogue.deliver(server.send([round]))
        }
        #expect(server.received == Array(0..<10) && dialogue.plain == Array(0..<10))
    }
}

@Suite struct `A client's certificate` {
    let client = Identity("client.test", signedBy: Fixtures.authority)

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func `is shown to a server that asks`(_ version: Int32) throws {
        var settings = Fixtures.settings()
        settings.clientCertificate = client.certificatePEM
        settings.clientKey = client.keyPEM
        let server = ScriptedServer(
            Fixtures.server, asksFor: Fixtures.authority, version: version)
        let dialogue = try Dialogue(TLSContext(client: settings), server)
        try dialogue.run()
        #expect(server.isHandshakeFinished && server.clientSubject == "client.test")
    }

    @Test func `that is missing is the server's reason to refuse`() throws {
        let server = ScriptedServer(Fixtures.server, asksFor: Fixtures.authority)
        let fault = try fault(TLSContext(client: Fixtures.settings()), server)
        #expect(fault == .alert("tlsv13 alert certificate required"))
    }

    @Test func `comes with the chain behind it`() throws {
        let middle = Identity("Middle", signedBy: Fixtures.authority, isAuthority: true)
        let leaf = Identity("leaf.test", signedBy: middle)
        var settings = Fixtures.settings()
        settings.clientCertificate = leaf.certificatePEM + middle.certificatePEM
        settings.clientKey = leaf.keyPEM
        let server = ScriptedServer(Fixtures.server, asksFor: Fixtures.authority)
        #expect(try fault(TLSContext(client: settings), server) == nil)
        #expect(server.clientSubject == "leaf.test")
    }
}

// How connections end, lawfully or not.

import COpenSSL
import TLS
import Testing

@Suite struct `A connection's end` {
    private func open() throws -> Dialogue {
        let dialogue = try Dialogue(
            TLSContext(client: Fixtures.settings()), ScriptedServer(Fixtures.server))
        try dialogue.run()
        return dialogue
    }

    @Test func `with close_notify is lawful, and what comes behind it is ignored`() throws {
        let dialogue = try open()
        try dialogue.deliver(dialogue.server.send([1, 2, 3]) + dialogue.server.close())
        #expect(dialogue.plain == [1, 2, 3])
        #expect(dialogue.client.peerClosed && dialogue.client.progress == .open)
        try dialogue.deliver([0, 1, 2, 3])
        try dialogue.client.receivedEnd()
        #expect(dialogue.plain == [1, 2, 3])
    }

    @Test func `of the peer's side leaves ours open`() throws {
        let dialogue = try open()
        try dialogue.deliver(dialogue.server.close())
        try dialogue.send([9])
        try dialogue.run()
        #expect(dialogue.server.received == [9])
    }

    @Test func `without close_notify is a truncation`() throws {
        let dialogue = try open()
        try dialogue.deliver(dialogue.server.send([1, 2, 3]))
        #expect(throws: TLSFault.truncated(whileHandshaking: false)) {
            try dialogue.client.receivedEnd()
        }
        #expect(dialogue.client.progress == .closed && dialogue.plain == [1, 2, 3])
        #expect(throws: TLSFault.notOpen) { try dialogue.send([1]) }
    }

    @Test func `within a record gives nothing of it`() throws {
        let dialogue = try open()
        try dialogue.deliver(dialogue.server.send([1, 2, 3]).dropLast())
        #expect(dialogue.plain.isEmpty)
        #expect(throws: TLSFault.truncated(whileHandshaking: false)) {
            try dialogue.client.receivedEnd()
        }
    }

    @Test func `before the handshake ends is told apart`() throws {
        let dialogue = try Dialogue(
            TLSContext(client: Fixtures.settings()), ScriptedServer(Fixtures.server))
        #expect(throws: TLSFault.notOpen) { try dialogue.send([1]) }
        #expect(throws: TLSFault.truncated(whileHandshaking: true)) {
            try dialogue.client.receivedEnd()
        }
    }

    @Test(arguments: [[21, 3, 1, 0, 2, 1, 0], [21, 3, 3, 0, 2, 2, 40]] as [[UInt8]])
    func `by an alert before the handshake ends is a fault`(_ alert: [UInt8]) throws {
        let dialogue = try Dialogue(
            TLSContext(client: Fixtures.settings()), ScriptedServer(Fixtures.server))
        let expected: TLSFault =
            alert[5] == 1  // a warning: close_notify
            ? .truncated(whileHandshaking: true) : .alert("sslv3 alert handshake failure")
        #expect(throws: expected) { try dialogue.deliver(alert) }
        #expect(dialogue.client.progress == .closed)
    }

    @Test(arguments: [
        "HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "\0\0\0\0\0\0", "+PONG\r\n",
    ])
    func `comes at once when the server does not speak TLS`(_ text: String) throws {
        let dialogue = try Dialogue(
            TLSContext(client: Fixtures.settings()), ScriptedServer(Fixtures.server))
        #expect(throws: TLSFault.notTLS) { try dialogue.deliver(Array(text.utf8)) }
    }

    @Test func `comes with any changed bit of a record, and none of its octets`() throws {
        let dialogue = try open()
        var record = dialogue.server.send(Array(repeating: 7, count: 40))
        record[20] ^= 1
        #expect(throws: TLSFault.self) { try dialogue.deliver(record) }
        #expect(dialogue.plain.isEmpty && dialogue.client.progress == .closed)
        #expect(!dialogue.toServer.isEmpty, "the alert")
        // What follows is not looked at.
        try dialogue.deliver(dialogue.server.send([1]))
        #expect(dialogue.plain.isEmpty)
    }

    /// One changed bit anywhere in what the server answers first. The minor version in front of its first
    /// record is the only octet nobody looks at (RFC 8446 section 5.1): every bit was tried once.
    @Test func `comes with any changed bit of the handshake`() throws {
        let context = try TLSContext(client: Fixtures.settings())
        var state: UInt64 = 20_261_125  // the seed
        for _ in 0..<200 {
            let dialogue = try Dialogue(context, ScriptedServer(Fixtures.server))
            var octets = dialogue.server.exchange(dialogue.toServer)
            dialogue.toServer = []
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let bit = 24 + Int(state >> 33) % (octets.count * 8 - 24)
            octets[bit / 8] ^= 1 << (bit % 8)
            // It may also wait for more, when a length has grown; but it must not open.
            do { try dialogue.deliver(octets) } catch is TLSFault {}
            #expect(dialogue.client.progress != .open, "bit \(bit)")
            #expect(dialogue.plain.isEmpty)
        }
    }

    /// Octets a man in the middle puts before the handshake must never be taken for data (DS-30).
    @Test func `comes when plain text stands before the handshake`() throws {
        let server = ScriptedServer(Fixtures.server)
        let dialogue = try Dialogue(TLSContext(client: Fixtures.settings()), server)
        let hello = server.exchange(dialogue.toServer)
        #expect(throws: TLSFault.notTLS) {
            try dialogue.deliver(Array("HTTP/1.1 200 OK\r\n\r\n".utf8) + hello)
        }
        #expect(dialogue.plain.isEmpty)
    }

    @Test func `of one leaves nothing behind for another`() throws {
        let context = try TLSContext(client: Fixtures.settings())
        let good = try Dialogue(context, ScriptedServer(Fixtures.server))
        try good.run()
        let bad = try Dialogue(context, ScriptedServer(Fixtures.server))
        #expect(throws: TLSFault.notTLS) { try bad.deliver([1, 2, 3, 4, 5, 6]) }
        // An error of libssl's that nobody has read yet:
        #expect(SSL_CTX_use_PrivateKey(nil, nil) == 0 && ERR_peek_error() != 0)
        try good.deliver(good.server.send([5]))
        try good.send([6])
        #expect(good.plain == [5])
    }

    @Test func `says what happened in words`() {
        let faults: [TLSFault] = [
            .untrusted("certificate has expired"), .alert("tlsv1 alert unknown ca"), .notTLS,
            .broken("bad record mac"), .truncated(whileHandshaking: true),
            .truncated(whileHandshaking: false), .notOpen,
        ]
        #expect(Set(faults.map(\.description)).count == faults.count)
    }
}

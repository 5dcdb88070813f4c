// Sockets and buffers against the kernel, on loopback.
import Platform
import Testing
import Values

@Suite struct `Sockets` {
    @Test(arguments: [
        (SocketAddress.ip(.v4(0xC000_0201), port: 80), "192.0.2.1:80"),
        (.ip(.loopbackV6, port: 8443), "[::1]:8443"),
        (.unix("/run/site.sock"), "unix:/run/site.sock"),
    ])
    func `addresses print as they are configured`(_ address: SocketAddress, _ text: String) {
        #expect(address.description == text)
    }

    @Test func `a taken port says so, and SO_REUSEPORT shares it`() throws {
        let alone = try Socket.listen(on: .ip(.loopbackV4, port: 0))
        let address = try #require(Socket.localAddress(alone.number))
        #expect(throws: Errno(call: "bind", code: Errno.eaddrinuse)) {
            _ = try Socket.listen(on: address).number
        }
        let first = try Socket.listen(on: .ip(.loopbackV4, port: 0), reusePort: true)
        let shared = try #require(Socket.localAddress(first.number))
        let second = try Socket.listen(on: shared, reusePort: true)
        #expect(Socket.localAddress(second.number) == shared)
        _ = alone.number
    }

    @Test func `an IPv4 client of a dual-stack listener is an IPv4 peer`() throws {
        let listener = try Socket.listen(on: .ip(.anyV6, port: 0))
        let port = try #require(Socket.localAddress(listener.number)?.port)
        let client = HeldSocket(try Socket.connect(to: .ip(.loopbackV4, port: port)))
        let accepted = try #require(try peer(of: listener.number))
        guard case .ip(.loopbackV4, _) = accepted else {
            Issue.record("peer is \(accepted)")
            return
        }
        client.close()
    }

    @Test func `an empty queue is nil, a descriptor that does not listen an error`() throws {
        let listener = try Socket.listen(on: .ip(.loopbackV4, port: 0))
        #expect(try peer(of: listener.number, tries: 1) == nil)
        let (near, far) = try socketPair()
        #expect(throws: Errno(call: "accept", code: Errno.einval)) {
            try peer(of: near.number, tries: 1)
        }
        far.close()
    }

    @Test func `a unix socket replaces an abandoned one, never a living one or a file`() throws {
        let path = temporaryPath("listen.sock")
        defer { try? File.remove(path) }
        let abandoned = HeldSocket(try Socket.listen(on: .unix(path)))
        abandoned.close()
        #expect(File.exists(path))
        let living = HeldSocket(try Socket.listen(on: .unix(path)))
        #expect(throws: Errno(call: "bind", code: Errno.eaddrinuse)) {
            _ = try Socket.listen(on: .unix(path)).number
        }
        living.close()
        try File.replace(path, [1])
        #expect(throws: Errno(call: "bind", code: Errno.eaddrinuse)) {
            _ = try Socket.listen(on: .unix(path)).number
        }
        #expect(try File.read(path, octetsMax: 1) == [1])
    }

    @Test(
        arguments: [
            (String(repeating: "p", count: 107), nil),
            (String(repeating: "p", count: 108), Errno.enametoolong),
            ("", Errno.einval), ("a\0b", Errno.einval),
        ] as [(String, Int32?)])
    func `a unix path must fit`(_ path: String, _ code: Int32?) {
        // Connecting, so that nothing is made: a path that fits is merely not there.
        #expect(throws: Errno.self) { _ = try Socket.connect(to: .unix(path)).number }
        do { _ = try Socket.connect(to: .unix(path)).number } catch {
            #expect(error.code == code ?? Errno.enoent)
        }
    }

    @Test func `three ranges leave in order, and a full socket is nil`() throws {
        let (near, far) = try socketPair()
        let sent = try Socket.send(near.number, [1, 2].span, [UInt8]().span, [3].span)
        #expect(sent == 3)
        var octets: [UInt8] = [0]
        let received = try Socket.receive(far.number, octetsMax: 2, appendingTo: &octets)
        #expect(received == 2)
        _ = try Socket.receive(far.number, octetsMax: 9, appendingTo: &octets)
        #expect(octets == [0, 1, 2, 3])
        #expect(try Socket.receive(far.number, octetsMax: 9, appendingTo: &octets) == nil)
        #expect(octets.count == 4)
        let large = [UInt8](repeating: 0, count: 1 << 20)
        while try Socket.send(near.number, large.span) != nil {}
        far.close()
        near.close()
    }

    @Test func `writing to a peer that reset is an error and no signal`() throws {
        let (near, far) = try socketPair()
        Socket.lingerReset(far.number)
        far.close()
        #expect(throws: Errno.self) {
            while true { _ = try Socket.send(near.number, [1].span) }
        }
        near.close()
    }

    @Test func `being short of descriptors is told apart`() {
        for code in [Errno.emfile, Errno.enfile, Errno.enobufs, Errno.enomem] {
            #expect(Errno(call: "accept", code: code).isExhaustion)
        }
        #expect(!Errno(call: "accept", code: Errno.econnaborted).isExhaustion)
        let failure = Errno(call: "bind", code: Errno.eaddrinuse)
        #expect(failure.description == "bind: Address already in use")
        #expect(Errno(call: "x", code: 9999).description == "x: error 9999")
    }

    private func peer(of listener: Int32, tries: Int = 1_000_000) throws(Errno) -> SocketAddress? {
        for _ in 0..<tries {
            if let accepted = try Socket.accept(listener) { return accepted.peer }
        }
        return nil
    }
}

@Suite struct `Octet buffer` {
    @Test func `what fits is taken, in order, and consumed from the front`() {
        let buffer = OctetBuffer(capacity: 4)
        #expect(buffer.append([1, 2, 3].span) == 3)
        buffer.consume(2)
        #expect(buffer.writableCount == 1)
        #expect(buffer.append([4, 5, 6, 7].span) == 3, "the room in front is used too")
        #expect(buffer.withOctets { [UInt8]($0) } == [3, 4, 5, 6])
        #expect(buffer.append([8].span) == 0)
        buffer.consume(4)
        #expect(buffer.isEmpty && buffer.writableCount == 4)
        let waiting = buffer.octets.count
        #expect(waiting == 0)
    }

    @Test func `growing keeps the octets, and happens once`() {
        let buffer = OctetBuffer(capacity: 4)
        buffer.append([1, 2, 3, 4].span)
        buffer.consume(1)
        buffer.grow(to: 8)
        buffer.grow(to: 16)
        #expect(buffer.capacity == 8 && buffer.hasGrown)
        #expect(buffer.append([5, 6, 7, 8, 9, 10].span) == 5)
        #expect(buffer.withOctets { [UInt8]($0) } == [2, 3, 4, 5, 6, 7, 8, 9])
    }

    @Test func `a short read says drained, a full one does not, an end is zero`() throws {
        let (near, far) = try socketPair()
        let buffer = OctetBuffer(capacity: 4)
        #expect(try buffer.receive(from: near.number) == nil)
        _ = try Socket.send(far.number, [1, 2, 3, 4, 5].span)
        #expect(try buffer.receive(from: near.number) == 4)
        buffer.consume(1)
        buffer.prepareToWrite()
        #expect(buffer.writableCount == 1)
        #expect(try buffer.receive(from: near.number) == 1)
        #expect(try buffer.send(to: near.number) == 4)
        #expect(buffer.isEmpty)
        far.close()
        near.close()
    }
}

// Async code on the loop: where it runs, how it ends, and the sockets made for it.
import Platform
import Testing
import Values

/// An actor of its own, without an executor: under the loop's preference it runs there too.
private actor Counter {
    var value = 0
    func increment() -> Int {
        value += 1
        return value
    }
}

@Suite(.timeLimit(.minutes(1))) struct `Async code on a loop` {
    @Test func `every part of a flow runs on the loop`() async throws {
        try await withLoop { loop in
            let places = try await loop.perform {
                var places = [loop.isOnLoop]
                await loop.sleep(for: .milliseconds(1))
                places.append(loop.isOnLoop)
                let counter = Counter()
                _ = await counter.increment()
                places.append(loop.isOnLoop)
                async let child: Bool = { loop.isOnLoop }()
                places.append(await child)
                let isInGroup = await withTaskGroup(of: Bool.self) { group in
                    group.addTask { loop.isOnLoop }
                    return await group.next() ?? false
                }
                places.append(isInGroup)
                await Task.yield()
                places.append(loop.isOnLoop)
                let waited = try await withDeadline(.seconds(5), on: loop) { loop.isOnLoop }
                places.append(waited)
                places.append(loop.isOnLoop)
                return places
            }
            #expect(places == Array(repeating: true, count: 8))
            #expect(!loop.isOnLoop)
        }
    }

    @Test func `start on the loop runs at once, up to the first suspension`() async throws {
        try await withLoop { loop in
            let record = Record<String>()
            try await loop.perform {
                loop.start {
                    record.add("first")
                    await loop.sleep(for: .milliseconds(2))
                    record.add("last")
                }
                record.add("second")
                await loop.sleep(for: .milliseconds(20))
            }
            #expect(record.all == ["first", "second", "last"])
        }
    }

    @Test func `a flow that is done in time brings its value`() async throws {
        try await withLoop { loop in
            let value = try await loop.perform {
                try await withDeadline(.seconds(5), on: loop) {
                    await loop.sleep(for: .milliseconds(1))
                    return 7
                }
            }
            #expect(value == 7)
        }
    }

    @Test func `a flow that is late is cancelled, and the deadline thrown`() async throws {
        try await withLoop { loop in
            let record = Record<Bool>()
            let begin = Clock.monotonic()
            await #expect(throws: DeadlinePassed()) {
                try await loop.perform {
                    try await withDeadline(.milliseconds(5), on: loop) {
                        await loop.sleep(for: .seconds(60))
                        record.add(Task.isCancelled)
                        try Task.checkCancellation()
                    }
                }
            }
            #expect(record.all == [true])
            #expect(Clock.monotonic() - begin < .seconds(30))
        }
    }

    @Test func `a flow's own error comes through`() async throws {
        struct Mine: Error, Equatable {}
        try await withLoop { loop in
            await #expect(throws: Mine()) {
                try await loop.perform {
                    try await withDeadline(.seconds(5), on: loop) { throw Mine() }
                }
            }
        }
    }

    @Test func `a sleep ends when its task is cancelled, also before it began`() async throws {
        try await withLoop { loop in
            try await loop.perform {
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { await loop.sleep(for: .seconds(60)) }
                    await loop.sleep(for: .milliseconds(1))
                    group.cancelAll()
                    group.addTask { await loop.sleep(for: .seconds(60)) }
                }
            }
        }
    }

    @Test func `two loops hand work to each other`() async throws {
        try await withLoop { first in
            try await withLoop { second in
                let sum = try await first.perform {
                    var sum = 0
                    for number in 1...100 {
                        sum += try await second.perform { number }
                        guard first.isOnLoop else { return -1 }
                    }
                    return sum
                }
                #expect(sum == 5050)
            }
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct `Async sockets` {
    static let addresses: [SocketAddress] = [
        .ip(.loopbackV4, port: 0), .ip(.loopbackV6, port: 0),
        .unix(temporaryPath("echo.sock")),
    ]

    @Test(arguments: addresses)
    func `a megabyte goes there and back, and the end after it`(_ address: SocketAddress)
        async throws
    {
        try await withLoop { loop in
            let listener = try AsyncListener(on: address, loop: loop)
            loop.start { await echo(listener) }
            let sent = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let received = try await loop.perform {
                let socket = try await AsyncSocket.connect(to: listener.address, on: loop)
                async let writing: Void = {
                    try await socket.write(sent)
                    socket.finishWriting()
                }()
                var received: [UInt8] = []
                while true {
                    let octets = try await socket.read(max: 65_536, deadline: .seconds(5))
                    if octets.isEmpty { break }
                    received += octets
                }
                try await writing
                let end = try await socket.read()
                #expect(end == [])
                socket.close()
                listener.close()
                return received
            }
            #expect(received == sent)
        }
    }

    @Test func `a read past its deadline is ETIMEDOUT, and the socket still works`() async throws {
        try await withLoop { loop in
            let listener = try AsyncListener(on: .ip(.loopbackV4, port: 0), loop: loop)
            loop.start { await echo(listener) }
            try await loop.perform {
                let socket = try await AsyncSocket.connect(
                    to: listener.address, on: loop, deadline: .seconds(5))
                await #expect(throws: Errno(call: "recv", code: Errno.etimedout)) {
                    try await socket.read(deadline: .milliseconds(3))
                }
                try await socket.write([1, 2])
                let octets = try await socket.read(deadline: .seconds(5))
                #expect(octets == [1, 2])
                socket.close()
                listener.close()
            }
        }
    }

    @Test func `closing ends a read that waits, and every call after it`() async throws {
        try await withLoop { loop in
            let listener = try AsyncListener(on: .ip(.loopbackV4, port: 0), loop: loop)
            try await loop.perform {
                let socket = try await AsyncSocket.connect(to: listener.address, on: loop)
                loop.start {
                    await loop.sleep(for: .milliseconds(2))
                    socket.close()
                    socket.close()
                }
                await #expect(throws: Errno(call: "recv", code: Errno.ecanceled)) {
                    try await socket.read()
                }
                await #expect(throws: Errno(call: "close", code: Errno.ecanceled)) {
                    try await socket.write([1])
                }
                await #expect(throws: Errno(call: "close", code: Errno.ecanceled)) {
                    try await socket.read()
                }
            }
            listener.close()
        }
    }

    @Test func `a write that the peer does not read ends at its deadline`() async throws {
        try await withLoop { loop in
            let listener = try AsyncListener(on: .ip(.loopbackV4, port: 0), loop: loop)
            try await loop.perform {
                let socket = try await AsyncSocket.connect(to: listener.address, on: loop)
                let peer = try await listener.accept()
                await #expect(throws: Errno(call: "send", code: Errno.etimedout)) {
                    try await socket.write(
                        Array(repeating: 0, count: 64 << 20), deadline: .milliseconds(50))
                }
                peer.reset()
                await #expect(throws: Errno.self) {
                    for _ in 0..<2 { try await socket.write([1], deadline: .seconds(5)) }
                }
            }
            listener.close()
        }
    }

    @Test func `a refused connection is ECONNREFUSED`() async throws {
        try await withLoop { loop in
            let listener = try AsyncListener(on: .ip(.loopbackV4, port: 0), loop: loop)
            listener.close()
            try await loop.perform {}
            await #expect(throws: Errno(call: "connect", code: Errno.econnrefused)) {
                try await loop.perform {
                    _ = try await AsyncSocket.connect(
                        to: listener.address, on: loop, deadline: .seconds(5))
                }
            }
        }
    }

    @Test func `an accept ends at its deadline and when its listener closes`() async throws {
        try await withLoop { loop in
            let listener = try AsyncListener(on: .ip(.loopbackV4, port: 0), loop: loop)
            try await loop.perform {
                await #expect(throws: Errno(call: "accept", code: Errno.etimedout)) {
                    try await listener.accept(deadline: .milliseconds(2))
                }
                loop.start { listener.close() }
                await #expect(throws: Errno.self) { try await listener.accept() }
            }
        }
    }

    @Test func `a socket that nobody holds any more is closed`() async throws {
        try await withLoop { loop in
            let listener = try AsyncListener(on: .ip(.loopbackV4, port: 0), loop: loop)
            try await loop.perform {
                do {
                    _ = try await AsyncSocket.connect(to: listener.address, on: loop)
                }
                let peer = try await listener.accept()
                let octets = try await peer.read(deadline: .seconds(5))
                #expect(octets == [])
                peer.close()
            }
            listener.close()
        }
    }

    private func echo(_ listener: AsyncListener) async {
        while let socket = try? await listener.accept() {
            listener.loop.start {
                // An error is the end of the conversation, as its peer will notice.
                while let octets = try? await socket.read(), !octets.isEmpty {
                    guard (try? await socket.write(octets)) != nil else { break }
                }
                socket.finishWriting()
                socket.close()
            }
        }
    }
}

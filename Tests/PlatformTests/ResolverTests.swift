// Names: shared look-ups and deadlines with a look-up of our own, and the system's once.
import Platform
import Synchronization
import Testing
import Values

@Suite(.timeLimit(.minutes(1))) struct `Name resolver` {
    @Test func `localhost and address literals have addresses`() async throws {
        let resolver = Resolver()
        try await withLoop { loop in
            let (local, literal) = try await loop.perform {
                (
                    try await resolver.addresses(
                        of: "LOCALHOST", on: loop, deadline: .seconds(5)),
                    try await resolver.addresses(of: "::1", on: loop, deadline: .zero)
                )
            }
            #expect(!local.isEmpty && local.allSatisfy { $0.isLoopback })
            #expect(literal == [.loopbackV6])
        }
    }

    static let notNames = [
        "", "a b", "host\0.example", "h\u{F6}st", String(repeating: "a", count: 254),
    ]

    @Test(arguments: notNames)
    func `what cannot be a name is not looked up`(_ name: String) async throws {
        let resolver = Resolver(threadsMax: 1) { _ in .success([.loopbackV4]) }
        try await withLoop { loop in
            await #expect(throws: ResolveFailure.notFound(name)) {
                try await loop.perform {
                    try await resolver.addresses(of: name, on: loop, deadline: .seconds(5))
                }
            }
        }
    }

    @Test func `an unknown name fails by itself`() async throws {
        let resolver = Resolver()
        try await withLoop { loop in
            // Which failure depends on whether this machine has a name server.
            await #expect(throws: ResolveFailure.self) {
                try await loop.perform {
                    try await resolver.addresses(
                        of: "no-such-host.invalid", on: loop, deadline: .seconds(5))
                }
            }
        }
    }

    @Test func `those who ask at once share one look-up, on whichever loop`()
        async throws
    {
        let gate = Gate()
        let asked = Record<String>()
        let resolver = Resolver(threadsMax: 2) { name in
            asked.add(name)
            gate.wait()
            return .success([.v4(0x0A00_0001), .v4(0x0A00_0002)])
        }
        try await withLoop { first in
            try await withLoop { second in
                let answers = Record<[IPAddress]>()
                let begun = Record<Int>()
                for loop in [first, second, first] {
                    loop.start {
                        begun.add(0)
                        if let answer = try? await resolver.addresses(
                            of: "site.example", on: loop, deadline: .seconds(20))
                        {
                            answers.add(answer)
                        }
                    }
                }
                for loop in [first, second] { try await loop.perform {} }
                #expect(begun.count == 3)
                gate.open()
                for loop in [first, second] {
                    let again = try await loop.perform {
                        try await resolver.addresses(
                            of: "Site.Example", on: loop, deadline: .seconds(5))
                    }
                    #expect(again == [.v4(0x0A00_0001), .v4(0x0A00_0002)])
                    try await loop.perform {}
                }
                #expect(answers.count == 3)
                #expect(asked.all == ["site.example"])
            }
        }
    }

    @Test func `each waits for its own deadline, and only while wanted`() async throws {
        let gate = Gate()
        let resolver = Resolver(threadsMax: 1) { _ in
            gate.wait()
            return .failure(.notFound("slow"))
        }
        try await withLoop { loop in
            try await loop.perform {
                await #expect(throws: ResolveFailure.timedOut) {
                    try await resolver.addresses(
                        of: "slow", on: loop, deadline: .milliseconds(2))
                }
                await withTaskGroup(of: Void.self) { group in
                    group.addTask {
                        await #expect(throws: ResolveFailure.cancelled) {
                            try await resolver.addresses(
                                of: "slow", on: loop, deadline: .seconds(60))
                        }
                    }
                    group.cancelAll()
                }
                gate.open()
                await #expect(throws: ResolveFailure.notFound("slow")) {
                    try await resolver.addresses(of: "slow", on: loop, deadline: .seconds(20))
                }
            }
        }
    }

    @Test func `many names at once are all answered by few threads`() async throws {
        let busy = Guarded((now: 0, most: 0))
        let resolver = Resolver(threadsMax: 3) { name in
            busy.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
            defer { busy.withLock { $0.now -= 1 } }
            return .success([.v4(UInt32(name.utf8.count))])
        }
        try await withLoop { loop in
            let answered = try await loop.perform {
                await withTaskGroup(of: Bool.self) { group in
                    for number in 0..<200 {
                        group.addTask {
                            (try? await resolver.addresses(
                                of: "host\(number)", on: loop, deadline: .seconds(20))) != nil
                        }
                    }
                    return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                }
            }
            #expect(answered == 200)
        }
        #expect(busy.withLock { $0.most } <= 3)
    }
}

/// Holds threads until it is opened.
private final class Gate: Sendable {
    private let isOpen = Atomic(false)
    func open() { isOpen.store(true, ordering: .releasing) }
    func wait() { while !isOpen.load(ordering: .acquiring) { Parking.pause(milliseconds: 1) } }
}

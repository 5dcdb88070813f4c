// The loop by itself: order of timers, generations, lazy deadlines, work from other threads.
import Platform
import Testing
import Values

/// Lets go of an object at each end of a turn and asks for another, in which it must still be there.
private final class LetsGo: TurnEndHandler {
    final class Object {
        private let owner: LetsGo
        init(_ owner: LetsGo) {
            self.owner = owner
            owner.living += 1
        }
        deinit { owner.living -= 1 }
    }

    private let loop: EventLoop
    private weak var last: Object?
    private(set) var made = 0
    fileprivate var living = 0
    private(set) var most = 0
    private(set) var wereThere = true

    init(_ loop: EventLoop) { self.loop = loop }

    func turnEnds() {
        if made > 0, last == nil { wereThere = false }
        most = max(most, living)
        guard made < 1000 else { return loop.stop() }
        let object = Object(self)
        made += 1
        last = object
        loop.keepUntilTurnEnds(object)
        loop.askForTurnEnd()
    }
}

/// Asks once more, and then ends the loop.
private final class Ends: TurnEndHandler {
    let loop: EventLoop
    var turns: [MonotonicInstant] = []

    init(_ loop: EventLoop) { self.loop = loop }

    func turnEnds() {
        turns.append(loop.now)
        if turns.count < 2 { loop.askForTurnEnd() } else { loop.stop() }
    }
}

private final class LateProbe: Probe, @unchecked Sendable {
    override class var comesLast: Bool { true }
}

/// A handler that records, and does what the test says.
class Probe: LoopHandler, @unchecked Sendable {
    class var comesLast: Bool { false }
    // `@unchecked`: used on the loop alone, read by the test after it.
    var readiness: [Readiness] = []
    var deadlines = 0
    var onReady: (Readiness) -> Void = { _ in }
    var onDeadline: () -> Void = {}
    let onDeinit: @Sendable () -> Void

    init(onDeinit: @escaping @Sendable () -> Void = {}) { self.onDeinit = onDeinit }
    deinit { onDeinit() }

    func ready(_ readiness: Readiness) {
        self.readiness.append(readiness)
        onReady(readiness)
    }

    func deadlinePassed() {
        deadlines += 1
        onDeadline()
    }
}

/// These run the loop on the test's own thread, from set-up to `stop`, so nothing is concurrent.
@Suite(.timeLimit(.minutes(1))) struct `Event loop` {
    @Test func `timers run in the order of their times, and cancelled ones never`() throws {
        let loop = try EventLoop(index: 3)
        let record = Record<Int>()
        let delays = [5, 1, 9, 3, 7, 2, 8, 4, 6, 0, 11, 10]
        for delay in delays {
            loop.schedule(after: .milliseconds(delay)) { record.add(delay) }
        }
        let cancelled = loop.schedule(after: .milliseconds(4)) { record.add(-1) }
        loop.cancel(cancelled)
        loop.cancel(cancelled)
        loop.schedule(after: .milliseconds(14)) { loop.stop() }
        loop.run()
        #expect(record.all == Array(0...11))
    }

    @Test func `a timer that sets itself anew leaves turns to others`() throws {
        let loop = try EventLoop(index: 0)
        let record = Record<Int>()
        func again() {
            record.add(0)
            if record.count < 100 { loop.schedule(after: .zero) { again() } }
        }
        loop.schedule(after: .zero) { again() }
        loop.schedule(after: .milliseconds(200)) { loop.stop() }
        loop.run()
        #expect(record.count == 100)
    }

    @Test func `a timer may cancel another that is due in the same turn`() throws {
        let loop = try EventLoop(index: 0)
        let record = Record<Int>()
        var second: TimerID?
        loop.schedule(after: .milliseconds(1)) {
            record.add(1)
            loop.cancel(second!)  // set below, before the loop runs
        }
        second = loop.schedule(after: .milliseconds(1)) { record.add(2) }
        loop.schedule(after: .milliseconds(5)) { loop.stop() }
        loop.run()
        #expect(record.all == [1])
    }

    @Test func `readiness comes once for each change, with the peer's end`() throws {
        let loop = try EventLoop(index: 0)
        let (near, far) = try socketPair()
        let probe = Probe()
        let number = near.number
        let farNumber = far.number
        var octets: [UInt8] = []
        let slot = try loop.register(probe, number)
        probe.onReady = { readiness in
            switch probe.readiness.count {
            case 1: _ = try? Socket.send(farNumber, [1, 2, 3].span)
            case 2: Socket.shutdownWrite(farNumber)
            default:
                _ = try? Socket.receive(number, octetsMax: 10, appendingTo: &octets)
                loop.stop()
            }
        }
        loop.run()
        #expect(probe.readiness[0] == .writable)
        #expect(probe.readiness[1] == [.readable, .writable])
        #expect(probe.readiness[2].contains([.readable, .peerClosed]))
        #expect(octets == [1, 2, 3])
        loop.deregister(slot)
        loop.deregister(slot)
        for socket in [near, far] { socket.close() }
        #expect(loop.registeredCount == 0)
    }

    @Test func `an event of a connection closed in its batch misses the slot's next owner`()
        throws
    {
        let loop = try EventLoop(index: 0)
        // Both pairs become readable before the loop looks, so their events share a batch.
        let (a, farA) = try socketPair()
        let (b, farB) = try socketPair()
        _ = try Socket.send(farA.number, [1].span)
        _ = try Socket.send(farB.number, [1].span)
        let sockets = [a, b]
        let released = Record<String>()
        let next = Probe()
        var slots: [LoopSlot] = []
        var probes: [Probe] = (0..<2).map { _ in Probe(onDeinit: { released.add("gone") }) }
        for index in 0..<2 {
            // Whichever is told first closes the other, whose slot goes to a newcomer.
            probes[index].onReady = { [unowned loop] _ in
                let other = 1 - index
                guard next.readiness.isEmpty, released.count == 0, slots.count == 2 else { return }
                loop.deregister(slots[other])
                sockets[other].close()
                do {
                    let newcomer = try Socket.listen(on: .ip(.loopbackV4, port: 0))
                    slots.append(try loop.register(next, newcomer.release(), listening: true))
                } catch { Issue.record(error) }
                #expect(slots[2].index == slots[other].index)
                #expect(slots[2].generation != slots[other].generation)
                #expect(released.count == 0, "let go only after the batch")
                loop.endOfTurn { loop.post { loop.stop() } }
            }
            slots.append(try loop.register(probes[index], sockets[index].number))
        }
        probes = []
        loop.run()
        #expect(next.readiness == [])
        #expect(released.all == ["gone"])
        farA.close()
        farB.close()
    }

    @Test func `a deadline moved later fires once, at the later time`() throws {
        let loop = try EventLoop(index: 0)
        let (near, far) = try socketPair()
        let probe = Probe()
        let slot = try loop.register(probe, near.number)
        let begin = Clock.monotonic()
        var fired: [Duration] = []
        probe.onDeadline = {
            fired.append(loop.now - begin)
            loop.schedule(after: .milliseconds(10)) { loop.stop() }
        }
        loop.setDeadline(slot, begin + .milliseconds(5))
        for step in 6...20 { loop.setDeadline(slot, begin + .milliseconds(step)) }
        loop.run()
        #expect(probe.deadlines == 1)
        #expect(fired[0] >= .milliseconds(20))
        far.close()
    }

    @Test func `a deadline moved earlier, taken away, and on a closed slot`() throws {
        let loop = try EventLoop(index: 0)
        let (near, far) = try socketPair()
        let (gone, taken) = (Probe(), Probe())
        let earlier = Probe()
        let slots = [
            try loop.register(earlier, near.number), try loop.register(taken, far.number),
        ]
        let other = try socketPair().near
        let closed = try loop.register(gone, other.number)
        loop.setDeadline(slots[0], loop.now + .seconds(60))
        loop.setDeadline(slots[0], loop.now + .milliseconds(2))
        loop.setDeadline(slots[1], loop.now + .milliseconds(2))
        loop.setDeadline(slots[1], nil)
        loop.setDeadline(closed, loop.now + .milliseconds(2))
        loop.deregister(closed)
        loop.setDeadline(closed, loop.now + .milliseconds(1))
        loop.schedule(after: .milliseconds(8)) { loop.stop() }
        loop.run()
        for socket in [near, far, other] { socket.close() }
        #expect([earlier.deadlines, taken.deadlines, gone.deadlines] == [1, 0, 0])
    }

    @Test func `a deadline in the past comes next turn, also when set from within one`() throws {
        let loop = try EventLoop(index: 0)
        let (near, far) = try socketPair()
        let probe = Probe()
        let slot = try loop.register(probe, near.number)
        probe.onDeadline = {
            if probe.deadlines == 3 { loop.stop() }
            loop.setDeadline(slot, MonotonicInstant(nanoseconds: 0))
        }
        loop.setDeadline(slot, MonotonicInstant(nanoseconds: 0))
        loop.run()
        #expect(probe.deadlines == 3)
        far.close()
    }

    @Test func `posts from many threads all arrive, each thread's in order`() async throws {
        try await withLoop { loop in
            let record = Record<(thread: Int, number: Int)>()
            let threads = (0..<8).map { thread in
                Thread.start("poster") {
                    for number in 0..<1000 { loop.post { record.add((thread, number)) } }
                }
            }
            for thread in threads { thread.join() }
            try await loop.perform {}
            #expect(record.count == 8000)
            for thread in 0..<8 {
                #expect(record.all.filter { $0.thread == thread }.map(\.number) == Array(0..<1000))
            }
        }
    }

    @Test func `work that always leaves more work does not starve events`() throws {
        let loop = try EventLoop(index: 0)
        let (near, far) = try socketPair()
        let probe = Probe()
        probe.onReady = { _ in loop.stop() }
        @Sendable func spin() { loop.post { spin() } }
        _ = try loop.register(probe, near.number)
        // Before `run` the loop is no thread's own, so this one goes through the mailbox.
        spin()
        loop.run()
        #expect(probe.readiness.count == 1)
        far.close()
    }

    @Test func `who comes last is told after all others of the batch, once`() throws {
        let loop = try EventLoop(index: 0)
        let record = Record<String>()
        var sockets: [HeldSocket] = []
        // Registered first, and readable first.
        for name in ["last", "other", "another"] {
            let (near, far) = try socketPair()
            _ = try Socket.send(far.number, [1].span)
            let probe = name == "last" ? LateProbe() : Probe()
            probe.onReady = { [unowned loop] _ in
                record.add(name)
                loop.endOfTurn { loop.stop() }
            }
            _ = try loop.register(probe, near.number)
            sockets += [near, far]
        }
        loop.run()
        for socket in sockets { socket.close() }
        #expect(record.count == 3 && record.all.last == "last")
    }

    @Test func `the turn's end is told to who asked, and again where that led to more`() throws {
        let loop = try EventLoop(index: 0)
        let ends = Ends(loop)
        loop.turnEndHandler = ends
        loop.schedule(after: .zero) { loop.askForTurnEnd() }
        loop.run()
        #expect(ends.turns.count == 2 && ends.turns[0] == ends.turns[1], "both in one turn")
    }

    @Test func `what a turn lets go of lives until the ends that it asked for, and no longer`()
        throws
    {
        let loop = try EventLoop(index: 0)
        let letter = LetsGo(loop)
        loop.turnEndHandler = letter
        loop.schedule(after: .zero) { loop.askForTurnEnd() }
        loop.run()
        #expect(letter.wereThere)
        #expect(letter.most <= 64, "\(letter.most) of \(letter.made) were kept at a time")
    }

    @Test func `end-of-turn actions follow the work of their turn`() throws {
        let loop = try EventLoop(index: 0)
        let record = Record<String>()
        loop.schedule(after: .zero) {
            loop.endOfTurn {
                record.add("end")
                loop.stop()
            }
            loop.post { record.add("posted") }
            record.add("timer")
        }
        loop.run()
        #expect(record.all == ["timer", "posted", "end"])
    }

    @Test func `what is delivered again comes next turn, and not to who left`() throws {
        let loop = try EventLoop(index: 0)
        let (near, far) = try socketPair()
        let (staying, leaving) = (Probe(), Probe())
        let slots = [
            try loop.register(staying, near.number), try loop.register(leaving, far.number),
        ]
        loop.schedule(after: .milliseconds(1)) {
            loop.deliverAgain(slots[0], .readable)
            loop.deliverAgain(slots[1], .readable)
            loop.deregister(slots[1])
            loop.schedule(after: .milliseconds(1)) { loop.stop() }
        }
        loop.run()
        for socket in [near, far] { socket.close() }
        #expect(staying.readiness == [.writable, .readable])
        #expect(leaving.readiness == [.writable])
    }

    @Test func `a descriptor that cannot be watched leaves nothing registered`() throws {
        let loop = try EventLoop(index: 0)
        #expect(throws: Errno(call: "epoll_ctl", code: Errno.ebadf)) {
            try loop.register(Probe(), 99_999)
        }
        #expect(loop.registeredCount == 0)
    }

    @Test func `a listener is told of again while connections wait`() throws {
        let loop = try EventLoop(index: 0)
        let listener = try Socket.listen(on: .ip(.loopbackV4, port: 0))
        let address = try #require(Socket.localAddress(listener.number))
        let number = listener.number
        let probe = Probe()
        var taken = 0
        probe.onReady = { _ in
            if let one = try? Socket.accept(number) {
                taken += 1
                one.take().close()
            }
            if taken == 3 { loop.stop() }
        }
        _ = try loop.register(probe, number, exclusive: true, listening: true)
        let clients = try (0..<3).map { _ in try Socket.connect(to: address).release() }
        loop.run()
        #expect(taken == 3)
        for client in clients { Descriptor(owning: client).close() }
    }
}

// How much memory connections and content hold, and whether that is more than `limits.memory` allows.
//
// Counted where it is taken and given back: buffers, what peers have not read yet, gathered content,
// and a sum for each connection. A loop counts for itself and tells the others in steps; where there
// is no limit nobody is told. What the program needs by itself (some 20 MiB) is not in it.

import Platform
import Synchronization
import Telemetry
import Values

/// All loops' together.
package final class MemoryTotal: Sendable {
    fileprivate let octets = Atomic(0)
    /// 0: no limit.
    fileprivate let max = Atomic(0)

    private let loops = Mutex<[@Sendable () -> Void]>([])

    package init() {}

    /// Lets every loop know how it is asked to close who is idle.
    func join(_ loop: EventLoop, makeRoom: @escaping @Sendable () -> Void) {
        loops.withLock { $0.append { loop.post(makeRoom) } }
    }

    fileprivate func ask() {
        for ask in loops.withLock({ $0 }) { ask() }
    }

    package var current: Int { octets.load(ordering: .relaxed) }
}

/// One loop's.
struct MemoryCount {
    /// An idle connection: its objects and its place in tables.
    static let ofConnection = 1024
    /// What TLS needs for one besides.
    static let ofTLS = 16_384
    /// What HTTP/2 needs for one besides: its session and tables.
    static let ofStreams = 24_576
    private static let stepMin = 65_536

    private let total: MemoryTotal
    private var held = 0
    private var told = 0
    private var step = Int.max
    /// When it was last logged that there was no room.
    fileprivate var notedAt = MonotonicInstant(nanoseconds: 0)

    init(_ total: MemoryTotal) { self.total = total }

    mutating func setLimit(_ max: Int?) {
        total.max.store(max ?? 0, ordering: .relaxed)
        step = max.map { Swift.max(Self.stepMin, $0 >> 6) } ?? .max
        if step < .max { tell() }
    }

    @inline(__always)
    mutating func add(_ octets: Int) {
        held &+= octets
        if step < .max { tellInSteps() }
    }

    @inline(__always)
    mutating func remove(_ octets: Int) { add(-octets) }

    var isExhausted: Bool {
        guard step < .max else { return false }
        let max = total.max.load(ordering: .relaxed)
        return max > 0 && total.current > max
    }

    private mutating func tellInSteps() {
        if (held &- told).magnitude >= step.magnitude { tell() }
    }

    private mutating func tell() {
        total.octets.add(held &- told, ordering: .relaxed)
        told = held
    }
}

extension Worker {
    /// So many at once, since one alone gives little.
    private static let idleClosedForMemory = 16
    /// Who has come, or come back, just now is about to ask for something.
    private static let idleLongEnough = Duration.seconds(1)

    /// When there is no room: who is idle long gives theirs, here and on the other loops.
    func makeMemory() {
        closeIdleForMemory()
        guard memory.notedAt.advanced(by: .seconds(1)) <= loop.now else { return }
        memory.notedAt = loop.now
        surroundings.memory.ask()
        surroundings.log.event(
            .warning, "memory-exhausted", [("octets", .int(surroundings.memory.current))])
    }

    func closeIdleForMemory() {
        let before = loop.now - Self.idleLongEnough
        for _ in 0..<Self.idleClosedForMemory {
            guard let connection = idle.firstCounted, connection.since <= before else { return }
            connection { $0.closeIdle() }
        }
    }
}

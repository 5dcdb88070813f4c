// What the loop tells a handler, and what a handler is.

/// What the kernel says of a descriptor. `public`, as what is asked at every event, so that it is
/// inlined where it is asked.
@frozen public struct Readiness: OptionSet, Sendable {
    public let rawValue: UInt8
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Octets, an end, or a connection to accept.
    @inlinable public static var readable: Readiness { Readiness(rawValue: 1) }
    @inlinable public static var writable: Readiness { Readiness(rawValue: 2) }
    /// The peer sends no more (RDHUP). Octets may still wait before its end: a short read does not
    /// say that the end was read, so read once more when this is set.
    @inlinable public static var peerClosed: Readiness { Readiness(rawValue: 4) }
    /// An error waits on the descriptor, or both directions are closed (ERR, HUP).
    @inlinable public static var failed: Readiness { Readiness(rawValue: 8) }

    @inlinable public func contains(_ other: Readiness) -> Bool {
        rawValue & other.rawValue == other.rawValue
    }
}

/// What is registered with a loop for one descriptor. Both are called on the loop, and never after
/// the slot was deregistered.
package protocol LoopHandler: AnyObject {
    /// Whether it is told of a turn's events after all who are not: what is alike is done together, so
    /// that its code stays in the processor's first cache (measured: 7 % of our own time).
    static var comesLast: Bool { get }
    func ready(_ readiness: Readiness)
    /// The time of `setDeadline` has come. The deadline is gone then; set another or close.
    func deadlinePassed()
}

extension LoopHandler {
    package static var comesLast: Bool { false }
}

/// Whoever has something to do when a turn ends.
package protocol TurnEndHandler: AnyObject {
    func turnEnds()
}

/// A registration. A number used again carries another generation, so what belongs to an earlier
/// registration finds nothing.
package struct LoopSlot: Hashable, Sendable {
    package let index: UInt32
    package let generation: UInt32

    init(index: UInt32, generation: UInt32) {
        self.index = index
        self.generation = generation
    }

    init(eventData: UInt64) {
        index = UInt32(truncatingIfNeeded: eventData)
        generation = UInt32(truncatingIfNeeded: eventData >> 32)
    }

    var eventData: UInt64 { UInt64(generation) << 32 | UInt64(index) }
}

/// An action waiting for its time.
package struct TimerID: Hashable, Sendable {
    let index: UInt32
    let generation: UInt32
}

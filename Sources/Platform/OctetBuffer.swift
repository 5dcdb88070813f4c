// Received octets waiting to be read, or octets waiting to be sent, in memory that is used again.
//
// A buffer belongs to the loop that took it from its pool. Its octets lie between two cursors:
// receiving moves the tail, consuming the head; when they meet both return to the start for nothing.
import CLinux
import Glibc

/// A raw buffer with a head and a tail.
///
/// `@safe`: the memory is reached only through the methods here, which check every count against the
/// cursors; it is written before it is read (a span covers head ..< tail alone), and freed in
/// `deinit` and nowhere else. Growing keeps the first memory until then, so a span taken before still
/// reads octets of this buffer; `octets` borrows the buffer, so it cannot go while the span is there.
@safe package final class OctetBuffer {
    private var memory: UnsafeMutablePointer<UInt8>
    /// The memory from before it grew; see above.
    private var outgrown: UnsafeMutablePointer<UInt8>?
    package private(set) var capacity: Int
    private var head = 0
    private var tail = 0

    package init(capacity: Int) {
        precondition(capacity > 0)
        self.capacity = capacity
        memory = .allocate(capacity: capacity)
    }

    deinit {
        memory.deallocate()
        outgrown?.deallocate()
    }

    /// The octets that wait.
    package var count: Int { tail - head }
    package var isEmpty: Bool { head == tail }
    /// How many fit behind them. `prepareToWrite()` may make it larger.
    package var writableCount: Int { capacity - tail }
    package var hasGrown: Bool { outgrown != nil }

    /// The octets that wait. They may change under the span when the buffer is written to while it
    /// is in use: read it, then let it go.
    package var octets: Span<UInt8> {
        @_lifetime(borrow self)
        get {
            let start = UnsafePointer(memory + head)
            return _overrideLifetime(Span(_unsafeStart: start, count: count), borrowing: self)
        }
    }

    @inline(__always)
    package func withOctets<Result: ~Copyable, Failure>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(octets)
    }

    /// Drops octets from the front. More than there are is our mistake.
    package func consume(_ count: Int) {
        precondition(count >= 0 && count <= self.count)
        head += count
        if head == tail {
            head = 0
            tail = 0
        }
    }

    package func removeAll() {
        head = 0
        tail = 0
    }

    /// Appends as many of the octets as fit and returns how many that were.
    @discardableResult
    package func append(_ octets: Span<UInt8>) -> Int {
        if octets.count > writableCount { prepareToWrite() }
        let taken = min(octets.count, writableCount)
        guard taken > 0 else { return 0 }
        octets.withUnsafeBufferPointer { source in
            // SAFETY: `taken` is within both; memmove, since the span may be of this buffer. What is
            // not empty has a base address.
            _ = memmove(memory + tail, source.baseAddress!, taken)
        }
        tail += taken
        return taken
    }

    /// Moves the octets to the start, so that all the room is behind them.
    package func prepareToWrite() {
        guard head > 0 else { return }
        memmove(memory, memory + head, count)
        tail -= head
        head = 0
    }

    /// More room, once: for a body that streams, where a larger read saves many (measured: 128 KiB
    /// against 16 KiB takes a third off the cost of a megabyte). A second time does nothing.
    package func grow(to octets: Int) {
        guard outgrown == nil, octets > capacity else { return }
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: octets)
        memmove(larger, memory + head, count)
        outgrown = memory
        memory = larger
        tail -= head
        head = 0
        capacity = octets
    }

    /// Receives into the room behind the octets, of which there must be some. 0 is the peer's end;
    /// `nil` that nothing is there. Less than there was room for, or `most`: the socket is drained.
    package func receive(from number: Int32, atMost most: Int = .max) throws(Errno) -> Int? {
        let room = min(writableCount, most)
        precondition(room > 0, "without room, an end and a full buffer look alike")
        let start = memory + tail
        // SAFETY: recv(2) writes at most `room` octets from `start`, all inside the memory.
        guard
            let received = try attemptUnlessBlocked(
                "recv", { linux_receive(number, start, room, 0) })
        else { return nil }
        tail += received
        return received
    }

    /// Sends from the front and drops what was taken; `nil` when the socket would block.
    package func send(to number: Int32) throws(Errno) -> Int? {
        let start = memory + head
        let waiting = count
        // SAFETY: send(2) reads at most `waiting` octets from `start`, all written before.
        let sent = try attemptUnlessBlocked("send") {
            linux_send(number, start, waiting, Socket.sendFlags)
        }
        guard let sent else { return nil }
        consume(sent)
        return sent
    }
}

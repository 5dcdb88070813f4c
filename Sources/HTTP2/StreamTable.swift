// What a session keeps of each of its streams: content that waits to be sent, and how far it is.

import Values

struct StreamRecord {
    var number: Int32 = 0
    var isOpen = false
    /// Content that has gone out is dropped from the front only when all has.
    private(set) var outbox: [UInt8] = []
    private(set) var sent = 0
    var trailers: [UInt8] = []
    var hasSentHead = false
    /// No more content comes.
    var isEnded = false
    /// All of it has gone out, the end too.
    var isSent = false
    /// We have reset it: the peer may not know yet.
    var isReset = false
    /// The library waits to be told that there is content.
    var isDeferred = false
    /// The peer has ended its side.
    var peerEnded = false
    var isResetWhenSent = false
    /// A final head has come (of an answer), so that what comes next are trailers.
    var hasHead = false
    /// The request was a HEAD.
    var isHead = false
    /// Content has come in the frame in hand.
    var gotContent = false
    /// When content last moved towards the peer, or began to wait.
    var movedAt = MonotonicInstant(nanoseconds: 0)

    /// What a stream's array may keep for the next one.
    private static let octetsKept = 4_096

    var unsentOctets: Int { outbox.count - sent }

    mutating func begin(_ number: Int32, at now: MonotonicInstant) {
        var room: [UInt8] = []
        if outbox.capacity <= Self.octetsKept { swap(&room, &outbox) }
        room.removeAll(keepingCapacity: true)
        self = StreamRecord()
        outbox = room
        self.number = number
        isOpen = true
        movedAt = now
    }

    fileprivate mutating func append(_ octets: Span<UInt8>) { outbox.append(contentsOf: octets) }

    fileprivate mutating func discard() {
        outbox.removeAll(keepingCapacity: outbox.capacity <= Self.octetsKept)
        sent = 0
    }

    /// Moves content to where it is sent from, and says how much that was.
    fileprivate mutating func take(_ count: Int, into output: inout [UInt8]) -> Int {
        let count = min(count, unsentOctets)
        output.append(contentsOf: outbox.span.extracting(sent..<sent + count))
        sent += count
        if sent == outbox.count { discard() }
        return count
    }
}

/// Records by place, used again.
struct StreamTable {
    private var records: [StreamRecord] = []
    private var freePlaces: [Int] = []
    private(set) var openCount = 0
    /// Of all streams together.
    private(set) var unsentOctets = 0
    /// Of those that the peer has begun.
    private(set) var highest: Int32 = 0
    /// Those that ended last, and whether by us; the oldest is overwritten.
    private var ended: [(number: Int32, isOurs: Bool)] = []
    private var endedNext = 0
    private static let endedKept = 128

    mutating func noteBegun(_ number: Int32) { highest = max(highest, number) }

    mutating func noteEnded(_ number: Int32, isOurs: Bool) {
        if ended.count < Self.endedKept {
            ended.append((number, isOurs))
        } else {
            ended[endedNext] = (number, isOurs)
            endedNext = (endedNext + 1) % Self.endedKept
        }
    }

    /// Whether we ended a stream that is over; `nil` where it is long ago, or never was.
    func wasOurs(_ number: Int32) -> Bool? {
        var wasOurs: Bool?
        for entry in ended where entry.number == number { wasOurs = entry.isOurs }
        return wasOurs
    }

    func isOpen(_ number: Int32) -> Bool {
        for record in records where record.isOpen && record.number == number { return true }
        return false
    }

    subscript(place: Int) -> StreamRecord {
        _read { yield records[place] }
        _modify { yield &records[place] }
    }

    mutating func reserve() -> Int {
        openCount += 1
        if let place = freePlaces.popLast() { return place }
        records.append(StreamRecord())
        return records.count - 1
    }

    mutating func free(_ place: Int) {
        guard records.indices.contains(place) else { return }
        openCount -= 1
        unsentOctets -= records[place].unsentOctets
        records[place].discard()
        records[place].isOpen = false
        freePlaces.append(place)
    }

    /// Lets go of the room of streams that are over; for a connection that has none now.
    mutating func tidy() {
        guard openCount == 0 else { return }
        records = []
        freePlaces = []
    }

    mutating func append(_ octets: Span<UInt8>, to place: Int) {
        records[place].append(octets)
        unsentOctets += octets.count
    }

    mutating func take(_ count: Int, of place: Int, into output: inout [UInt8]) {
        unsentOctets -= records[place].take(count, into: &output)
    }

    /// Where the stream's record is, while the stream is open.
    func place(of stream: HTTP2Stream) -> Int? {
        guard records.indices.contains(stream.place), records[stream.place].isOpen,
            records[stream.place].number == stream.number
        else { return nil }
        return stream.place
    }

    var all: [HTTP2Stream] {
        records.indices.filter { records[$0].isOpen }.map {
            HTTP2Stream(number: records[$0].number, place: $0)
        }
    }

    // What the library keeps for us beside a stream: its place, and one, since 0 is nothing.
    // SAFETY: a number in a pointer's clothes, never followed.
    static func context(ofPlace place: Int) -> UnsafeMutableRawPointer? {
        UnsafeMutableRawPointer(bitPattern: place + 1)
    }
    static func place(of context: UnsafeMutableRawPointer?) -> Int? {
        context.map { Int(bitPattern: $0) - 1 }
    }
}

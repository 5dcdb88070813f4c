// What a peer may ask of us without having asked for anything: frames counted as they begin.
//
// Most attacks on HTTP/2 are lawful frames in unlawful numbers: resets, pings, settings, priorities,
// empty frames, header blocks without an end. Each kind has a price here, paid from a credit that time
// restores and that work restores too: whoever takes content may speak of windows, and whoever keeps
// resetting streams may not go on. It reads nothing but the nine octets before each frame
// (RFC 9113 §4.1), so it holds whatever the library does with the rest.

package import Values

package struct FrameBudget: Sendable {
    /// What is there at the beginning, and never more than that.
    static let creditMax = 1000
    /// What a second restores.
    static let creditASecond = 100
    /// Frames of one header block behind its first.
    static let continuationsMax = 16
    /// RFC 9113 §4.2; we announce no other.
    static let frameOctetsMax = 16_384

    private static let headerOctets = 9
    private static let prefaceOctets = 24

    private var credit = FrameBudget.creditMax
    private var restoredAt: UInt64 = 0

    // Where the octets stand.
    private var prefaceLeft: Int
    private var payloadLeft = 0
    private var header: (length: UInt32, kind: UInt32, stream: UInt32) = (0, 0, 0)
    private var headerCount = 0
    /// The frame that the last step began: DATA or HEADERS of this stream.
    private(set) var begun: (stream: Int32, isHead: Bool)?
    /// The frame in hand is DATA.
    private var isData = false

    // The header block in hand.
    private let blockOctetsMax: Int
    private var isInBlock = false
    private var blockOctets = 0
    private var continuations = 0

    /// - Parameter blockOctetsMax: the most that a header block may have, compressed.
    package init(_ role: HTTP2Role, blockOctetsMax: Int) {
        prefaceLeft = role == .server ? FrameBudget.prefaceOctets : 0
        self.blockOctetsMax = blockOctetsMax
    }

    /// Whether the peer has begun something that it owes the rest of: the preface, a frame, a block.
    package var isWithinFrame: Bool {
        prefaceLeft > 0 || payloadLeft > 0 || headerCount > 0 || isInBlock
    }

    /// Whether what it owes the rest of is content.
    package var isWithinContent: Bool { payloadLeft > 0 && isData }

    /// How many octets belong to the frame in hand: pass these on, then call again with the rest.
    package mutating func step(
        _ octets: Span<UInt8>, at now: MonotonicInstant
    ) throws(HTTP2Fault) -> Int {
        if prefaceLeft > 0 {
            let count = min(prefaceLeft, octets.count)
            prefaceLeft -= count
            return count
        }
        var at = 0
        begun = nil
        if payloadLeft == 0 {
            while headerCount < FrameBudget.headerOctets {
                guard at < octets.count else { return at }
                add(octets[at])
                at += 1
            }
            headerCount = 0
            try judge(at: now)
        }
        let count = min(payloadLeft, octets.count - at)
        payloadLeft -= count
        return at + count
    }

    /// Work that the peer has let us do: it may speak of it.
    package mutating func restore(_ amount: Int) {
        credit = min(FrameBudget.creditMax, credit + amount)
    }

    package mutating func charge(_ price: Int, _ what: StaticString) throws(HTTP2Fault) {
        credit -= price
        guard credit >= 0 else { throw .tooMuch("\(what)") }
    }

    private mutating func add(_ octet: UInt8) {
        switch headerCount {
        case 0...2: header.length = (headerCount == 0 ? 0 : header.length) << 8 | UInt32(octet)
        case 3: header.kind = UInt32(octet) << 8
        case 4: header.kind |= UInt32(octet)
        // The highest bit is reserved (RFC 9113 §4.1).
        case 5: header.stream = UInt32(octet & 0x7F)
        default: header.stream = header.stream << 8 | UInt32(octet)
        }
        headerCount += 1
    }

    // MARK: Prices

    private mutating func judge(at now: MonotonicInstant) throws(HTTP2Fault) {
        restore(at: now.nanoseconds)
        let length = Int(header.length)
        let flags = UInt8(header.kind & 0xFF)
        // A longer one is the library's to refuse (FRAME_SIZE_ERROR); nothing of it is kept.
        payloadLeft = length
        let type = header.kind >> 8
        isData = type == 0x0
        if type <= 0x1, !isInBlock {
            begun = (Int32(truncatingIfNeeded: header.stream), type == 0x1)
        }
        if isInBlock || type == 0x1 || type == 0x9 {
            try judgeBlock(type, length: length, endsBlock: flags & 0x4 != 0)
        }
        switch type {
        case 0x0: if length == 0, flags & 0x1 == 0 { try charge(10, "empty DATA frames") }
        case 0x1: break
        case 0x2:
            // The library ignores the frame where it is of no use (RFC 9113 §6.3).
            if header.stream == 0 { throw .broken(.protocolError, "PRIORITY on stream 0") }
            try charge(2, "PRIORITY frames")
        case 0x3: try charge(2, "reset streams")
        case 0x4: try charge(20 + length / 6, "SETTINGS frames")
        case 0x6: try charge(2, "PING frames")
        case 0x7: try charge(20, "GOAWAY frames")
        case 0x8: try charge(1, "WINDOW_UPDATE frames")
        case 0x9: try charge(10, "CONTINUATION frames")
        default: try charge(5, "frames of unknown types")
        }
    }

    private mutating func judgeBlock(
        _ type: UInt32, length: Int, endsBlock: Bool
    ) throws(HTTP2Fault) {
        if type == 0x1 {
            blockOctets = 0
            continuations = 0
        } else {
            continuations += 1
        }
        blockOctets += length
        isInBlock = !endsBlock
        guard continuations <= FrameBudget.continuationsMax else {
            throw .tooMuch("CONTINUATION frames in one header block")
        }
        guard blockOctets <= blockOctetsMax else { throw .tooMuch("a header block's length") }
    }

    private mutating func restore(at nanoseconds: UInt64) {
        guard restoredAt > 0, nanoseconds > restoredAt else {
            restoredAt = max(restoredAt, nanoseconds)
            return
        }
        let passed = nanoseconds - restoredAt
        let step = 1_000_000_000 / UInt64(FrameBudget.creditASecond)
        guard passed >= step else { return }
        let steps = passed / step
        restoredAt += steps * step
        restore(Int(min(steps, UInt64(FrameBudget.creditMax))))
    }
}

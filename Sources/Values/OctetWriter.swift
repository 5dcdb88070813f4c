// Octets being written piece by piece, in memory that is used again: the head of a message.
//
// A head is some fifty pieces long. An array asks at each whether anybody shares it, and calls into
// its runtime to grow (measured: 60 instructions a piece); this has one owner, so a piece is a
// comparison and a copy. Its leaves are `public` and inlinable because only such code is compiled
// into the rooms that call it: there a constant text becomes a few stores.

/// - Important: `@safe`, because the memory is reached only through what is below: writes are preceded
///   by `reserve`, which makes room for them; the first `count` octets are always initialized, and a
///   span covers those alone and borrows the writer; `deinit`, and `grow` for what it replaces, free
///   the memory, and nobody else has its address.
@safe @frozen public struct OctetWriter: ~Copyable {
    @usableFromInline var memory: UnsafeMutablePointer<UInt8>
    @usableFromInline var capacity: Int
    @usableFromInline var written = 0

    /// - Parameter capacity: how much is expected; more is made room for when it comes.
    public init(capacity: Int = 4096) {
        self.capacity = max(capacity, 64)
        unsafe memory = .allocate(capacity: self.capacity)
    }

    deinit { unsafe memory.deallocate() }

    @inlinable public var count: Int { written }
    @inlinable public var isEmpty: Bool { written == 0 }

    public var span: Span<UInt8> {
        @_lifetime(borrow self)
        @inlinable get {
            // SAFETY: as above; the lifetime is the writer's, which is borrowed as long.
            let span = unsafe Span(_unsafeStart: UnsafePointer(memory), count: written)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// Empties it and keeps its room.
    @inlinable public mutating func removeAll() { written = 0 }

    /// Empties it, and lets go of room that has grown beyond so much.
    package mutating func removeAll(keepingAtMost octetsMax: Int) {
        removeAll()
        if capacity > octetsMax { self = OctetWriter() }
    }

    /// Takes back what was written behind the first `count` octets.
    @inlinable public mutating func removeAll(behind count: Int) {
        precondition(count >= 0 && count <= written)
        written = count
    }

    @inlinable @inline(__always)
    public mutating func append(_ octet: UInt8) {
        reserve(1)
        unsafe memory[written] = octet
        written &+= 1
    }

    @inlinable @inline(__always)
    public mutating func append(contentsOf octets: Span<UInt8>) {
        let count = octets.count
        reserve(count)
        unsafe octets.withUnsafeBufferPointer { octets in
            guard let start = octets.baseAddress else { return }
            unsafe (memory + written).update(from: start, count: count)
        }
        written &+= count
    }

    @inlinable @inline(__always)
    public mutating func append(contentsOf octets: [UInt8]) {
        append(contentsOf: octets.span)
    }

    @inlinable public mutating func append(contentsOf other: borrowing OctetWriter) {
        append(contentsOf: other.span)
    }

    @inlinable @inline(__always)
    public mutating func append(_ text: StaticString) {
        let count = text.utf8CodeUnitCount
        reserve(count)
        // SAFETY: a StaticString that is no single scalar points to `count` octets, for ever.
        unsafe (memory + written).update(from: text.utf8Start, count: count)
        written &+= count
    }

    /// Once more what was written there.
    @inlinable public mutating func append(again range: Range<Int>) {
        precondition(range.upperBound <= written)
        reserve(range.count)
        // SAFETY: the octets are written ones, and the room for their copy lies behind all of them.
        unsafe (memory + written).update(from: memory + range.lowerBound, count: range.count)
        written &+= range.count
    }

    /// Lets `body` write at most so many octets.
    @inlinable public mutating func append(
        addingCapacity count: Int, _ body: (inout OutputSpan<UInt8>) -> Void
    ) {
        reserve(count)
        // SAFETY: the room is reserved, and ours alone while `body` runs; what it has initialized is
        // what `finalize` says.
        let room = unsafe UnsafeMutableBufferPointer(start: memory + written, count: count)
        var output = unsafe OutputSpan(buffer: room, initializedCount: 0)
        body(&output)
        written &+= unsafe output.finalize(for: room)
    }

    /// Makes room for so many octets more.
    @inlinable @inline(__always) mutating func reserve(_ count: Int) {
        if count > capacity &- written { grow(by: count) }
    }

    @usableFromInline @inline(never) mutating func grow(by count: Int) {
        let larger = max(capacity * 2, written + count)
        let grown = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        unsafe grown.update(from: memory, count: written)
        unsafe memory.deallocate()
        unsafe memory = grown
        capacity = larger
    }
}

extension OctetWriter {
    /// What was written, as text; where it is no UTF-8, with U+FFFD.
    package var text: String { String(decoding: [UInt8](span), as: UTF8.self) }

    package mutating func append(utf8 text: String) {
        var text = text
        text.withUTF8 { unsafe append(contentsOf: $0.span) }
    }

    package mutating func append(decimal number: UInt64) {
        // Twenty digits are the most there are: one beyond what ten to the nineteenth can tell.
        var count = 1
        var bound: UInt64 = 10
        while count < 20, number >= bound {
            count &+= 1
            if count < 20 { bound &*= 10 }
        }
        reserve(count)
        var rest = number
        var place = written &+ count
        while place > written {
            place &-= 1
            unsafe memory[place] = UInt8(truncatingIfNeeded: rest % 10) | UInt8(ascii: "0")
            rest /= 10
        }
        written &+= count
    }

    /// `%2F`, as `PercentEncoding.escape` writes it.
    package mutating func append(escaping octet: UInt8) {
        append(UInt8(ascii: "%"))
        append(Hex.digit(octet >> 4, uppercase: true))
        append(Hex.digit(octet & 15, uppercase: true))
    }

    /// An address as `IPAddress.description` has it; of IPv4, which stands in two fields of every
    /// forwarded request, without a `String`.
    package mutating func append(_ address: IPAddress) {
        switch address {
        case .v4(let number):
            for place in UInt32(0)..<4 {
                let part = UInt8(truncatingIfNeeded: number &>> (24 &- place &* 8))
                if place > 0 { append(UInt8(ascii: ".")) }
                if part >= 100 { append(part / 100 | UInt8(ascii: "0")) }
                if part >= 10 { append(part / 10 % 10 | UInt8(ascii: "0")) }
                append(part % 10 | UInt8(ascii: "0"))
            }
        case .v6: append(utf8: address.description)
        }
    }
}

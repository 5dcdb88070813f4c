// Where the frames of a WebSocket end (RFC 6455 §5.2), as seen by somebody who only passes them on.
//
// Between two frames, and nowhere else, a Close frame of our own may stand. So the relay follows the
// lengths in the frames' heads and looks at nothing else: content, masking and extensions are a matter
// between the two ends. A length with its top bit set, which no frame may have, is followed to the
// largest length there is: the peer's own mistake then never looks like a boundary.

package struct WebSocketFrames: Sendable {
    private enum State {
        case betweenFrames
        /// The head's second octet comes next: mask bit and length.
        case length
        /// So many octets of a longer length are still to come.
        case extendedLength(left: Int, value: UInt64, isMasked: Bool)
        /// So many octets of mask and content are still to come, at least one.
        case content(left: UInt64)
    }

    private var state = State.betweenFrames

    package init() {}

    package var isBetweenFrames: Bool { if case .betweenFrames = state { true } else { false } }

    /// Follows octets that are passed on.
    package mutating func follow(_ octets: Span<UInt8>) {
        var position = 0
        while position < octets.count { step(octets, &position) }
    }

    /// Follows octets up to the end of the frame in hand, and no further.
    /// - Returns: how many of them to pass on; `isBetweenFrames` says whether the frame ended there.
    package mutating func followToBoundary(_ octets: Span<UInt8>) -> Int {
        var position = 0
        while position < octets.count, !isBetweenFrames { step(octets, &position) }
        return position
    }

    private mutating func step(_ octets: Span<UInt8>, _ position: inout Int) {
        switch state {
        case .betweenFrames:
            position += 1
            state = .length
        case .length:
            let octet = octets[position]
            position += 1
            let isMasked = octet & 0x80 != 0
            switch octet & 0x7F {
            case 126: state = .extendedLength(left: 2, value: 0, isMasked: isMasked)
            case 127: state = .extendedLength(left: 8, value: 0, isMasked: isMasked)
            case let length: begin(UInt64(length), isMasked)
            }
        case .extendedLength(let left, let value, let isMasked):
            let value = value << 8 | UInt64(octets[position])
            position += 1
            if left > 1 {
                state = .extendedLength(left: left - 1, value: value, isMasked: isMasked)
            } else {
                begin(value, isMasked)
            }
        case .content(let left):
            let here = octets.count - position
            if UInt64(here) >= left {
                position += Int(left)
                state = .betweenFrames
            } else {
                position = octets.count
                state = .content(left: left - UInt64(here))
            }
        }
    }

    private mutating func begin(_ length: UInt64, _ isMasked: Bool) {
        let (left, overflows) = length.addingReportingOverflow(isMasked ? 4 : 0)
        state = left == 0 ? .betweenFrames : .content(left: overflows ? .max : left)
    }
}

extension WebSocketFrames {
    /// A Close frame from a server: final, unmasked, a code and no reason (§5.5.1, §7.4).
    package static func close(code: UInt16) -> [UInt8] {
        [0x88, 0x02, UInt8(truncatingIfNeeded: code >> 8), UInt8(truncatingIfNeeded: code)]
    }
}

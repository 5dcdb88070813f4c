// The memory of nghttp2 sessions.
//
// The library asks for four or five pieces for each stream and gives them back when it is over. Many
// streams begin and end together, and the heap then joins what it has just split (measured: 6 % of what
// a request costs); here they are kept, by size, for the next streams of whichever session of the loop.
// The buffer that a session writes frames in is a room of `FrameRooms`.

import CNGHTTP2
import Glibc

/// What the sessions of one loop have given back, for the next to use.
///
/// `@safe`: the pieces are the heap's, each either a session's or in one list here; a list's links stand
/// in its pieces themselves. `deinit` frees them. Not `Sendable`: it is used during calls of its loop's
/// sessions alone.
@safe package final class SessionPieces {
    private static let step = 16
    fileprivate static let sizes = 40
    /// So much is kept at most.
    private static let octetsMax = 1 << 20

    /// By size: the first of those that were given back.
    private var spare = InlineArray<40, UnsafeMutableRawPointer?>(repeating: nil)
    private var octets = 0

    package init() {}

    deinit {
        for list in spare.indices {
            while let piece = spare[list] {
                spare[list] = piece.load(as: UnsafeMutableRawPointer?.self)
                free(piece)
            }
        }
    }

    /// The list from which a piece of so many octets may be taken: the heap's pieces have room for
    /// 24 octets, 40, 56 and so on.
    fileprivate static func list(for count: Int) -> Int { max(0, count - 8 + step - 1) / step }

    fileprivate func take(_ count: Int, from list: Int) -> UnsafeMutableRawPointer? {
        guard let piece = spare[list] else { return malloc(count) }
        // SAFETY: a piece in a list is ours alone, and begins with the next one's address.
        spare[list] = piece.load(as: UnsafeMutableRawPointer?.self)
        octets -= malloc_usable_size(piece)
        return piece
    }

    fileprivate func giveBack(_ piece: UnsafeMutableRawPointer) {
        let room = malloc_usable_size(piece)
        let list = (room - 8) / Self.step
        guard room >= 24, list < Self.sizes, octets + room <= Self.octetsMax else {
            return free(piece)
        }
        piece.storeBytes(of: spare[list], as: UnsafeMutableRawPointer?.self)
        spare[list] = piece
        octets += room
    }
}

/// How one session asks for memory.
///
/// `@safe`: see `SessionPieces`; this object outlives its session, and is used during its calls alone.
@safe final class SessionMemory {
    private let pieces: SessionPieces
    private var frameRoom: UnsafeMutableRawPointer?

    init(_ pieces: SessionPieces) { self.pieces = pieces }

    /// The library copies it; this object must outlive the session.
    var allocator: nghttp2_mem {
        nghttp2_mem(
            mem_user_data: Unmanaged.passUnretained(self).toOpaque(),
            malloc: { count, context in SessionMemory.with(context) { $0.take(count) } },
            free: { piece, context in
                guard let piece else { return }
                SessionMemory.with(context) { $0.giveBack(piece) }
            },
            calloc: { count, size, _ in calloc(count, size) },
            realloc: { piece, count, context in
                SessionMemory.with(context) { $0.resize(piece, to: count) }
            })
    }

    private static func with<Result>(
        _ context: UnsafeMutableRawPointer?, _ body: (SessionMemory) -> Result
    ) -> Result {
        // SAFETY: the context is what `allocator` has set, and never null.
        Unmanaged<SessionMemory>.fromOpaque(context!)._withUnsafeGuaranteedRef(body)
    }

    /// Lets go of what only messages need.
    func tidy() {
        if let frameRoom { FrameRooms.forget(frameRoom) }
    }

    private func take(_ count: Int) -> UnsafeMutableRawPointer? {
        let list = SessionPieces.list(for: count)
        return list < SessionPieces.sizes ? pieces.take(count, from: list) : takeLarge(count)
    }

    private func takeLarge(_ count: Int) -> UnsafeMutableRawPointer? {
        guard let room = FrameRooms.take(count) else { return malloc(count) }
        frameRoom = frameRoom ?? room
        return room
    }

    private func giveBack(_ piece: UnsafeMutableRawPointer) {
        if FrameRooms.has(piece) { FrameRooms.giveBack(piece) } else { pieces.giveBack(piece) }
    }

    private func resize(
        _ piece: UnsafeMutableRawPointer?, to count: Int
    ) -> UnsafeMutableRawPointer? {
        guard let piece else { return take(count) }
        guard FrameRooms.has(piece) else { return realloc(piece, count) }
        guard count > FrameRooms.roomOctets else { return piece }
        guard let larger = malloc(count) else { return nil }
        larger.copyMemory(from: piece, byteCount: FrameRooms.roomOctets)
        FrameRooms.giveBack(piece)
        return larger
    }
}

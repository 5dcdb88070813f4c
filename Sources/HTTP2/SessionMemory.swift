// The memory of one nghttp2 session.
//
// The library asks for four or five pieces for each stream and gives them back when it is over. Many
// streams begin and end together, and the heap then joins what it has just split (measured: 6 % of what
// a request costs); here they are kept, by size, for the session's next streams. The buffer that it
// writes frames in is a room of `FrameRooms`.

import CNGHTTP2
import Glibc

/// `@safe`: the pieces are the heap's, each either the library's or in one list here; a list's links
/// stand in its pieces themselves. `deinit`, which comes after the library's session has ended, frees
/// them. Not `Sendable`: it is used during calls of its session alone.
@safe final class SessionMemory {
    private static let step = 16
    private static let sizes = 40
    /// So much is kept at most.
    private static let octetsMax = 65_536

    /// By size: the first of those that were given back.
    private var spare = InlineArray<40, UnsafeMutableRawPointer?>(repeating: nil)
    private var octets = 0
    private var frameRoom: UnsafeMutableRawPointer?

    deinit { freeSpare() }

    /// How a session asks for memory. The library copies it; this object must outlive the session.
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
        freeSpare()
        if let frameRoom { FrameRooms.forget(frameRoom) }
    }

    // MARK: Pieces

    /// The list from which a piece of so many octets may be taken: the heap's pieces have room for
    /// 24 octets, 40, 56 and so on.
    private static func list(for count: Int) -> Int { max(0, count - 8 + step - 1) / step }

    private func take(_ count: Int) -> UnsafeMutableRawPointer? {
        let list = Self.list(for: count)
        guard list < Self.sizes else { return takeLarge(count) }
        guard let piece = spare[list] else { return malloc(count) }
        // SAFETY: a piece in a list is ours alone, and begins with the next one's address.
        spare[list] = piece.load(as: UnsafeMutableRawPointer?.self)
        octets -= malloc_usable_size(piece)
        return piece
    }

    private func takeLarge(_ count: Int) -> UnsafeMutableRawPointer? {
        guard let room = FrameRooms.take(count) else { return malloc(count) }
        frameRoom = frameRoom ?? room
        return room
    }

    private func giveBack(_ piece: UnsafeMutableRawPointer) {
        guard !FrameRooms.has(piece) else { return FrameRooms.giveBack(piece) }
        let room = malloc_usable_size(piece)
        let list = (room - 8) / Self.step
        guard room >= 24, list < Self.sizes, octets + room <= Self.octetsMax else {
            return free(piece)
        }
        piece.storeBytes(of: spare[list], as: UnsafeMutableRawPointer?.self)
        spare[list] = piece
        octets += room
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

    private func freeSpare() {
        for list in spare.indices {
            while let piece = spare[list] {
                spare[list] = piece.load(as: UnsafeMutableRawPointer?.self)
                free(piece)
            }
        }
        octets = 0
    }
}

// Where nghttp2's sessions write their frames.
//
// A session keeps a buffer for the frame it writes, with room for the largest there may be (16 KiB and
// a header), from its first frame to its end. Content never passes through it here, and heads are
// short: of pages of its own only the first is ever touched. In the heap's memory, which others have
// used before, all of it would be resident (measured: 12 KB of what an idle connection keeps).

import Glibc
import Synchronization

enum FrameRooms {
    /// The frame's buffer, and nothing else of a session's, is as large as this.
    private static let roomOctetsMin = 16_384
    static let roomOctets = 20_480
    /// Of more sessions at once the rest have theirs from the heap.
    private static let roomsMax = 65_536
    /// Rooms are made accessible so many at a time.
    private static let roomsAStep = 64

    /// Addresses, and no memory before it is touched.
    ///
    /// SAFETY: constant once made; what lies there belongs to whoever `take` has given it to.
    private nonisolated(unsafe) static let arena: UnsafeMutableRawPointer? = {
        let made = mmap(
            nil, roomsMax * roomOctets, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
            0)
        return made == MAP_FAILED ? nil : made
    }()

    private struct Rooms {
        /// Indices of rooms that were given back.
        var free: [Int] = []
        var used = 0
        var accessible = 0

        mutating func take(_ arena: UnsafeMutableRawPointer) -> Int? {
            if let room = free.popLast() { return room }
            if used == accessible {
                guard accessible + roomsAStep <= roomsMax,
                    mprotect(
                        arena + accessible * roomOctets, roomsAStep * roomOctets,
                        PROT_READ | PROT_WRITE) == 0
                else { return nil }
                accessible += roomsAStep
            }
            defer { used += 1 }
            return used
        }
    }
    private static let rooms = Mutex(Rooms())

    /// Gives back the pages of a room that nobody writes in now.
    static func forget(_ room: UnsafeMutableRawPointer) {
        madvise(room, roomOctets, MADV_DONTNEED)
    }

    /// Room for a frame; `nil` for what is no such thing, and when there is none left.
    static func take(_ count: Int) -> UnsafeMutableRawPointer? {
        guard (roomOctetsMin...roomOctets).contains(count), let arena,
            let room = rooms.withLock({ $0.take(arena) })
        else { return nil }
        return arena + room * roomOctets
    }

    /// Whether it is a room of ours.
    @inline(__always) static func has(_ memory: UnsafeMutableRawPointer) -> Bool {
        guard let arena else { return false }
        return memory >= arena && memory < arena + roomsMax * roomOctets
    }

    static func giveBack(_ room: UnsafeMutableRawPointer) {
        guard let arena else { return }
        forget(room)  // the next who gets it finds it untouched
        rooms.withLock { $0.free.append((room - arena) / roomOctets) }
    }
}

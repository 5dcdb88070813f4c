// The memory of nghttp2's sessions.
//
// A session keeps a buffer for the frame it writes, with room for the largest there may be (16 KiB and
// a header), from its first frame to its end. Content never passes through it here, and heads are
// short: of pages of its own only the first is ever touched. In the heap's memory, which others have
// used before, all of it would be resident (measured: 12 KB of what an idle connection keeps).

import CNGHTTP2
import Glibc
import Synchronization

enum SessionMemory {
    /// How a session asks for memory. The library copies it.
    /// - Parameter session: an `HTTP2Session`, which is told of its room.
    static func allocator(for session: UnsafeMutableRawPointer) -> nghttp2_mem {
        nghttp2_mem(
            mem_user_data: session,
            malloc: { count, session in SessionMemory.allocate(count, session) },
            free: { memory, _ in SessionMemory.release(memory) },
            calloc: { count, size, _ in calloc(count, size) },
            realloc: { memory, count, session in
                SessionMemory.reallocate(memory, count, session)
            })
    }

    /// The frame's buffer, and nothing else of a session's, is as large as this.
    private static let roomOctetsMin = 16_384
    private static let roomOctets = 20_480
    /// Of more sessions at once the rest have theirs from the heap.
    private static let roomsMax = 65_536
    /// Rooms are made accessible so many at a time.
    private static let roomsAStep = 64

    /// Addresses, and no memory before it is touched.
    ///
    /// SAFETY: constant once made; what lies there belongs to whoever `allocate` has given it to.
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

    private static func allocate(
        _ count: Int, _ session: UnsafeMutableRawPointer?
    ) -> UnsafeMutableRawPointer? {
        guard (roomOctetsMin...roomOctets).contains(count), let arena,
            let room = rooms.withLock({ $0.take(arena) })
        else { return malloc(count) }
        let memory = arena + room * roomOctets
        // SAFETY: the session is alive during its own calls.
        if let session {
            Unmanaged<HTTP2Session>.fromOpaque(session)._withUnsafeGuaranteedRef {
                $0.frameRoom = $0.frameRoom ?? memory
            }
        }
        return memory
    }

    /// The number of the room that begins there; `nil` for the heap's memory.
    private static func room(at memory: UnsafeMutableRawPointer) -> Int? {
        guard let arena, memory >= arena, memory < arena + roomsMax * roomOctets else { return nil }
        return (memory - arena) / roomOctets
    }

    private static func release(_ memory: UnsafeMutableRawPointer?) {
        guard let memory else { return }
        guard let room = room(at: memory) else { return free(memory) }
        forget(memory)  // the next who gets it finds it untouched
        rooms.withLock { $0.free.append(room) }
    }

    private static func reallocate(
        _ memory: UnsafeMutableRawPointer?, _ count: Int, _ session: UnsafeMutableRawPointer?
    ) -> UnsafeMutableRawPointer? {
        guard let memory else { return allocate(count, session) }
        guard room(at: memory) != nil else { return realloc(memory, count) }
        guard count > roomOctets else { return memory }
        guard let larger = malloc(count) else { return nil }
        larger.copyMemory(from: memory, byteCount: roomOctets)
        release(memory)
        return larger
    }
}

// The memory in which the kernel leaves a turn's events.
import CLinux

/// `@safe`: the memory is this object's from `init` to `deinit`; `epoll_wait` is told its capacity,
/// and positions are below the count that it returned.
@safe final class EventBatch {
    static let capacity = 256

    let memory: UnsafeMutableRawPointer

    init() {
        memory = .allocate(
            byteCount: EventBatch.capacity * linux_epoll_event_size(), alignment: 8)
    }

    deinit { memory.deallocate() }

    subscript(position: Int) -> (data: UInt64, readiness: Readiness) {
        let flags = linux_epoll_events(memory, Int32(truncatingIfNeeded: position))
        var readiness: Readiness = []
        if flags & linux_epollin != 0 { readiness.insert(.readable) }
        if flags & linux_epollout != 0 { readiness.insert(.writable) }
        if flags & linux_epollrdhup != 0 { readiness.insert(.peerClosed) }
        if flags & (linux_epollerr | linux_epollhup) != 0 { readiness.insert(.failed) }
        return (linux_epoll_data(memory, Int32(truncatingIfNeeded: position)), readiness)
    }
}

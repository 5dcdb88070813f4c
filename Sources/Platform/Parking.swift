// Where a helper thread waits until there is work: a semaphore that counts to one. Loops have their
// mailboxes; this is for the few threads that are not loops, such as the log's writer.

import Glibc
import Synchronization

/// SAFETY: the semaphore is allocated once, never moved, used only through calls that POSIX makes safe
/// between threads, and destroyed when the last owner goes.
@safe package final class Parking: @unchecked Sendable {
    private let semaphore: UnsafeMutablePointer<sem_t>
    /// Whether a permit is out already, so that a thousand wake-ups cost one system call.
    private let isWoken = Atomic(false)

    package init() {
        unsafe semaphore = .allocate(capacity: 1)
        unsafe sem_init(semaphore, 0, 0)
    }

    deinit {
        unsafe sem_destroy(semaphore)
        unsafe semaphore.deallocate()
    }

    /// Waits for the next `wake`, or returns at once when one came since the last wait.
    package func park() {
        // EINTR is the only failure that a valid semaphore has.
        while unsafe sem_wait(semaphore) == -1 {}
        isWoken.store(false, ordering: .sequentiallyConsistent)
    }

    package func wake() {
        if !isWoken.exchange(true, ordering: .sequentiallyConsistent) { unsafe sem_post(semaphore) }
    }

    /// Blocks this thread, which must not be a loop's.
    package static func pause(milliseconds: Int) {
        usleep(UInt32(clamping: milliseconds * 1000))
    }
}

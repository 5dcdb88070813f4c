// A value that several threads share, and the lock that it cannot be reached without.
//
// `Synchronization.Mutex` would do, but where two threads contend it enters the kernel's futex by
// itself, which the thread sanitizer does not see: it would report races that are none. A pthread
// mutex costs the same and is understood by every tool.
import Glibc

/// Hold it briefly: a loop may wait for it.
///
/// `@safe`, `@unchecked Sendable`: the mutex is at a fixed address from `init` to `deinit`, and the
/// value is read and changed only with it held. What goes in and out is `Sendable` or stays inside.
@safe package final class Guarded<Value>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var value: Value

    package init(_ value: sending Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        let result = pthread_mutex_init(mutex, nil)
        precondition(result == 0)  // only for attributes that we do not give
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Not to be called again from within `body`.
    package func withLock<Result, Failure>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        let result = pthread_mutex_lock(mutex)
        precondition(result == 0)  // only for a mutex that is none
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}

// Threads: one a loop, and the few helpers that may block where a loop may not.
import CLinux
import Glibc

/// A thread that was started; join it once, or let it run.
package final class ThreadHandle: @unchecked Sendable {
    // `@unchecked`: `thread` never changes after `init`.
    private let thread: pthread_t

    init(_ thread: pthread_t) { self.thread = thread }

    /// Waits until the thread has ended. Call it at most once.
    package func join() {
        let result = pthread_join(thread, nil)
        precondition(result == 0, "joined twice, or by the thread itself")
    }

    func detach() {
        // It fails only for a thread that was joined, which the one caller (Resolver) never does.
        _ = pthread_detach(thread)
    }
}

package enum Thread {
    /// Starts a thread. `name` shows in ps and top, its first fifteen octets; `cpu` pins it to one
    /// processor, which is a wish: where it is not allowed the thread runs unpinned.
    package static func start(
        _ name: String, pinnedTo cpu: Int? = nil, _ body: @escaping @Sendable () -> Void
    ) -> ThreadHandle {
        let start = ThreadStart(name: name, cpu: cpu, body: body)
        var thread = pthread_t()
        // SAFETY: the new thread takes the +1 that `passRetained` leaves; on failure nobody would,
        // and then the process cannot do its work and stops.
        let result = pthread_create(
            &thread, nil,
            { context in
                // The context is the one passed below and never null.
                let start = Unmanaged<ThreadStart>.fromOpaque(context!).takeRetainedValue()
                start.run()
                return nil
            }, Unmanaged.passRetained(start).toOpaque())
        precondition(result == 0, "no more threads: \(Errno(call: "pthread_create", code: result))")
        return ThreadHandle(thread)
    }
}

private final class ThreadStart: Sendable {
    let name: String
    let cpu: Int?
    let body: @Sendable () -> Void

    init(name: String, cpu: Int?, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.cpu = cpu
        self.body = body
    }

    func run() {
        let shortened = String(decoding: name.utf8.prefix(15), as: UTF8.self)
        _ = linux_name_this_thread(shortened)  // only for people; nothing depends on it
        if let cpu { _ = linux_pin_this_thread(Int32(clamping: cpu)) }  // a wish, see `start`
        body()
    }
}

// How other threads reach a loop: work left under a lock, and one wake-up for all of it.
//
// The event descriptor is written only by whoever finds the mailbox unarmed, and emptying disarms
// it: a thousand posts cost one system call, and none is lost. Edge-triggered, it need not be read.
import CLinux
import Glibc

/// What runs on a loop between its events.
///
/// `@unchecked Sendable`: a job may run on any thread, and an action that comes through a mailbox
/// came in as `@Sendable` (`EventLoop.post`).
enum LoopWork: @unchecked Sendable {
    case action(() -> Void)
    case job(UnownedJob)
}

final class Mailbox: Sendable {
    private struct Content {
        var work: [LoopWork] = []
        var isArmed = false
    }

    private let content = Guarded(Content())
    private let wake: Descriptor

    init() throws(Errno) {
        wake = Descriptor(owning: try attempt("eventfd") { linux_eventfd() })
    }

    /// What the loop's epoll watches.
    var descriptor: Int32 { wake.number }

    func put(_ work: LoopWork) {
        let wasArmed = content.withLock { content in
            content.work.append(work)
            defer { content.isArmed = true }
            return content.isArmed
        }
        guard !wasArmed else { return }
        var one: UInt64 = 1
        // It fails only when the counter is full, and then the wake-up is due anyhow.
        _ = Glibc.write(wake.number, &one, 8)
    }

    /// Moves all of it behind what is in `queue`.
    func empty(into queue: inout [LoopWork]) {
        let taken = content.withLock { content in
            content.isArmed = false
            let work = content.work
            content.work = []
            return work
        }
        queue.append(contentsOf: taken)
    }
}

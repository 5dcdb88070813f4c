// Signals as something that the main thread waits for, never as interruptions.
//
// They are blocked before any other thread starts, so that every thread inherits the mask and only
// `wait` receives them. No handler runs anywhere.
import CLinux
import Glibc

package enum Signals {
    package static let terminate = SIGTERM
    package static let interrupt = SIGINT
    package static let hangUp = SIGHUP

    /// Blocks them for this thread and those it starts.
    package static func block(_ signals: [Int32]) {
        var set = makeSet(signals)
        let result = pthread_sigmask(SIG_BLOCK, &set, nil)
        precondition(result == 0)  // only for a constant that is no operation
    }

    /// Waits for one of signals that are blocked, and takes it.
    package static func wait(for signals: [Int32]) -> Int32 {
        var set = makeSet(signals)
        while true {
            var signal: Int32 = 0
            if sigwait(&set, &signal) == 0 { return signal }  // else interrupted: wait on
        }
    }

    /// The same for a while; `nil` when none came.
    package static func wait(for signals: [Int32], upTo limit: Duration) -> Int32? {
        var set = makeSet(signals)
        var time = timespec()
        time.tv_sec = Int(clamping: limit.components.seconds)
        time.tv_nsec = Int(clamping: limit.components.attoseconds / 1_000_000_000)
        let signal = sigtimedwait(&set, nil, &time)
        // Else time is up, or an interruption ended the wait early.
        return signal > 0 ? signal : nil
    }

    /// A write to a closed pipe or socket then fails with EPIPE, which the writer reads.
    package static func ignorePipe() { _ = signal(SIGPIPE, SIG_IGN) }

    private static func makeSet(_ signals: [Int32]) -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals {
            let result = sigaddset(&set, signal)
            precondition(result == 0, "no such signal: \(signal)")
        }
        return set
    }
}

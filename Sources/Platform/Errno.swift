// The one reader of `errno`.
//
// `errno` is gone after the next call, whoever makes it, so it is read in this file alone: by
// `attempt`, where −1 becomes an `Errno` at once and EINTR a retry.
import CLinux
import Glibc

/// A system call that failed, and why.
package struct Errno: Error, Equatable, Sendable, CustomStringConvertible {
    /// The call as its manual page names it: `bind`.
    package let call: String
    package let code: Int32

    package init(call: String, code: Int32) {
        self.call = call
        self.code = code
    }

    package static let eagain = Glibc.EAGAIN
    package static let einprogress = Glibc.EINPROGRESS
    package static let econnrefused = Glibc.ECONNREFUSED
    package static let econnreset = Glibc.ECONNRESET
    package static let econnaborted = Glibc.ECONNABORTED
    package static let epipe = Glibc.EPIPE
    package static let etimedout = Glibc.ETIMEDOUT
    package static let ecanceled = Glibc.ECANCELED
    package static let emfile = Glibc.EMFILE
    package static let enotdir = Glibc.ENOTDIR
    package static let enfile = Glibc.ENFILE
    package static let enobufs = Glibc.ENOBUFS
    package static let enomem = Glibc.ENOMEM
    package static let enoent = Glibc.ENOENT
    package static let eexist = Glibc.EEXIST
    package static let eaddrinuse = Glibc.EADDRINUSE
    package static let eacces = Glibc.EACCES
    package static let efbig = Glibc.EFBIG
    package static let ebadf = Glibc.EBADF
    package static let einval = Glibc.EINVAL
    package static let enametoolong = Glibc.ENAMETOOLONG

    /// What a call that reports in its own way left behind. Ask at once: the next call changes it.
    static func left(by call: String) -> Errno { Errno(call: call, code: errno) }

    /// Whether we are short of something that others give back in time: descriptors or memory. A
    /// listener then waits before it accepts again.
    package var isExhaustion: Bool {
        switch code {
        case Errno.emfile, Errno.enfile, Errno.enobufs, Errno.enomem: true
        default: false
        }
    }

    /// `bind: Address already in use`
    package var description: String { "\(call): \(sentence)" }

    /// `Address already in use`
    package var sentence: String {
        guard let text = linux_error_sentence(code) else { return "error \(code)" }
        return String(cString: text)
    }
}

/// Makes the call, again while a signal interrupts it. The result is never −1.
@inline(__always)
@discardableResult
package func attempt<Result: SignedInteger & FixedWidthInteger>(
    _ call: StaticString, _ body: () -> Result
) throws(Errno) -> Result {
    while true {
        let result = body()
        if result != -1 { return result }
        let code = errno
        if code != EINTR { throw Errno(call: call.description, code: code) }
    }
}

/// As `attempt`, with `nil` where the call would have blocked.
@inline(__always)
package func attemptUnlessBlocked<Result: SignedInteger & FixedWidthInteger>(
    _ call: StaticString, _ body: () -> Result
) throws(Errno) -> Result? {
    while true {
        let result = body()
        if result != -1 { return result }
        let code = errno
        if code == EAGAIN || code == EWOULDBLOCK { return nil }
        if code != EINTR { throw Errno(call: call.description, code: code) }
    }
}

// An open descriptor and its one owner.
import Glibc

/// Closes the descriptor when its owner goes, unless it was handed on with `release()`.
package struct Descriptor: ~Copyable, Sendable {
    package let number: Int32

    package init(owning number: Int32) { self.number = number }

    // Linux gives the number back even when close() reports an error, and what the error says about
    // data not yet written is learned from fsync where it matters (File.swift).
    deinit { _ = Glibc.close(number) }

    package consuming func close() {}

    /// Another descriptor of the same open file, with an owner of its own.
    package borrowing func duplicate() throws(Errno) -> Descriptor {
        let number = number
        return Descriptor(owning: try attempt("fcntl") { fcntl(number, F_DUPFD_CLOEXEC, 3) })
    }

    /// The number, which the caller now has to close.
    package consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }
}

// What the program says: its log, and a command's last words.

import Glibc

package enum StandardOutput {
    /// Writes all of it, blocking; gives up on a closed or failing output, because a log that cannot be
    /// written must not stop what it is about.
    package static func write(_ octets: [UInt8]) { write(octets, to: 1) }

    package static func writeError(_ octets: [UInt8]) { write(octets, to: 2) }

    private static func write(_ octets: [UInt8], to descriptor: Int32) {
        var done = 0
        while done < octets.count {
            // SAFETY: the pointer is valid for `octets.count` inside the closure; write(2) keeps none.
            let written = unsafe octets.withUnsafeBytes { buffer in
                // The loop runs only while there are octets, so there is a base address.
                unsafe Glibc.write(
                    descriptor, buffer.baseAddress! + done, buffer.count - done)
            }
            if written > 0 { done += written } else if written == -1, errno != EINTR { return }
        }
    }
}

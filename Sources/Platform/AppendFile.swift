// A file that is only ever added to, by this process and perhaps others. Never on a loop: disks block.
import CLinux
import Glibc

/// Opened for appending: each `append` is one write(2), which lands behind everything that is there.
package struct AppendFile: ~Copyable, Sendable {
    private let file: Descriptor

    /// Opens the file, or makes it with this mode.
    package init(_ path: String, mode: UInt32 = 0o600) throws(Errno) {
        guard !path.utf8.contains(0) else { throw Errno(call: "open", code: EINVAL) }
        file = Descriptor(
            owning: try attempt("open") {
                linux_open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, mode_t(mode))
            })
    }

    /// How many octets it has.
    package borrowing func size() throws(Errno) -> Int {
        let number = file.number
        var found = stat()
        try attempt("fstat") { fstat(number, &found) }
        return Int(found.st_size)
    }

    /// Writes the octets behind what is there. They are on the disk when this returns.
    package borrowing func append(_ octets: [UInt8]) throws(Errno) {
        let number = file.number
        var written = 0
        while written < octets.count {
            written += try octets.span.withUnsafeBytes { bytes throws(Errno) in
                // SAFETY: the range is inside the array's memory, and write(2) keeps no pointer.
                let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
                return try attempt("write") { Glibc.write(number, rest.baseAddress, rest.count) }
            }
        }
        try attempt("fdatasync") { fdatasync(number) }
    }

    /// What lies from `offset` on, at most so many octets.
    package borrowing func read(from offset: Int, octetsMax: Int) throws(Errno) -> [UInt8] {
        let number = file.number
        var octets: [UInt8] = []
        while octets.count < octetsMax {
            let room = min(65_536, octetsMax - octets.count)
            let place = offset + octets.count
            var got = 0
            try octets.append(addingCapacity: room) { output throws(Errno) in
                try output.withUnsafeMutableBufferPointer { free, count throws(Errno) in
                    // SAFETY: pread(2) writes at most `room` octets there and keeps no pointer.
                    let start = free.baseAddress
                    got = try attempt("pread") { pread(number, start, room, place) }
                    count = got
                }
            }
            if got == 0 { break }
        }
        return octets
    }

    /// How several processes share the file: any number that add to it, or one that replaces it.
    package enum Share: Sendable { case adding, replacing }

    /// - Returns: whether it was given at once; where it was not, there is none now.
    package borrowing func lock(_ share: Share) throws(Errno) -> Bool {
        let number = file.number
        let operation = (share == .adding ? LOCK_SH : LOCK_EX) | LOCK_NB
        return try attemptUnlessBlocked("flock") { flock(number, operation) } != nil
    }
}

extension File {
    /// What would keep this process from making files in the directory, or from making it where it is
    /// missing; nothing is made.
    package static func mayWrite(inDirectory path: String) throws(Errno) {
        var found = stat()
        guard stat(path, &found) == 0 else {
            let parent = path.split(separator: "/").dropLast().joined(separator: "/")
            let place = path.hasPrefix("/") ? "/" + parent : parent.isEmpty ? "." : parent
            try attempt("mkdir") { access(place, W_OK | X_OK) }
            return
        }
        guard found.st_mode & S_IFMT == S_IFDIR else {
            throw Errno(call: "mkdir", code: ENOTDIR)
        }
        try attempt("open") { access(path, W_OK | X_OK) }
    }

    /// Makes the directory, for its owner alone, where there is none; its parent has to be there.
    package static func makeDirectory(_ path: String) throws(Errno) {
        do {
            try attempt("mkdir") { mkdir(path, 0o700) }
        } catch {
            guard error.code == EEXIST else { throw error }
            var found = stat()
            try attempt("stat") { stat(path, &found) }
            guard found.st_mode & S_IFMT == S_IFDIR else {
                throw Errno(call: "mkdir", code: ENOTDIR)
            }
        }
    }
}

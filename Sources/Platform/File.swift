// Small files whole: configuration, keys, certificates. Never on a loop: files can block.
import CLinux
import Glibc
import Values

package enum File {
    /// The whole file, a pipe's or a device's octets until their end too. EFBIG past `octetsMax`.
    package static func read(_ path: String, octetsMax: Int) throws(Errno) -> [UInt8] {
        let file = try open(path, O_RDONLY)
        let number = file.number
        var octets: [UInt8] = []
        while true {
            // One octet more than allowed is asked for, to tell a full file from one that is too long.
            let room = min(65_536, octetsMax - octets.count) + 1
            var got = 0
            try octets.append(addingCapacity: room) { output throws(Errno) in
                try output.withUnsafeMutableBufferPointer { free, count throws(Errno) in
                    // SAFETY: read(2) writes at most `room` octets there and keeps no pointer.
                    let start = free.baseAddress
                    got = try attempt("read") { Glibc.read(number, start, room) }
                    count = got
                }
            }
            if got == 0 { return octets }
            if octets.count > octetsMax { throw Errno(call: "read", code: EFBIG) }
        }
    }

    /// A new file with exactly this mode; EEXIST where there is one, even a dangling link. It is on
    /// the disk when this returns, and gone again when it throws.
    package static func createNew(
        _ path: String, _ octets: [UInt8], mode: UInt32 = 0o600
    ) throws(Errno) {
        try writeNew(path, octets, mode: mode)
        try syncDirectory(of: path)
    }

    /// Puts the octets in place of the file at once: whoever opens it sees the old or the new, also
    /// after the power failed. A symbolic link stays and what it leads to is replaced.
    package static func replace(
        _ path: String, _ octets: [UInt8], mode: UInt32 = 0o600
    ) throws(Errno) {
        let target = resolvingLinks(path)
        let temporary = try writeTemporary(beside: target, octets, mode: mode)
        do {
            try attempt("rename") { rename(temporary, target) }
        } catch {
            _ = unlink(temporary)  // the rename's error is the one to tell
            throw error
        }
        try syncDirectory(of: target)
    }

    /// The permission bits, as chmod(1) takes them; of what a link leads to.
    package static func mode(_ path: String) throws(Errno) -> UInt32 {
        var found = stat()
        try attempt("stat") { stat(path, &found) }
        return UInt32(found.st_mode) & 0o7777
    }

    package static func setMode(_ path: String, _ mode: UInt32) throws(Errno) {
        try attempt("chmod") { chmod(path, mode_t(mode)) }
    }

    /// What changes when a file does: written anew, replaced, or found behind another link.
    package struct Stamp: Equatable {
        let device: UInt
        let number: UInt
        let octets: Int
        let seconds: Int
        let nanoseconds: Int
    }

    /// Of what a link leads to.
    package static func stamp(_ path: String) throws(Errno) -> Stamp {
        var found = stat()
        try attempt("stat") { stat(path, &found) }
        return Stamp(
            device: found.st_dev, number: found.st_ino, octets: found.st_size,
            seconds: found.st_mtim.tv_sec, nanoseconds: found.st_mtim.tv_nsec)
    }

    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Removes the file. ENOENT where there is none.
    package static func remove(_ path: String) throws(Errno) {
        try attempt("unlink") { unlink(path) }
    }

    // MARK: - How

    private static func open(
        _ path: String, _ flags: Int32, mode: UInt32 = 0
    ) throws(Errno) -> Descriptor {
        // A NUL would end the path early and open another file than the one named.
        guard !path.utf8.contains(0) else { throw Errno(call: "open", code: EINVAL) }
        return Descriptor(
            owning: try attempt("open") { linux_open(path, flags, mode_t(mode)) })
    }

    private static func writeNew(
        _ path: String, _ octets: [UInt8], mode: UInt32
    ) throws(Errno) {
        // Created closed to all others, then given its mode: the umask has no say in it.
        let file = try open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        let number = file.number
        do {
            try attempt("fchmod") { fchmod(number, mode_t(mode)) }
            try write(octets, to: number)
            try attempt("fsync") { fsync(number) }
        } catch {
            _ = unlink(path)  // the first error is the one to tell
            throw error
        }
    }

    private static func write(_ octets: [UInt8], to number: Int32) throws(Errno) {
        var written = 0
        while written < octets.count {
            written += try octets.span.withUnsafeBytes { bytes throws(Errno) in
                // SAFETY: the range is inside the array's memory, and write(2) keeps no pointer.
                let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
                return try attempt("write") { Glibc.write(number, rest.baseAddress, rest.count) }
            }
        }
    }

    private static func writeTemporary(
        beside path: String, _ octets: [UInt8], mode: UInt32
    ) throws(Errno) -> String {
        // A name is left over where a process was killed here, and process numbers come again.
        for _ in 0..<16 {
            let temporary = "\(path).\(String(UInt64.random(in: 0 ... .max), radix: 36)).new"
            do {
                try writeNew(temporary, octets, mode: mode)
                return temporary
            } catch {
                guard error.code == EEXIST else { throw error }
            }
        }
        throw Errno(call: "open", code: EEXIST)
    }

    /// A new name is on the disk only when its directory is.
    private static func syncDirectory(of path: String) throws(Errno) {
        let slash = path.lastIndex(of: "/")
        let parent =
            slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let directory = try open(parent, O_RDONLY | O_DIRECTORY)
        let number = directory.number
        do {
            try attempt("fsync") { fsync(number) }
        } catch {
            // Some file systems cannot sync a directory; the file itself is safe there.
            guard error.code == EINVAL else { throw error }
        }
    }

    private static func resolvingLinks(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }  // not there yet
        defer { free(resolved) }
        return String(cString: resolved)
    }
}

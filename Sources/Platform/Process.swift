// What the process is told by its surroundings, and what it asks of the system at its start.
import CLinux
import Glibc

package enum Process {
    package static var pid: Int32 { getpid() }

    /// `nil` when it is not set, or not UTF-8.
    package static func environment(_ name: String) -> String? {
        // SAFETY: the text is copied before anything could change it; this program never sets one.
        guard let text = getenv(name) else { return nil }
        return String(validatingCString: text)
    }

    package static var hostName: String {
        var name = [CChar](repeating: 0, count: 257)
        // One octet is held back, so that a name cut at the end still ends with a NUL.
        guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
        let octets = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(validating: octets, as: UTF8.self) ?? "localhost"
    }
}

package enum Limits {
    /// Raises the soft limit on descriptors to the hard one and returns the limit now in force.
    package static func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        guard linux_get_descriptor_limit(&limit) == 0 else { return 1024 }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if linux_set_descriptor_limit(&raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// How many processors this process may run on, which in a container or under taskset is fewer
    /// than the machine has.
    package static var processorCount: Int { max(1, Int(linux_processors_allowed())) }

    /// Keys and tokens are in our memory: no core file, and no attaching by others of our user.
    package static func refuseCoreDumps() {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        _ = linux_set_core_limit(&none)  // lowering a limit is always allowed
        _ = linux_refuse_dumps()  // cannot fail for 0
    }
}

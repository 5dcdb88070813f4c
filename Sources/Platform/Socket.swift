// Stream sockets: listening, accepting, connecting and their few options.
//
// Every descriptor made here is non-blocking and closes on exec. Nothing here waits; readiness is the
// loop's matter. Moving octets is in SocketOctets.swift.
import CLinux
import Glibc
import Values

package enum Socket {
    /// What `accept` took from the queue.
    package struct Accepted: ~Copyable {
        private let descriptor: Descriptor
        /// `nil` for a unix socket's peer, which has no name.
        package let peer: SocketAddress?

        init(_ descriptor: consuming Descriptor, peer: SocketAddress?) {
            self.descriptor = descriptor
            self.peer = peer
        }

        package consuming func take() -> Descriptor { descriptor }
    }

    /// A listening socket. A unix socket's file is put in place of one that nobody accepts at any
    /// more; a living one, and a file that is no socket, are EADDRINUSE.
    ///
    /// `::` hears IPv4 too, whatever the system's default. `reusePort` lets each loop have its own
    /// queue; a second process of the same user could then share the port, which is how one takes
    /// over from another.
    package static func listen(
        on address: SocketAddress, reusePort: Bool = false, backlog: Int32 = 1024
    ) throws(Errno) -> Descriptor {
        let descriptor = try bind(to: address, reusePort: reusePort)
        try attempt("listen") { Glibc.listen(descriptor.number, backlog) }
        return descriptor
    }

    /// A socket that has the address, and refuses who connects: EADDRINUSE where somebody listens there.
    package static func bind(
        to address: SocketAddress, reusePort: Bool = false
    ) throws(Errno) -> Descriptor {
        let descriptor = try open(for: address)
        let number = descriptor.number
        if !address.isUnix {
            try setOption(number, SOL_SOCKET, SO_REUSEADDR, 1)
            if reusePort { try setOption(number, SOL_SOCKET, SO_REUSEPORT, 1) }
        }
        if case .ip(.v6(0, 0), _) = address {
            try setOption(number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0)
        }
        do {
            try bind(number, to: address)
        } catch {
            guard error.code == EADDRINUSE, case .unix(let path) = address,
                isAbandoned(path: path, address)
            else { throw error }
            try attempt("unlink") { unlink(path) }
            try bind(number, to: address)
        }
        return descriptor
    }

    /// The next connection, non-blocking; `nil` when the queue is empty.
    ///
    /// An error that only says that one waiting connection has failed is passed over, as accept(2)
    /// asks; what is thrown is ours: `isExhaustion`, or a descriptor that does not listen.
    package static func accept(_ listening: Int32) throws(Errno) -> Accepted? {
        // Each pass takes a connection from the queue, so the bound only meets a misbehaving kernel.
        for _ in 0..<1024 {
            var storage = sockaddr_storage()
            var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
            do {
                let number = try attemptUnlessBlocked("accept") {
                    linux_accept(listening, &storage, &size)
                }
                guard let number else { return nil }
                return Accepted(
                    Descriptor(owning: number), peer: SocketAddress(storage, size: size))
            } catch {
                guard concernsOneConnection(error.code) else { throw error }
            }
        }
        throw Errno(call: "accept", code: ECONNABORTED)
    }

    /// A connection on its way: done when the descriptor is writable and `connectionError` is `nil`.
    package static func connect(to address: SocketAddress) throws(Errno) -> Descriptor {
        let descriptor = try open(for: address)
        let number = descriptor.number
        do {
            try address.withKernelForm { form, size throws(Errno) in
                // After an interruption the second connect(2) says how far the first has come.
                _ = try attempt("connect") { Glibc.connect(number, form, size) }
            }
        } catch {
            guard [EINPROGRESS, EALREADY, EISCONN].contains(error.code) else { throw error }
        }
        return descriptor
    }

    /// The error that waits on the socket, which this takes; after a connect, whether it failed.
    package static func connectionError(_ number: Int32) -> Errno? {
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        do {
            try attempt("getsockopt") { getsockopt(number, SOL_SOCKET, SO_ERROR, &code, &size) }
        } catch {
            return error
        }
        return code == 0 ? nil : Errno(call: "connect", code: code)
    }

    package static func localAddress(_ number: Int32) -> SocketAddress? {
        name(of: number, getsockname)
    }

    package static func peerAddress(_ number: Int32) -> SocketAddress? {
        name(of: number, getpeername)
    }

    // The options below refine a connection that works without them, and fail only on one that is
    // already gone, of which the next read or write will tell: so their errors are dropped.

    /// Sends what is written at once; without it a short answer may wait for an acknowledgement.
    package static func noDelay(_ number: Int32) {
        try? setOption(number, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    }

    /// Says that we will send no more; the peer reads an end, and may still send.
    package static func shutdownWrite(_ number: Int32) {
        _ = shutdown(number, Int32(SHUT_WR))
    }

    /// Makes the coming close a reset, dropping what was not sent: the peer must not take a cut
    /// message for a whole one.
    package static func lingerReset(_ number: Int32) {
        var linger = linger(l_onoff: 1, l_linger: 0)
        _ = setsockopt(
            number, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
    }

    // MARK: - How

    private static func open(for address: SocketAddress) throws(Errno) -> Descriptor {
        let family = address.family
        return Descriptor(owning: try attempt("socket") { linux_stream_socket(family) })
    }

    private static func bind(_ number: Int32, to address: SocketAddress) throws(Errno) {
        try address.withKernelForm { form, size throws(Errno) in
            _ = try attempt("bind") { Glibc.bind(number, form, size) }
        }
    }

    static func setOption(
        _ number: Int32, _ level: Int32, _ option: Int32, _ value: Int32
    ) throws(Errno) {
        var value = value
        let size = socklen_t(MemoryLayout<Int32>.size)
        try attempt("setsockopt") { setsockopt(number, level, option, &value, size) }
    }

    /// Whether a socket's file is left over from a process that is gone.
    private static func isAbandoned(path: String, _ address: SocketAddress) -> Bool {
        var found = stat()
        // Connecting to a plain file is refused as well: never unlink one.
        guard lstat(path, &found) == 0, found.st_mode & S_IFMT == S_IFSOCK else { return false }
        do {
            _ = try connect(to: address)
            return false
        } catch {
            return error.code == ECONNREFUSED
        }
    }

    private static func concernsOneConnection(_ code: Int32) -> Bool {
        switch code {
        case ECONNABORTED, EPROTO, EPERM, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH,
            ENETUNREACH, ETIMEDOUT:
            true
        default: false
        }
    }

    private static func name(
        of number: Int32,
        _ call: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> SocketAddress? {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        // SAFETY: both live through the call, which writes at most `size` octets.
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            UnsafeMutableRawPointer(pointer).withMemoryRebound(to: sockaddr.self, capacity: 1) {
                call(number, $0, &size)
            }
        }
        return result == 0 ? SocketAddress(storage, size: size) : nil
    }
}

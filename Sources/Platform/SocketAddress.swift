// Where a socket listens or connects, and its form in the kernel's structures.
import CLinux
import Glibc
package import Values

package enum SocketAddress: Hashable, Sendable, CustomStringConvertible {
    case ip(IPAddress, port: UInt16)
    /// A path in the file system.
    case unix(String)

    /// `192.0.2.1:80`, `[2001:db8::1]:80`, `unix:/run/site.sock`
    package var description: String {
        switch self {
        case .ip(.v4(let number), let port): "\(IPAddress.v4(number)):\(port)"
        case .ip(let address, let port): "[\(address)]:\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    package var port: UInt16? {
        if case .ip(_, let port) = self { port } else { nil }
    }

    package var isUnix: Bool {
        if case .unix = self { true } else { false }
    }

    var family: Int32 {
        switch self {
        case .ip(.v4, _): AF_INET
        case .ip(.v6, _): AF_INET6
        case .unix: AF_UNIX
        }
    }
}

extension SocketAddress {
    /// Calls `body` with the kernel's form of the address and its size. A path that does not fit
    /// `sun_path` is ENAMETOOLONG, and one with a NUL EINVAL.
    func withKernelForm<Result>(
        _ body: (UnsafePointer<sockaddr>, socklen_t) throws(Errno) -> Result
    ) throws(Errno) -> Result {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var failure: Errno?
        withUnsafeMutableBytes(of: &storage) { octets in
            switch self {
            case .ip(.v4(let number), let port):
                var form = sockaddr_in()
                form.sin_family = sa_family_t(AF_INET)
                form.sin_port = port.bigEndian
                form.sin_addr.s_addr = number.bigEndian
                octets.storeBytes(of: form, as: sockaddr_in.self)
                size = socklen_t(MemoryLayout<sockaddr_in>.size)
            case .ip(.v6(let high, let low), let port):
                var form = sockaddr_in6()
                form.sin6_family = sa_family_t(AF_INET6)
                form.sin6_port = port.bigEndian
                withUnsafeMutableBytes(of: &form.sin6_addr) { address in
                    address.storeBytes(of: high.bigEndian, as: UInt64.self)
                    address.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
                }
                octets.storeBytes(of: form, as: sockaddr_in6.self)
                size = socklen_t(MemoryLayout<sockaddr_in6>.size)
            case .unix(let path):
                let start = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
                let room = MemoryLayout<sockaddr_un>.size - start
                let text = Array(path.utf8)
                guard !text.isEmpty, !text.contains(0) else {
                    failure = Errno(call: "bind", code: EINVAL)
                    return
                }
                guard text.count < room else {
                    failure = Errno(call: "bind", code: ENAMETOOLONG)
                    return
                }
                octets.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
                octets[start...].copyBytes(from: text)  // the rest is zero already: the closing NUL
                size = socklen_t(start + text.count + 1)
            }
        }
        if let failure { throw failure }
        // SAFETY: `storage` outlives the call and holds `size` octets of the family it names.
        do {
            return try withUnsafePointer(to: &storage) { pointer throws(Errno) in
                try UnsafeRawPointer(pointer).withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    form throws(Errno) in try body(form, size)
                }
            }
        }
    }

    /// `nil` for a unix socket without a path, as a client's usually is, and for other families.
    init?(_ storage: borrowing sockaddr_storage, size: socklen_t) {
        let copy = copy storage
        let size = min(Int(size), MemoryLayout<sockaddr_storage>.size)
        let address: SocketAddress? = withUnsafeBytes(of: copy) { octets in
            switch Int32(copy.ss_family) {
            case AF_INET where size >= MemoryLayout<sockaddr_in>.size:
                let form = octets.load(as: sockaddr_in.self)
                return .ip(
                    .v4(UInt32(bigEndian: form.sin_addr.s_addr)),
                    port: UInt16(bigEndian: form.sin_port))
            case AF_INET6 where size >= MemoryLayout<sockaddr_in6>.size:
                let form = octets.load(as: sockaddr_in6.self)
                return .ip(IPAddress(form.sin6_addr), port: UInt16(bigEndian: form.sin6_port))
            case AF_UNIX:
                let start = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
                guard size > start, octets[start] != 0 else { return nil }
                let path = octets[start..<size].prefix { $0 != 0 }
                return String(validating: path, as: UTF8.self).map { .unix($0) }
            default: return nil
            }
        }
        guard let address else { return nil }
        self = address
    }
}

extension IPAddress {
    init(_ address: in6_addr) {
        // SAFETY: the bytes are a local value's, sixteen of them, read before the call returns.
        self = withUnsafeBytes(of: address) { octets in
            .ipv6(
                UInt64(bigEndian: octets.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: octets.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
        }
    }
}

// Octets to and from sockets, without a signal and without waiting.
//
// Edge-triggered readiness comes once: who reads until less came than there was room for has drained
// the socket; who filled the room must read again. Each function returns the count for that purpose.
import CLinux
import Glibc

extension Socket {
    /// How many octets of the three, in order, the kernel took; `nil` when it would block.
    ///
    /// One call, so that a head and its content leave in one segment. A closed peer is EPIPE.
    /// - Parameter more: further octets follow at once, for the same segment.
    package static func send(
        _ number: Int32, _ first: Span<UInt8>, _ second: Span<UInt8> = Span(),
        _ third: Span<UInt8> = Span(), more: Bool = false
    ) throws(Errno) -> Int? {
        let flags = more ? sendFlags | Int32(MSG_MORE) : sendFlags
        // SAFETY: sendmsg(2) reads the ranges during the call and keeps nothing.
        return try first.withUnsafeBytes { first throws(Errno) in
            try second.withUnsafeBytes { second throws(Errno) in
                try third.withUnsafeBytes { third throws(Errno) in
                    if second.isEmpty, third.isEmpty {
                        return try attemptUnlessBlocked("send") {
                            linux_send(number, first.baseAddress, first.count, flags)
                        }
                    }
                    var vector: InlineArray<3, iovec> = [
                        iovec(first), iovec(second), iovec(third),
                    ]
                    var parts = vector.mutableSpan
                    return try parts.withUnsafeMutableBufferPointer { parts throws(Errno) in
                        var message = msghdr()
                        message.msg_iov = parts.baseAddress
                        message.msg_iovlen = parts.count
                        return try attemptUnlessBlocked("sendmsg") {
                            linux_send_message(number, &message, flags)
                        }
                    }
                }
            }
        }
    }

    /// Appends at most `octetsMax` received octets and returns how many: 0 is the peer's end, `nil`
    /// that nothing is there yet.
    package static func receive(
        _ number: Int32, octetsMax: Int, appendingTo octets: inout [UInt8]
    ) throws(Errno) -> Int? {
        try receive(number, octetsMax: octetsMax, flags: 0, appendingTo: &octets)
    }

    /// As `receive`, but what is appended stays there to be received. News of more octets comes as if
    /// these had been taken.
    package static func peek(
        _ number: Int32, octetsMax: Int, appendingTo octets: inout [UInt8]
    ) throws(Errno) -> Int? {
        try receive(number, octetsMax: octetsMax, flags: Int32(MSG_PEEK), appendingTo: &octets)
    }

    private static func receive(
        _ number: Int32, octetsMax: Int, flags: Int32, appendingTo octets: inout [UInt8]
    ) throws(Errno) -> Int? {
        var received: Int?
        try octets.append(addingCapacity: octetsMax) { output throws(Errno) in
            try output.withUnsafeMutableBufferPointer { room, count throws(Errno) in
                // SAFETY: recv(2) writes at most `octetsMax` octets into the room and keeps nothing.
                let start = room.baseAddress
                received = try attemptUnlessBlocked("recv") {
                    linux_receive(number, start, octetsMax, flags)
                }
                count = received ?? 0
            }
        }
        return received
    }

    /// Without it, writing to a peer that closed raises SIGPIPE.
    static let sendFlags = Int32(MSG_NOSIGNAL)
}

extension iovec {
    fileprivate init(_ octets: UnsafeRawBufferPointer) {
        // The structure serves reading and writing calls alike; sendmsg(2) only reads.
        self.init(
            iov_base: UnsafeMutableRawPointer(mutating: octets.baseAddress), iov_len: octets.count)
    }
}

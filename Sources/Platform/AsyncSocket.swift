// A connection for async code: the demo's servers, cold clients, tests.
//
// The gateway's own connections are state machines on LoopHandler; this trades some of their speed
// for straight-line code. One task may read while another writes. Each direction ends by itself: after
// the peer's end one can still write, after `finishWriting` still read.
import Glibc
import Values

/// `@unchecked Sendable`: it belongs to its loop, and every method but `close` checks that it is
/// there; `close` and `deinit` post.
package final class AsyncSocket: @unchecked Sendable {
    package let loop: EventLoop
    /// `nil` for a unix socket's peer.
    package let peer: SocketAddress?
    private let endpoint: AsyncEndpoint

    /// Takes over a connected, non-blocking descriptor. On the loop.
    package init(
        _ descriptor: consuming Descriptor, peer: SocketAddress?, on loop: EventLoop
    ) throws(Errno) {
        self.loop = loop
        self.peer = peer
        if peer?.isUnix == false { Socket.noDelay(descriptor.number) }
        endpoint = try AsyncEndpoint(descriptor, on: loop)
    }

    deinit { endpoint.close() }

    /// ETIMEDOUT past the deadline, ECANCELED when the task is cancelled; so for all that wait here.
    package static func connect(
        to address: SocketAddress, on loop: EventLoop, deadline: Duration? = nil
    ) async throws(Errno) -> AsyncSocket {
        loop.preconditionOnLoop()
        let socket = try AsyncSocket(
            try Socket.connect(to: address), peer: address, on: loop)
        do throws(Errno) {
            try await socket.endpoint.whenWritable(within: deadline, call: "connect")
            if let failure = Socket.connectionError(try socket.endpoint.number) { throw failure }
        } catch {
            socket.close()
            throw error
        }
        return socket
    }

    package var localAddress: SocketAddress? {
        guard let number = try? endpoint.number else { return nil }  // `nil` says closed, too
        return Socket.localAddress(number)
    }

    /// What has come, at most `max` octets and at least one; empty at the peer's end, then always.
    package func read(
        max: Int = 16_384, deadline: Duration? = nil
    ) async throws(Errno) -> [UInt8] {
        loop.preconditionOnLoop()
        precondition(max > 0)
        var octets: [UInt8] = []
        let until = deadline.map { loop.now + $0 }
        while true {
            let got = try Socket.receive(
                try endpoint.number, octetsMax: max, appendingTo: &octets)
            if got != nil { return octets }
            try await endpoint.whenReadable(within: loop.left(until), call: "recv")
        }
    }

    /// Returns when the kernel has taken all of it. EPIPE or ECONNRESET when the peer is gone.
    package func write(_ octets: [UInt8], deadline: Duration? = nil) async throws(Errno) {
        loop.preconditionOnLoop()
        var written = 0
        let until = deadline.map { loop.now + $0 }
        while written < octets.count {
            let sent = try Socket.send(
                try endpoint.number, octets.span.extracting(written...))
            if let sent {
                written += sent
            } else {
                try await endpoint.whenWritable(within: loop.left(until), call: "send")
            }
        }
    }

    /// The peer reads an end; reading goes on. On one that is closed there is nothing to do.
    package func finishWriting() {
        loop.preconditionOnLoop()
        if let number = try? endpoint.number { Socket.shutdownWrite(number) }
    }

    /// Ends both directions; who waits gets ECANCELED. From any thread, and more than once.
    package func close() { endpoint.close() }

    /// As `close`, but the peer gets a reset and what is not sent yet is dropped. On the loop.
    package func reset() {
        loop.preconditionOnLoop()
        if let number = try? endpoint.number { Socket.lingerReset(number) }  // else closed already
        endpoint.close()
    }
}

/// A listening socket for async code.
///
/// `@unchecked Sendable`: as AsyncSocket.
package final class AsyncListener: @unchecked Sendable {
    package let loop: EventLoop
    /// Where it listens, with the port that the kernel chose for port 0.
    package let address: SocketAddress
    private let endpoint: AsyncEndpoint

    /// Listens from now on; on any thread.
    package init(
        on address: SocketAddress, loop: EventLoop, backlog: Int32 = 1024
    ) throws(Errno) {
        let descriptor = try Socket.listen(on: address, backlog: backlog)
        self.loop = loop
        self.address = Socket.localAddress(descriptor.number) ?? address
        endpoint = AsyncEndpoint(unregistered: descriptor, on: loop)
    }

    deinit { endpoint.close() }

    /// The next connection. Being short of descriptors is waited out; ECANCELED after `close`.
    package func accept(deadline: Duration? = nil) async throws(Errno) -> AsyncSocket {
        loop.preconditionOnLoop()
        try endpoint.register()
        let until = deadline.map { loop.now + $0 }
        while true {
            if Task.isCancelled { throw Errno(call: "accept", code: ECANCELED) }
            do {
                if let accepted = try Socket.accept(try endpoint.number) {
                    let peer = accepted.peer
                    return try AsyncSocket(accepted.take(), peer: peer ?? unnamed, on: loop)
                }
            } catch {
                guard error.isExhaustion else { throw error }
                if let left = loop.left(until), left <= .zero {
                    throw Errno(call: "accept", code: ETIMEDOUT)
                }
                await loop.sleep(for: .milliseconds(50))
                continue
            }
            try await endpoint.whenReadable(within: loop.left(until), call: "accept")
        }
    }

    /// Refuses further connections. A unix socket's file goes too. From any thread.
    package func close() {
        if case .unix(let path) = address { _ = unlink(path) }  // gone already is as good
        endpoint.close()
    }

    private var unnamed: SocketAddress? { address.isUnix ? address : nil }
}

/// A descriptor on a loop, and who waits for its two directions.
///
/// `@unchecked Sendable`: used on its loop alone, except `close`, which goes there.
private final class AsyncEndpoint: LoopHandler, @unchecked Sendable {
    private let loop: EventLoop
    private var descriptor: Int32  // −1 once closed
    private var slot: LoopSlot?
    private var reader: Awaited<Int32>?
    private var writer: Awaited<Int32>?

    init(unregistered descriptor: consuming Descriptor, on loop: EventLoop) {
        self.loop = loop
        self.descriptor = descriptor.release()
    }

    convenience init(_ descriptor: consuming Descriptor, on loop: EventLoop) throws(Errno) {
        self.init(unregistered: descriptor, on: loop)
        try register()
    }

    deinit { if descriptor >= 0 { _ = Glibc.close(descriptor) } }  // as Descriptor's

    /// Edge-triggered for a listener too: nobody may be accepting for a while, and the loop must not
    /// be told every turn that connections wait. `accept` looks before it waits.
    func register() throws(Errno) {
        if slot == nil { slot = try loop.register(self, try number) }
    }

    /// ECANCELED once it is closed.
    var number: Int32 {
        get throws(Errno) {
            guard descriptor >= 0 else { throw Errno(call: "close", code: ECANCELED) }
            return descriptor
        }
    }

    func whenReadable(within limit: Duration?, call: String) async throws(Errno) {
        let waiting = Awaited<Int32>(on: loop)
        precondition(reader == nil, "two tasks read one socket")
        reader = waiting
        defer { reader = nil }
        try await wait(waiting, limit, call)
    }

    func whenWritable(within limit: Duration?, call: String) async throws(Errno) {
        let waiting = Awaited<Int32>(on: loop)
        precondition(writer == nil, "two tasks write one socket")
        writer = waiting
        defer { writer = nil }
        try await wait(waiting, limit, call)
    }

    func ready(_ readiness: Readiness) {
        if !readiness.isDisjoint(with: [.readable, .peerClosed, .failed]) { reader?.come(0) }
        if !readiness.isDisjoint(with: [.writable, .failed]) { writer?.come(0) }
    }

    /// Not used: each wait has a timer of its own, as the two directions have two limits.
    func deadlinePassed() {}

    func close() {
        if loop.isOnLoop { closeNow() } else { loop.post { self.closeNow() } }
    }

    private func closeNow() {
        guard descriptor >= 0 else { return }
        if let slot { loop.deregister(slot) }
        _ = Glibc.close(descriptor)  // as Descriptor's
        descriptor = -1
        reader?.come(ECANCELED)
        writer?.come(ECANCELED)
    }

    private func wait(
        _ waiting: Awaited<Int32>, _ limit: Duration?, _ call: String
    ) async throws(Errno) {
        _ = try number
        let code = await waiting.value(
            within: limit, late: ETIMEDOUT, cancelled: ECANCELED)
        if code != 0 { throw Errno(call: call, code: code) }
    }
}

extension EventLoop {
    fileprivate func left(_ until: MonotonicInstant?) -> Duration? {
        until.map { max(.zero, $0 - now) }
    }
}

// Accepts connections from one descriptor for one loop, and refuses them where there are too many.
//
// TCP has a descriptor for each loop; a unix socket's is shared. A descriptor closes only once its
// queue has been accepted empty, since closing one of a SO_REUSEPORT group resets who waits on it.

import Configuration
import Gateway
package import Platform
import TLS
import Values

/// `@unchecked Sendable`: as `Worker`, it may be held anywhere and is touched on its loop alone, or
/// before the loop runs.
package final class Listener: LoopHandler, @unchecked Sendable {
    /// Connections accepted in one turn; the loop announces the rest again.
    static let acceptsATurn = 32
    /// How long accepting pauses where there is no room, no descriptor or no memory.
    static let pause = Duration.milliseconds(50)

    package let worker: Worker
    let desk: Desk
    /// An index into `Configuration.listeners`, which a reload may change; −1 for the admin's.
    package var index: Int
    private let isUnix: Bool
    let isCounted: Bool
    let isForSite: Bool
    private let isShared: Bool
    private var descriptor: Descriptor?
    private let number: Int32
    private var slot: LoopSlot?
    private var timer: TimerID?
    /// How many of its connections are open.
    package private(set) var open = 0

    /// - Parameters:
    ///   - descriptor: listening and non-blocking; the listener closes it.
    ///   - isShared: whether other loops have the same queue (a unix socket's, an inherited one).
    ///   - isCounted: whether `limits.connections` holds for it; the admin's is not counted.
    package init(
        _ descriptor: consuming Descriptor, of worker: Worker, desk: Desk = .site, index: Int,
        isUnix: Bool = false, isShared: Bool = false, isCounted: Bool = true
    ) {
        number = descriptor.number
        self.descriptor = .some(descriptor)
        self.worker = worker
        self.desk = desk
        isForSite = if case .site = desk { true } else { false }
        self.index = index
        self.isUnix = isUnix
        self.isShared = isShared
        self.isCounted = isCounted
        // Linux hands it down to what is accepted, which saves a call for each.
        if !isUnix { Socket.noDelay(number) }
    }

    /// Whether clients may begin with HTTP/2's preface (RFC 9113 §3.3).
    var takesHTTP2: Bool {
        let listeners = worker.snapshot.configuration.listeners
        return listeners.indices.contains(index) && listeners[index].h2c
    }

    /// Begins to accept. Call it on the loop, or before the loop runs.
    package func start() throws(Errno) {
        guard slot == nil, descriptor != nil else { return }
        slot = try worker.loop.register(self, number, exclusive: isShared, listening: true)
        worker.add(self)
    }

    /// Takes what waits already, then closes. Connections that are there go on.
    package func close() {
        guard descriptor != nil else { return }
        acceptAll()
        stopAccepting()
        if let timer { worker.loop.cancel(timer) }
        timer = nil
        descriptor = nil
        worker.remove(self)
    }

    package func ready(_ readiness: Readiness) {
        // That one waits is known of the first alone.
        for count in 0..<Self.acceptsATurn {
            guard slot != nil, hasRoom(isAnnounced: count == 0), acceptOne() else { return }
        }
    }

    package func deadlinePassed() {}

    // MARK: Accepting

    private func acceptAll() {
        // The bound is the queue's own: nobody joins it faster than this for long.
        for _ in 0..<65_536 { guard acceptOne() else { return } }
    }

    /// Whether another connection may be taken. Nobody is closed for one that may not be waiting: the
    /// loop announces the next one again.
    private func hasRoom(isAnnounced: Bool) -> Bool {
        guard isCounted, worker.connections.isFull else { return true }
        guard isAnnounced else { return false }
        // The longest idle makes room; where nobody is idle here, the other loops are asked.
        if !worker.closeLongestIdle() { worker.connections.askForRoom() }
        guard worker.connections.isFull else { return true }
        pause()
        return false
    }

    /// - Returns: whether there may be another.
    private func acceptOne() -> Bool {
        do {
            guard let accepted = try Socket.accept(number) else { return false }
            let address: IPAddress? =
                if case .ip(let address, _)? = accepted.peer { address } else { nil }
            open(accepted.take(), from: address)
            return true
        } catch {
            // Out of descriptors or memory: an idle connection may give its own back.
            if error.isExhaustion { _ = worker.closeLongestIdle() }
            worker.noteAcceptFailure(error)
            pause()
            return false
        }
    }

    private func open(_ descriptor: consuming Descriptor, from address: IPAddress?) {
        if requiresPreface { return awaitPreface(descriptor, from: address) }
        if isCounted, !worker.connections.admit(address) { return }
        open += 1
        serve(descriptor, Peer(address: address, isUnix: isUnix, listener: index))
    }

    private func serve(_ descriptor: consuming Descriptor, _ peer: Peer) {
        let tls: TLSConnection?
        do throws(TLSFault) {
            let context = worker.contexts.context(ofListener: index)
            tls = try context.map { context throws(TLSFault) in try TLSConnection(context) }
        } catch {
            // There is no memory for it: it closes here.
            worker.noteHandshake(failedBecause: "\(error)", peer.address, listener: index)
            return connectionClosed(peer.address)
        }
        let connection = ClientConnection(descriptor, from: peer, at: self, tls: tls)
        worker.add(connection)
        do {
            try connection.open()
        } catch {
            connection.abort()
        }
    }

    // MARK: The PROXY protocol

    private var requiresPreface: Bool {
        let listeners = worker.snapshot.configuration.listeners
        return listeners.indices.contains(index) && listeners[index].proxyProtocol
    }

    /// Only who may speak for others is listened to.
    private func awaitPreface(_ descriptor: consuming Descriptor, from address: IPAddress?) {
        let trusted = worker.snapshot.configuration.trustedProxies
        guard address.map(trusted.contains) ?? trusted.unix else {
            return worker.notePrefaceRefused(
                "not-trusted", "the peer is not among trusted_proxies", from: address)
        }
        // Whose share of the connections it takes is known once the preface is.
        _ = worker.connections.admit(nil)
        open += 1
        let connection = PrefaceConnection(descriptor, from: address, at: self)
        do { try connection.open() } catch { prefaceEnded() }
    }

    /// The preface has been read. Its source is the peer from here on; where there is none, nobody is,
    /// and so nobody is believed.
    func serve(_ descriptor: consuming Descriptor, from source: IPAddress?) {
        guard worker.connections.claimShare(of: source) else { return prefaceEnded() }
        serve(descriptor, Peer(address: source, listener: index))
    }

    func prefaceEnded() {
        open -= 1
        worker.connections.leave(nil)
    }

    func connectionClosed(_ address: IPAddress?) {
        open -= 1
        if isCounted { worker.connections.leave(address) }
    }

    // MARK: Pausing

    private func pause() {
        guard timer == nil, slot != nil else { return }
        stopAccepting()
        timer = worker.loop.schedule(after: Self.pause) { [self] in
            timer = nil
            resume()
        }
    }

    private func stopAccepting() {
        if let slot { worker.loop.deregister(slot) }
        slot = nil
    }

    private func resume() {
        guard slot == nil, descriptor != nil else { return }
        do {
            slot = try worker.loop.register(self, number, exclusive: isShared, listening: true)
        } catch {
            worker.noteAcceptFailure(error)
            timer = worker.loop.schedule(after: Self.pause) { [self] in
                timer = nil
                resume()
            }
        }
    }
}

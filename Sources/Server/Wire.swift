// One descriptor's octets in both directions, plain or under TLS. Above this nobody knows which.
//
// Descriptors are registered once, edge-triggered: so a wire remembers what the kernel has announced
// and what has not been taken yet. A read that fills less than its room has emptied the kernel's
// queue; one that fills it must be repeated; and after the peer's end was announced there is one more
// read to make, whatever the last one was.

import HTTP
import Platform
import TLS
import Values

/// What became of a read.
enum Received {
    case octets
    case nothing
    case end
    /// The errno, or 0 when TLS refused what came (`Wire.fault` says why).
    case failed(Int32)
}

/// The part that only a wire under TLS has.
final class Sealing {
    let connection: TLSConnection
    /// What TLS made of what was sent, as far as the kernel has not taken it.
    var outbox = Outbox()
    /// What was received and found no room with its reader.
    var opened: [UInt8] = []
    /// What waits is a session ticket, which goes with the answer to the request that came along.
    var isHeld = false
    /// How much TLS has answered by itself (alerts, key updates) that the kernel has not taken.
    var unasked = 0
    /// What TLS found wrong.
    var fault: String?
    /// The peer does not speak TLS.
    var isPlainText = false

    /// Beyond this the peer only makes us talk, and does not listen.
    static let unaskedMax = 65_536

    init(_ connection: TLSConnection) { self.connection = connection }
}

struct Wire: ~Copyable {
    /// The descriptor's, while it is open.
    let number: Int32
    private var descriptor: Descriptor?
    let sealing: Sealing?
    /// Where octets go instead of to a descriptor.
    let stream: UpstreamStream?
    /// What has gathered since the last flush, and for a plain wire what the kernel refused.
    var outbox = Outbox()
    /// Whether a read may find something.
    private(set) var mayRead = false
    /// The peer has announced that it sends no more: its last octets and the end are still to be read.
    private(set) var isEnding = false
    /// The kernel has no room; its next announcement ends this.
    private(set) var isBlocked = false
    /// Sending has failed. What the peer said before that can still be read.
    private(set) var isBroken = false
    /// How many octets the kernel has taken, ever.
    private(set) var taken: UInt64 = 0
    /// Of what is kept for the peer, as the loop counts it.
    private var counted = 0

    /// Before there is a descriptor.
    init() {
        number = -1
        sealing = nil
        stream = nil
    }

    init(_ stream: UpstreamStream) {
        number = -1
        sealing = nil
        self.stream = stream
    }

    init(_ descriptor: consuming Descriptor, tls: TLSConnection?) {
        number = descriptor.number
        self.descriptor = .some(descriptor)
        sealing = tls.map(Sealing.init)
        stream = nil
    }

    var hasUnsent: Bool {
        if let stream { return !outbox.isEmpty || stream.hasUnsent }
        return !outbox.isEmpty
            || (sealing.map { !$0.isHeld && !$0.outbox.isEmpty } ?? false)
    }

    /// Takes note of what the kernel has announced.
    /// - Returns: whether there is room again after there was none.
    mutating func note(_ readiness: Readiness) -> Bool {
        if readiness.contains(.readable) { mayRead = true }
        if readiness.contains(.peerClosed) || readiness.contains(.failed) {
            mayRead = true
            isEnding = true
        }
        guard readiness.contains(.writable) || readiness.contains(.failed) else { return false }
        defer { isBlocked = false }
        return isBlocked
    }

    // MARK: Receiving

    /// - Parameter most: of a plain wire, how many octets are read at once.
    mutating func receive(
        into buffer: OctetBuffer, atMost most: Int = .max, _ worker: Worker
    ) -> Received {
        guard sealing == nil else { return receiveSealed(into: buffer, worker) }
        if let stream { return receive(from: stream, into: buffer) }
        buffer.prepareToWrite()
        let room = min(buffer.writableCount, most)
        guard room > 0 else { return .nothing }
        return read(into: buffer, room: room)
    }

    private mutating func receive(from stream: UpstreamStream, into buffer: OctetBuffer) -> Received
    {
        let received = stream.receive(into: buffer)
        mayRead = stream.hasSome
        if case .failed = received { mayRead = false }
        return received
    }

    private mutating func read(into buffer: OctetBuffer, room: Int) -> Received {
        do {
            guard let count = try buffer.receive(from: number, atMost: room) else {
                mayRead = false
                return .nothing
            }
            if count == 0 {
                mayRead = false
                return .end
            }
            if count < room, !isEnding { mayRead = false }
            return .octets
        } catch {
            mayRead = false
            return .failed(error.code)
        }
    }

    /// Whether its octets are a socket's own, as a pipe takes and gives them.
    var isPlain: Bool { sealing == nil && stream == nil }

    /// As `receive`, into a pipe, which is empty. Only of a plain wire.
    mutating func receive(into pipe: Pipe, atMost octets: Int) -> Received {
        do throws(Errno) {
            guard let count = try pipe.fill(from: number, atMost: octets) else {
                mayRead = false
                return .nothing
            }
            if count == 0 {
                mayRead = false
                return .end
            }
            return .octets
        } catch {
            mayRead = false
            return .failed(error.code)
        }
    }

    private mutating func receiveSealed(into buffer: OctetBuffer, _ worker: Worker) -> Received {
        guard let sealing else { return .nothing }
        if !sealing.opened.isEmpty { return takeOpened(sealing, into: buffer) }
        // What comes behind close_notify does not count, and there need not be an end behind it.
        if sealing.connection.peerClosed {
            mayRead = false
            return .end
        }
        let sealed = worker.sealedOctets
        sealed.prepareToWrite()
        let received = read(into: sealed, room: sealed.writableCount)
        // Without close_notify an end is a cut (RFC 8446 §6.1): whoever takes the end for the end of a
        // message asks `endIsGenuine`.
        guard case .octets = received else { return received }
        defer {
            sealed.removeAll()
            if !sealing.isHeld { flushSealed(worker) }
        }
        worker.openedOctets.removeAll(keepingCapacity: true)
        let before = sealing.outbox.count
        let wasOpen = sealing.connection.progress == .open
        do throws(TLSFault) {
            if before == 0 { prepareSealed(sealing, worker) }
            try sealing.connection.receive(
                sealed.octets, plain: &worker.openedOctets, out: &sealing.outbox.octets)
        } catch {
            sealing.isPlainText = error == .notTLS
            return failed("\(error)")
        }
        if before > 0 { sealing.unasked += sealing.outbox.count - before }
        if sealing.unasked > Sealing.unaskedMax { return failed("the peer does not listen") }
        if sealing.connection.peerClosed { mayRead = true }
        let opened = worker.openedOctets
        guard !opened.isEmpty else { return sealing.connection.peerClosed ? .end : .nothing }
        if !wasOpen, !isBlocked, sealing.connection.isServer { sealing.isHeld = true }
        let taken = buffer.append(opened.span)
        if taken < opened.count {
            sealing.opened = Array(opened[taken...])
            mayRead = true
        }
        return taken > 0 ? .octets : .nothing
    }

    private mutating func failed(_ fault: String) -> Received {
        sealing?.fault = fault
        mayRead = false
        return .failed(0)
    }

    /// Hands out what had no room before. Afterwards the kernel is asked, whatever it last announced.
    private mutating func takeOpened(_ sealing: Sealing, into buffer: OctetBuffer) -> Received {
        let opened = sealing.opened
        let taken = buffer.append(opened.span)
        sealing.opened = Array(opened[taken...])
        return taken > 0 ? .octets : .nothing
    }

    /// Whether the end that was read is one the peer meant, and not a cut by somebody in between.
    var endIsGenuine: Bool { sealing.map { $0.connection.peerClosed } ?? true }

    // MARK: Sending

    /// Makes room to gather in; the array goes back when everything is sent.
    mutating func prepare(_ worker: Worker) {
        if outbox.octets.capacity == 0 { worker.lendArray(&outbox.octets) }
    }

    /// Sends what has gathered.
    mutating func flush(_ worker: Worker) { send(Span(), by: worker) }

    /// Sends what has gathered, and `octets` and `tail` behind it, in one call; what the kernel does
    /// not take is kept.
    /// - Parameter more: further octets follow at once.
    mutating func send(
        _ octets: Span<UInt8>, _ tail: Span<UInt8> = Span(), more: Bool = false, by worker: Worker
    ) {
        if isBroken {
            outbox.removeAll()
            return
        }
        if sealing != nil { return sendSealed(octets, tail, worker) }
        if let stream { return send(octets, tail, on: stream, worker) }
        guard !isBlocked else {
            keep(octets, worker)
            keep(tail, worker)
            return
        }
        let gathered = outbox.count
        let total = gathered + octets.count + tail.count
        guard total > 0 else { return }
        do throws(Errno) {
            let accepted =
                gathered == 0
                ? try Socket.send(number, octets, tail, more: more)
                : try Socket.send(
                    number, outbox.octets.span.extracting(outbox.sent...), octets, tail,
                    more: more)
            let count = accepted ?? 0
            taken &+= UInt64(count)
            isBlocked = count < total
            if count < gathered {
                outbox.dropFirst(count)
            } else if gathered > 0 {
                giveBack(worker)
            }
            guard count < total else { return }
            let beyond = max(0, count - gathered)
            keep(octets.extracting(min(beyond, octets.count)...), worker)
            keep(tail.extracting(max(0, beyond - octets.count)...), worker)
        } catch {
            isBroken = true
            giveBack(worker)
        }
    }

    private mutating func send(
        _ octets: Span<UInt8>, _ tail: Span<UInt8>, on stream: UpstreamStream, _ worker: Worker
    ) {
        if !outbox.isEmpty {
            let gathered = outbox.octets
            stream.write(gathered.span.extracting(outbox.sent...))
            giveBack(worker)
        }
        stream.write(octets)
        stream.write(tail)
        isBlocked = !stream.hasRoom
        stream.isFull = isBlocked
    }

    /// Sends what the pipe holds, behind what has gathered; what the kernel does not take stays in it.
    /// - Returns: how many octets of it were taken.
    mutating func send(_ pipe: Pipe, by worker: Worker) -> Int {
        if !outbox.isEmpty { send(Span(), more: !pipe.isEmpty, by: worker) }
        var sent = 0
        while !isBlocked, !isBroken, !pipe.isEmpty {
            do throws(Errno) {
                guard let count = try pipe.empty(into: number) else {
                    isBlocked = true
                    break
                }
                sent += count
            } catch { isBroken = true }
        }
        taken &+= UInt64(sent)
        return sent
    }

    private mutating func keep(_ octets: Span<UInt8>, _ worker: Worker) {
        guard !octets.isEmpty else { return }
        prepare(worker)
        outbox.octets.append(contentsOf: octets)
        worker.memory.add(octets.count)
        counted += octets.count
    }

    private mutating func giveBack(_ worker: Worker) {
        outbox.removeAll()
        if counted > 0 { count(0, worker) }
        worker.takeBackArray(&outbox.octets)
    }

    /// So much is kept for the peer now.
    private mutating func count(_ octets: Int, _ worker: Worker) {
        worker.memory.add(octets - counted)
        counted = octets
    }

    private mutating func sendSealed(
        _ octets: Span<UInt8>, _ tail: Span<UInt8>, _ worker: Worker
    ) {
        guard let sealing else { return }
        // Small pieces share a record: each costs as much as its header and its tag.
        if octets.count + tail.count <= Self.gatheredRecordOctetsMax {
            keep(octets, worker)
            keep(tail, worker)
            sealGathered(sealing, worker)
        } else {
            sealGathered(sealing, worker)
            seal(octets, sealing, worker)
            // It goes with what comes next, or at the event's end.
            keep(tail, worker)
        }
        flushSealed(worker)
    }
    private static let gatheredRecordOctetsMax = 4096

    private mutating func sealGathered(_ sealing: Sealing, _ worker: Worker) {
        guard !outbox.isEmpty else { return }
        var gathered = Outbox()
        swap(&gathered, &outbox)
        seal(gathered.octets.span.extracting(gathered.sent...), sealing, worker)
        swap(&gathered, &outbox)
        giveBack(worker)
    }

    private mutating func seal(_ octets: Span<UInt8>, _ sealing: Sealing, _ worker: Worker) {
        guard !octets.isEmpty, !isBroken else { return }
        prepareSealed(sealing, worker)
        do throws(TLSFault) {
            try sealing.connection.send(octets, out: &sealing.outbox.octets)
        } catch {
            sealing.fault = "\(error)"
            isBroken = true
        }
    }

    private func prepareSealed(_ sealing: Sealing, _ worker: Worker) {
        if sealing.outbox.octets.capacity == 0 { worker.lendArray(&sealing.outbox.octets) }
    }

    /// Sends what TLS has made. An idle connection holds no buffers: they go back when all is sent.
    mutating func flushSealed(_ worker: Worker) {
        guard let sealing, !isBlocked else { return }
        sealing.isHeld = false
        var waiting = Outbox()
        swap(&waiting, &sealing.outbox)
        let total = waiting.count
        if total > 0 {
            do throws(Errno) {
                let accepted = try Socket.send(
                    number, waiting.octets.span.extracting(waiting.sent...))
                let count = accepted ?? 0
                taken &+= UInt64(count)
                waiting.dropFirst(count)
                isBlocked = count < total
            } catch {
                isBroken = true
            }
        }
        guard waiting.isEmpty || isBroken else {
            count(waiting.count, worker)
            return swap(&waiting, &sealing.outbox)
        }
        if counted > 0 { count(0, worker) }
        sealing.unasked = 0
        waiting.removeAll()
        worker.takeBackArray(&waiting.octets)
    }

    // MARK: Handshake and end

    /// Begins the handshake as a client.
    mutating func startTLS(_ worker: Worker) {
        guard let sealing else { return }
        do throws(TLSFault) {
            try sealing.connection.start(out: &sealing.outbox.octets)
        } catch {
            sealing.fault = "\(error)"
            isBroken = true
        }
        flushSealed(worker)
    }

    /// Whether it is under TLS.
    var isSealed: Bool { sealing != nil }
    /// What TLS found wrong, or why the stream failed.
    var fault: String? { sealing?.fault ?? stream?.failure }
    /// It is under TLS, and the peer does not speak it.
    var isPlainText: Bool { sealing?.isPlainText ?? false }
    /// Whether the peer has sent anything of a handshake.
    var hasBegunTLS: Bool { sealing.map(\.connection.hasBegun) ?? false }
    /// By ALPN; `nil` where nothing was agreed.
    var negotiatedProtocol: String? { sealing?.connection.negotiatedProtocol }
    /// The subject of the certificate that a client was asked for and has shown.
    var peerSubject: String? { sealing?.connection.peerSubject }

    /// Whether octets of messages may be sent.
    var isOpen: Bool { sealing.map { $0.connection.progress == .open } ?? true }

    /// Seals what has gathered and, behind it, that nothing follows: they leave together.
    mutating func sealEnd(_ worker: Worker) {
        guard let sealing, !isBroken else { return }
        sealGathered(sealing, worker)
        guard !isBroken else { return }
        prepareSealed(sealing, worker)
        sealing.connection.close(out: &sealing.outbox.octets)
        sealing.isHeld = false
    }

    /// Says that no more will be sent; what the peer still sends can be read.
    mutating func endSending(_ worker: Worker) {
        sayEnd(worker)
        Socket.shutdownWrite(number)
    }

    private mutating func sayEnd(_ worker: Worker) {
        guard let sealing, !isBroken else { return }
        sealing.connection.close(out: &sealing.outbox.octets)
        flushSealed(worker)
    }

    /// Closes the descriptor, after saying so where TLS wants it said.
    /// - Parameter isCut: what was sent is not whole, and must not look as if it were: without
    ///   close_notify the peer knows (RFC 8446 §6.1).
    mutating func close(_ worker: Worker, isCut: Bool = false) {
        if !isCut { sayEnd(worker) }
        stream?.close()
        giveBack(worker)
        if let sealing { worker.takeBackArray(&sealing.outbox.octets) }
        descriptor = nil
        isBroken = true
        mayRead = false
    }
}

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

    init(_ connection: TLSConnection) { self.connection = connection }
}

struct Wire: ~Copyable {
    /// The descriptor's, while it is open.
    let number: Int32
    private var descriptor: Descriptor?
    let sealing: Sealing?
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
    /// What TLS found wrong.
    private(set) var fault: String?

    /// Before there is a descriptor.
    init() {
        number = -1
        sealing = nil
    }

    init(_ descriptor: consuming Descriptor, tls: TLSConnection?) {
        number = descriptor.number
        self.descriptor = .some(descriptor)
        sealing = tls.map(Sealing.init)
    }

    var hasUnsent: Bool { !outbox.isEmpty || (sealing.map { !$0.outbox.isEmpty } ?? false) }

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

    mutating func receive(into buffer: OctetBuffer, _ worker: Worker) -> Received {
        guard sealing == nil else { return receiveSealed(into: buffer, worker) }
        buffer.prepareToWrite()
        let room = buffer.writableCount
        guard room > 0 else { return .nothing }
        return read(into: buffer, room: room)
    }

    private mutating func read(into buffer: OctetBuffer, room: Int) -> Received {
        do {
            guard let count = try buffer.receive(from: number) else {
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

    private mutating func receiveSealed(into buffer: OctetBuffer, _ worker: Worker) -> Received {
        guard let sealing else { return .nothing }
        let sealed = worker.sealedOctets
        sealed.prepareToWrite()
        let received = read(into: sealed, room: sealed.writableCount)
        switch received {
        case .nothing, .failed: return received
        case .end:
            // Without close_notify an end is a cut (RFC 8446 §6.1): whoever takes the end for the end
            // of a message asks `endIsGenuine`.
            return .end
        case .octets: break
        }
        worker.openedOctets.removeAll(keepingCapacity: true)
        do throws(TLSFault) {
            try sealing.connection.receive(
                sealed.octets, plain: &worker.openedOctets, out: &sealing.outbox.octets)
        } catch {
            sealed.removeAll()
            flushSealed()
            fault = "\(error)"
            mayRead = false
            return .failed(0)
        }
        sealed.removeAll()
        flushSealed()
        buffer.prepareToWrite()
        guard worker.openedOctets.count <= buffer.writableCount else {
            // A head longer than any limit allows; a reader would have refused it by now.
            mayRead = false
            fault = "more than the buffer holds"
            return .failed(0)
        }
        let opened = worker.openedOctets
        buffer.append(opened.span)
        if !opened.isEmpty { return .octets }
        return sealing.connection.peerClosed ? .end : .nothing
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
    mutating func send(_ octets: Span<UInt8>, _ tail: Span<UInt8> = Span(), by worker: Worker) {
        if isBroken {
            outbox.removeAll()
            return
        }
        if sealing != nil { return sendSealed(octets, tail, worker) }
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
                ? try Socket.send(number, octets, tail)
                : try Socket.send(
                    number, outbox.octets.span.extracting(outbox.sent...), octets, tail)
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

    private mutating func keep(_ octets: Span<UInt8>, _ worker: Worker) {
        guard !octets.isEmpty else { return }
        prepare(worker)
        outbox.octets.append(contentsOf: octets)
    }

    private mutating func giveBack(_ worker: Worker) {
        outbox.removeAll()
        worker.takeBackArray(&outbox.octets)
    }

    private mutating func sendSealed(
        _ octets: Span<UInt8>, _ tail: Span<UInt8>, _ worker: Worker
    ) {
        guard let sealing else { return }
        do throws(TLSFault) {
            if !outbox.isEmpty {
                try sealing.connection.send(
                    outbox.octets.span.extracting(outbox.sent...), out: &sealing.outbox.octets)
                giveBack(worker)
            }
            try sealing.connection.send(octets, out: &sealing.outbox.octets)
            try sealing.connection.send(tail, out: &sealing.outbox.octets)
        } catch {
            fault = "\(error)"
            isBroken = true
            giveBack(worker)
        }
        flushSealed()
    }

    /// Sends what TLS has made.
    mutating func flushSealed() {
        guard let sealing, !isBlocked, !sealing.outbox.isEmpty else { return }
        let total = sealing.outbox.count
        do throws(Errno) {
            let octets = sealing.outbox.octets
            let count =
                try Socket.send(number, octets.span.extracting(sealing.outbox.sent...)) ?? 0
            taken &+= UInt64(count)
            sealing.outbox.dropFirst(count)
            isBlocked = count < total
            // Not kept for the next time: an idle connection holds no buffers.
            if !isBlocked { sealing.outbox = Outbox() }
        } catch {
            isBroken = true
            sealing.outbox = Outbox()
        }
    }

    // MARK: Handshake and end

    /// Begins the handshake as a client.
    mutating func startTLS() {
        guard let sealing else { return }
        do throws(TLSFault) {
            try sealing.connection.start(out: &sealing.outbox.octets)
        } catch {
            fault = "\(error)"
            isBroken = true
        }
        flushSealed()
    }

    /// Whether octets of messages may be sent.
    var isOpen: Bool { sealing.map { $0.connection.progress == .open } ?? true }

    /// Closes the descriptor, after saying so where TLS wants it said.
    mutating func close(_ worker: Worker) {
        if let sealing, !isBroken {
            sealing.connection.close(out: &sealing.outbox.octets)
            flushSealed()
        }
        giveBack(worker)
        descriptor = nil
        isBroken = true
        mayRead = false
    }
}

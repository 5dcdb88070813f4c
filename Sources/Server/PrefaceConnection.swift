// A connection from a balancer, before its PROXY preface has been read. It is read off the descriptor
// exactly, whatever stands behind it (a head, or a TLS hello); then there is a client's connection as
// if the client itself had just been accepted.
//
// The octets are looked at before they are taken, so that nothing has to be handed on.

import Configuration
import Gateway
import HTTP
import Platform
import Telemetry
import Values

final class PrefaceConnection: LoopHandler {
    private let listener: Listener
    private let number: Int32
    private var descriptor: Descriptor?
    /// The balancer's.
    private let address: IPAddress?
    private var slot: LoopSlot?
    /// Its place among the worker's.
    var place = 0

    init(_ descriptor: consuming Descriptor, from address: IPAddress?, at listener: Listener) {
        number = descriptor.number
        self.descriptor = .some(descriptor)
        self.address = address
        self.listener = listener
    }

    func open() throws(Errno) {
        let worker = listener.worker
        let slot = try worker.loop.register(self, number)
        self.slot = slot
        worker.prefaces.add(self)
        worker.loop.setDeadline(
            slot, worker.loop.now.advanced(byNanoseconds: worker.commonTerms.requestHead))
    }

    func ready(_ readiness: Readiness) {
        guard slot != nil else { return }
        if readiness.contains(.readable) || readiness.contains(.peerClosed) { look() }
        if readiness.contains(.failed) { close() }
    }

    func deadlinePassed() {
        listener.worker.noteTimeout(.requestHead, nil)
        close()
    }

    private func look() {
        var octets: [UInt8] = []
        do throws(Errno) {
            let count = try Socket.peek(
                number, octetsMax: ProxyPreface.octetsMax, appendingTo: &octets)
            guard let count else { return }
            guard count > 0 else { return close() }
            switch ProxyPreface.parse(octets.span) {
            case .needsMore: return
            case .refused(let fault): refuse(fault.rawValue, fault.sentence)
            case .source(let source, let consumed):
                octets.removeAll()
                // They are there, so they are taken whole.
                let taken = try Socket.receive(number, octetsMax: consumed, appendingTo: &octets)
                guard taken == consumed else { return close() }
                becomeClient(source)
            }
        } catch { close() }
    }

    private func becomeClient(_ source: IPAddress?) {
        guard let descriptor = leave() else { return }
        listener.serve(descriptor, from: source)
    }

    private func refuse(_ code: String, _ sentence: String) {
        listener.worker.notePrefaceRefused(code, sentence, from: address)
        close()
    }

    /// Without a client.
    func close() {
        guard leave() != nil else { return }
        listener.prefaceEnded()
    }

    private func leave() -> Descriptor? {
        guard let slot else { return nil }
        listener.worker.loop.deregister(slot)
        self.slot = nil
        listener.worker.prefaces.remove(self)
        return descriptor.take()
    }
}

/// The connections of one loop whose preface is awaited.
struct Prefaces {
    private var connections: [PrefaceConnection] = []
    /// When a refusal was last logged: who is not trusted could write the log full.
    fileprivate var notedAt = MonotonicInstant(nanoseconds: 0)

    mutating func add(_ connection: PrefaceConnection) {
        connection.place = connections.count
        connections.append(connection)
    }

    mutating func remove(_ connection: PrefaceConnection) {
        let place = connection.place
        guard place < connections.count, connections[place] === connection else { return }
        let last = connections.removeLast()
        guard last !== connection else { return }
        connections[place] = last
        last.place = place
    }

    var last: PrefaceConnection? { connections.last }
}

extension Worker {
    func closePrefaces() {
        while let connection = prefaces.last { connection.close() }
    }

    /// At most once a second on each loop.
    func notePrefaceRefused(_ code: String, _ sentence: String, from address: IPAddress?) {
        guard prefaces.notedAt.advanced(by: .seconds(1)) <= loop.now else { return }
        prefaces.notedAt = loop.now
        surroundings.log.event(
            .warning, "preface-refused",
            [
                ("peer", .string(address?.description ?? "unix")), ("code", .string(code)),
                ("reason", .string(sentence)),
            ])
    }
}

// Exchanges that go on when their request has long been judged, and so may outlive their session: what
// was upgraded, event streams, gRPC calls. They end with it: at its lifetime, or when it is ended.
//
// Only those that a session let in are here. While there are any, they are looked through every other
// second, and at once when sessions are announced as ended. A WebSocket is told, between two frames
// (RFC 6455 §5.5.1); everything else is cut.

import Gateway
import HTTP
import Platform
import Values

struct LongLived {
    static let sweepsEvery = Duration.seconds(2)

    private(set) var exchanges: [Exchange] = []
    /// A timer has been set for the next look.
    var isTimed = false

    mutating func add(_ exchange: Exchange) {
        exchange.lasting?.place = exchanges.count
        exchanges.append(exchange)
    }

    mutating func remove(_ exchange: Exchange) {
        guard let place = exchange.lasting?.place, place < exchanges.count,
            exchanges[place] === exchange
        else { return }
        if let lasting = exchange.lasting {
            exchange.worker.surroundings.seen.unwatch(lasting.session.mark.key)
        }
        exchange.lasting = nil
        let last = exchanges.removeLast()
        guard last !== exchange else { return }
        exchanges[place] = last
        last.lasting?.place = place
    }
}

/// What an exchange has to know to end with its session.
struct Lasting {
    /// How long a WebSocket may be in the middle of a frame before it is closed all the same.
    static let frameEndsWithin = Duration.seconds(5)

    let session: SessionWatch
    /// When any loop saw its session last.
    var seen: LastSeen?
    /// What a WebSocket's Close frame says; `nil` for what is just cut.
    let closeCode: UInt16?
    /// Its place in the table.
    var place = 0
    /// When its session was found to have ended.
    var endedAt: MonotonicInstant?
    /// Those toward the client.
    private var frames = WebSocketFrames()

    init(_ session: SessionWatch, closeCode: UInt16? = nil) {
        self.session = session
        self.closeCode = closeCode
    }

    /// - Returns: how many of these octets are passed on: all, or, once the session has ended, those
    ///   of the frame in hand.
    mutating func pass(_ octets: Span<UInt8>) -> Int {
        guard closeCode != nil else { return octets.count }
        guard endedAt == nil else { return frames.followToBoundary(octets) }
        frames.follow(octets)
        return octets.count
    }

    /// The code of a Close frame that is due and may stand here.
    var closeCodeDue: UInt16? {
        endedAt != nil && frames.isBetweenFrames ? closeCode : nil
    }
}

extension Worker {
    func addLongLived(_ exchange: Exchange) {
        longLived.add(exchange)
        timeLongLived()
    }

    /// Ends those whose session has ended.
    func endLongLived() {
        for exchange in longLived.exchanges { exchange.endWithSession() }
    }

    private func timeLongLived() {
        guard !longLived.isTimed, !longLived.exchanges.isEmpty else { return }
        longLived.isTimed = true
        _ = loop.schedule(after: LongLived.sweepsEvery) { [self] in
            longLived.isTimed = false
            endLongLived()
            timeLongLived()
        }
    }
}

extension Exchange {
    /// From now on it ends with its session.
    func becomeLongLived(_ lasting: Lasting) {
        var lasting = lasting
        lasting.seen = worker.surroundings.seen.watch(
            lasting.session.mark.key, at: worker.loop.wallTime)
        self.lasting = lasting
        worker.addLongLived(self)
    }

    /// Ends it where its session has ended; a WebSocket in the middle of a frame a little later.
    func endWithSession() {
        guard let lasting, hasEnded(lasting) else { return }
        let now = worker.loop.now
        let endedAt = lasting.endedAt ?? now
        self.lasting?.endedAt = endedAt
        if lasting.endedAt == nil { worker.noteEndedWithSession(self) }
        if let code = self.lasting?.closeCodeDue { return closeWebSocket(code) }
        guard lasting.closeCode == nil || endedAt + Lasting.frameEndsWithin < now else { return }
        cut()
    }

    /// By its own end, by an ending, or for idleness.
    private func hasEnded(_ lasting: Lasting) -> Bool {
        let now = worker.loop.wallTime
        return worker.gatekeeper.hasEnded(lasting.session, at: now)
            || lasting.seen.map { worker.gatekeeper.isIdle($0, at: now) } ?? false
    }

    /// Between two frames. The client has a second for its answer, which is dropped.
    func closeWebSocket(_ code: UInt16) {
        let frame = WebSocketFrames.close(code: code)
        client { $0.writeContent(frame.span, as: outgoing) }
        if stage == .relaying { relay.abandon() }
        tunnelEnded(lingeringBriefly: true)
    }
}

extension ResponseHead {
    /// Whether its content goes on for as long as both sides like.
    func isEndless(_ octets: Span<UInt8>) -> Bool {
        guard let range = range(of: .contentType) else { return false }
        let value = octets.extracting(range)
        for type in ["text/event-stream", "application/grpc"] as [StaticString]
        where value.count >= type.utf8CodeUnitCount
            && OctetText.equalsIgnoringASCIICase(
                value.extracting(0..<type.utf8CodeUnitCount), type)
        {
            return true
        }
        return false
    }

    /// What a WebSocket under this 101 is told when its session ends: policy (RFC 6455 §7.4.1), or
    /// what graphql-transport-ws calls unauthorized.
    func closeCode(_ octets: Span<UInt8>) -> UInt16 {
        guard let index = nextIndex(of: .secWebSocketProtocol, from: 0),
            OctetText.equals(
                octets.extracting(fields[index].value.range), "graphql-transport-ws")
        else { return 1008 }
        return 4401
    }
}

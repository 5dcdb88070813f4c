// Who carries an exchange: a connection that speaks HTTP/1.1, or a stream of one that speaks HTTP/2.
//
// An exchange knows no more of protocols than these few words. They are the same for both, and each
// is passed on by a switch rather than through a protocol or a superclass, so that HTTP/1.1's way
// costs what it did when there was no other.

import Gateway
import HTTP
import Platform
import Values

enum Carrier {
    case connection(Link<ClientConnection>)
    case stream(Link<ClientStream>)

    // MARK: Whose it is

    var peer: Peer {
        switch self {
        case .connection(let carrier): carrier { $0.peer }
        case .stream(let carrier): carrier { $0.peer }
        }
    }

    var listener: Listener {
        switch self {
        case .connection(let carrier): carrier { $0.listener }
        case .stream(let carrier): carrier { $0.connection.listener }
        }
    }

    var isForSite: Bool {
        switch self {
        case .connection(let carrier): carrier { $0.isForSite }
        case .stream(let carrier): carrier { $0.connection.isForSite }
        }
    }

    // MARK: Room and time

    var hasRoom: Bool {
        switch self {
        case .connection(let carrier): carrier { $0.hasRoom }
        case .stream(let carrier): carrier { $0.hasRoom }
        }
    }

    var lastWrite: MonotonicInstant {
        switch self {
        case .connection(let carrier): carrier { $0.lastWrite }
        case .stream(let carrier): carrier { $0.lastWrite }
        }
    }

    /// Content is wanted again.
    func pump() {
        switch self {
        case .connection(let carrier): carrier { $0.pump() }
        case .stream(let carrier): carrier { $0.pump() }
        }
    }

    // MARK: What it is told

    func writeContinue() {
        switch self {
        case .connection(let carrier): carrier { $0.writeContinue() }
        case .stream(let carrier): carrier { $0.writeContinue() }
        }
    }

    func writeInterim(
        _ head: ResponseHead, _ octets: Span<UInt8>, under plan: borrowing ForwardPlan
    ) {
        switch self {
        case .connection(let carrier): carrier { $0.writeInterim(head, octets, under: plan) }
        case .stream(let carrier): carrier { $0.writeInterim(head, octets, under: plan) }
        }
    }

    func writeHead(
        _ head: ResponseHead, _ octets: Span<UInt8>, framing: ResponseFraming,
        of exchange: Exchange, under plan: borrowing ForwardPlan
    ) -> Outgoing {
        switch self {
        case .connection(let carrier):
            carrier { $0.writeHead(head, octets, framing: framing, of: exchange, under: plan) }
        case .stream(let carrier):
            carrier { $0.writeHead(head, octets, framing: framing, of: exchange, under: plan) }
        }
    }

    func writeSwitch(_ head: ResponseHead, _ octets: Span<UInt8>, under plan: borrowing ForwardPlan)
    {
        switch self {
        case .connection(let carrier): carrier { $0.writeSwitch(head, octets, under: plan) }
        case .stream(let carrier): carrier { $0.writeSwitch(head, octets, under: plan) }
        }
    }

    func writeContent(_ octets: Span<UInt8>, as outgoing: Outgoing) {
        switch self {
        case .connection(let carrier): carrier { $0.writeContent(octets, as: outgoing) }
        case .stream(let carrier): carrier { $0.writeContent(octets, as: outgoing) }
        }
    }

    /// Whether content may go straight to the client's socket.
    var takesPipe: Bool {
        switch self {
        case .connection(let carrier): carrier { $0.takesPipe }
        case .stream: false
        }
    }

    /// - Returns: how many octets of it were taken; the rest waits in it until there is room.
    func writeContent(_ pipe: Pipe) -> Int {
        switch self {
        case .connection(let carrier): carrier { $0.writeContent(pipe) }
        case .stream: 0
        }
    }

    func writeEnd(as outgoing: Outgoing, _ trailers: Span<UInt8>, endingHere: Span<UInt8>) {
        switch self {
        case .connection(let carrier):
            carrier { $0.writeEnd(as: outgoing, trailers, endingHere: endingHere) }
        case .stream(let carrier):
            carrier { $0.writeEnd(as: outgoing, trailers, endingHere: endingHere) }
        }
    }

    func write(_ answer: Answer, of exchange: Exchange) {
        switch self {
        case .connection(let carrier): carrier { $0.write(answer, of: exchange) }
        case .stream(let carrier): carrier { $0.write(answer, of: exchange) }
        }
    }

    func flush() {
        switch self {
        case .connection(let carrier): carrier { $0.flush() }
        case .stream(let carrier): carrier { $0.flush() }
        }
    }

    // MARK: Ends

    func answered() {
        switch self {
        case .connection(let carrier): carrier { $0.answered() }
        case .stream(let carrier): carrier { $0.answered() }
        }
    }

    func cut(reset: Bool) {
        switch self {
        case .connection(let carrier): carrier { $0.cut(reset: reset) }
        case .stream(let carrier): carrier { $0.cut() }
        }
    }

    func becameTunnel() {
        switch self {
        case .connection(let carrier): carrier { $0.becameTunnel() }
        case .stream(let carrier): carrier { $0.becameTunnel() }
        }
    }

    func tunnelEnded(lingeringBriefly briefly: Bool) {
        switch self {
        case .connection(let carrier): carrier { $0.tunnelEnded(lingeringBriefly: briefly) }
        case .stream(let carrier): carrier { $0.tunnelEnded() }
        }
    }
}

extension Optional<Carrier> {
    /// Does nothing where nobody carries it any more.
    @inline(__always)
    @discardableResult
    func callAsFunction<Result>(_ body: (Carrier) -> Result) -> Result? {
        guard let self else { return nil }
        return body(self)
    }
}

extension Carrier {
    @inline(__always)
    func callAsFunction<Result>(_ body: (Carrier) -> Result) -> Result { body(self) }
}

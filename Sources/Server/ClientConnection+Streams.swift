// The part of a client's connection that differs where it speaks HTTP/2: when it is idle, what its
// deadline waits for, and how it ends. RFC 9113 §5.4.1, §6.8, §9.1.

import Gateway
import HTTP2
import Platform
import Telemetry
import Values

extension ClientConnection {
    var isOpen: Bool { phase == .streams }

    /// After every event: what has gathered goes out, and what has ended is let go of.
    func settleStreams() {
        guard let multiplex else { return }
        for _ in 0..<Multiplex.sendsATurn {
            guard multiplex.flush(&wire) else { break }
            lastWrite = worker.loop.now
            // Room that there is now may have brought more to send.
            multiplex.afterFlush()
            guard phase == .streams else { return }
        }
        if multiplex.isOver { return finishStreams() }
        guard !wire.isBlocked else { return }
        if multiplex.session.wantsToSend { revisit() }
        if multiplex.isIdle { becomeIdle() }
    }

    private func becomeIdle() {
        if worker.isDraining || isHalfClosed { return endStreams() }
        guard !isListedIdle else { return }
        since = worker.loop.now
        worker.idle.append(self)
    }

    func armStreams(_ deadline: inout Deadline) {
        guard let multiplex else { return }
        let terms = worker.commonTerms
        if isListedIdle {
            if hasServed || multiplex.session.isSettled {
                deadline.bring(.keepAlive, from: since, terms.keepAlive)
            } else {
                deadline.bring(.requestHead, from: since, terms.requestHead)
            }
            if !multiplex.isTidy {
                deadline.bring(.streams, from: since, Multiplex.tidyNanoseconds)
            }
        } else {
            deadline.bring(.streams, from: multiplex.lookedAt, multiplex.looksEvery)
        }
    }

    func lookAtStreams() {
        guard let multiplex else { return }
        if isListedIdle { multiplex.tidy() }
        if let reason = multiplex.look() {
            worker.noteTimeout(reason, nil)
            return gone()
        }
        pump()
    }

    /// Says goodbye, and closes.
    func endStreams() {
        guard let multiplex else { return }
        multiplex.session.terminate(.noError)
        _ = multiplex.flush(&wire)
        finishStreams()
    }

    private func finishStreams() {
        guard let multiplex else { return }
        multiplex.gone()
        // What the client still sends is not read; it must not take our goodbye away.
        finishClosing(isWhole: !wire.mayRead)
    }

    /// The gateway is ending: what is under way here is finished.
    func drain() {
        if phase == .streams { multiplex?.drain() }
    }
}

extension Worker {
    func note(_ fault: HTTP2Fault, of connection: ClientConnection) {
        let (code, what) =
            switch fault {
            case .tooMuch(let what): ("too-much", what)
            case .broken(_, let what): ("broken", what)
            }
        surroundings.log.event(
            .debug, "http2-refused",
            [
                ("client", .string(connection.peer.address?.description ?? "unix")),
                ("code", .string(code)), ("reason", .string(what)),
            ])
    }
}

// How long a client's connection waits for whoever owes: the one deadline that its phase has, and what
// passes it. Each wait is only against the side that owes something.

import HTTP
import HTTP2
import Platform
import Values

extension ClientConnection {
    func deadlinePassed() {
        guard phase != .closed else { return }
        // What has moved since is taken into account only now: the loop fires at the time first set.
        deadlineAt = .distantFuture
        armDeadline()
        guard deadlineAt <= worker.loop.now else { return }
        worker.noteTimeout(waiting, exchange)
        switch waiting {
        case .streams: lookAtStreams()
        case .keepAlive where phase == .streams: closeIdle()
        case .requestContent where phase == .content:
            exchange { $0.fail(.requestContentTimedOut) }
        case .request where exchange?.hasResponded == false:
            exchange { $0.fail(.exchangeTimedOut) }
        case .clientWrite: giveUpReader()
        default: gone()
        }
    }

    func armDeadline() {
        guard let slot else { return }
        var next = Deadline()
        let terms = exchange?.terms ?? worker.commonTerms
        switch phase {
        case .head where isHandshaking:
            next.bring(.tlsHandshake, from: since, worker.commonTerms.tlsHandshake)
        case .head where isListedIdle:
            if hasServed {
                next.bring(.keepAlive, from: since, terms.keepAlive)
            } else {
                next.bring(.requestHead, from: since, terms.requestHead)
            }
        case .head: next.bring(.requestHead, from: since, terms.requestHead)
        case .content where exchange?.wantsContent == true && exchange?.awaitsContinue == false:
            next.bring(.requestContent, from: lastRead, terms.requestContent)
        case .discarding: next.bring(.requestContent, from: lastRead, terms.requestContent)
        case .lingering:
            let longest = lingersBriefly ? Self.briefNanoseconds : Self.lingeringNanoseconds
            next.bring(.lingering, from: since, longest)
        case .streams: armStreams(&next)
        case .tunnel:
            let last = max(lastRead, lastWrite)
            next.bring(.upgradedIdle, from: last, terms.upgradedIdle)
        case .content, .waiting, .closed: break
        }
        if wire.isBlocked { next.bring(.clientWrite, from: lastWrite, terms.clientWrite) }
        if let exchange, phase != .tunnel, terms.request != .max {
            next.bring(.request, from: exchange.startedAt, terms.request)
        }
        if isHalfClosed, phase == .waiting || phase == .streams {
            next.bring(
                .halfClosed, from: max(halfClosedAt, lastWrite), Self.halfClosedNanoseconds)
        }
        waiting = next.waiting
        guard next.at != deadlineAt else { return }
        deadlineAt = next.at
        let moment = next.at == .distantFuture ? nil : next.at
        worker.setDeadline(slot, moment)
    }

    /// Something outside an event has changed what is waited for.
    func rearm() {
        if !isPumping, phase != .closed { armDeadline() }
    }
}

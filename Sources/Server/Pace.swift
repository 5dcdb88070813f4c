// `limits.minimum_rate`: content that moves, but more slowly than it may. The time-outs elsewhere run
// between reads or writes, so that an octet every few seconds meets all of them.
//
// Where a rate is asked for, each loop looks at its exchanges once a second: who owes content at the
// moment, and how much of it there has been. Whoever has owed it for ten seconds on end, and brought
// less than ten seconds' worth, is let go; then the next ten begin. Event streams, gRPC and what was
// upgraded are meant to be slow.

import HTTP
import Platform
import Values

struct Pace {
    static let window = Duration.seconds(10)
    static let looksEvery = Duration.seconds(1)

    enum Owing: UInt8 { case nobody, client, upstream }

    private var owing = Owing.nobody
    private var since = MonotonicInstant(nanoseconds: 0)
    private var octets: UInt64 = 0

    /// - Parameters:
    ///   - owing: who owes octets now.
    ///   - octets: how many of theirs have moved so far.
    /// - Returns: whether they have been too slow.
    mutating func look(_ owing: Owing, _ octets: UInt64, rate: UInt64, at now: MonotonicInstant)
        -> Bool
    {
        guard owing == self.owing, owing != .nobody else {
            begin(owing, octets, now)
            return false
        }
        let passed = since.duration(to: now)
        guard passed >= Self.window else { return false }
        let moved = octets &- self.octets
        let wanted = Double(rate) * Double(passed.wholeNanoseconds) / 1_000_000_000
        guard Double(moved) < wanted else {
            begin(owing, octets, now)
            return false
        }
        return true
    }

    private mutating func begin(_ owing: Owing, _ octets: UInt64, _ now: MonotonicInstant) {
        self.owing = owing
        self.octets = octets
        since = now
    }
}

extension Worker {
    /// Begins to look, where anything is to be looked for.
    func timePaces() {
        guard !isTimingPaces, hasMinimumRate else { return }
        isTimingPaces = true
        _ = loop.schedule(after: Pace.looksEvery) { [self] in
            isTimingPaces = false
            // A copy: who is let go leaves the table.
            for connection in clients { connection.judgePace() }
            timePaces()
        }
    }
}

extension ClientConnection {
    func judgePace() {
        guard phase != .streams else {
            multiplex?.judgePaces()
            return
        }
        guard let exchange, exchange.terms.minimumRate > 0 else { return }
        let isTooSlow = exchange {
            $0.judgePace(
                sending: phase == .content ? $0.content.contentOctets : nil,
                isBlocked: wire.isBlocked, taken: wire.taken, at: worker.loop.now)
        }
        if isTooSlow { giveUpReader() }
    }
}

extension ClientStream {
    func judgePace(at now: MonotonicInstant) {
        guard let exchange, exchange.terms.minimumRate > 0 else { return }
        // What the relay has passed is what the window had room for.
        let isTooSlow = exchange {
            $0.judgePace(
                sending: phase == .content ? $0.content.contentOctets : nil, isBlocked: !hasRoom,
                taken: $0.octetsSent, at: now)
        }
        if isTooSlow { exchange { $0.cut() } }
    }
}

extension Exchange {
    /// - Parameters:
    ///   - sending: how much content has come, while there is more to come.
    ///   - isBlocked: the client does not take what is ready for it.
    ///   - taken: what it has taken.
    /// - Returns: whether the client reads too slowly. Others that are too slow have been told.
    func judgePace(
        sending: UInt64?, isBlocked: Bool, taken: UInt64, at now: MonotonicInstant
    ) -> Bool {
        let rate = terms.minimumRate
        let (upward, sent) = owedUpward(sending)
        if upPace.look(upward, sent, rate: rate, at: now) {
            fail(upward == .client ? .requestContentTooSlow : .upstreamTooSlow)
            return false
        }
        let (downward, answered) = owedDownward(isBlocked: isBlocked, taken: taken)
        guard downPace.look(downward, answered, rate: rate, at: now) else { return false }
        if downward == .upstream {
            fail(.upstreamTooSlow)
            return false
        }
        worker.noteTimeout(.minimumRate, Link(self))
        return true
    }

    private func owedUpward(_ sending: UInt64?) -> (Pace.Owing, UInt64) {
        guard let sending else { return (.nobody, 0) }
        if wantsContent { return awaitsContinue ? (.nobody, 0) : (.client, sending) }
        return relay.upstream {
            $0.wire.isBlocked ? (.upstream, $0.wire.taken) : (.nobody, 0)
        } ?? (.nobody, 0)
    }

    private func owedDownward(isBlocked: Bool, taken: UInt64) -> (Pace.Owing, UInt64) {
        guard relay.phase == .content, !isEndless else { return (.nobody, 0) }
        return isBlocked ? (.client, taken) : (.upstream, relay.answerOctets)
    }
}

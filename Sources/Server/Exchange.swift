// One request and its response: what everything above a protocol speaks of.
//
// Upward it is told of a head, content, the end, room to write and of being cancelled; downward it
// says interim head, final head, content, end, cut. Whoever carries it (HTTP/1.1 today) knows nothing
// of verdicts and upstreams, and whoever answers it (a relay, a page, a flow) nothing of protocols.
// Exchanges are used again: in the steady state a request allocates nothing.

import Flows
import Gateway
import HTTP
import Platform
import Values

final class Exchange {
    enum Stage: UInt8 {
        case idle
        /// Content is kept, to decide again with all of it.
        case gathering
        /// A flow, or the admin's desk, works on it; nothing is read meanwhile.
        case suspended
        case relaying
        /// Our own answer has been written, or the relay's to its end.
        case answered
    }

    /// A request that had to be decided more often than this, and once for each provider whose session
    /// a store was asked for, has met a loop of our own.
    private static let verdictsMax = 6

    let worker: Worker
    /// The other half: the way to the upstream and back. It lives as long as this.
    let relay: Relay
    /// Who carries it; there while it is in use.
    private(set) var client: Carrier?
    /// Tells this use from the next, for work that comes back late.
    private(set) var number: UInt64 = 0
    private(set) var stage = Stage.idle

    // What was asked.
    private(set) var method = Method.get
    private(set) var minorVersion: UInt8 = 1
    private(set) var framing = BodyFraming.none
    private(set) var expectsContinue = false
    private var hasContinued = false
    /// What `Upgrade` says to the upstream.
    private(set) var upgradeAskedFor: [UInt8] = []
    /// The method as it came: for the log.
    private(set) var methodToken: [UInt8] = []
    /// What the gatekeeper found out; for the log and metrics too.
    var facts = RequestFacts()
    /// The request's content, as its carrier reads it.
    var content = ContentReader(BodyFraming.none)
    /// How much of it has been dropped after the answer.
    var discarded: UInt64 = 0
    /// The request was one that ended where it said.
    var isWhole = true
    private var kept: KeptHead?
    private var gathered: [UInt8]?
    private var gatheredOctetsMax = 0
    private var verdicts = 0

    // What is done with it.
    private(set) var plan: ForwardPlan?
    private(set) var terms: Terms
    /// The upstream's head, kept until its first octet of an answer: it may have to be sent twice.
    var upstreamHead = OctetWriter(capacity: 1024)

    // What it was answered.
    private(set) var startedAt = MonotonicInstant(nanoseconds: 0)
    private(set) var status = 0
    private(set) var outgoing = Outgoing.none
    /// Whether the final head has been written: then it can only be cut.
    private(set) var hasResponded = false
    var octetsSent: UInt64 = 0
    /// Whether the client's connection outlives it.
    var keepsAlive = true
    /// There while it is among the worker's `LongLived`.
    var lasting: Lasting?
    /// Whether its content goes on for as long as both sides like.
    private(set) var isEndless = false
    var upPace = Pace()
    var downPace = Pace()
    /// Of what is gathered, as the loop counts it.
    private var countedOctets = 0

    init(_ worker: Worker) {
        self.worker = worker
        terms = worker.commonTerms
        relay = Relay(worker)
        relay.serve(self)
    }

    // MARK: Beginning and end, for whoever carries it

    func begin(
        _ head: borrowing RequestHead, for client: Carrier, at start: MonotonicInstant
    ) {
        prepare(for: client, at: start)
        method = head.method
        minorVersion = head.minorVersion
        framing = head.framing
        expectsContinue = head.expectsContinue
        keepsAlive = head.keepsAlive
        content = ContentReader(head.framing)
    }

    /// For a request that could not be read.
    func beginRefused(for client: Carrier, at start: MonotonicInstant) {
        prepare(for: client, at: start)
        method = .get
        minorVersion = 1
        framing = .none
        expectsContinue = false
        keepsAlive = false
        content = ContentReader(BodyFraming.none)
        worker.gatekeeper.appendRequestID(to: &facts)
        facts.client = client.peer.address
    }

    private func prepare(for client: Carrier, at start: MonotonicInstant) {
        self.client = client
        number &+= 1
        stage = .idle
        discarded = 0
        isWhole = true
        hasContinued = false
        verdicts = 0
        terms = worker.commonTerms
        startedAt = start
        status = 0
        outgoing = .none
        hasResponded = false
        isEndless = false
        octetsSent = 0
        facts.reset()
        methodToken.clear()
        upstreamHead.removeAll()
    }

    /// Lets go of everything but the room it has grown.
    func reset() {
        if lasting != nil { worker.longLived.remove(self) }
        client = nil
        number &+= 1
        stage = .idle
        kept = nil
        gathered = nil
        if worker.hasMinimumRate {
            upPace = Pace()
            downPace = Pace()
        }
        if countedOctets > 0 {
            worker.memory.remove(countedOctets)
            countedOctets = 0
        }
        plan = nil
        if !upgradeAskedFor.isEmpty { upgradeAskedFor = [] }
        upstreamHead.removeAll(keepingAtMost: Worker.arrayOctetsKept)
    }

    /// The client holds its content back until somebody says `100 Continue`.
    var awaitsContinue: Bool {
        expectsContinue && !hasContinued && content.contentOctets == 0 && !hasResponded
    }

    var hasContent: Bool {
        switch framing {
        case .none, .length(0): false
        case .length, .chunked: true
        }
    }

    // MARK: Verdicts

    /// What becomes of it. The head and the octets are the carrier's and end with the call: what has
    /// to outlive it is copied here.
    func judge(_ head: RequestHead, _ octets: Span<UInt8>) -> Verdict {
        guard isForSite else {
            kept = KeptHead(head, octets)
            return .gather(octetsMax: AdminRequest.contentOctetsMax)
        }
        guard !worker.memory.isExhausted else {
            worker.makeMemory()
            worker.gatekeeper.appendRequestID(to: &facts)
            return .answer(failureAnswer(.memoryExhausted))
        }
        if worker.logsAccess {
            methodToken.append(contentsOf: octets.extracting(head.methodToken.range))
        }
        let verdict = decide(head, octets, known: .unread)
        switch verdict {
        case .forward, .answer: break
        case .suspend, .gather: kept = KeptHead(head, octets)
        }
        return verdict
    }

    private func decide(
        _ head: RequestHead, _ octets: Span<UInt8>, known: KnownSession
    ) -> Verdict {
        verdicts += 1
        guard
            verdicts <= Self.verdictsMax + worker.snapshot.realms.count, let client
        else {
            return .answer(failureAnswer(.verdictMissing))
        }
        upstreamHead.removeAll()
        worker.gatekeeper.turn = worker.loop.now
        let verdict = client { client in
            worker.gatekeeper.decide(
                head, octets, from: client.peer, known: known, gathered: gathered,
                at: worker.loop.wallTime, upstreamHead: &upstreamHead, facts: &facts)
        }
        if worker.gatekeeper.hasReturned { worker.tellReturned() }
        return verdict
    }

    private func decideAgain(known: KnownSession = .unread) {
        guard let kept else { return }
        apply(decide(kept.head, kept.octets.span, known: known))
    }

    func apply(_ verdict: consuming Verdict) {
        switch consume verdict {
        case .forward(let plan): forward(plan)
        case .answer(let answer): respond(answer)
        case .suspend(let work):
            stage = .suspended
            worker.perform(work, for: self)
        case .gather(let octetsMax):
            guard gathered == nil else { return fail(.verdictMissing) }
            gather(octetsMax: octetsMax)
        }
    }

    private func gather(octetsMax: Int) {
        if case .length(let length) = framing, length > UInt64(clamping: octetsMax) {
            return fail(.requestContentTooLong)
        }
        gatheredOctetsMax = octetsMax
        gathered = []
        stage = .gathering
        guard hasContent else { return gatheringEnded() }
        if expectsContinue {
            hasContinued = true
            client { $0.writeContinue() }
        }
    }

    private func gatheringEnded() {
        guard case .admin(let handler)? = client({ $0.listener.desk }) else {
            return decideAgain()
        }
        stage = .suspended
        guard let kept else { return }
        worker.perform(kept.adminRequest(gathered ?? []), handler, for: self)
    }

    private func forward(_ plan: consuming ForwardPlan) {
        if plan.isUpgrade { upgradeAskedFor = plan.upgrade.token }
        terms = worker.terms(ofRoute: plan.route)
        let (upstream, isUpgrade) = (plan.upstream, plan.isUpgrade)
        self.plan = consume plan
        stage = .relaying
        relay.forgetTimes()
        if case .length(let length) = framing, length > terms.contentOctetsMax {
            return fail(.requestContentTooLong)
        }
        relay.begin(upstream: upstream, isUpgrade: isUpgrade, gathered: gathered.take())
    }

    /// Whether a 101 names what was asked for, and nothing else.
    func upgradeMatches(_ value: Span<UInt8>) -> Bool {
        let asked = upgradeAskedFor
        return !asked.isEmpty && OctetText.equalsIgnoringASCIICase(value, asked.span)
    }

    // MARK: Upward: what the carrier tells

    /// Whether content is wanted now: otherwise the carrier reads none, and the client feels it.
    var wantsContent: Bool {
        switch stage {
        case .gathering: true
        case .relaying: relay.hasRoom
        case .idle, .suspended, .answered: false
        }
    }

    func take(_ octets: Span<UInt8>) {
        switch stage {
        case .gathering:
            guard (gathered?.count ?? 0) + octets.count <= gatheredOctetsMax else {
                return fail(.requestContentTooLong)
            }
            gathered?.append(contentsOf: octets)
            worker.memory.add(octets.count)
            countedOctets += octets.count
        case .relaying:
            guard content.contentOctets <= terms.contentOctetsMax else {
                return fail(.requestContentTooLong)
            }
            relay.take(octets)
        case .idle, .suspended, .answered: break
        }
    }

    /// - Parameter trailers: field lines behind the content.
    func contentEnded(_ trailers: Span<UInt8> = Span()) {
        switch stage {
        case .gathering: gatheringEnded()
        case .relaying: relay.requestEnded(trailers)
        case .idle, .suspended, .answered: break
        }
    }

    /// Those lines of the request's trailers that the upstream may have.
    func appendTrailers(_ trailers: Span<UInt8>, to octets: inout [UInt8]) {
        guard let plan = plan.take() else { return }
        worker.gatekeeper.appendRequestTrailers(trailers, under: plan, to: &octets)
        self.plan = consume plan
    }

    func clientHasRoom() {
        if stage == .relaying { relay.clientHasRoom() }
    }

    func flushUpward() {
        if stage == .relaying { relay.flushRequest() }
    }

    /// The end of the turn in which its head was written.
    func sendHead() {
        if stage == .relaying { relay.sendHead() }
    }

    /// The client has gone. A flow that works on it goes on without it.
    func cancel() {
        if stage == .relaying { relay.abandon() }
        if stage != .answered {
            if !hasResponded { status = 499 }
            record()
        }
        stage = .answered
    }

    // MARK: Downward: what the relay says

    var clientHasRoomNow: Bool { client?.hasRoom ?? false }
    var clientLastWrite: MonotonicInstant { client?.lastWrite ?? startedAt }
    var takesInterim: Bool { minorVersion > 0 }

    /// The upstream takes content again, or for the first time.
    func resumeReading() { client { $0.pump() } }

    /// The plan is used outside for the while, so that it need not be copied.
    private func withPlan(_ body: (Carrier, borrowing ForwardPlan) -> Void) {
        guard let client, let plan = plan.take() else { return }
        client { body($0, plan) }
        self.plan = consume plan
    }

    func respondInterim(_ head: ResponseHead, _ octets: Span<UInt8>) {
        guard takesInterim else { return }
        hasContinued = true
        withPlan { $0.writeInterim(head, octets, under: $1) }
    }

    func respond(_ head: ResponseHead, _ octets: Span<UInt8>, framing: ResponseFraming) {
        hasResponded = true
        status = head.status
        withPlan {
            outgoing = $0.writeHead(head, octets, framing: framing, of: self, under: $1)
        }
        isEndless = head.isEndless(octets)
        if isEndless, let session = plan.flatMap({ facts.watch(under: $0.snapshot) }) {
            becomeLongLived(Lasting(session))
        }
    }

    /// Where the upstream finds the visitor's login too weak: what is answered instead of its 401.
    func stepUpAnswer(_ head: ResponseHead, _ octets: Span<UInt8>) -> Answer? {
        guard let plan else { return nil }
        return stepUpAnswer(head, octets, under: plan, sent: upstreamHead)
    }

    private func stepUpAnswer(
        _ head: ResponseHead, _ octets: Span<UInt8>, under plan: ForwardPlan,
        sent: borrowing OctetWriter
    ) -> Answer? {
        worker.gatekeeper.stepUpAnswer(
            head, octets, under: plan, upstreamHead: sent.span, facts: facts,
            at: worker.loop.wallTime)
    }

    func respondSwitching(_ head: ResponseHead, _ octets: Span<UInt8>) {
        hasResponded = true
        status = 101
        outgoing = .plain
        keepsAlive = false
        withPlan {
            $0.writeSwitch(head, octets, under: $1)
            $0.becameTunnel()
        }
        if let session = plan.flatMap({ facts.watch(under: $0.snapshot) }) {
            let isWebSocket = plan?.upgrade == .webSocket
            becomeLongLived(Lasting(session, closeCode: isWebSocket ? head.closeCode(octets) : nil))
        }
    }

    func respondContent(_ octets: Span<UInt8>) {
        let count = lasting?.pass(octets) ?? octets.count
        octetsSent &+= UInt64(count)
        client { $0.writeContent(octets.extracting(0..<count), as: outgoing) }
        if let code = lasting?.closeCodeDue { closeWebSocket(code) }
    }

    /// Whether what is left of its answer's content may go to the client without being looked at.
    var takesPipe: Bool {
        outgoing == .plain && lasting == nil && client?.takesPipe ?? false
    }

    func respondContent(_ pipe: Pipe) {
        client { octetsSent &+= UInt64($0.writeContent(pipe)) }
    }

    /// The answer is whole.
    /// - Parameters:
    ///   - trailers: field lines behind the content.
    ///   - endingHere: what the answer's `Connection` named.
    func respondEnd(_ trailers: Span<UInt8> = Span(), endingHere: Span<UInt8> = Span()) {
        let passes = !trailers.isEmpty && plan?.acceptsTrailers ?? false
        client {
            $0.writeEnd(as: outgoing, passes ? trailers : Span(), endingHere: endingHere)
        }
    }

    func flush() { client { $0.flush() } }

    /// The last word of a relay whose answer is whole. The exchange may be in use again when it
    /// returns.
    func relayEnded() {
        stage = .answered
        record()
        client {
            $0.answered()
            $0.pump()
        }
    }

    func tunnelEnded(lingeringBriefly briefly: Bool = false) {
        stage = .answered
        record()
        client {
            $0.tunnelEnded(lingeringBriefly: briefly)
            $0.pump()
        }
    }

    // MARK: Own answers

    /// Answers from memory. The exchange may be in use again when it returns.
    func respond(_ answer: Answer) {
        guard !hasResponded, let client else { return }
        if stage == .relaying { relay.abandon() }
        stage = .answered
        hasResponded = true
        status = answer.status
        if answer.closes { keepsAlive = false }
        worker.note(answer, of: self)
        client { $0.write(answer, of: self) }
        record()
        client {
            $0.answered()
            $0.pump()
        }
    }

    /// Answers what went wrong, or cuts what cannot be answered any more.
    func fail(_ failure: ExchangeFailure) {
        guard stage != .answered else { return }
        worker.note(failure, of: self)
        if hasResponded { return cut() }
        if failure.closes { keepsAlive = false }
        respond(failureAnswer(failure))
    }

    func refuse(_ fault: RequestFault) {
        var answer = worker.gatekeeper.failureAnswer(
            status: fault.status, code: fault.code, sentence: fault.sentence, facts: facts)
        answer.logReason = fault.sentence
        respond(answer)
    }

    private func failureAnswer(_ failure: ExchangeFailure) -> Answer {
        worker.gatekeeper.failureAnswer(
            status: failure.status, code: failure.code, sentence: failure.sentence, facts: facts)
    }

    /// Half an answer must not look like a whole one. Of an answer whose end is the connection's, only
    /// a reset says so.
    func cut() {
        if stage == .relaying { relay.abandon() }
        stage = .answered
        record()
        client { $0.cut(reset: outgoing == .untilClose) }
    }

    // MARK: Flows

    func apply(_ outcome: Outcome) {
        guard stage == .suspended else { return }
        let client = client
        switch outcome {
        case .answer(let answer): respond(answer)
        case .proceed(let known): decideAgain(known: known)
        }
        client { $0.pump() }
    }

    func applyAdmin(_ answer: Answer) {
        guard stage == .suspended else { return }
        respond(answer)
    }

    private func record() { worker.record(self) }

    var isForSite: Bool { client?.isForSite ?? true }

    var requestID: String { facts.requestID.text }
}

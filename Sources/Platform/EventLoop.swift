// One thread's loop: descriptors, deadlines and what other threads send it.
//
// A turn: wait for events; read the clocks once; dispatch the batch; run what has come due; run posted
// work and executor jobs, a bounded number of rounds; run the end-of-turn actions; let go of handlers
// that were deregistered. It knows nothing of HTTP. Its being an executor for async code is in
// LoopExecutor.swift, and waiting on it in LoopWaiting.swift.
//
// Descriptors are registered once, edge-triggered, for both directions, and never modified: measured,
// that saves most of what epoll costs a proxy. What the kernel hands back is a slot with a
// generation, so an event for a connection that was closed in the same batch finds nobody.
import CLinux
import Glibc
package import Values

/// `@unchecked Sendable`: other threads may call `post`, `stop`, `enqueue`, `start` and read what is
/// `let`; all else belongs to the thread in `run()`, and to the one that made the loop before that
/// (debug builds check).
package final class EventLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
    package let index: Int

    /// When this turn's events came. Read once a turn.
    package private(set) var now: MonotonicInstant
    package private(set) var wallTime: UnixTime

    private let epoll: Descriptor
    private let events: EventBatch
    let mailbox: Mailbox

    private var slots = SlotTable()
    private var timers = TimerTable()
    private var alarms = AlarmHeap()

    private var queue: [LoopWork] = []
    private var running: [LoopWork] = []
    private var ending: [() -> Void] = []
    private var isTurnEndAskedFor = false
    /// Who lives as long as the loop runs, and is told of the ends of those turns that it asks for.
    package unowned var turnEndHandler: (any TurnEndHandler)?
    private var again: [(slot: LoopSlot, readiness: Readiness)] = []
    private var retired: [AnyObject] = []
    /// Of those, how many were kept from the turn before.
    private var retiredBefore = 0
    private var hasMail = false
    private var isRunning = false
    private var isStopping = false

    package init(index: Int) throws(Errno) {
        self.index = index
        let epoll = Descriptor(owning: try attempt("epoll_create") { linux_epoll_create() })
        let mailbox = try Mailbox()
        let (number, wake) = (epoll.number, mailbox.descriptor)
        try attempt("epoll_ctl") {
            linux_epoll_add(number, wake, linux_epollin | linux_epollet, EventLoop.wakeData)
        }
        self.epoll = epoll
        self.mailbox = mailbox
        events = EventBatch()
        now = Clock.monotonic()
        wallTime = Clock.wall()
    }

    // MARK: - Descriptors

    /// Tells `handler` of the descriptor's readiness, beginning with how it is now.
    ///
    /// Readiness is told when it changes: read until the kernel would block, or until less came than
    /// there was room for. A `listening` descriptor is told of again while connections wait, so that
    /// one turn need not accept them all; `exclusive` wakes only one of the loops that share it.
    package func register(
        _ handler: any LoopHandler, _ descriptor: Int32, exclusive: Bool = false,
        listening: Bool = false
    ) throws(Errno) -> LoopSlot {
        assertOnLoop()
        var wanted =
            listening
            ? linux_epollin : linux_epollin | linux_epollout | linux_epollet
        // epoll_ctl(2) takes EPOLLRDHUP together with EPOLLEXCLUSIVE for an error.
        if exclusive { wanted |= linux_epollexclusive } else { wanted |= linux_epollrdhup }
        let slot = slots.insert(handler, descriptor)
        let (number, flags) = (epoll.number, wanted)
        do {
            try attempt("epoll_ctl") {
                linux_epoll_add(number, descriptor, flags, slot.eventData)
            }
        } catch {
            _ = slots.remove(at: Int(slot.index))  // the caller still holds the handler
            throw error
        }
        return slot
    }

    /// Ends the registration; call it before the descriptor is closed. The handler is called no more,
    /// and let go once the batch is over. A second time does nothing.
    package func deregister(_ slot: LoopSlot) {
        assertOnLoop()
        guard let index = slots.index(of: slot) else { return }
        // It fails when the descriptor was closed already, and then there is nothing left to delete.
        _ = linux_epoll_delete(epoll.number, slots[index].descriptor)
        if slots[index].armed != never { alarms.remove(EventLoop.owner(ofSlot: slot.index)) }
        if let handler = slots.remove(at: index) { retired.append(handler) }
    }

    /// From now on another handler is told of the descriptor, as if it had registered it; of a turn's
    /// events it is told when the one before would have been.
    package func handOver(_ slot: LoopSlot, to handler: any LoopHandler) {
        assertOnLoop()
        guard let index = slots.index(of: slot) else { return }
        assert(type(of: handler).comesLast == slots[index].comesLast, "told twice, or never")
        if let earlier = slots[index].handler { retired.append(earlier) }
        slots[index].handler = handler
    }

    /// Delivers this readiness next turn, after other connections had theirs: for a handler that used
    /// its share of a turn and knows that more waits.
    package func deliverAgain(_ slot: LoopSlot, _ readiness: Readiness) {
        assertOnLoop()
        again.append((slot, readiness))
    }

    package var registeredCount: Int { slots.count }

    /// Lets go of an object only when the turn is over: for what is in use further up, uncounted.
    package func keepUntilTurnEnds(_ object: AnyObject) {
        assertOnLoop()
        retired.append(object)
    }

    // MARK: - Time

    /// When `handler.deadlinePassed()` is to be called, instead of what was set before; `nil` for
    /// never. A later deadline costs a store: the slot's one entry in the heap stays where it is, and
    /// is put right when its time comes.
    package func setDeadline(_ slot: LoopSlot, _ moment: MonotonicInstant?) {
        assertOnLoop()
        guard let index = slots.index(of: slot) else { return }
        let time = moment?.nanoseconds ?? never
        slots[index].deadline = time
        if time < slots[index].armed { arm(index, time) }
    }

    /// Runs the action on the loop once `delay` has passed, at the earliest next turn.
    @discardableResult
    package func schedule(after delay: Duration, _ action: @escaping () -> Void) -> TimerID {
        assertOnLoop()
        let timer = timers.insert(action)
        // The time within a turn stands still, so that a timer set anew by its own action would be
        // due for ever in the same turn.
        let time = max(now.advanced(by: delay).nanoseconds, now.nanoseconds &+ 1)
        alarms.set(EventLoop.owner(ofTimer: timer.index), time)
        return timer
    }

    /// Lets go of the action. One that ran or was cancelled before is no mistake.
    package func cancel(_ timer: TimerID) {
        assertOnLoop()
        guard timers.remove(timer) != nil else { return }
        alarms.remove(EventLoop.owner(ofTimer: timer.index))
    }

    // MARK: - Work

    /// Runs the action once this turn's events are dispatched and posted work is done: where output
    /// that gathered over the turn is sent at once.
    package func endOfTurn(_ action: @escaping () -> Void) {
        assertOnLoop()
        ending.append(action)
    }

    /// As `endOfTurn`, for `turnEndHandler`, and without an action to be made and kept.
    package func askForTurnEnd() {
        assertOnLoop()
        isTurnEndAskedFor = true
    }

    /// Runs the action on the loop, in the order of posting; from any thread.
    package func post(_ action: @escaping @Sendable () -> Void) {
        if isOnLoop { queue.append(.action(action)) } else { mailbox.put(.action(action)) }
    }

    func push(_ job: UnownedJob) {
        if isOnLoop { queue.append(.job(job)) } else { mailbox.put(.job(job)) }
    }

    /// Ends `run()` after the turn in which this arrives; from any thread. Tasks and timers that wait
    /// then wait for ever: end them first.
    package func stop() { post { self.isStopping = true } }

    /// Whether this is the thread that runs the loop.
    package var isOnLoop: Bool {
        linux_current_loop() == UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque())
    }

    // MARK: - Running

    /// Runs the loop on this thread until `stop()`.
    package func run() {
        precondition(linux_current_loop() == nil, "this thread runs a loop already")
        // SAFETY: only compared, never followed; reset before the loop can go.
        linux_set_current_loop(Unmanaged.passUnretained(self).toOpaque())
        isRunning = true
        defer {
            isRunning = false
            linux_set_current_loop(nil)
        }
        while !isStopping { turn() }
    }

    private func turn() {
        let count = waitForEvents()
        now = Clock.monotonic()
        wallTime = Clock.wall()
        deliverPostponed()
        dispatch(count)
        runDue()
        runWork()
        runEndings()
        if !retired.isEmpty { letGo() }
    }

    /// What waits for another round may be about an object that this turn let go of; the next turn is
    /// told of all of it, so nothing is kept for longer.
    private func letGo() {
        guard isTurnEndAskedFor else {
            retired.removeAll(keepingCapacity: true)
            retiredBefore = 0
            return
        }
        retired.removeFirst(retiredBefore)
        retiredBefore = retired.count
    }

    private func waitForEvents() -> Int {
        let timeout = millisecondsToWait()
        let (number, memory) = (epoll.number, events.memory)
        do {
            return Int(
                try attempt("epoll_wait") {
                    linux_epoll_wait(number, memory, Int32(EventBatch.capacity), timeout)
                })
        } catch {
            // EBADF, EFAULT, EINVAL: each says that the loop itself is broken.
            preconditionFailure("\(error)")
        }
    }

    private func millisecondsToWait() -> Int32 {
        if !queue.isEmpty || !ending.isEmpty || !again.isEmpty || isTurnEndAskedFor { return 0 }
        guard let next = alarms.next else { return -1 }
        guard next > now.nanoseconds else { return 0 }
        // Rounded up, or a timer a part of a millisecond away would spin; and no longer than a minute,
        // so that nothing here depends on the largest time-out that epoll takes.
        return Int32(min((next - now.nanoseconds + 999_999) / 1_000_000, 60_000))
    }

    private func dispatch(_ count: Int) {
        var someComeLast = false
        for position in 0..<count {
            let (data, readiness) = events[position]
            if data == EventLoop.wakeData {
                hasMail = true
            } else if slots.comesLast(LoopSlot(eventData: data)) {
                someComeLast = true
            } else {
                deliver(readiness, to: LoopSlot(eventData: data))
            }
        }
        guard someComeLast else { return }
        for position in 0..<count {
            let (data, readiness) = events[position]
            let slot = LoopSlot(eventData: data)
            if slots.comesLast(slot) { deliver(readiness, to: slot) }
        }
    }

    private func deliver(_ readiness: Readiness, to slot: LoopSlot) {
        guard let index = slots.index(of: slot), let handler = slots[index].handler else { return }
        handler.ready(readiness)
    }

    private func deliverPostponed() {
        guard !again.isEmpty else { return }
        let postponed = again
        again.removeAll(keepingCapacity: true)
        for (slot, readiness) in postponed { deliver(readiness, to: slot) }
    }

    private func runDue() {
        while let owner = alarms.popDue(at: now.nanoseconds) {
            if let timer = EventLoop.timer(ofOwner: owner) {
                timers.remove(at: timer)?()
            } else {
                slotDue(Int(owner >> 1))
            }
        }
    }

    private func slotDue(_ index: Int) {
        slots[index].armed = never
        let deadline = slots[index].deadline
        guard deadline <= now.nanoseconds else {
            // It was moved on since: the deferred half of `setDeadline`.
            if deadline != never { arm(index, deadline) }
            return
        }
        slots[index].deadline = never
        let handler = slots[index].handler  // taken out first: it may change the table
        handler?.deadlinePassed()
    }

    private func arm(_ index: Int, _ time: UInt64) {
        // At the earliest next turn, as in `schedule`.
        let time = max(time, now.nanoseconds &+ 1)
        slots[index].armed = time
        alarms.set(EventLoop.owner(ofSlot: UInt32(index)), time)
    }

    private func runWork() {
        if hasMail {
            hasMail = false
            mailbox.empty(into: &queue)
        }
        // What work leaves behind runs in the next round; past the rounds, after the next events.
        var rounds = 0
        while !queue.isEmpty, rounds < EventLoop.roundsMax {
            rounds += 1
            swap(&queue, &running)
            for work in running {
                switch work {
                case .action(let action): action()
                case .job(let job): run(job)
                }
            }
            running.removeAll(keepingCapacity: true)
        }
    }

    private func runEndings() {
        var rounds = 0
        while isTurnEndAskedFor || !ending.isEmpty, rounds < EventLoop.roundsMax {
            rounds += 1
            if isTurnEndAskedFor {
                isTurnEndAskedFor = false
                turnEndHandler?.turnEnds()
            }
            guard !ending.isEmpty else { continue }
            let actions = ending
            ending.removeAll(keepingCapacity: true)
            for action in actions { action() }
        }
    }

    @inline(__always)
    func assertOnLoop() { assert(isOnLoop || !isRunning, "a loop's own, used from outside") }

    // MARK: - Numbers

    private static let roundsMax = 16
    /// No slot has this number: the table would not fit memory.
    private static let wakeData = UInt64.max

    // Slots and timers share the heap; the lowest bit says which an owner is.
    private static func owner(ofSlot index: UInt32) -> UInt32 { index << 1 }
    private static func owner(ofTimer index: UInt32) -> UInt32 { index << 1 | 1 }
    private static func timer(ofOwner owner: UInt32) -> UInt32? {
        owner & 1 == 1 ? owner >> 1 : nil
    }
}

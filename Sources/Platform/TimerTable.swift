// Actions that wait for their time. When that is, the alarm heap knows.

struct TimerTable {
    private struct Timer {
        var action: (() -> Void)?
        var generation: UInt32 = 0
    }

    private var timers: [Timer] = []
    private var free: [UInt32] = []

    mutating func insert(_ action: @escaping () -> Void) -> TimerID {
        let index: UInt32
        if let number = free.popLast() {
            index = number
        } else {
            index = UInt32(timers.count)
            timers.append(Timer())
        }
        timers[Int(index)].action = action
        return TimerID(index: index, generation: timers[Int(index)].generation)
    }

    /// The action, which then no longer waits; `nil` when it ran or was cancelled.
    mutating func remove(_ timer: TimerID) -> (() -> Void)? {
        guard timers[Int(timer.index)].generation == timer.generation else { return nil }
        return remove(at: timer.index)
    }

    mutating func remove(at index: UInt32) -> (() -> Void)? {
        let action = timers[Int(index)].action
        timers[Int(index)] = Timer(generation: timers[Int(index)].generation &+ 1)
        free.append(index)
        return action
    }
}

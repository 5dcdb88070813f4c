// The registrations of a loop: who handles which descriptor, and until when.
//
// A number is free again as soon as its registration ends; the generation, which goes with every
// event and every handle, tells the next one from it. See LoopSlot.

struct SlotTable {
    struct Slot {
        var handler: (any LoopHandler)? {
            didSet { comesLast = handler.map { type(of: $0).comesLast } ?? false }
        }
        private(set) var comesLast = false
        var descriptor: Int32 = -1
        var generation: UInt32 = 0
        /// When the handler is to be told; `never` for not at all.
        var deadline = never
        /// The time of the slot's entry in the heap, which may be earlier than the deadline and is
        /// then put right when it comes; `never` when there is no entry.
        var armed = never
    }

    private var slots: [Slot] = []
    private var free: [UInt32] = []
    private(set) var count = 0

    /// `nil` when it is no longer registered.
    @inline(__always)
    func index(of slot: LoopSlot) -> Int? {
        let index = Int(slot.index)
        guard index < slots.count, slots[index].generation == slot.generation,
            slots[index].handler != nil
        else { return nil }
        return index
    }

    @inline(__always)
    func comesLast(_ slot: LoopSlot) -> Bool {
        index(of: slot).map { slots[$0].comesLast } ?? false
    }

    subscript(index: Int) -> Slot {
        @inline(__always) _read { yield slots[index] }
        @inline(__always) _modify { yield &slots[index] }
    }

    mutating func insert(_ handler: any LoopHandler, _ descriptor: Int32) -> LoopSlot {
        count += 1
        let index: Int
        if let number = free.popLast() {
            index = Int(number)
        } else {
            index = slots.count
            slots.append(Slot())
        }
        slots[index].handler = handler
        slots[index].descriptor = descriptor
        return LoopSlot(index: UInt32(index), generation: slots[index].generation)
    }

    /// Ends the registration and returns its handler, for the loop to keep until the batch is over.
    mutating func remove(at index: Int) -> (any LoopHandler)? {
        let handler = slots[index].handler
        slots[index] = Slot(generation: slots[index].generation &+ 1)
        free.append(UInt32(index))
        count -= 1
        return handler
    }
}

/// A time in nanoseconds that does not come.
let never = UInt64.max

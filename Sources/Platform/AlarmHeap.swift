// Which time comes next: a heap that knows where each of its owners stands.
//
// An owner (a slot or a timer, as a small number) has at most one entry, so that moving it and
// removing it need no search and no dead entries pile up. Four children a node: shallower, and the
// children share a cache line.

struct AlarmHeap {
    private struct Entry {
        var time: UInt64
        var owner: UInt32
    }

    private var entries: [Entry] = []
    /// By owner, where its entry stands; `absent` when it has none.
    private var places: [Int32] = []

    var isEmpty: Bool { entries.isEmpty }
    var count: Int { entries.count }

    /// The earliest time, in nanoseconds.
    var next: UInt64? { entries.first?.time }

    /// Adds the owner's entry, or moves it.
    mutating func set(_ owner: UInt32, _ time: UInt64) {
        if Int(owner) >= places.count {
            let missing = Int(owner) + 1 - places.count
            places.append(contentsOf: repeatElement(absent, count: missing))
        }
        let entry = Entry(time: time, owner: owner)
        let place = Int(places[Int(owner)])
        if place < 0 {
            entries.append(entry)
            rise(entry, to: entries.count - 1)
        } else if time < entries[place].time {
            rise(entry, to: place)
        } else {
            sink(entry, to: place)
        }
    }

    mutating func remove(_ owner: UInt32) {
        guard Int(owner) < places.count else { return }
        let place = Int(places[Int(owner)])
        guard place >= 0 else { return }
        places[Int(owner)] = absent
        let last = entries.removeLast()
        guard place < entries.count else { return }  // it was the last itself
        if place > 0, last.time < entries[(place - 1) / 4].time {
            rise(last, to: place)
        } else {
            sink(last, to: place)
        }
    }

    /// Takes the owner whose time has come, the earliest first; `nil` when none has.
    mutating func popDue(at now: UInt64) -> UInt32? {
        guard let first = entries.first, first.time <= now else { return nil }
        remove(first.owner)
        return first.owner
    }

    private mutating func rise(_ entry: Entry, to start: Int) {
        var place = start
        while place > 0 {
            let parent = (place - 1) / 4
            guard entry.time < entries[parent].time else { break }
            put(entries[parent], at: place)
            place = parent
        }
        put(entry, at: place)
    }

    private mutating func sink(_ entry: Entry, to start: Int) {
        var place = start
        while true {
            let firstChild = place * 4 + 1
            guard firstChild < entries.count else { break }
            var least = firstChild
            for child in firstChild + 1..<max(firstChild + 1, min(firstChild + 4, entries.count))
            where entries[child].time < entries[least].time {
                least = child
            }
            guard entries[least].time < entry.time else { break }
            put(entries[least], at: place)
            place = least
        }
        put(entry, at: place)
    }

    private mutating func put(_ entry: Entry, at place: Int) {
        entries[place] = entry
        places[Int(entry.owner)] = Int32(truncatingIfNeeded: place)
    }
}

private let absent: Int32 = -1

// Sessions kept in this process, for all of its loops.
//
// A loop holds a lock for a look-up in a table that is one of many, so two loops seldom meet. What is
// kept is sealed with a key that only the cookie has. Idleness is exact: each request that counts
// moves the entry's time.

internal import Synchronization
package import Values

package final class MemoryStore: Sendable {
    /// What an entry is found with.
    package struct Found: Equatable, Sendable {
        package let entry: [UInt8]
        /// When a request that counts last asked for it, this one included.
        package let seenAt: UnixTime

        package init(entry: [UInt8], seenAt: UnixTime) {
            self.entry = entry
            self.seenAt = seenAt
        }
    }

    /// Octets of all entries. Past it nobody can sign in until some have ended; nobody is signed out.
    package static let octetsMax = 1 << 30
    /// About what an entry takes besides its own octets, for the sum above.
    private static let entryOverhead = 128
    private static let shardCount = 64
    private static let sweepEvery = Duration.seconds(60)

    private struct Entry {
        var octets: [UInt8]
        var seenAt: UnixTime
        var expires: UnixTime

        func isLive(at now: UnixTime, _ idleTimeout: Duration) -> Bool {
            now < min(expires, seenAt + idleTimeout)
        }
    }

    private struct Table {
        var entries: [EntryName: Entry] = [:]
        var octets = 0
        var sweptAt = UnixTime.distantPast

        mutating func remove(_ name: EntryName) {
            guard let entry = entries.removeValue(forKey: name) else { return }
            octets -= entry.octets.count + MemoryStore.entryOverhead
        }

        mutating func sweep(at now: UnixTime, _ idleTimeout: Duration) {
            // A clock that was set back sweeps too.
            guard !(sweptAt <= now && now < sweptAt + MemoryStore.sweepEvery) else { return }
            sweptAt = now
            let ended = entries.filter { !$0.value.isLive(at: now, idleTimeout) }.keys
            for name in ended { remove(name) }
        }
    }

    private final class Shard: Sendable {
        let table = Mutex(Table())
    }

    /// This node's name, and 16 octets that no other process has: what handles into here say.
    package let place: SessionHandle.Place
    private let node: String
    private let process: [UInt8]
    private let shards = (0..<MemoryStore.shardCount).map { _ in Shard() }

    package init(node: String, process: [UInt8]) {
        precondition(process.count == SessionHandle.processOctets)
        self.node = node
        self.process = process
        place = .memory(node: node, process: process)
    }

    /// A new process on the node.
    package convenience init(
        node: String, using generator: inout some RandomNumberGenerator
    ) {
        self.init(
            node: node,
            process: [UInt8](randomCount: SessionHandle.processOctets, using: &generator))
    }

    package enum Reach: Equatable, Sendable {
        case here
        /// It was kept by a process of this node that has ended.
        case gone
        case otherNode
    }

    /// Where an entry in some process' memory is, seen from here.
    package func reach(node: String, process: [UInt8]) -> Reach {
        if process == self.process { return .here }
        return node == self.node ? .gone : .otherNode
    }

    private func shard(_ name: EntryName) -> Shard {
        shards[Int(truncatingIfNeeded: name.low % UInt64(Self.shardCount))]
    }

    /// Keeps a new entry, or another text of one.
    /// - Returns: `false` where there is no room.
    package func put(
        _ entry: [UInt8], as name: EntryName, expires: UnixTime, idleTimeout: Duration,
        at now: UnixTime
    ) -> Bool {
        shard(name).table.withLock { table in
            table.sweep(at: now, idleTimeout)
            let octets = entry.count + Self.entryOverhead
            guard table.octets + octets <= Self.octetsMax / Self.shardCount else { return false }
            table.remove(name)
            table.entries[name] = Entry(octets: entry, seenAt: now, expires: expires)
            table.octets += octets
            return true
        }
    }

    /// Another text of an entry that is still there.
    /// - Returns: whether it was.
    package func replace(_ name: EntryName, with entry: [UInt8]) -> Bool {
        shard(name).table.withLock { table in
            guard let old = table.entries[name] else { return false }
            table.entries[name]?.octets = entry
            table.octets += entry.count - old.octets.count
            return true
        }
    }

    /// - Parameter extending: whether the session's idleness counts from here again.
    package func find(
        _ name: EntryName, extending: Bool, idleTimeout: Duration, at now: UnixTime
    ) -> Found? {
        shard(name).table.withLock { table in
            guard let entry = table.entries[name] else { return nil }
            guard entry.isLive(at: now, idleTimeout) else {
                table.remove(name)
                return nil
            }
            guard extending else { return Found(entry: entry.octets, seenAt: entry.seenAt) }
            if entry.seenAt != now { table.entries[name]?.seenAt = now }
            return Found(entry: entry.octets, seenAt: now)
        }
    }

    /// Lets an entry go: at once, or where requests may still be on their way, a little later.
    package func end(_ name: EntryName, from: UnixTime, at now: UnixTime) {
        shard(name).table.withLock { table in
            if from <= now {
                table.remove(name)
            } else if let entry = table.entries[name] {
                table.entries[name]?.expires = min(entry.expires, from)
            }
        }
    }

    /// Entries, and their octets with what keeping them takes: for tests and the status page.
    package var size: (entries: Int, octets: Int) {
        shards.reduce((0, 0)) { sum, shard in
            shard.table.withLock { (sum.0 + $0.entries.count, sum.1 + $0.octets) }
        }
    }
}

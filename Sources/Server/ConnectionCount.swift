// How many clients are connected, to the whole process and from each address: `limits.connections` and
// `limits.connections_per_client`. It is asked once a connection, never a request.

import Platform
import Synchronization
import Values

package final class ConnectionCount: Sendable {
    private let count = Atomic(0)
    private let max: Atomic<Int>
    /// 0: no limit for one client.
    private let maxForClient: Atomic<Int>
    private let clients = Mutex<[IPAddress: Int]>([:])
    private let workers = Mutex<[@Sendable () -> Void]>([])

    package init(max: Int, maxForClient: Int?) {
        self.max = Atomic(max)
        self.maxForClient = Atomic(maxForClient ?? 0)
    }

    /// A reload brings new limits; connections that are there stay.
    package func setLimits(max: Int, maxForClient: Int?) {
        self.max.store(max, ordering: .relaxed)
        self.maxForClient.store(maxForClient ?? 0, ordering: .relaxed)
    }

    package var current: Int { count.load(ordering: .relaxed) }
    var isFull: Bool { current >= max.load(ordering: .relaxed) }

    /// Counts a connection, and says whether its client may have it. One that may not is counted out
    /// again here.
    func admit(_ client: IPAddress?) -> Bool {
        count.add(1, ordering: .relaxed)
        guard claimShare(of: client) else {
            count.subtract(1, ordering: .relaxed)
            return false
        }
        return true
    }

    /// Whether one that has been counted may be this client's.
    func claimShare(of client: IPAddress?) -> Bool {
        let maxForClient = maxForClient.load(ordering: .relaxed)
        guard let client, maxForClient > 0 else { return true }
        return clients.withLock { clients in
            let here = clients[client, default: 0]
            guard here < maxForClient else { return false }
            clients[client] = here + 1
            return true
        }
    }

    func leave(_ client: IPAddress?) {
        count.subtract(1, ordering: .relaxed)
        guard let client else { return }
        clients.withLock { clients in
            guard let here = clients[client] else { return }
            clients[client] = here > 1 ? here - 1 : nil
        }
    }

    /// Lets every worker know how it is asked to close the connection that has been idle longest.
    func join(_ loop: EventLoop, makeRoom: @escaping @Sendable () -> Void) {
        workers.withLock { $0.append { loop.post(makeRoom) } }
    }

    /// Asks the other loops for room, when this one has nobody idle.
    func askForRoom() {
        for ask in workers.withLock({ $0 }) { ask() }
    }
}

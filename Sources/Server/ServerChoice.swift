// Which of an upstream's servers the next request goes to, and which are passed over for a while.
//
// A value, one for each loop and upstream; the time comes in. A server rests when connecting to it
// fails, or when it answered wrongly a few times in a row; a rest that ends in another failure is
// twice as long. A server that active checks call unwell is passed over until they call it well. The
// last one never rests, and where none is left each is tried all the same: that is how one is found
// to be back. Who returns is given its share little by little.

import Configuration
import Values

struct ServerChoice {
    static let restMin: Int64 = 1_000_000_000
    static let restMax: Int64 = 10_000_000_000
    /// Wrong answers in a row (502 and 504 of ours) after which a server rests.
    static let faultsMax = 3
    /// A server that returns has its whole share after this long, or after as long as it was away.
    static let slowStartMax: Int64 = 10_000_000_000
    static let slowStartMin: Int64 = 2_000_000_000

    /// What became of a server by a failure.
    enum Effect: Equatable {
        case none
        /// It fails, and there is no other to go to instead.
        case failing
        case rests(until: MonotonicInstant)
    }

    private struct Server {
        /// Requests that are under way there.
        var leases = 0
        /// Failures in a row that each began, or would have begun, a rest.
        var failures = 0
        /// Wrong answers in a row.
        var faults = 0
        var restsUntil = MonotonicInstant(nanoseconds: 0)
        var isWell = true
        var awaySince: MonotonicInstant?
        /// While it is given its share little by little.
        var slow: Slow?

        func isAvailable(at now: MonotonicInstant) -> Bool { isWell && restsUntil <= now }
    }

    private struct Slow {
        let from: MonotonicInstant
        let length: Int64
        /// What it may take of the next request, in hundredths.
        var credit = 100
        /// Hundredths of its whole share that it gets now; 100 once it has come back for good.
        func share(at now: MonotonicInstant) -> Int {
            let passed = max(0, from.duration(to: now).wholeNanoseconds)
            return passed >= length ? 100 : max(5, Int(passed / max(1, length / 100)))
        }
    }

    private var servers: [Server]
    private let balance: Balance
    private var turn: Int
    /// Nothing is known against any server.
    private var isCalm = true

    /// - Parameter turn: whose turn it is first; loops begin with different ones.
    init(count: Int, _ balance: Balance, turn: Int = 0) {
        servers = Array(repeating: Server(), count: count)
        self.balance = balance
        self.turn = count > 0 ? turn % count : 0
    }

    var count: Int { servers.count }

    // MARK: Choosing

    /// The server for a request.
    mutating func next(at now: MonotonicInstant) -> Int {
        guard isCalm, balance == .roundRobin else { return next(at: now, except: []) ?? 0 }
        let server = turn
        turn = server + 1 == servers.count ? 0 : server + 1
        return server
    }

    /// Another one; `nil` when all of them are among the `tried`.
    mutating func next(at now: MonotonicInstant, except tried: [Bool]) -> Int? {
        var best: Int?
        var hesitant: Int?
        var resting: Int?
        for offset in servers.indices {
            let server = (turn + offset) % servers.count
            if tried.indices.contains(server), tried[server] { continue }
            guard servers[server].isAvailable(at: now) else {
                resting = resting ?? server
                continue
            }
            guard admits(server, at: now) else {
                hesitant = hesitant ?? server
                continue
            }
            guard balance == .leastRequests else {
                best = server
                break
            }
            if best.map({ servers[server].leases < servers[$0].leases }) ?? true { best = server }
        }
        guard let chosen = best ?? hesitant ?? resting else { return nil }
        turn = (chosen + 1) % servers.count
        return chosen
    }

    /// Whether a server that has come back takes this one. What it passes over adds up.
    private mutating func admits(_ server: Int, at now: MonotonicInstant) -> Bool {
        guard var slow = servers[server].slow else { return true }
        let share = slow.share(at: now)
        guard share < 100 else {
            servers[server].slow = nil
            settle()
            return true
        }
        slow.credit += share
        defer { servers[server].slow = slow }
        guard slow.credit >= 100 else { return false }
        slow.credit -= 100
        return true
    }

    // MARK: What requests tell

    mutating func leaseBegan(_ server: Int) { servers[server].leases += 1 }
    mutating func leaseEnded(_ server: Int) { servers[server].leases -= 1 }
    func leases(of server: Int) -> Int { servers[server].leases }

    /// No connection could be made.
    mutating func noteUnreachable(_ server: Int, at now: MonotonicInstant) -> Effect {
        fail(server, at: now)
    }

    /// It answered wrongly, or not in time.
    mutating func noteFault(_ server: Int, at now: MonotonicInstant) -> Effect {
        servers[server].faults += 1
        isCalm = false
        return servers[server].faults < Self.faultsMax ? .none : fail(server, at: now)
    }

    private mutating func fail(_ server: Int, at now: MonotonicInstant) -> Effect {
        isCalm = false
        // Requests that failed together are one failure.
        guard servers[server].restsUntil <= now else { return .none }
        let isFirst = servers[server].failures == 0
        servers[server].failures += 1
        servers[server].slow = nil
        servers[server].awaySince = servers[server].awaySince ?? now
        let hasOther = servers.indices.contains { $0 != server && servers[$0].isAvailable(at: now) }
        guard hasOther else { return isFirst ? .failing : .none }
        let doublings = min(servers[server].failures - 1, 8)
        let until = now.advanced(byNanoseconds: min(Self.restMin << doublings, Self.restMax))
        servers[server].restsUntil = until
        return .rests(until: until)
    }

    /// - Returns: whether it had been failing.
    mutating func noteConnected(_ server: Int, at now: MonotonicInstant) -> Bool {
        // Whoever answers wrongly has to answer well.
        guard servers[server].failures > 0, servers[server].faults < Self.faultsMax else {
            return false
        }
        comeBack(server, at: now)
        return true
    }

    /// - Returns: whether it had been failing.
    mutating func noteAnswer(_ server: Int, at now: MonotonicInstant) -> Bool {
        guard !isCalm, servers[server].faults > 0 else { return false }
        servers[server].faults = 0
        guard servers[server].failures > 0 else {
            settle()
            return false
        }
        comeBack(server, at: now)
        return true
    }

    // MARK: What others tell

    /// Another loop has found it failing.
    mutating func rest(
        _ server: Int, until: MonotonicInstant, failures: Int, at now: MonotonicInstant
    ) {
        isCalm = false
        servers[server].failures = max(failures, servers[server].failures)
        servers[server].restsUntil = max(until, servers[server].restsUntil)
        servers[server].awaySince = servers[server].awaySince ?? now
        servers[server].slow = nil
    }

    func failures(of server: Int) -> Int { servers[server].failures }

    /// Another loop has found it back.
    mutating func comeBack(_ server: Int, at now: MonotonicInstant) {
        let wasAway = !servers[server].isAvailable(at: now) || servers[server].failures > 0
        servers[server].failures = 0
        servers[server].faults = 0
        servers[server].restsUntil = MonotonicInstant(nanoseconds: 0)
        if wasAway, servers[server].isWell { slowDown(server, at: now) }
        settle()
    }

    /// What active checks say.
    mutating func setWell(_ server: Int, _ isWell: Bool, at now: MonotonicInstant) {
        guard servers[server].isWell != isWell else { return }
        servers[server].isWell = isWell
        if isWell {
            comeBack(server, at: now)
            if servers[server].slow == nil { slowDown(server, at: now) }
        } else {
            servers[server].awaySince = now
            servers[server].slow = nil
        }
        settle()
    }

    private mutating func slowDown(_ server: Int, at now: MonotonicInstant) {
        let away = servers[server].awaySince.map { $0.duration(to: now).wholeNanoseconds } ?? 0
        servers[server].awaySince = nil
        servers[server].slow = Slow(
            from: now, length: min(max(away, Self.slowStartMin), Self.slowStartMax))
        isCalm = false
    }

    private mutating func settle() {
        isCalm = servers.allSatisfy {
            $0.failures == 0 && $0.faults == 0 && $0.isWell && $0.slow == nil
        }
    }
}

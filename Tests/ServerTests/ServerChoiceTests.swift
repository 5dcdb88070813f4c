import Configuration
import Testing
import Values

@testable import Server

@Suite struct `Which server is next` {
    static let start = MonotonicInstant(nanoseconds: 1_000_000_000_000)
    static func at(_ seconds: Double) -> MonotonicInstant {
        start.advanced(byNanoseconds: Int64(seconds * 1_000_000_000))
    }

    /// How often each is chosen.
    func shares(_ choice: inout ServerChoice, _ times: Int, at seconds: Double) -> [Int] {
        var counts = Array(repeating: 0, count: choice.count)
        for _ in 0..<times { counts[choice.next(at: Self.at(seconds))] += 1 }
        return counts
    }

    @Test func `each has its turn`() {
        var choice = ServerChoice(count: 3, .roundRobin, turn: 1)
        var order: [Int] = []
        for _ in 0..<6 { order.append(choice.next(at: Self.start)) }
        #expect(order == [1, 2, 0, 1, 2, 0])
    }

    @Test func `the least busy is next, and equals take turns`() {
        var choice = ServerChoice(count: 3, .leastRequests)
        choice.leaseBegan(0)
        choice.leaseBegan(0)
        choice.leaseBegan(1)
        #expect(shares(&choice, 5, at: 0) == [0, 0, 5])
        choice.leaseBegan(2)
        #expect(shares(&choice, 6, at: 0) == [0, 3, 3])
        choice.leaseEnded(0)
        choice.leaseEnded(0)
        #expect(shares(&choice, 6, at: 0) == [6, 0, 0])
    }

    @Test func `one that cannot be reached rests, and longer each time, to a bound`() {
        var choice = ServerChoice(count: 2, .roundRobin)
        var now = 0.0
        for rest in [1.0, 2, 4, 8, 10, 10] {
            #expect(
                choice.noteUnreachable(0, at: Self.at(now)) == .rests(until: Self.at(now + rest)))
            #expect(choice.noteUnreachable(0, at: Self.at(now)) == .none, "one failure, not two")
            #expect(shares(&choice, 4, at: now + rest - 0.01) == [0, 4])
            #expect(shares(&choice, 4, at: now + rest)[0] == 2, "and is tried again")
            now += rest
        }
        #expect(choice.noteConnected(0, at: Self.at(now)) == true)
        #expect(choice.noteConnected(0, at: Self.at(now)) == false, "once")
    }

    @Test func `who returns has its share little by little`() {
        var choice = ServerChoice(count: 2, .roundRobin)
        _ = choice.noteUnreachable(0, at: Self.at(0))
        _ = choice.noteConnected(0, at: Self.at(20))
        let early = shares(&choice, 100, at: 21)[0]
        let later = shares(&choice, 100, at: 25)[0]
        #expect((5...15).contains(early), "\(early)")
        #expect((28...38).contains(later), "\(later)")
        #expect(shares(&choice, 100, at: 30) == [50, 50])
        var short = ServerChoice(count: 2, .leastRequests)
        _ = short.noteUnreachable(0, at: Self.at(0))
        _ = short.noteConnected(0, at: Self.at(0.1))
        #expect(shares(&short, 100, at: 2.2) == [50, 50], "a short absence is short to mend")
    }

    @Test func `wrong answers in a row count, and a right one ends them`() {
        var choice = ServerChoice(count: 2, .roundRobin)
        #expect(choice.noteFault(0, at: Self.at(0)) == .none)
        #expect(choice.noteFault(0, at: Self.at(0)) == .none)
        #expect(choice.noteAnswer(0, at: Self.at(0)) == false)
        #expect(choice.noteFault(0, at: Self.at(0)) == .none)
        #expect(choice.noteFault(0, at: Self.at(0)) == .none)
        #expect(choice.noteFault(0, at: Self.at(0)) == .rests(until: Self.at(1)))
        #expect(choice.noteConnected(0, at: Self.at(1.5)) == false, "connecting is no answer")
        #expect(choice.noteFault(0, at: Self.at(1.5)) == .rests(until: Self.at(3.5)))
        #expect(choice.noteAnswer(0, at: Self.at(4)) == true)
    }

    @Test func `the last one never rests`() {
        var choice = ServerChoice(count: 2, .roundRobin)
        #expect(choice.noteUnreachable(0, at: Self.at(0)) == .rests(until: Self.at(1)))
        #expect(choice.noteUnreachable(1, at: Self.at(0)) == .failing)
        #expect(choice.noteUnreachable(1, at: Self.at(0)) == .none)
        #expect(shares(&choice, 4, at: 0.5) == [0, 4])
        var alone = ServerChoice(count: 1, .roundRobin)
        #expect(alone.noteUnreachable(0, at: Self.at(0)) == .failing)
        #expect(alone.next(at: Self.at(0)) == 0)
        #expect(alone.noteConnected(0, at: Self.at(1)) == true)
    }

    @Test func `those that checks call unwell are passed over, and tried when nobody is well`() {
        var choice = ServerChoice(count: 3, .roundRobin)
        choice.setWell(1, false, at: Self.at(0))
        #expect(shares(&choice, 6, at: 100) == [3, 0, 3])
        choice.setWell(0, false, at: Self.at(0))
        choice.setWell(2, false, at: Self.at(0))
        #expect(shares(&choice, 6, at: 100) == [2, 2, 2])
        choice.setWell(1, true, at: Self.at(100))
        #expect(shares(&choice, 6, at: 100) == [0, 6, 0], "alone it has no time to begin slowly")
    }

    @Test func `the tried are not tried again`() {
        var choice = ServerChoice(count: 3, .roundRobin)
        #expect(choice.next(at: Self.start, except: [true, false, false]) == 1)
        #expect(choice.next(at: Self.start, except: [true, true, false]) == 2)
        #expect(choice.next(at: Self.start, except: [true, true, true]) == nil)
        _ = choice.noteUnreachable(0, at: Self.start)
        #expect(
            choice.next(at: Self.start, except: [false, true, true]) == 0, "at last the resting")
    }

    @Test func `what another loop found out counts here`() {
        var choice = ServerChoice(count: 2, .roundRobin)
        choice.rest(0, until: Self.at(4), failures: 3, at: Self.at(0))
        #expect(shares(&choice, 4, at: 1) == [0, 4])
        #expect(choice.noteUnreachable(0, at: Self.at(4)) == .rests(until: Self.at(12)))
        choice.comeBack(0, at: Self.at(5))
        #expect(shares(&choice, 100, at: 15) == [50, 50])
    }
}

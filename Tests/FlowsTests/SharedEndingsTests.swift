import Gateway
import Redis
import Sessions
import Synchronization
import Telemetry
import Testing
import Values

@testable import Flows

/// A stream as redis keeps one, and whether it can be reached.
private final class Stream: RedisClient {
    private struct State {
        var entries: [(id: Int, octets: [UInt8])] = []
        var isAway = false
        var next = 1
    }
    private let state = Mutex(State())

    var isAway: Bool {
        get { state.withLock { $0.isAway } }
        set { state.withLock { $0.isAway = newValue } }
    }

    /// Keeps the first so many entries, and gives the next the number `next`.
    func takeOver(keeping count: Int, next: Int) {
        state.withLock { state in
            state.entries.removeLast(max(0, state.entries.count - count))
            state.next = next
        }
    }

    func call(_ commands: [RedisCommand], key: [UInt8]) async throws(RedisFailure) -> [RedisReply] {
        let replies = state.withLock { state -> [RedisReply]? in
            guard !state.isAway else { return nil }
            return commands.map { command in
                let words = command.arguments.map { String(decoding: $0, as: UTF8.self) }
                switch words[0] {
                case "XADD":
                    state.entries.append((state.next, command.arguments.last ?? []))
                    state.next += 1
                    return .octets(Array("\(state.next - 1)-0".utf8))
                case "XRANGE":
                    let asked = Int(words[2].split(separator: "-")[0])
                    return .list(state.entries.filter { $0.id == asked }.map { _ in .null })
                case "XREAD":
                    let last = Int(words[5].split(separator: "-")[0]) ?? 0
                    let new = state.entries.filter { $0.id > last }.prefix(Int(words[2]) ?? 0)
                    guard !new.isEmpty else { return .null }
                    let entries = new.map { entry -> RedisReply in
                        .list([
                            .octets(Array("\(entry.id)-0".utf8)),
                            .list([.octets([0x72]), .octets(entry.octets)]),
                        ])
                    }
                    return .list([.list([.octets(key), .list(Array(entries))])])
                default: return .integer(1)
                }
            }
        }
        guard let replies else { throw .unreachable("away") }
        return replies
    }
}

@Suite struct `What one node ends, every node learns` {
    private func environment(_ house: House, _ stream: Stream) -> FlowEnvironment {
        FlowEnvironment(
            client: house.provider, redis: stream, now: { noon }, start: { _ in }, pause: { _ in })
    }

    private func ending(_ number: UInt8) -> EndedSession {
        EndedSession(
            .session([UInt8](repeating: number, count: 16)), from: noon, until: noon + .seconds(60))
    }

    @Test func `with its next turn, once, in order`() async throws {
        let house = try House()
        let stream = Stream()
        let there = environment(house, stream)
        let one = SharedEndings()
        let other = SharedEndings()
        one.add([ending(1), ending(2)])
        _ = await one.exchange(house.snapshot, there)
        #expect(await other.exchange(house.snapshot, there) == [ending(1), ending(2)])
        #expect(await other.exchange(house.snapshot, there).isEmpty)
        other.add([ending(3)])
        _ = await other.exchange(house.snapshot, there)
        #expect(await one.exchange(house.snapshot, there) == [ending(3)])
        let late = SharedEndings()
        #expect(await late.exchange(house.snapshot, there).count == 3, "one that has just started")
    }

    @Test func `a store that was away is handed what waited`() async throws {
        let house = try House()
        let stream = Stream()
        let there = environment(house, stream)
        let one = SharedEndings()
        stream.isAway = true
        one.add([ending(1)])
        #expect(await one.exchange(house.snapshot, there).isEmpty)
        stream.isAway = false
        _ = await one.exchange(house.snapshot, there)
        #expect(await SharedEndings().exchange(house.snapshot, there) == [ending(1)])
    }

    /// A replica that was behind takes over, or an empty redis; by its clock it is earlier, or later.
    @Test(arguments: [0, 1, 2], [1, 3, 100])
    func `and nothing is lost when another redis takes over`(_ kept: Int, _ next: Int) async throws
    {
        let house = try House()
        let stream = Stream()
        let there = environment(house, stream)
        let (one, other) = (SharedEndings(), SharedEndings())
        one.add([ending(1), ending(2), ending(3)])
        _ = await one.exchange(house.snapshot, there)
        _ = await other.exchange(house.snapshot, there)
        stream.takeOver(keeping: kept, next: max(next, kept + 1))
        one.add([ending(4)])
        _ = await one.exchange(house.snapshot, there)
        #expect(await other.exchange(house.snapshot, there).last == ending(4))
        let late = await SharedEndings().exchange(house.snapshot, there)
        #expect(Set(late.map(\.scope)) == Set((1...4).map { ending($0).scope }))
        #expect(await one.exchange(house.snapshot, there).isEmpty, "all has been read")
        #expect(await other.exchange(house.snapshot, there).isEmpty)
    }

    @Test func `what has lost its use is not handed over once more`() async throws {
        let house = try House()
        let stream = Stream()
        let one = SharedEndings()
        one.add([ending(1)])
        _ = await one.exchange(house.snapshot, environment(house, stream))
        stream.takeOver(keeping: 0, next: 1)
        let later = FlowEnvironment(
            client: house.provider, redis: stream, now: { noon + .seconds(61) }, start: { _ in },
            pause: { _ in })
        _ = await one.exchange(house.snapshot, later)
        #expect(await SharedEndings().exchange(house.snapshot, later).isEmpty)
    }

    @Test func `many come in several readings, and without a store nothing is kept`() async throws {
        let house = try House()
        let stream = Stream()
        let there = environment(house, stream)
        let one = SharedEndings()
        one.add((0..<2500).map { ending(UInt8(truncatingIfNeeded: $0)) })
        _ = await one.exchange(house.snapshot, house.environment)
        _ = await one.exchange(house.snapshot, there)
        #expect(await SharedEndings().exchange(house.snapshot, there).isEmpty)
        one.add((0..<2500).map { ending(UInt8(truncatingIfNeeded: $0)) })
        _ = await one.exchange(house.snapshot, there)
        #expect(await SharedEndings().exchange(house.snapshot, there).count == 2500)
    }

    @Test func `every announcement is shared`() async throws {
        let house = try House()
        let stream = Stream()
        await house.flows.end(.everybody, house.snapshot.configuration, at: noon)
        _ = await house.flows.sharedEndings.exchange(
            house.snapshot, environment(house, stream))
        let read = await SharedEndings().exchange(house.snapshot, environment(house, stream))
        #expect(read.map(\.scope) == [.everybody])
    }
}

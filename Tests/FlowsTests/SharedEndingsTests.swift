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
        var calls = 0
    }
    private let state = Mutex(State())

    var isAway: Bool {
        get { state.withLock { $0.isAway } }
        set { state.withLock { $0.isAway = newValue } }
    }

    func call(_ commands: [RedisCommand], key: [UInt8]) async throws(RedisFailure) -> [RedisReply] {
        let replies = state.withLock { state -> [RedisReply]? in
            state.calls += 1
            guard !state.isAway else { return nil }
            return commands.map { command in
                let words = command.arguments.map { String(decoding: $0, as: UTF8.self) }
                switch words[0] {
                case "XADD":
                    state.entries.append((state.entries.count + 1, command.arguments.last ?? []))
                    return .octets(Array("\(state.entries.count)-0".utf8))
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

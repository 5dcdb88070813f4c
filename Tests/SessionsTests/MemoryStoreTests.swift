import Glibc
import Testing
import Values

@testable import Sessions

@Suite struct `A session kept on the server side` {
    private let idle = Duration.seconds(1800)
    private func store(_ node: String = "a", _ process: UInt8 = 1) -> MemoryStore {
        MemoryStore(node: node, process: [UInt8](repeating: process, count: 16))
    }
    private func handle(_ place: SessionHandle.Place = .redis, seed: UInt64 = 3) -> SessionHandle {
        var dice = Dice(seed)
        return SessionHandle(place, expires: noon + .seconds(28_800), using: &dice)
    }

    private func decoded(_ octets: [UInt8]) -> SessionHandle? {
        SessionHandle(decoding: octets.span)
    }

    @Test(arguments: [
        SessionHandle.Place.redis,
        .memory(node: "node-a.example", process: [UInt8](repeating: 9, count: 16)),
    ]) func `its handle comes back whole, and not in part`(_ place: SessionHandle.Place) throws {
        let octets = handle(place).encoded()
        let read = try #require(decoded(octets))
        #expect(read == handle(place) && read.place == place)
        #expect(read.entryName == handle(place).entryName)
        for count in 0..<octets.count {
            #expect(decoded(Array(octets[..<count])) == nil)
        }
        #expect(decoded(octets + [0]) == nil)
        #expect(decoded(session().encoded()) == nil)
        #expect(Session(decoding: octets) == nil, "neither is taken for the other")
    }

    @Test func `its entry opens with its handle alone, unchanged`() {
        var dice = Dice(4)
        let entry = handle().seal(session(), using: &dice)
        var plaintext = OctetWriter()
        let isOpen = handle().open(entry, appendingTo: &plaintext)
        #expect(isOpen)
        let octets = [UInt8](plaintext.span)
        #expect(Session(decoding: octets) == session())
        plaintext.removeAll()
        var refused = !handle(seed: 4).open(entry, appendingTo: &plaintext)
        #expect(refused)
        for index in entry.indices {
            var changed = entry
            changed[index] ^= 0x10
            refused = !handle().open(changed, appendingTo: &plaintext)
            #expect(refused)
        }
        for count in [0, 12, 27, entry.count - 1] {
            refused = !handle().open(Array(entry[..<count]), appendingTo: &plaintext)
            #expect(refused)
        }
        let rest = [UInt8](plaintext.span)
        #expect(rest.isEmpty)
    }

    @Test func `the entry's name does not tell the cookie's`() {
        let octets = handle().encoded()
        let name = handle().entryName.octets
        #expect(name.count == 16)
        #expect(!(0...octets.count - 8).contains { octets[$0..<$0 + 8] == name[..<8] })
    }

    @Test func `idleness is exact, and only what counts extends it`() {
        let store = store()
        let name = handle().entryName
        let expires = noon + .seconds(4000)
        #expect(store.put([1], as: name, expires: expires, idleTimeout: idle, at: noon))
        func find(_ seconds: Int, extending: Bool = true) -> UnixTime? {
            store.find(
                name, extending: extending, idleTimeout: idle, at: noon + .seconds(seconds))?
                .seenAt
        }
        #expect(find(1799, extending: false) == noon)
        #expect(find(1799) == noon + .seconds(1799))
        #expect(find(3598) == noon + .seconds(3598))
        #expect(find(4000) == nil, "lifetime")
        #expect(store.size.entries == 0)
        #expect(store.put([1], as: name, expires: expires, idleTimeout: idle, at: noon))
        #expect(find(1800) == nil, "idle")
    }

    @Test func `what has ended is let go, now or a little later`() {
        let store = store()
        let name = handle().entryName
        _ = store.put([1], as: name, expires: noon + .seconds(9999), idleTimeout: idle, at: noon)
        #expect(store.replace(name, with: [2, 3]))
        store.end(name, from: noon + .seconds(30), at: noon)
        func found(_ seconds: Int) -> [UInt8]? {
            store.find(
                name, extending: true, idleTimeout: idle, at: noon + .seconds(seconds))?.entry
        }
        #expect(found(29) == [2, 3])
        #expect(found(30) == nil)
        #expect(!store.replace(name, with: [4]), "a late answer brings nothing back")
        #expect(store.size == (0, 0))
    }

    @Test func `it is bounded, and forgets who has been away too long`() {
        let store = store()
        let large = [UInt8](repeating: 0, count: MemoryStore.octetsMax / 64 / 4)
        var kept = 0
        for seed in UInt64(0)..<1024 {
            let name = handle(seed: seed).entryName
            guard name.low % 64 == 0 else { continue }
            let isKept = store.put(
                large, as: name, expires: noon + .seconds(9999), idleTimeout: idle, at: noon)
            if isKept { kept += 1 }
        }
        #expect(kept == 3)
        let name = handle(seed: 5000).entryName
        for seed in UInt64(0)..<64 {  // one of each table
            _ = store.put(
                [], as: handle(seed: seed).entryName, expires: noon + .seconds(9999),
                idleTimeout: idle, at: noon + .seconds(1801))
        }
        _ = store.put(
            [], as: name, expires: noon + .seconds(9999), idleTimeout: idle,
            at: noon + .seconds(1801))
        #expect(store.size.octets < MemoryStore.octetsMax / 64)
    }

    @Test func `who can reach it is told by node and process`() {
        let store = store()
        func reach(_ node: String, _ process: UInt8) -> MemoryStore.Reach {
            store.reach(node: node, process: [UInt8](repeating: process, count: 16))
        }
        #expect(reach("a", 1) == .here)
        #expect(reach("a", 2) == .gone)
        #expect(reach("b", 2) == .otherNode)
    }

    /// Counted by resident memory, as an operator sees it; other tests run meanwhile.
    @Test func `a hundred thousand of them take little more than what they hold`() throws {
        let (count, octets) = (100_000, 1500)
        let store = store()
        var dice = Dice(77)
        let before = try residentOctets()
        let like = [UInt8](repeating: 7, count: octets)
        for number in 0..<count {
            var entry = like
            entry[0] = UInt8(truncatingIfNeeded: number)  // octets of its own
            let handle = SessionHandle(.redis, expires: noon + .seconds(9999), using: &dice)
            let isKept = store.put(
                entry, as: handle.entryName, expires: noon + .seconds(9999), idleTimeout: idle,
                at: noon)
            #expect(isKept)
        }
        let each = (try residentOctets() - before) / count
        print("a session of \(octets) octets in memory takes \(each)")
        #expect(each < octets + 400 && store.size.entries == count)
    }

    private func residentOctets() throws -> Int {
        let file = try #require(fopen("/proc/self/statm", "r"))
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        fgets(&line, Int32(line.count), file)
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8($0) }, as: UTF8.self)
        return try #require(text.split(separator: " ").dropFirst().first.flatMap { Int($0) }) * 4096
    }
}

// Files, clocks, threads and what the process knows of its surroundings.
import Platform
import Testing
import Values

@Suite struct `Files` {
    @Test func `a file is read up to its bound and no further`() throws {
        let path = temporaryPath("bound")
        defer { try? File.remove(path) }
        try File.createNew(path, [1, 2, 3], mode: 0o640)
        #expect(try File.read(path, octetsMax: 4) == [1, 2, 3])
        #expect(try File.read(path, octetsMax: 3) == [1, 2, 3])
        #expect(throws: Errno(call: "read", code: Errno.efbig)) {
            try File.read(path, octetsMax: 2)
        }
        #expect(try File.mode(path) == 0o640)
    }

    @Test func `a large file is read whole, an endless one refused`() throws {
        let path = temporaryPath("large")
        defer { try? File.remove(path) }
        let octets = (0..<200_000).map { UInt8(truncatingIfNeeded: $0) }
        try File.createNew(path, octets)
        #expect(try File.read(path, octetsMax: 1 << 20) == octets)
        #expect(throws: Errno(call: "read", code: Errno.efbig)) {
            try File.read("/dev/zero", octetsMax: 100_000)
        }
    }

    @Test func `creating never writes over a file`() throws {
        let path = temporaryPath("new")
        defer { try? File.remove(path) }
        try File.createNew(path, [1])
        #expect(try File.mode(path) == 0o600)
        #expect(throws: Errno(call: "open", code: Errno.eexist)) { try File.createNew(path, [2]) }
        #expect(try File.read(path, octetsMax: 9) == [1])
    }

    @Test func `replacing puts the whole new file there, with its mode`() throws {
        let path = temporaryPath("replaced")
        defer { try? File.remove(path) }
        try File.replace(path, [1], mode: 0o644)
        try File.replace(path, [2, 3], mode: 0o600)
        #expect(try File.read(path, octetsMax: 9) == [2, 3])
        #expect(try File.mode(path) == 0o600)
        try File.remove(path)
        #expect(!File.exists(path))
    }

    @Test(arguments: ["/nowhere/at/all", "/tmp/a\0b"])
    func `a path that leads nowhere is an error`(_ path: String) {
        #expect(throws: Errno.self) { try File.read(path, octetsMax: 1) }
        #expect(throws: Errno.self) { try File.createNew(path, []) }
        #expect(throws: Errno.self) { try File.replace(path, []) }
    }
}

@Suite struct `Surroundings` {
    @Test func `limits and names have usable values`() {
        #expect(Limits.raiseDescriptorLimit() >= 256)
        #expect(Limits.processorCount >= 1)
        #expect(!Process.hostName.isEmpty)
        #expect(Process.pid > 0)
        #expect(Process.environment("PATH") != nil)
        #expect(Process.environment("NO_SUCH_VARIABLE_HERE") == nil)
    }

    @Test func `clocks agree with each other and do not run backwards`() {
        let (first, second) = (Clock.monotonic(), Clock.monotonic())
        #expect(first <= second)
        let milliseconds = Clock.wallMilliseconds()
        #expect(abs(milliseconds / 1000 - Clock.wall().seconds) <= 1)
    }

    @Test func `a thread that is joined has run`() {
        let record = Record<Int>()
        Thread.start("a-name-longer-than-fifteen", pinnedTo: 0) { record.add(1) }.join()
        #expect(record.all == [1])
    }
}

@Suite struct `Files that are added to` {
    @Test func `what is written lies behind what is there, whoever wrote it`() throws {
        let path = temporaryPath("added")
        defer { try? File.remove(path) }
        let one = try AppendFile(path)
        let other = try AppendFile(path)
        try one.append([1, 2])
        try other.append([3])
        try one.append([4])
        #expect(try File.read(path, octetsMax: 9) == [1, 2, 3, 4])
        #expect(try File.mode(path) == 0o600)
        let size = try one.size()
        let end = try one.read(from: 2, octetsMax: 9)
        let part = try one.read(from: 1, octetsMax: 2)
        #expect(size == 4 && end == [3, 4] && part == [2, 3])
    }

    @Test func `one that replaces is alone`() throws {
        let path = temporaryPath("shared")
        defer { try? File.remove(path) }
        let one = try AppendFile(path)
        let other = try AppendFile(path)
        let adding = try [one.lock(.adding), other.lock(.adding)]
        let replacing = try one.lock(.replacing)
        let again = try one.lock(.adding)
        #expect(adding == [true, true] && !replacing && again)
    }

    @Test func `a directory is made for its owner alone, once`() throws {
        let path = temporaryPath("directory")
        defer { try? File.remove(path) }
        try File.makeDirectory(path)
        try File.makeDirectory(path)
        #expect(try File.mode(path) == 0o700)
        #expect(throws: Errno.self) { try File.makeDirectory(path + "/a/b") }
        #expect(throws: Errno.self) { try File.makeDirectory("/dev/null") }
    }
}

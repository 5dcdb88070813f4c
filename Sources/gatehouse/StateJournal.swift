// `session.state_directory`: what has to outlive a restart, in one file that is only ever added to.
//
// A thread of its own writes, so that no loop waits for a disk; who hands something over is told when
// it is on the disk. The file is rewritten without what nobody asks for any more at start, and when it
// has grown; only where no other process adds to it. During a restart two processes may: each reads
// what the other added.

import Configuration
import Flows
import Platform
import Synchronization
import Telemetry
import Values

/// `@unchecked Sendable`: `file` and `readTo` are the writer thread's once it runs.
final class StateJournal: @unchecked Sendable {
    private static let octetsMax = 1 << 30
    /// Records added before the file is looked at again.
    private static let compactsEvery = 65_536
    /// How long whoever hands a record over waits for a disk that hangs.
    private static let waitsAtMost = Duration.seconds(2)

    private struct Pending {
        var octets: [UInt8] = []
        var waiting: [CheckedContinuation<Void, Never>] = []
        /// Those whose octets are being written.
        var writing: [CheckedContinuation<Void, Never>] = []
        var writingSince: MonotonicInstant?
        var isClosed = false
    }

    let directory: String
    private let path: String
    private let log: Log
    private let pending = Mutex(Pending())
    private let parking = Parking()
    private var thread: ThreadHandle?

    private let guardFile: AppendFile
    private var file: AppendFile
    private var readTo = 0
    private var added = 0
    private var hasFailed = false
    /// Is given what another process added.
    private var whenOthersAdd: @Sendable ([StateRecord]) -> Void = { _ in }

    /// Opens the directory, makes it where it is missing, and tidies the file.
    init(_ directory: String, log: Log) throws {
        self.directory = directory
        self.log = log
        path = directory + "/ended"
        do {
            try File.makeDirectory(directory)
            guardFile = try AppendFile(directory + "/lock")
            file = try AppendFile(path)
        } catch {
            throw Refusal(
                "session.state_directory: \(directory): \(error); it has to be a directory that "
                    + "gatehouse may write in")
        }
    }

    /// What the file says and still counts. Call it once, before `start`.
    func load(at now: UnixTime) throws -> [StateRecord] {
        do {
            if try guardFile.lock(.replacing) {
                file = try AppendFile(path)
                try rewrite(try readAll(at: now))
            }
            try share()
            return try readAll(at: now)
        } catch {
            throw Refusal("session.state_directory: \(path): \(error)")
        }
    }

    /// From now on nobody replaces the file; somebody may have since it was opened.
    private func share() throws(Errno) {
        // Who replaces it does so in an instant.
        for _ in 0..<100 {
            if try guardFile.lock(.adding) { break }
            Parking.pause(milliseconds: 20)
        }
        file = try AppendFile(path)
        try beginFile()
        readTo = StateRecord.preamble.count
    }

    private func readAll(at now: UnixTime) throws(Errno) -> [StateRecord] {
        let octets = try file.read(from: 0, octetsMax: Self.octetsMax)
        readTo = octets.count
        guard !octets.isEmpty else { return [] }
        let preamble = StateRecord.preamble
        guard octets.starts(with: preamble) else {
            reportDamage("it does not begin as a file of this version's does", records: 1)
            return []
        }
        let (records, damaged) = StateRecord.read(octets[preamble.count...])
        if damaged > 0 { reportDamage("records are damaged or cut", records: damaged) }
        return Self.counting(records, at: now)
    }

    /// Of each token the last word counts; of the rest, what has not ended.
    private static func counting(_ records: [StateRecord], at now: UnixTime) -> [StateRecord] {
        var tokens: [[UInt8]: UnixTime] = [:]
        var rest: [StateRecord] = []
        for record in records {
            switch record {
            case .spentToken(let digest, let until): tokens[digest] = until
            case .ended: if now < record.until { rest.append(record) }
            }
        }
        return rest + tokens.filter { now < $0.value }.map { .spentToken($0.key, until: $0.value) }
    }

    private func rewrite(_ records: [StateRecord]) throws(Errno) {
        try File.replace(path, StateRecord.preamble + records.flatMap(\.encoded))
        added = 0
    }

    /// A file that another process began is left as it is; what was cut at its end is filled, so that
    /// the records behind it stand where they are looked for.
    private func beginFile() throws(Errno) {
        let size = try file.size()
        let preamble = StateRecord.preamble.count
        guard size > 0 else { return try file.append(StateRecord.preamble) }
        let over = (size - preamble) % StateRecord.octetCount
        if size > preamble, over != 0 {
            try file.append([UInt8](repeating: 0, count: StateRecord.octetCount - over))
        }
    }

    private func reportDamage(_ reason: String, records: Int) {
        log.event(
            .error, "state-damaged",
            [("file", .string(path)), ("records", .int(records)), ("reason", .string(reason))])
    }

    // MARK: While the process runs

    /// - Parameter whenOthersAdd: is given what another process added; called on the writer's thread.
    func start(whenOthersAdd: @escaping @Sendable ([StateRecord]) -> Void) {
        self.whenOthersAdd = whenOthersAdd
        thread = Thread.start("state") { [self] in
            while turn() { parking.park() }
        }
    }

    /// Returns when the records are on the disk, or when the disk has hung for too long.
    func add(_ records: [StateRecord]) async {
        guard !records.isEmpty else { return }
        let octets = records.flatMap(\.encoded)
        await withCheckedContinuation { continuation in
            let isAccepted = pending.withLock { pending in
                guard !pending.isClosed else { return false }
                pending.octets += octets
                pending.waiting.append(continuation)
                return true
            }
            if isAccepted { parking.wake() } else { continuation.resume() }
        }
    }

    /// Once a second: has a look whether another process added something, and lets nobody wait for a
    /// disk that hangs.
    func tick() {
        let late = pending.withLock { pending in
            guard let since = pending.writingSince,
                since.duration(to: Clock.monotonic()) >= Self.waitsAtMost
            else { return [CheckedContinuation<Void, Never>]() }
            defer {
                pending.writing = []
                pending.waiting = []
            }
            return pending.writing + pending.waiting
        }
        for waiter in late { waiter.resume() }
        parking.wake()
    }

    /// Writes what is pending, and stops.
    func close() {
        pending.withLock { $0.isClosed = true }
        parking.wake()
        thread?.join()
        thread = nil
    }

    /// - Returns: whether there will be another.
    private func turn() -> Bool {
        let (octets, isClosed) = pending.withLock { pending in
            defer {
                pending.octets = []
                pending.writing = pending.waiting
                pending.waiting = []
                pending.writingSince = Clock.monotonic()
            }
            return (pending.octets, pending.isClosed)
        }
        do throws(Errno) {
            try readOthers()
            if !octets.isEmpty {
                try file.append(octets)
                added += octets.count / StateRecord.octetCount
                try advance(over: octets.count)
            }
            hasFailed = false
            if added >= Self.compactsEvery { try compact() }
        } catch {
            report(error)
            // They are tried again with the next second.
            pending.withLock { if $0.octets.count < 4 << 20 { $0.octets = octets + $0.octets } }
        }
        let done = pending.withLock { pending in
            defer {
                pending.writing = []
                pending.writingSince = nil
            }
            return pending.writing
        }
        for waiter in done { waiter.resume() }
        return !isClosed
    }

    private func report(_ error: Errno) {
        guard !hasFailed else { return }
        hasFailed = true
        log.event(
            .error, "state-write-failed",
            [("file", .string(path)), ("reason", .string("\(error)"))])
    }

    private func readOthers() throws(Errno) {
        let size = try file.size()
        guard size >= readTo + StateRecord.octetCount else { return }
        let whole = (size - readTo) / StateRecord.octetCount * StateRecord.octetCount
        let octets = try file.read(from: readTo, octetsMax: whole)
        readTo += octets.count
        let records = StateRecord.read(octets[...]).records
        if !records.isEmpty { whenOthersAdd(records) }
    }

    /// What another process added meanwhile may stand before our own; then both are read.
    private func advance(over count: Int) throws(Errno) {
        if try file.size() == readTo + count { readTo += count } else { try readOthers() }
    }

    private func compact() throws(Errno) {
        added = 0
        if try guardFile.lock(.replacing) {
            let octets = try file.read(from: 0, octetsMax: Self.octetsMax)
            let records = StateRecord.read(octets.dropFirst(StateRecord.preamble.count)).records
            try rewrite(Self.counting(records, at: Clock.wall()))
        }
        try share()
    }
}

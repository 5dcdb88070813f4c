// The log: lines from every loop, one writer thread, standard output. Whoever writes a line hands its
// octets over under a short lock and goes on; only the writer thread waits for the disk or the pipe.
// What happens when it cannot keep up is decided here: access lines are dropped and counted, events
// are kept up to a bound of their own.

internal import Platform
import Synchronization

package final class Log: Sendable {
    package struct Settings: Sendable {
        package let level: LogLevel
        package let format: LogFormat
        package let access: Bool

        package init(level: LogLevel, format: LogFormat, access: Bool) {
            self.level = level
            self.format = format
            self.access = access
        }
    }

    private static let accessOctetsMax = 4 << 20
    private static let eventOctetsMax = 8 << 20
    /// How long the writer lets lines gather: one write holds what a busy moment said.
    private static let gatherMilliseconds = 20

    private struct Pending {
        var octets: [UInt8] = []
        var dropped = 0
        var isClosed = false
    }

    private let settings: Mutex<Settings>
    private let pending = Mutex(Pending())
    private let parking = Parking()
    private let writer = Mutex<ThreadHandle?>(nil)
    private let tally: Tally
    private let write: @Sendable ([UInt8]) -> Void

    /// - Parameter write: called on the writer thread, or on the caller's after `close`.
    package init(
        _ settings: Settings, tally: Tally,
        write: @escaping @Sendable ([UInt8]) -> Void = StandardOutput.write
    ) {
        self.settings = Mutex(settings)
        self.tally = tally
        self.write = write
    }

    /// Starts the writer thread. Until then lines gather.
    package func start() {
        let thread = Thread.start("log") { [self] in
            while drain() {
                parking.park()
                Parking.pause(milliseconds: Self.gatherMilliseconds)
            }
        }
        writer.withLock { $0 = thread }
    }

    package func apply(_ settings: Settings) { self.settings.withLock { $0 = settings } }

    /// Writes what is pending and stops the writer; what is logged later is written at once.
    package func close() {
        pending.withLock { $0.isClosed = true }
        parking.wake()
        // What the writer has taken is out before later lines are, and before the process ends.
        writer.withLock { $0.take() }?.join()
        _ = drain()
    }

    package func event(
        _ level: LogLevel, _ name: String, request: String? = nil,
        _ pairs: [(String, LogValue)] = []
    ) {
        let settings = self.settings.withLock { $0 }
        guard level >= settings.level else { return }
        var line = LogLine(settings.format)
        line.begin(level, name, at: Clock.wallMilliseconds())
        if let request { line.add("request", request.utf8.span) }
        for (key, value) in pairs { line.add(key, value) }
        line.end()
        accept(line.octets, lines: 1, octetsMax: Self.eventOctetsMax)
    }

    /// A loop's own end of the access log.
    package func makeAccessSink() -> AccessSink { AccessSink(self) }

    /// `nil` while access lines are off.
    var accessFormat: LogFormat? {
        settings.withLock { $0.access && $0.level <= .info ? $0.format : nil }
    }

    func acceptAccess(_ octets: [UInt8], lines: Int) {
        accept(octets, lines: lines, octetsMax: Self.accessOctetsMax)
    }

    private func accept(_ octets: [UInt8], lines: Int, octetsMax: Int) {
        let isClosed = pending.withLock { pending in
            if pending.octets.count + octets.count > octetsMax {
                pending.dropped += lines
            } else {
                pending.octets.append(contentsOf: octets)
            }
            return pending.isClosed
        }
        if isClosed { _ = drain() } else { parking.wake() }
    }

    /// - Returns: whether the writer should go on.
    private func drain() -> Bool {
        let (octets, dropped, isClosed) = pending.withLock { pending in
            defer {
                pending.octets = []
                pending.dropped = 0
            }
            return (pending.octets, pending.dropped, pending.isClosed)
        }
        if dropped > 0 { tally.logLinesDropped(dropped) }
        if !octets.isEmpty { write(octets) }
        return !isClosed
    }
}

// The life of the serving process: start, reload, keys, drain, end.
//
// The main thread waits here for signals and does what may block: reading files, opening listeners.
// Everything else is the loops'. A reload is all or nothing: the file, its keys and secrets, and every
// new listener are good before anything changes.

import ArgumentParser
import Configuration
import Flows
import Gateway
import Platform
import Server
import Sessions
import Telemetry
import Values

final class Supervisor {
    private static let keyFileInterval = Duration.seconds(30)
    private static let certificateInterval = Duration.seconds(2)
    /// A stolen ticket key opens no session older than a few of these.
    private static let ticketKeyInterval = Duration.seconds(3600)

    private let source: ConfigurationSource
    private let whenListening: () -> Void
    private let tally = Tally()

    /// - Parameter whenListening: called once, when the first connection can be accepted.
    init(_ source: ConfigurationSource, whenListening: @escaping () -> Void = {}) {
        self.source = source
        self.whenListening = whenListening
    }

    func run() throws {
        // Before any thread starts, so that each inherits the mask.
        Signals.block([Signals.terminate, Signals.interrupt, Signals.hangUp])
        Signals.ignorePipe()
        Platform.Limits.refuseCoreDumps()

        let (loaded, problems) = Loaded.load(source)
        guard let configuration = loaded else {
            for problem in problems { printToStandardError("\(problem)") }
            throw ExitCode(1)
        }
        let log = Log(configuration.logSettings, tally: tally)
        log.start()
        defer { log.close() }
        for problem in problems { log.report(problem) }

        let snapshot: Snapshot
        let fleet: Fleet
        do {
            let ring = try KeyRing.load(configuration.session.keys)
            if case .ephemeral = configuration.session.keys {
                log.event(
                    .warning, "session-keys-ephemeral",
                    [("reason", "no session.keys: sessions end with this process")])
            }
            warnOfFewDescriptors(configuration, log)
            var generator = SystemRandomNumberGenerator()
            snapshot = Snapshot(
                configuration: configuration, ring: ring, generation: 1,
                memory: MemoryStore(node: Platform.Process.hostName, using: &generator))
            fleet = try Fleet(snapshot, log: log, tally: tally)
            let contexts = try fleet.makeContexts(configuration.listeners)
            let opened = try fleet.listen(configuration)
            fleet.show(contexts)
            fleet.accept(opened)
        } catch {
            log.event(.error, "start-failed", [("reason", .string("\(error)"))])
            log.close()
            printToStandardError("gatehouse: \(error)")
            throw ExitCode(1)
        }
        fleet.start()
        log.event(
            .info, "started",
            [
                ("version", .string(Version.number)), ("threads", .int(fleet.loopCount)),
                ("listeners", .string(fleet.addresses.joined(separator: " "))),
            ])
        whenListening()
        serve(fleet, snapshot, log)
        drain(fleet, log)
    }

    /// Until SIGTERM.
    private func serve(_ fleet: Fleet, _ first: Snapshot, _ log: Log) {
        var current = first
        var keysReadAt = Clock.monotonic()
        var certificatesSeenAt = keysReadAt
        var ticketKeysMadeAt = keysReadAt
        var certificates = CertificateWatch(current.configuration.listeners, source)
        while true {
            let signals = [Signals.terminate, Signals.interrupt, Signals.hangUp]
            switch Signals.wait(for: signals, upTo: .seconds(1)) {
            case Signals.hangUp?:
                if let next = reload(current, fleet, log) {
                    current = next
                    certificates = CertificateWatch(next.configuration.listeners, source)
                }
                keysReadAt = Clock.monotonic()
            case .some: return
            case nil: fleet.tick()
            }
            let now = Clock.monotonic()
            if Self.keyFileInterval.hasPassed(since: &keysReadAt, at: now),
                let next = readKeysAgain(current, log)
            {
                fleet.adopt(next)
                current = next
            }
            if Self.certificateInterval.hasPassed(since: &certificatesSeenAt, at: now) {
                readCertificatesAgain(&certificates, fleet, log)
            }
            if Self.ticketKeyInterval.hasPassed(since: &ticketKeysMadeAt, at: now) {
                fleet.rotateTicketKeys()
            }
        }
    }

    // MARK: Reload

    private func reload(_ current: Snapshot, _ fleet: Fleet, _ log: Log) -> Snapshot? {
        let (loaded, problems) = Loaded.load(source)
        for problem in problems { log.report(problem) }
        do {
            guard let configuration = loaded else {
                throw Refusal("the file has problems; nothing was changed")
            }
            let ring =
                switch (current.configuration.session.keys, configuration.session.keys) {
                // Keys made at start stay, or a reload would sign everyone out.
                case (.ephemeral, .ephemeral): current.ring
                case (_, let source): try KeyRing.load(source)
                }
            let next = Snapshot(
                configuration: configuration, ring: ring, generation: current.generation + 1,
                memory: current.memory, hops: current.hops)
            let contexts = try fleet.makeContexts(configuration.listeners)
            let opened = try fleet.listen(configuration)
            log.apply(configuration.logSettings)
            fleet.adopt(next, showing: contexts)
            fleet.accept(opened)
            if configuration.threads != current.configuration.threads {
                log.event(
                    .warning, "restart-needed",
                    [("key", "threads"), ("reason", "loops are made when the process starts")])
            }
            if configuration.session.stateDirectory != fleet.stateDirectory {
                log.event(
                    .warning, "restart-needed",
                    [
                        ("key", "session.state_directory"),
                        ("reason", "the file in it is open while the process runs"),
                    ])
            }
            tally.reload(succeeded: true)
            log.event(.info, "reloaded", [("generation", .int(next.generation))])
            return next
        } catch {
            tally.reload(succeeded: false)
            log.event(.error, "reload-refused", [("reason", .string("\(error)"))])
            return nil
        }
    }

    /// The key file may have been rotated; a file that cannot be read leaves the keys as they are.
    private func readKeysAgain(_ current: Snapshot, _ log: Log) -> Snapshot? {
        guard case .file(let path, _) = current.configuration.session.keys else { return nil }
        do {
            let octets = try File.read(path, octetsMax: KeyRing.fileOctetsMax)
            let ring = try KeyRing(parsing: octets)
            guard ring.keys.map(\.id) != current.ring.keys.map(\.id) else { return nil }
            log.event(.info, "session-keys-read", [("keys", .int(ring.keys.count))])
            return Snapshot(
                configuration: current.configuration, ring: ring, generation: current.generation,
                memory: current.memory, hops: current.hops)
        } catch {
            log.event(
                .error, "session-keys-unreadable",
                [("file", .string(path)), ("reason", .string("\(error)"))])
            return nil
        }
    }

    /// A certificate may have been renewed; what cannot be used leaves those in use.
    private func readCertificatesAgain(
        _ certificates: inout CertificateWatch, _ fleet: Fleet, _ log: Log
    ) {
        var contexts: [ListenerContexts] = []
        switch certificates.look({ contexts = try fleet.makeContexts($0) }) {
        case .unchanged: break
        case .changed(let listeners):
            fleet.show(contexts)
            let names = listeners.filter { $0.tls != nil }.map(\.label)
            log.event(
                .info, "certificates-read", [("listeners", .string(names.joined(separator: " ")))])
        case .unusable(let reason):
            log.event(.error, "certificates-unusable", [("reason", .string(reason))])
        }
    }

    // MARK: End

    /// Unready first, so that a load balancer looks elsewhere; then what is under way is finished.
    private func drain(_ fleet: Fleet, _ log: Log) {
        let timeouts = fleet.configuration.timeouts
        log.event(.info, "draining", [("connections", .int(fleet.openConnections))])
        fleet.becomeUnready()
        let ends = [Signals.terminate, Signals.interrupt]
        if timeouts.drainDelay > .zero {
            // A second signal skips the wait.
            _ = Signals.wait(for: ends, upTo: timeouts.drainDelay)
        }
        fleet.startDraining()
        let deadline = Clock.monotonic() + timeouts.drain
        while fleet.openConnections > 0, Clock.monotonic() < deadline {
            if Signals.wait(for: ends, upTo: .milliseconds(20)) != nil { break }
        }
        log.event(.info, "stopped", [("cut", .int(fleet.openConnections))])
        fleet.stop()
    }

    private func warnOfFewDescriptors(_ configuration: Configuration, _ log: Log) {
        let limit = Platform.Limits.raiseDescriptorLimit()
        let wanted = 2 * configuration.limits.connections
        guard limit < wanted else { return }
        log.event(
            .warning, "descriptor-limit-low",
            [
                ("limit", .int(limit)), ("wanted", .int(wanted)),
                ("reason", "raise the hard limit (LimitNOFILE=) or lower limits.connections"),
            ])
    }
}

extension Duration {
    /// Whether so much time has passed since the moment, which is then set to `now`.
    fileprivate func hasPassed(since moment: inout MonotonicInstant, at now: MonotonicInstant)
        -> Bool
    {
        guard moment.duration(to: now) >= self else { return false }
        moment = now
        return true
    }
}

func printToStandardError(_ text: String) {
    StandardOutput.writeError(Array((text + "\n").utf8))
}

extension Log {
    func report(_ problem: Problem) {
        event(
            problem.isWarning ? .warning : .error, "configuration-problem",
            [
                ("place", .string("\(problem.file):\(problem.line):\(problem.column)")),
                ("key", .string(problem.key)), ("reason", .string(problem.what)),
                ("fix", .string(problem.fix)),
            ])
    }
}

extension Configuration {
    var logSettings: Log.Settings {
        let level: Telemetry.LogLevel =
            switch log.level {
            case .debug: .debug
            case .info: .info
            case .warning: .warning
            case .error: .error
            }
        return Log.Settings(
            level: level, format: log.format == .json ? .json : .text, access: log.access)
    }
}

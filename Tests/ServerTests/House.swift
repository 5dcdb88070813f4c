// A worker on a loop of its own, with a listener on a port of the kernel's choice: what the process
// has once a core.
import Configuration
import Flows
import Gateway
import Glibc
import HTTP
import Platform
import Sessions
import Synchronization
import Telemetry
import Values

@testable import Server

final class House: @unchecked Sendable {
    let port: UInt16
    let loop: EventLoop
    let worker: Worker
    let log: Log
    private let thread: ThreadHandle
    private let lines: Lines

    /// - Parameters:
    ///   - upstream: the port of the one upstream, to which every path goes.
    ///   - access: who may ask.
    ///   - extra: further top-level YAML.
    init(
        upstream: UInt16, access: String = "public", extra: String = "", route: String = "",
        desk: Desk = .site, unix path: String? = nil
    ) throws {
        let text = """
            external_url: http://localhost:8080
            provider:
              issuer: http://localhost:1
              client_id: portal
              client_authentication: none
            upstreams:
              site: { url: \(path.map { "unix:\($0)" } ?? "http://127.0.0.1:\(upstream)") }
            routes:
              - { path: /*, access: \(access), upstream: site\(route) }
            \(extra)
            """
        let source = ConfigurationSource(
            file: "/test.yaml",
            read: { path in
                path == "/test.yaml" ? .success(Array(text.utf8)) : .failure(.init("no such file"))
            }, environment: { _ in nil })
        let (configuration, problems) = Loaded.load(source)
        guard let configuration else { throw TestFailure("\(problems)") }
        var dice = SystemRandomNumberGenerator()
        let snapshot = Snapshot(
            configuration: configuration, ring: .ephemeral(using: &dice), generation: 1)
        let lines = Lines()
        self.lines = lines
        let tally = Tally()
        let log = Log(
            .init(level: .debug, format: .json, access: true), tally: tally,
            write: { lines.append($0) })
        self.log = log
        let limits = configuration.limits
        let surroundings = Surroundings(
            flows: Flows(log: log, tally: tally, announceEnded: { _ in }), resolver: Resolver(),
            log: log,
            connections: ConnectionCount(
                max: limits.connections, maxForClient: limits.connectionsPerClient))
        let loop = try EventLoop(index: 0)
        let worker = Worker(loop: loop, snapshot: snapshot, surroundings: surroundings)
        let descriptor = try Socket.listen(on: .ip(.loopbackV4, port: 0))
        guard let port = Socket.localAddress(descriptor.number)?.port else {
            throw TestFailure("no port")
        }
        let listener = Listener(descriptor, of: worker, desk: desk, index: 0)
        try listener.start()
        self.port = port
        self.loop = loop
        self.worker = worker
        thread = Thread.start("house") { loop.run() }
    }

    deinit {
        let worker = worker
        loop.post { worker.closeAll() }
        loop.stop()
        thread.join()
    }

    func client(receiveBuffer: Int32? = nil) throws -> Plug {
        let plug = try Plug.connect(port: port, receiveBuffer: receiveBuffer)
        plug.keeps = self
        return plug
    }

    /// Runs on the loop, and brings the result back.
    func onLoop<Value: Sendable>(_ body: @escaping @Sendable (Worker) -> Value) throws -> Value {
        let box = Mutex<Value?>(nil)
        let holder = Holder(box)
        let worker = worker
        loop.post { holder.set(body(worker)) }
        try eventually("the loop answers") { holder.value != nil }
        guard let value = holder.value else { throw TestFailure("no value") }
        return value
    }

    var logged: String {
        log.close()
        return lines.text
    }
}

private final class Holder<Value: Sendable>: Sendable {
    private let box: Mutex<Value?>
    init(_ box: consuming Mutex<Value?>) { self.box = box }
    func set(_ value: Value) { box.withLock { $0 = value } }
    var value: Value? { box.withLock { $0 } }
}

private final class Lines: Sendable {
    private let octets = Mutex<[UInt8]>([])
    func append(_ more: [UInt8]) { octets.withLock { $0 += more } }
    var text: String { octets.withLock { String(decoding: $0, as: UTF8.self) } }
}

/// An answer with its length.
func reply(_ content: String, _ fields: String = "") -> String {
    "HTTP/1.1 200 OK\r\n\(fields)Content-Length: \(content.utf8.count)\r\n\r\n\(content)"
}

/// Answers every request with its own request line.
func echoing(_ plug: Plug, _: Int) throws {
    while true {
        let request = try plug.message()
        plug.send(reply(request.head.components(separatedBy: "\r\n")[0] + "|" + request.text))
    }
}

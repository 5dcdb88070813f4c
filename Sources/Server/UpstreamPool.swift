// The connections of one loop to one upstream that nobody uses at the moment, and how one is had.
//
// Last in, first out: a few connections stay warm and the rest run into their idle time. A pool is made
// with a snapshot and retired with it; what is out on lease then comes back to be closed.

import Configuration
import Flows
import HTTP
import Platform
import TLS
import Values

/// Where connections go, and as whom.
struct UpstreamTarget {
    var name: String
    var servers: [UpstreamAddress]
    var isTLS: Bool
    var ca: [UInt8]?
    /// The name asked for in TLS; `nil`: the server's own.
    var serverName: String?
    var clientCertificate: [UInt8]?
    var clientKey: [UInt8]?
    var idleNanoseconds: Int64

    init(_ settings: UpstreamSettings, idle: Duration) {
        name = settings.name
        servers = settings.servers
        isTLS = settings.scheme == .https
        ca = settings.ca
        serverName = settings.serverName
        clientCertificate = settings.clientCertificate
        clientKey = settings.clientKey
        idleNanoseconds = idle.wholeNanoseconds
    }

    /// For our own client.
    init(_ origin: Origin, as identity: ClientIdentity, idle: Duration) {
        name = origin.description
        servers = [.tcp(origin)]
        isTLS = origin.scheme == .https
        ca = identity.ca
        serverName = nil
        clientCertificate = identity.certificate
        clientKey = identity.key
        idleNanoseconds = idle.wholeNanoseconds
    }
}

/// A connection in somebody's use: given back or discarded exactly once, and closed where its holder
/// forgets to say which.
struct Lease: ~Copyable {
    private let connection: UpstreamConnection
    private var isSettled = false

    init(_ connection: UpstreamConnection) { self.connection = connection }

    /// Only when nothing is owed either way.
    consuming func giveBack() {
        isSettled = true
        connection.pool.keep(connection)
    }

    consuming func discard() {
        isSettled = true
        connection.close()
    }

    deinit {
        if !isSettled { connection.close() }
    }
}

final class UpstreamPool {
    /// More than this many idle ones are not kept.
    static let idleMax = 1024
    /// How long a server that could not be reached is passed over, while another can be tried.
    static let restNanoseconds: Int64 = 1_000_000_000

    let target: UpstreamTarget
    private let worker: Worker
    private var idle: [UpstreamConnection] = []
    private var isRetired = false
    private var nextServer = 0
    private var restsUntil: [MonotonicInstant]
    private var contexts: [Int: TLSContext] = [:]
    private(set) var open = 0

    init(_ worker: Worker, _ target: UpstreamTarget) {
        self.worker = worker
        self.target = target
        restsUntil = Array(
            repeating: MonotonicInstant(nanoseconds: 0), count: target.servers.count)
    }

    // MARK: Connections

    func takeIdle() -> UpstreamConnection? { idle.popLast() }

    func makeConnection() -> UpstreamConnection {
        open += 1
        return UpstreamConnection(worker, self)
    }

    /// Takes a connection back, or closes one that cannot be used again.
    func keep(_ connection: UpstreamConnection) {
        guard !isRetired, idle.count < Self.idleMax, connection.isClean() else {
            return connection.close()
        }
        idle.append(connection)
        connection.becomeIdle()
    }

    /// One that was idle has closed. It is most often the one that has been here longest.
    func forget(_ connection: UpstreamConnection) {
        if let index = idle.firstIndex(where: { $0 === connection }) { idle.remove(at: index) }
    }

    func connectionClosed() { open -= 1 }

    /// Closes what is idle, now and from now on.
    func retire() {
        isRetired = true
        while let connection = idle.popLast() { connection.close() }
    }

    // MARK: Servers

    /// The server to dial when so many have been tried in vain; `nil` after the last.
    func server(afterTrying tried: Int) -> Int? {
        let count = target.servers.count
        guard tried < count else { return nil }
        for _ in 0..<count {
            let server = nextServer
            nextServer = (nextServer + 1) % count
            if restsUntil[server] <= worker.loop.now { return server }
        }
        // All of them rest: one is tried all the same, since that is how it is found to be back.
        defer { nextServer = (nextServer + 1) % count }
        return nextServer
    }

    func noteFailure(ofServer server: Int) {
        restsUntil[server] = worker.loop.now.advanced(byNanoseconds: Self.restNanoseconds)
    }

    func noteSuccess(ofServer server: Int) {
        restsUntil[server] = MonotonicInstant(nanoseconds: 0)
    }

    // MARK: TLS

    /// A connection's TLS, not yet begun; `nil` for a plain upstream.
    func makeTLS(server: Int) throws -> TLSConnection? {
        guard target.isTLS else { return nil }
        if let context = contexts[server] { return try TLSConnection(context) }
        let name: String
        switch (target.serverName, target.servers[server]) {
        case (let name?, _): return try begin(server, name)
        case (nil, .tcp(let origin)):
            name =
                origin.host.hasPrefix("[")
                ? String(origin.host.dropFirst().dropLast()) : origin.host
        case (nil, .unix): name = "localhost"
        }
        return try begin(server, name)
    }

    private func begin(_ server: Int, _ name: String) throws -> TLSConnection {
        let context = try TLSContext(
            client: ClientSettings(
                caFile: target.ca, serverName: name, alpn: ["http/1.1"],
                clientCertificate: target.clientCertificate, clientKey: target.clientKey))
        contexts[server] = context
        return try TLSConnection(context)
    }
}

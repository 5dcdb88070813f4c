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
    /// HTTP/2 by prior knowledge.
    var isH2C = false
    /// Whether HTTP/2 is offered under TLS.
    var offersHTTP2 = false
    var ca: [UInt8]?
    /// The name asked for in TLS; `nil`: the server's own.
    var serverName: String?
    var clientCertificate: [UInt8]?
    var clientKey: [UInt8]?
    var idleNanoseconds: Int64
    var balance = Balance.roundRobin
    /// Whether it is one of the configuration's upstreams, whose servers are kept an eye on.
    var isUpstream = false

    init(_ settings: UpstreamSettings, idle: Duration) {
        name = settings.name
        servers = settings.servers
        isTLS = settings.scheme == .https
        isH2C = settings.scheme == .h2c
        offersHTTP2 = isTLS
        ca = settings.ca
        serverName = settings.serverName
        clientCertificate = settings.clientCertificate
        clientKey = settings.clientKey
        idleNanoseconds = idle.wholeNanoseconds
        balance = settings.balance
        isUpstream = true
    }

    /// One server of it, for active checks.
    init(_ settings: UpstreamSettings, server: UpstreamAddress) {
        self.init(settings, idle: .zero)
        servers = [server]
        isUpstream = false
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
    private var held: Held<UpstreamConnection>?
    let connection: Link<UpstreamConnection>

    init(_ held: consuming Held<UpstreamConnection>) {
        connection = held.link
        self.held = consume held
    }

    /// Only when nothing is owed either way.
    consuming func giveBack() {
        var held = held.take()
        connection { $0.pool.keep(&held) }
    }

    consuming func discard() {}

    deinit {
        if held != nil { connection { $0.close() } }
    }
}

final class UpstreamPool {
    /// More than this many idle ones are not kept.
    static let idleMax = 4096

    let target: UpstreamTarget
    /// Whether there is a choice between servers.
    let isSeveral: Bool
    let worker: Worker
    private var idle: [UpstreamConnection] = []
    /// Of each server, where there are several.
    private var idleOfServer: [[UpstreamConnection]] = []
    private var isRetired = false
    /// The server of the request that is about to get a connection.
    private var chosen = 0
    var choice: ServerChoice
    private var contexts: [ContextKey: TLSContext] = [:]
    /// Connections that many exchanges share.
    private var shared: [UpstreamMultiplex] = []
    var dials = SharedDials()
    private(set) var open = 0

    init(_ worker: Worker, _ target: UpstreamTarget) {
        self.worker = worker
        self.target = target
        isSeveral = target.servers.count > 1
        choice = ServerChoice(
            count: target.servers.count, target.balance, turn: worker.loop.index)
        if isSeveral { idleOfServer = Array(repeating: [], count: target.servers.count) }
        recallServers()
    }

    // MARK: Connections

    /// A connection to the server whose turn it is; `nil` where one has to be made.
    /// - Parameter isAlone: for an exchange that takes the whole connection with it.
    func takeIdle(isAlone: Bool = false) -> Held<UpstreamConnection>? {
        if isSeveral { chosen = choice.next(at: worker.loop.now) }
        if !shared.isEmpty, !isAlone, let stream = takeStream() { return stream }
        let last = isSeveral ? idleOfServer[chosen].popLast() : idle.popLast()
        guard let connection = last else { return nil }
        return Held(connection)
    }

    /// To the server whose turn it was.
    func makeConnection(isAlone: Bool = false) -> Held<UpstreamConnection> {
        open += 1
        return Held(UpstreamConnection(worker, self, server: chosen, isAlone: isAlone))
    }

    /// Takes a connection back, or closes one that cannot be used again.
    func keep(_ held: inout Held<UpstreamConnection>?) {
        guard let connection = held?.link else { return }
        let server = connection.server
        let kept = isSeveral ? idleOfServer[server].count : idle.count
        guard !isRetired, kept < Self.idleMax, connection({ $0.wire.stream == nil }),
            connection({ $0.isClean() })
        else {
            return connection { $0.close() }
        }
        connection { $0.becomeIdle() }
        guard let object = held.take()?.object() else { return }
        if isSeveral { idleOfServer[server].append(object) } else { idle.append(object) }
    }

    /// One that was idle has closed. It is most often the one that has been here longest.
    func forget(_ connection: UpstreamConnection) {
        if isSeveral {
            let server = connection.server
            if let index = idleOfServer[server].firstIndex(where: { $0 === connection }) {
                idleOfServer[server].remove(at: index)
            }
        } else if let index = idle.firstIndex(where: { $0 === connection }) {
            idle.remove(at: index)
        }
    }

    func connectionClosed() { open -= 1 }

    // MARK: Connections that are shared

    private func takeStream() -> Held<UpstreamConnection>? {
        guard
            let multiplex = shared.first(where: {
                $0.hasRoom && (!isSeveral || $0.server == chosen)
            })
        else { return nil }
        open += 1
        let connection = UpstreamConnection(worker, self, server: multiplex.server)
        connection.beginAsStream(of: multiplex)
        return Held(connection)
    }

    func add(_ multiplex: UpstreamMultiplex) {
        if isRetired { multiplex.retire() } else { shared.append(multiplex) }
    }

    func forget(_ multiplex: UpstreamMultiplex) {
        shared.removeAll { $0 === multiplex }
        settled(multiplex)
    }

    /// Closes what is idle, now and from now on.
    func retire() {
        isRetired = true
        for multiplex in shared { multiplex.retire() }
        while let connection = idle.popLast() { connection.close() }
        for server in idleOfServer.indices {
            while let connection = idleOfServer[server].popLast() { connection.close() }
        }
    }

    // MARK: TLS

    /// A connection's TLS, not yet begun; `nil` for a plain upstream.
    func makeTLS(server: Int, isAlone: Bool = false) throws -> TLSConnection? {
        guard target.isTLS else { return nil }
        let key = ContextKey(server: server, offersHTTP2: target.offersHTTP2 && !isAlone)
        if let context = contexts[key] { return try TLSConnection(context) }
        let name: String
        switch (target.serverName, target.servers[server]) {
        case (let name?, _): return try begin(key, name)
        case (nil, .tcp(let origin)):
            name =
                origin.host.hasPrefix("[")
                ? String(origin.host.dropFirst().dropLast()) : origin.host
        case (nil, .unix): name = "localhost"
        }
        return try begin(key, name)
    }

    private struct ContextKey: Hashable {
        let server: Int
        let offersHTTP2: Bool
    }

    private func begin(_ key: ContextKey, _ name: String) throws -> TLSConnection {
        let context = try TLSContext(
            client: ClientSettings(
                caFile: target.ca, serverName: name,
                alpn: key.offersHTTP2 ? ["h2", "http/1.1"] : ["http/1.1"],
                clientCertificate: target.clientCertificate, clientKey: target.clientKey))
        contexts[key] = context
        return try TLSConnection(context)
    }
}

// The client that flows speak with providers through: a small async face of the same connections, TLS
// and pools that requests use, on the loop that asks.
//
// It repeats nothing that may have been read, and follows no redirect: what a provider's answer means
// is the flow's to judge.

package import Flows
import HTTP
package import OpenID
import Platform
import Values

/// `@unchecked Sendable`: it belongs to its worker's loop, and `send` checks that it is called there.
package final class LoopClient: HTTPClient, @unchecked Sendable {
    /// So many pools for so many providers' endpoints; past it the pools that are there are retired.
    private static let poolsMax = 64

    private struct Key: Hashable {
        let origin: Origin
        let identity: ClientIdentity
    }

    private let worker: Worker
    private var pools: [Key: UpstreamPool] = [:]

    init(_ worker: Worker) { self.worker = worker }

    package func send(
        _ request: OutboundRequest, as identity: ClientIdentity, deadline: Duration, octetsMax: Int
    ) async throws(ClientFailure) -> InboundResponse {
        worker.loop.preconditionOnLoop()
        let call = ClientCall(request, worker: worker, octetsMax: octetsMax)
        let pool = pool(for: request.url.origin, as: identity)
        let here = OnLoop((call, pool))
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                here.value.0.begin(here.value.1, within: deadline) {
                    continuation.resume(returning: $0)
                }
            }
        } onCancel: {
            worker.loop.post { here.value.0.cancel() }
        }
        return try result.get()
    }

    private func pool(for origin: Origin, as identity: ClientIdentity) -> UpstreamPool {
        let key = Key(origin: origin, identity: identity)
        if let pool = pools[key] { return pool }
        if pools.count >= Self.poolsMax { retire() }
        let pool = UpstreamPool(
            worker, UpstreamTarget(origin, as: identity, idle: worker.upstreamIdle))
        pools[key] = pool
        return pool
    }

    /// Closes what is idle: a reload may have changed whom we trust.
    func retire() {
        for pool in pools.values { pool.retire() }
        pools.removeAll()
    }
}

/// One request of ours and its answer.
final class ClientCall {
    private let request: OutboundRequest
    private let worker: Worker
    private let octets: [UInt8]
    private var assembler: MessageAssembler
    private let isIdempotent: Bool
    private var lease: Lease?
    private var connection: UpstreamConnection?
    private var timer: TimerID?
    private var endsAt = MonotonicInstant.distantFuture
    private var hasRetried = false
    /// Whether any octet may have reached the peer.
    private var hasSent = false
    private var finish: ((Result<InboundResponse, ClientFailure>) -> Void)?

    init(_ request: OutboundRequest, worker: Worker, octetsMax: Int) {
        self.request = request
        self.worker = worker
        let method = Method(request.method)
        isIdempotent = method.isIdempotent && request.body.isEmpty
        assembler = MessageAssembler(answering: method, contentOctetsMax: octetsMax)
        var fields = request.fields.map { (name: $0.0, value: $0.1) }
        if request.field("Host") == nil {
            fields.insert((name: "Host", value: request.url.origin.hostField), at: 0)
        }
        octets = HTTPMessage.Request(
            method: request.method, target: request.url.target, fields: fields, body: request.body
        ).serialized()
    }

    func begin(
        _ pool: UpstreamPool, within deadline: Duration,
        then finish: @escaping (Result<InboundResponse, ClientFailure>) -> Void
    ) {
        self.finish = finish
        endsAt = worker.loop.now.advanced(by: deadline)
        timer = worker.loop.schedule(after: deadline) { [self] in
            end(.failure(.timedOut(sent: hasSent)))
        }
        if let idle = pool.takeIdle() {
            attach(idle)
            send()
        } else {
            dial(pool)
        }
    }

    private func dial(_ pool: UpstreamPool) {
        attach(pool.makeConnection())
        connection?.dial(within: max(0, worker.loop.now.duration(to: endsAt).wholeNanoseconds))
    }

    private func attach(_ held: consuming Held<UpstreamConnection>) {
        let lease = Lease(held)
        connection = lease.connection { $0 }
        self.lease = consume lease
        connection?.beginLease(for: self)
    }

    func connected() { send() }

    private func send() {
        guard let connection else { return }
        let octets = octets
        connection.wire.send(octets.span, by: worker)
        hasSent = hasSent || connection.hasTakenOctets
        connection.sentSome()
    }

    func hasRoom() { hasSent = true }

    func received(_ buffer: OctetBuffer) {
        let octets = buffer.octets
        buffer.removeAll()
        do throws(MessageFault) {
            guard let response = try assembler.feed(octets) else { return }
            end(.success(Self.inbound(response)), keepsAlive: assembler.keepsAlive)
        } catch {
            end(.failure(Self.failure(error)))
        }
    }

    /// The peer sends no more.
    func ended(isGenuine: Bool) {
        guard isGenuine else { return failed(.cutByUpstream("cut")) }
        do throws(MessageFault) {
            end(.success(Self.inbound(try assembler.ended())))
        } catch {
            failed(.cutByUpstream(error.code))
        }
    }

    func failed(_ failure: ExchangeFailure) {
        guard let connection, finish != nil else { return }
        // A kept connection that was closed while we took it: nothing has been read of us, or reading
        // it twice does no harm.
        if connection.wasReused, !connection.hasReceivedOctets, !hasRetried,
            !connection.hasTakenOctets || isIdempotent
        {
            hasRetried = true
            let pool = connection.pool
            discard()
            return dial(pool)
        }
        switch failure {
        case .untrusted(let why): end(.failure(.untrusted(why)))
        case .connectTimedOut, .responseStartTimedOut:
            end(.failure(.timedOut(sent: hasSent)))
        case .cutByUpstream: end(.failure(.cut(sent: hasSent)))
        default: end(.failure(.unreachable(failure.detail ?? failure.code)))
        }
    }

    /// Nobody waits any more. What was sent was sent.
    func cancel() { end(.failure(.cut(sent: hasSent))) }

    private func end(_ result: Result<InboundResponse, ClientFailure>, keepsAlive: Bool = false) {
        guard let finish else { return }
        self.finish = nil
        if let timer { worker.loop.cancel(timer) }
        timer = nil
        if keepsAlive, connection?.wire.hasUnsent == false {
            connection?.endLease()
            connection = nil
            lease.take()?.giveBack()
        } else {
            discard()
        }
        finish(result)
    }

    private func discard() {
        connection?.endLease()
        connection = nil
        lease.take()?.discard()
    }

    private static func inbound(_ response: HTTPMessage.Response) -> InboundResponse {
        InboundResponse(
            status: response.status, fields: response.fields.map { ($0.name, $0.value) },
            body: response.body)
    }

    private static func failure(_ fault: MessageFault) -> ClientFailure {
        switch fault {
        case .contentTooLarge: .tooLarge
        case .response(.fields(.tooLong)), .response(.fields(.tooMany)): .tooLarge
        case .cut: .cut(sent: true)
        case .request, .response, .content, .interimTooMany: .malformed(fault.code)
        }
    }
}

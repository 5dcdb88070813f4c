// One connection to a Redis server: commands go out in order, replies come back in order.
//
// Whatever is asked for in one turn of the loop leaves in one piece. A reply that is late, or none,
// ends the connection: what would come after it could not be told apart any more.

import Flows
import Platform
import Redis
import TLS
import Values

/// `@unchecked Sendable`: it belongs to its loop, where its two tasks run too.
final class RedisConnection: @unchecked Sendable {
    typealias Answer = Result<[RedisReply], RedisFailure>

    /// Calls that wait for their replies; past it the store is too slow to be asked.
    static let waitingMax = 20_000
    private static let readOctetsMax = 65_536

    private struct Waiting {
        var owed: Int
        var replies: [RedisReply] = []
        let timer: TimerID
        let finish: (Answer) -> Void
    }

    let address: RedisAddress
    private let loop: EventLoop
    private let socket: AsyncSocket
    private let tls: TLSConnection?
    private var reader = ReplyReader()
    /// In the order of their commands; those before `first` are done.
    private var waiting: [Waiting] = []
    private var first = 0
    /// Commands not sent yet, and what TLS made of those that are.
    private var commands: [UInt8] = []
    private var sealed: [UInt8] = []
    private var isWriting = false
    private var isFlushDue = false
    private(set) var isOpen = true
    /// Told once, when it is open no more.
    var whenClosed: () -> Void = {}

    init(_ socket: AsyncSocket, at address: RedisAddress, tls: TLSConnection?, on loop: EventLoop) {
        self.socket = socket
        self.address = address
        self.tls = tls
        self.loop = loop
    }

    func start() {
        if let tls {
            do throws(TLSFault) { try tls.start(out: &sealed) } catch {
                return fail(.unreachable("TLS: \(error)"))
            }
            flush()
        }
        loop.start { await self.read() }
    }

    /// One reply for each command, errors among them.
    func call(_ asked: [RedisCommand], within limit: Duration) async -> Answer {
        guard isOpen else { return .failure(.cut) }
        guard limit > .zero else { return .failure(.timedOut) }
        guard waiting.count - first < Self.waitingMax else {
            return .failure(.unreachable("\(Self.waitingMax) calls wait for it already"))
        }
        return await withCheckedContinuation { continuation in
            for command in asked { command.append(to: &commands) }
            let timer = loop.schedule(after: limit) { [weak self] in self?.fail(.timedOut) }
            waiting.append(
                Waiting(owed: asked.count, timer: timer) { continuation.resume(returning: $0) })
            guard !isFlushDue else { return }
            isFlushDue = true
            loop.endOfTurn { [self] in
                isFlushDue = false
                flush()
            }
        }
    }

    func close() { fail(.cut) }

    private func fail(_ failure: RedisFailure) {
        guard isOpen else { return }
        isOpen = false
        socket.close()
        let calls = waiting[first...]
        waiting = []
        first = 0
        for call in calls {
            loop.cancel(call.timer)
            call.finish(.failure(failure))
        }
        whenClosed()
    }

    // MARK: Receiving

    private func read() async {
        var failure = RedisFailure.cut
        do throws(Errno) {
            while isOpen {
                let octets = try await socket.read(max: Self.readOctetsMax)
                guard !octets.isEmpty else { break }
                take(octets)
            }
        } catch {
            failure = .unreachable("\(error)")
        }
        fail(failure)
    }

    private func take(_ octets: [UInt8]) {
        guard isOpen else { return }
        if let tls {
            var plain: [UInt8] = []
            do throws(TLSFault) {
                try tls.receive(octets.span, plain: &plain, out: &sealed)
            } catch {
                return fail(.unreachable("TLS: \(error)"))
            }
            flush()  // the handshake's next message, or the commands that waited for its end
            reader.feed(plain.span)
        } else {
            reader.feed(octets.span)
        }
        do throws(RedisFault) {
            while isOpen, let reply = try reader.next() { deliver(reply) }
        } catch {
            fail(.refused("what it sent is no reply: \(error)"))
        }
    }

    private func deliver(_ reply: RedisReply) {
        guard first < waiting.count else { return fail(.refused("a reply that nobody asked for")) }
        waiting[first].replies.append(reply)
        waiting[first].owed -= 1
        guard waiting[first].owed == 0 else { return }
        let done = waiting[first]
        first += 1
        if first == waiting.count || first > 1024 {
            waiting.removeFirst(first)
            first = 0
        }
        loop.cancel(done.timer)
        done.finish(.success(done.replies))
    }

    // MARK: Sending

    private func flush() {
        guard isOpen, !isWriting, hasSomethingToSend else { return }
        isWriting = true
        loop.start { await self.write() }
    }

    private var mayCarryData: Bool { tls.map { $0.progress == .open } ?? true }
    private var hasSomethingToSend: Bool {
        !sealed.isEmpty || (!commands.isEmpty && mayCarryData)
    }

    private func write() async {
        defer { isWriting = false }
        while isOpen, hasSomethingToSend {
            if mayCarryData, !commands.isEmpty {
                let waiting = commands
                do throws(TLSFault) {
                    if let tls {
                        try tls.send(waiting.span, out: &sealed)
                    } else {
                        sealed = waiting
                    }
                } catch { return fail(.unreachable("TLS: \(error)")) }
                commands = []
            }
            let octets = sealed
            sealed = []
            do throws(Errno) {
                try await socket.write(octets, deadline: LoopRedis.callDeadline)
            } catch { return fail(.unreachable("\(error)")) }
        }
    }
}

// Names to addresses, without a loop ever waiting for them.
//
// getaddrinfo(3) honours all that the machine's owner configured (hosts file, nsswitch) and blocks, so
// it runs on helper threads: at most a few, started on need and gone when there is nothing to do.
// Whoever asks for a name that is being looked up shares the answer, on whichever loop; each waits
// only as long as its own deadline allows. Results are kept for a short fixed time, failures shorter.
import CLinux
import Glibc
package import Values

package enum ResolveFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// There is no such name, or it has no address: final until somebody changes the name server.
    case notFound(String)
    /// The name server did not answer, or could not: in the system's words.
    case unavailable(String)
    case timedOut
    case cancelled
    /// More names are being looked up than we keep track of.
    case overloaded

    package var description: String {
        switch self {
        case .notFound(let name): "there is no address for the name \(name)"
        case .unavailable(let reason): "the name could not be looked up: \(reason)"
        case .timedOut: "looking up the name took too long"
        case .cancelled: "looking up the name was no longer wanted"
        case .overloaded: "too many names are being looked up"
        }
    }
}

package final class Resolver: Sendable {
    package typealias Answer = Result<[IPAddress], ResolveFailure>

    private let threadsMax: Int
    private let lookUp: @Sendable (String) -> Answer
    private let state = Guarded(State())

    package init(threadsMax: Int = 4) {
        self.threadsMax = max(1, threadsMax)
        lookUp = { systemLookUp($0) }
    }

    /// With another look-up than the system's, which may block: for tests.
    package init(threadsMax: Int, lookUp: @escaping @Sendable (String) -> Answer) {
        self.threadsMax = max(1, threadsMax)
        self.lookUp = lookUp
    }

    /// The name's addresses in the system's order of preference, at least one. Address literals are
    /// answered at once. Call it on the loop.
    package func addresses(
        of name: String, on loop: EventLoop, deadline: Duration
    ) async throws(ResolveFailure) -> [IPAddress] {
        loop.preconditionOnLoop()
        if let address = IPAddress(parsing: name) { return [address] }
        guard isPlausible(name) else { throw .notFound(name) }
        let waiting = Awaited<Answer>(on: loop)
        let key = name.lowercased()  // plausible names are ASCII, for which case means nothing
        switch begin(key, Waiter(loop: loop, awaited: waiting)) {
        case .known(let answer): return try answer.get()
        case .waiting: break
        case .needsThread: startThread()
        }
        let answer = await waiting.value(
            within: deadline, late: .failure(.timedOut), cancelled: .failure(.cancelled))
        return try answer.get()
    }

    // MARK: - How

    private struct Waiter: Sendable {
        let loop: EventLoop
        let awaited: Awaited<Answer>
    }

    private struct State {
        var results: [String: (answer: Answer, expires: MonotonicInstant)] = [:]
        /// By name, who waits for its look-up, which is under way or in `queue`.
        var waiters: [String: [Waiter]] = [:]
        var queue: [String] = []
        var threads = 0
    }

    private enum Begun {
        case known(Answer)
        case waiting
        case needsThread
    }

    private static let resultsMax = 1024
    private static let namesMax = 1024
    private static let waitersMax = 16_384

    private func begin(_ name: String, _ waiter: Waiter) -> Begun {
        let now = Clock.monotonic()
        return state.withLock { state in
            if let (answer, expires) = state.results[name], now < expires { return .known(answer) }
            if let count = state.waiters[name]?.count {
                guard count < Resolver.waitersMax else { return .known(.failure(.overloaded)) }
                state.waiters[name, default: []].append(waiter)
                return .waiting
            }
            guard state.waiters.count < Resolver.namesMax
            else { return .known(.failure(.overloaded)) }
            state.waiters[name] = [waiter]
            state.queue.append(name)
            guard state.threads < threadsMax else { return .waiting }
            state.threads += 1
            return .needsThread
        }
    }

    private func startThread() {
        Thread.start("resolver") { [self] in
            while let name = nextName() { finish(name, lookUp(name)) }
        }.detach()
    }

    /// `nil` ends the thread that asked.
    private func nextName() -> String? {
        state.withLock { state in
            if state.queue.isEmpty {
                state.threads -= 1
                return nil
            }
            return state.queue.removeFirst()
        }
    }

    private func finish(_ name: String, _ answer: Answer) {
        let now = Clock.monotonic()
        let waiters = state.withLock { state in
            if state.results.count >= Resolver.resultsMax {
                state.results = state.results.filter { now < $0.value.expires }
                if state.results.count >= Resolver.resultsMax { state.results.removeAll() }
            }
            let kept: Duration = if case .success = answer { .seconds(30) } else { .seconds(1) }
            state.results[name] = (answer, now + kept)
            return state.waiters.removeValue(forKey: name) ?? []
        }
        for waiter in waiters {
            let awaited = waiter.awaited
            waiter.loop.post { awaited.come(answer) }
        }
    }
}

/// What could be a host's name: printable ASCII of at most 253 octets (RFC 1035 §2.3.4) and so, above
/// all, no NUL at which C would stop reading.
private func isPlausible(_ name: String) -> Bool {
    let octets = name.utf8
    return (1...253).contains(octets.count) && octets.allSatisfy { $0 > 0x20 && $0 < 0x7F }
}

private func systemLookUp(_ name: String) -> Resolver.Answer {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(name, nil, &hints, &list)
    guard code == 0 else {
        switch code {
        case EAI_NONAME, linux_eai_nodata, linux_eai_addrfamily: return .failure(.notFound(name))
        case EAI_SYSTEM:
            return .failure(.unavailable(Errno.left(by: "getaddrinfo").description))
        default: return .failure(.unavailable(String(cString: gai_strerror(code))))
        }
    }
    // SAFETY: getaddrinfo made the list; it is ours until freeaddrinfo, and only read.
    defer { freeaddrinfo(list) }
    var addresses: [IPAddress] = []
    var next = list
    while let entry = next {
        if let address = address(of: entry.pointee), !addresses.contains(address) {
            addresses.append(address)
        }
        next = entry.pointee.ai_next
    }
    return addresses.isEmpty ? .failure(.notFound(name)) : .success(addresses)
}

private func address(of entry: addrinfo) -> IPAddress? {
    guard let form = entry.ai_addr else { return nil }
    switch entry.ai_family {
    case AF_INET where Int(entry.ai_addrlen) >= MemoryLayout<sockaddr_in>.size:
        // SAFETY: the family says what `ai_addr` points to, and the length was compared.
        let octets = UnsafeRawPointer(form).loadUnaligned(as: sockaddr_in.self)
        return .v4(UInt32(bigEndian: octets.sin_addr.s_addr))
    case AF_INET6 where Int(entry.ai_addrlen) >= MemoryLayout<sockaddr_in6>.size:
        // SAFETY: as above.
        let octets = UnsafeRawPointer(form).loadUnaligned(as: sockaddr_in6.self)
        // An address with a scope is good on one interface alone, which an IPAddress cannot say.
        return octets.sin6_scope_id == 0 ? IPAddress(octets.sin6_addr) : nil
    default: return nil
    }
}

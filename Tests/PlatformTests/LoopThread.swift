// A loop on a thread of its own for the length of a test, and ways to run code on it.
import Platform
import Testing
import Values

/// Runs `body` with a loop that turns on its own thread, then stops the thread.
@discardableResult
func withLoop<Result>(
    _ body: (EventLoop) async throws -> Result
) async throws -> Result {
    let loop = try EventLoop(index: 0)
    let thread = Thread.start("test-loop") { loop.run() }
    defer {
        loop.stop()
        thread.join()
    }
    return try await body(loop)
}

extension EventLoop {
    /// Runs async code on the loop and brings back its result, within ten seconds.
    func perform<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let outcome: Swift.Result<Result, any Error> = await withCheckedContinuation { waiting in
            start {
                do {
                    let value = try await withDeadline(.seconds(10), on: self) { try await body() }
                    waiting.resume(returning: .success(value))
                } catch {
                    waiting.resume(returning: .failure(error))
                }
            }
        }
        return try outcome.get()
    }
}

/// What happened, in order, from any thread.
final class Record<Element: Sendable>: Sendable {
    private let elements = Guarded<[Element]>([])
    func add(_ element: Element) { elements.withLock { $0.append(element) } }
    var all: [Element] { elements.withLock { $0 } }
    var count: Int { elements.withLock { $0.count } }
}

/// A socket that a test holds; `close` marks how long.
final class HeldSocket {
    private(set) var number: Int32
    init(_ descriptor: consuming Descriptor) { number = descriptor.release() }
    deinit { close() }

    func close() {
        if number >= 0 { Descriptor(owning: number).close() }
        number = -1
    }
}

/// A connected pair of non-blocking sockets.
func socketPair() throws -> (near: HeldSocket, far: HeldSocket) {
    let listener = try Socket.listen(on: .ip(.loopbackV4, port: 0), backlog: 8)
    let address = try #require(Socket.localAddress(listener.number))
    let near = HeldSocket(try Socket.connect(to: address))
    while true {
        if let accepted = try Socket.accept(listener.number) {
            return (near, HeldSocket(accepted.take()))
        }
    }
}

func temporaryPath(_ name: String) -> String {
    "/tmp/gatehouse-\(Process.pid)-\(UInt64.random(in: 0 ... .max))-\(name)"
}

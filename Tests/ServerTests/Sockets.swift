// Blocking sockets for the tests' own ends: a client that sends octets as they stand, and an upstream
// that follows a script. Every wait has a deadline, so that a hang is a failure with a name.
import Glibc
import Platform
import Synchronization
import Values

struct TestFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// One end of a connection.
final class Plug: @unchecked Sendable {
    static let patience = 10
    private let number: Int32
    private(set) var received: [UInt8] = []
    private var isOpen = true
    /// Whom it speaks with, which must not go before it.
    var keeps: AnyObject?

    init(_ number: Int32) {
        self.number = number
        var limit = timeval(tv_sec: Plug.patience, tv_usec: 0)
        setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(number, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var on: Int32 = 1
        setsockopt(number, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
    }

    deinit { close() }

    static func connect(port: UInt16, receiveBuffer: Int32? = nil) throws -> Plug {
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if var size = receiveBuffer { setsockopt(number, SOL_SOCKET, SO_RCVBUF, &size, 4) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw TestFailure("connect: \(errno)") }
        return Plug(number)
    }

    /// - Returns: whether all of it was taken.
    @discardableResult
    func send(_ octets: [UInt8]) -> Bool {
        var sent = 0
        while sent < octets.count {
            let count = octets.withUnsafeBytes {
                Glibc.send(number, $0.baseAddress! + sent, octets.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    enum Reading: Equatable { case octets, end, reset, silence }

    /// Receives once.
    func receive(octetsMax: Int = 65_536) -> Reading {
        var room = [UInt8](repeating: 0, count: octetsMax)
        let count = recv(number, &room, room.count, 0)
        if count > 0 {
            received += room[..<count]
            return .octets
        }
        if count == 0 { return .end }
        return errno == EAGAIN ? .silence : .reset
    }

    /// Receives until the octets hold `text`, and takes them off through its end.
    func until(_ text: String) throws -> String {
        let wanted = Array(text.utf8)
        var searched = 0
        while true {
            if let end = position(of: wanted, from: searched) { return take(end) }
            searched = max(0, received.count - wanted.count)
            let reading = receive()
            guard reading == .octets else {
                throw TestFailure("\(reading) before \(text.debugDescription); got \(shown)")
            }
        }
    }

    func exactly(_ count: Int) throws -> [UInt8] {
        while received.count < count {
            let reading = receive()
            guard reading == .octets else {
                throw TestFailure("\(reading) after \(received.count) of \(count) octets")
            }
        }
        let octets = Array(received[..<count])
        received.removeFirst(count)
        return octets
    }

    /// Receives to the end.
    func rest() -> (octets: [UInt8], reading: Reading) {
        while true {
            let reading = receive()
            if reading != .octets {
                defer { received = [] }
                return (received, reading)
            }
        }
    }

    private func take(_ end: Int) -> String {
        let text = String(decoding: received[..<end], as: UTF8.self)
        received.removeFirst(end)
        return text
    }

    private func position(of wanted: [UInt8], from start: Int) -> Int? {
        guard received.count >= wanted.count else { return nil }
        for index in start...(received.count - wanted.count)
        where received[index..<index + wanted.count].elementsEqual(wanted) {
            return index + wanted.count
        }
        return nil
    }

    private var shown: String {
        String(decoding: received.prefix(400), as: UTF8.self).debugDescription
    }

    func shutdownWrite() { shutdown(number, Int32(SHUT_WR)) }

    func reset() {
        var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
        setsockopt(number, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    func close() {
        if isOpen { Glibc.close(number) }
        isOpen = false
    }

    // MARK: HTTP

    struct Message {
        var head: String
        var content: [UInt8]
        var text: String { String(decoding: content, as: UTF8.self) }
        var status: Int { Int(head.split(separator: " ")[1]) ?? 0 }
        func field(_ name: String) -> String? {
            for line in head.components(separatedBy: "\r\n").dropFirst() {
                guard let colon = line.firstIndex(of: ":") else { continue }
                if line[..<colon].lowercased() == name.lowercased() {
                    return String(line[line.index(after: colon)...].drop { $0 == " " })
                }
            }
            return nil
        }
    }

    /// A message whose content is delimited by a length or chunks, or has none.
    func message(withoutContent: Bool = false) throws -> Message {
        let head = try until("\r\n\r\n")
        var message = Message(head: head, content: [])
        if withoutContent { return message }
        if let length = message.field("Content-Length").flatMap(Int.init) {
            message.content = try exactly(length)
        } else if message.field("Transfer-Encoding") != nil {
            while true {
                let line = try until("\r\n").dropLast(1)
                guard let size = Int(line, radix: 16) else { throw TestFailure("chunk \(line)") }
                message.content += try exactly(size)
                _ = try until("\r\n")
                if size == 0 { break }
            }
        }
        return message
    }

    func ask(_ head: String, _ content: String = "", host: String = "localhost") throws -> Message {
        let lines = head.replacing("\n", with: "\r\n")
        send("\(lines)\r\nHost: \(host)\r\n\r\n\(content)")
        return try message(withoutContent: head.hasPrefix("HEAD"))
    }
}

extension String {
    func components(separatedBy separator: String) -> [String] {
        split(separator: separator, omittingEmptySubsequences: false).map(String.init)
    }
}

/// Accepts connections on a port of the kernel's choice and runs the script with each, in a thread.
final class ScriptedUpstream: @unchecked Sendable {
    let port: UInt16
    private let number: Int32
    private let state = Mutex((connections: 0, plugs: [Plug]()))

    /// - Parameter script: the connection and its number, from 1. When it returns, the connection is
    ///   closed.
    init(_ script: @escaping @Sendable (Plug, Int) throws -> Void) throws {
        let descriptor = try Socket.listen(on: .ip(.loopbackV4, port: 0))
        guard let port = Socket.localAddress(descriptor.number)?.port else {
            throw TestFailure("no port")
        }
        self.port = port
        number = descriptor.release()
        _ = fcntl(number, F_SETFL, 0)
        let listening = number
        let counter = { @Sendable [self] (plug: Plug) in
            state.withLock {
                $0.connections += 1
                $0.plugs.append(plug)
                return $0.connections
            }
        }
        _ = Thread.start("upstream") {
            while true {
                let accepted = accept(listening, nil, nil)
                guard accepted >= 0 else { return }
                let plug = Plug(accepted)
                let count = counter(plug)
                _ = Thread.start("script") {
                    try? script(plug, count)  // a script that fails shows at the client's end
                    plug.close()
                }
            }
        }
    }

    var connections: Int { state.withLock { $0.connections } }

    deinit { stop() }

    func stop() { shutdown(number, Int32(SHUT_RDWR)) }
}

/// A value that another thread waits for.
final class Signal: Sendable {
    private let count = Atomic(0)
    func raise() { count.add(1, ordering: .sequentiallyConsistent) }
    var isRaised: Bool { count.load(ordering: .sequentiallyConsistent) > 0 }

    /// Waits at most ten seconds.
    func wait() throws {
        try eventually("a signal") { isRaised }
    }
}

/// Asks again until it is so, for at most ten seconds.
func eventually(_ what: String, _ isSo: () -> Bool) throws {
    for _ in 0..<2000 {
        if isSo() { return }
        usleep(5000)
    }
    throw TestFailure("never: \(what)")
}

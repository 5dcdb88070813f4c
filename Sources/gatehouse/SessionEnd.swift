// `gatehouse session end`: asks the process that serves to end sessions, by its control socket or its
// admin address.

import ArgumentParser
import Configuration
import Flows
import HTTP
import Platform
import Synchronization
import Values

struct SessionEnd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "end",
        abstract: "Ends all sessions of a user, or everybody's, in the process that serves.",
        discussion: "Each node has a process of its own; without redis run it on each.")

    @OptionGroup var config: ConfigurationOption

    @Option(help: "The user, as the provider's `sub` names them.")
    var subject: String?

    @Flag(help: "Everybody's sessions.")
    var all = false

    func validate() throws {
        guard (subject != nil) != all, subject != "" else {
            throw ValidationError("say --subject SUB, or --all")
        }
    }

    func run() throws {
        let (loaded, problems) = Loaded.load(.file(config.file))
        guard let configuration = loaded else {
            for problem in problems { printToStandardError("\(problem)") }
            throw ExitCode(1)
        }
        let order = subject.map { SessionsToEnd.subject($0) } ?? .everybody
        let (address, host) = try Self.place(configuration.admin)
        let content = order.content
        let head =
            "POST /sessions/end HTTP/1.1\r\nHost: \(host)\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(content.count)\r\nConnection: close\r\n\r\n"
        let answer = try Self.ask(address, Array(head.utf8) + content)
        guard answer.status == 200 else {
            throw Refusal("the answer was \(answer.status): \(answer.text)")
        }
        print(
            all ? "everybody's sessions have ended" : "the sessions of \(subject ?? "") have ended")
    }

    /// Where the serving process takes such orders, and the Host to say there.
    private static func place(_ admin: AdminSettings?) throws -> (SocketAddress, String) {
        if let control = admin?.control { return (.unix(control), "localhost") }
        if case .ip(let address, let port)? = admin?.address, address.isLoopback {
            return (.ip(address, port: port), "localhost")
        }
        throw Refusal(
            "there is no door for this: add admin.control: unix:PATH, or give admin a loopback "
                + "address, and restart")
    }

    private static let deadline = Duration.seconds(15)
    private static let answerOctetsMax = 65_536

    private static func ask(
        _ address: SocketAddress, _ request: [UInt8]
    ) throws -> (status: Int, text: String) {
        let loop = try EventLoop(index: 0)
        let thread = Thread.start("session-end") { loop.run() }
        defer {
            loop.stop()
            thread.join()
        }
        let parking = Parking()
        let result = Mutex<Result<[UInt8], Errno>?>(nil)
        loop.post {
            loop.start {
                let answer = await exchange(request, with: address, on: loop)
                result.withLock { $0 = answer }
                parking.wake()
            }
        }
        parking.park()
        let octets: [UInt8]
        switch result.withLock({ $0 }) {
        case .success(let answer)?: octets = answer
        case .failure(let error)?:
            throw Refusal("the process that serves does not answer at \(address): \(error)")
        case nil: octets = []
        }
        let text = String(decoding: octets, as: UTF8.self)
        let parts = text.split(separator: " ", maxSplits: 2)
        guard parts.count == 3, parts[0].hasPrefix("HTTP/1."), let status = Int(parts[1]) else {
            throw Refusal("what answers at \(address) is no gatehouse")
        }
        // What it says in words is the last line.
        return (status, String(text.split(whereSeparator: \.isNewline).last ?? ""))
    }

    private static func exchange(
        _ request: [UInt8], with address: SocketAddress, on loop: EventLoop
    ) async -> Result<[UInt8], Errno> {
        do throws(Errno) {
            let socket = try await AsyncSocket.connect(to: address, on: loop, deadline: deadline)
            defer { socket.close() }
            try await socket.write(request, deadline: deadline)
            var answer: [UInt8] = []
            while answer.count < answerOctetsMax {
                let more = try await socket.read(deadline: deadline)
                if more.isEmpty { break }
                answer += more
            }
            return .success(answer)
        } catch { return .failure(error) }
    }
}

import Flows
import HTTP
import OpenID
import Platform
import Synchronization
import Testing
import Values

@testable import Server

@Suite(.timeLimit(.minutes(1))) struct `Our own client` {
    typealias Answer = Result<InboundResponse, ClientFailure>

    /// Sends one request after the other from the house's loop.
    static func ask(
        _ house: House, _ url: String, method: String = "GET", body: [UInt8] = [], times: Int = 1,
        deadline: Duration = .seconds(5), octetsMax: Int = 1000, ca: [UInt8]? = nil
    ) throws -> [Answer] {
        guard let url = HTTPURL(parsing: url) else { throw TestFailure("no URL: \(url)") }
        let answers = Answers()
        let worker = house.worker
        worker.loop.start {
            for _ in 0..<times {
                do throws(ClientFailure) {
                    answers.add(
                        .success(
                            try await worker.client.send(
                                OutboundRequest(method: method, url: url, body: body),
                                as: ClientIdentity(ca: ca), deadline: deadline,
                                octetsMax: octetsMax)))
                } catch {
                    answers.add(.failure(error))
                }
            }
        }
        try eventually("it is answered") { answers.all.count == times }
        return answers.all
    }

    final class Answers: Sendable {
        private let list = Mutex<[Answer]>([])
        func add(_ answer: Answer) { list.withLock { $0.append(answer) } }
        var all: [Answer] { list.withLock { $0 } }
    }

    @Test func `requests are sent whole and use the connection again`() throws {
        let upstream = try ScriptedUpstream(echoing)
        let house = try House(upstream: 1)
        let answers = try Self.ask(
            house, "http://127.0.0.1:\(upstream.port)/token?a=b", method: "POST",
            body: Array("x=y".utf8), times: 3)
        for answer in answers {
            let answer = try answer.get()
            #expect(answer.status == 200)
            #expect(String(decoding: answer.body, as: UTF8.self) == "POST /token?a=b HTTP/1.1|x=y")
        }
        #expect(upstream.connections == 1)
    }

    @Test func `names are looked up`() throws {
        let upstream = try ScriptedUpstream(echoing)
        let house = try House(upstream: 1)
        let answer = try Self.ask(house, "http://localhost:\(upstream.port)/")[0]
        #expect((try? answer.get().status) == 200)
    }

    private static func failure(_ answer: Answer) -> ClientFailure? {
        if case .failure(let failure) = answer { failure } else { nil }
    }

    @Test func `an answer past the bound is refused`() throws {
        let upstream = try ScriptedUpstream { plug, _ in
            _ = try plug.message()
            plug.send(reply(String(repeating: "x", count: 1001)))
        }
        let house = try House(upstream: 1)
        let answer = try Self.ask(house, "http://127.0.0.1:\(upstream.port)/")[0]
        #expect(Self.failure(answer) == .tooLarge)
    }

    @Test func `what was sent is said where no answer comes`() throws {
        let signal = Signal()
        let silent = try ScriptedUpstream { plug, _ in
            _ = try plug.message()
            try signal.wait()
        }
        let cutting = try ScriptedUpstream { plug, _ in
            _ = try plug.message()
            plug.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")
        }
        let house = try House(upstream: 1)
        let late = try Self.ask(
            house, "http://127.0.0.1:\(silent.port)/", method: "POST",
            deadline: .milliseconds(200))[0]
        #expect(Self.failure(late) == .timedOut(sent: true))
        let cut = try Self.ask(house, "http://127.0.0.1:\(cutting.port)/", method: "POST")[0]
        #expect(Self.failure(cut) == .cut(sent: true))
        let nobody = try Self.ask(house, "http://127.0.0.1:1/")[0]
        #expect(Self.failure(nobody)?.mayHaveBeenRead == false)
        #expect(cutting.connections == 1)
        signal.raise()
    }
}

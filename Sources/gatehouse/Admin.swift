// The admin listener's answers: whether the process lives, whether it is ready, what it has counted;
// and where an operator ends sessions.

import Configuration
import Flows
import Gateway
import HTTP
import Platform
import Server
import Telemetry
import Values

extension Fleet {
    /// - Parameter door: by which listener it came.
    func adminAnswer(_ request: AdminRequest, by door: AdminDoor) async -> Answer {
        if request.path == "/sessions/end" { return await endSessions(request, by: door) }
        guard door != .control else { return .text(404, "here is /sessions/end\n") }
        guard request.method == "GET" || request.method == "HEAD" else {
            var answer = Answer.text(405, "only GET and HEAD\n")
            answer.add("Allow", "GET, HEAD")
            return answer
        }
        switch request.path {
        case "/livez": return .text(200, "alive\n")
        case "/readyz": return readiness()
        case "/metrics":
            return Answer(
                status: 200, fields: [(name: "Content-Type", value: Exposition.mediaType)],
                body: Array(await exposition().utf8))
        case "/": return .text(200, statusText())
        default: return .text(404, "here are /livez, /readyz, /metrics and /\n")
        }
    }

    /// Whoever may do this could sign everybody out: the socket's file says who may use it, and on
    /// loopback nobody may from another machine or, by a name that leads here, from a page.
    private func endSessions(_ request: AdminRequest, by door: AdminDoor) async -> Answer {
        switch door {
        case .control: break
        case .loopback:
            guard let (host, _) = HostField.parse(request.host), Origin.isLoopback(host: host)
            else { return .text(403, "the Host has to be a loopback one\n") }
        case .network:
            return .text(403, "sessions are ended on admin.control, or on a loopback address\n")
        }
        guard !request.isFromPage else { return .text(403, "no page may ask for this\n") }
        guard request.method == "POST" else {
            var answer = Answer.text(405, "only POST\n")
            answer.add("Allow", "POST")
            return answer
        }
        guard let sessions = SessionsToEnd(parsing: request.content) else {
            return .text(400, "write {\"subject\": \"…\"} or {\"all\": true}\n")
        }
        await end(sessions)
        return Answer(
            status: 200, fields: [(name: "Content-Type", value: "application/json")],
            body: Array("{\"ended\":true}\n".utf8))
    }

    private func readiness() -> Answer {
        let troubles = degraded.map { trouble in
            let name = trouble.provider.isEmpty ? "provider" : "provider \(trouble.provider)"
            return "degraded: \(name): \(trouble.why)\n"
        }
        let body = (troubles + serverLines.map { "\($0)\n" }).joined()
        return isReady ? .text(200, "ready\n" + body) : .text(503, "not ready\n" + body)
    }

    private var serverLines: [String] {
        (storeTrouble.map { ["degraded: redis: \($0)"] } ?? [])
            + serverTroubles.map { "degraded: upstream \($0.upstream): \($0.server): \($0.why)" }
    }

    private func statusText() -> String {
        let configuration = configuration
        var lines = [
            "\(Version.text), serving \(configuration.externalURL)",
            isReady ? "ready" : "not ready",
            "loops: \(loopCount)", "open connections: \(openConnections)",
        ]
        lines += addresses.map { "listening on \($0)" }
        lines += configuration.routes.map {
            "route \($0.name) to \(configuration.upstreams[$0.upstream].name)"
        }
        lines += degraded.map { "degraded: provider \($0.provider): \($0.why)" }
        lines += serverLines
        return lines.joined(separator: "\n") + "\n"
    }
}

/// By which of the admin's listeners somebody came.
enum AdminDoor: Sendable {
    /// The socket for commands.
    case control
    case loopback
    case network

    init(_ address: ListenAddress) {
        switch address {
        case .ip(let address, _): self = address.isLoopback ? .loopback : .network
        case .unix: self = .network
        }
    }
}

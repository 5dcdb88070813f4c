// The admin listener's answers: whether the process lives, whether it is ready, what it has counted.

import Configuration
import Gateway
import Server
import Telemetry

extension Fleet {
    func adminAnswer(_ request: AdminRequest) async -> Answer {
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

    private func readiness() -> Answer {
        let troubles = degraded.map { trouble in
            let name = trouble.provider.isEmpty ? "provider" : "provider \(trouble.provider)"
            return "degraded: \(name): \(trouble.why)\n"
        }
        let body = (troubles + serverLines.map { "\($0)\n" }).joined()
        return isReady ? .text(200, "ready\n" + body) : .text(503, "not ready\n" + body)
    }

    private var serverLines: [String] {
        serverTroubles.map { "degraded: upstream \($0.upstream): \($0.server): \($0.why)" }
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

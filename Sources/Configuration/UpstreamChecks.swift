// Upstreams: one place to go, and tokens that nobody on the way can read.

internal import HTTP

enum UpstreamChecks {
    static func check(_ draft: Draft, _ reading: inout Reading) {
        let upstreams = draft.upstreams ?? []
        if draft.upstreams != nil, upstreams.isEmpty, !reading.hasProblem("upstreams") {
            reading.problem("upstreams", "names no upstream", fix: "add NAME: { url: … }")
        }
        for (name, upstream) in upstreams {
            let key = "upstreams.\(name)"
            checkServers(upstream, key, &reading)
            checkTLS(upstream, key, &reading)
            CertificateChecks.check(upstream: upstream, key, &reading)
            let sendsToken = draft.routes?.contains { $0.upstream == name && $0.injectsToken }
            if sendsToken ?? false { checkToken(upstream, key, &reading) }
        }
    }

    private static func checkServers(
        _ upstream: UpstreamDraft, _ key: String, _ reading: inout Reading
    ) {
        switch (upstream.url != nil, upstream.servers != nil) {
        case (false, false):
            guard !reading.hasProblem("\(key).url"), !reading.hasProblem("\(key).servers") else {
                break
            }
            reading.problem("\(key).url", "is required", fix: "add url: http://HOST:PORT")
        case (true, true):
            reading.problem(
                "\(key).servers", "is there beside url",
                fix: "keep url for one server, servers for several")
        case (true, false), (false, true): break
        }
        if upstream.allServers.count == 1, reading.isWritten("\(key).balance") {
            reading.warning(
                "\(key).balance", "has no effect: there is one server",
                fix: "leave it out, or write servers: [URL, URL]")
        }
        guard let servers = upstream.servers else { return }
        if let first = servers.first, servers.contains(where: { $0.scheme != first.scheme }) {
            reading.problem(
                "\(key).servers", "are not all of one scheme", fix: "write all http or all https")
        }
    }

    private static func checkTLS(
        _ upstream: UpstreamDraft, _ key: String, _ reading: inout Reading
    ) {
        let given = [
            ("ca_file", upstream.ca != nil), ("server_name", upstream.serverName != nil),
            ("client_certificate", upstream.clientCertificate != nil),
            ("client_key", upstream.clientKey != nil),
        ].filter(\.1).map(\.0)
        let pair = ["client_certificate", "client_key"]
        for (name, other) in [(pair[0], pair[1]), (pair[1], pair[0])]
        where given.contains(name) && !given.contains(other)
            && !reading.hasProblem("\(key).\(other)")
        {
            reading.problem(
                "\(key).\(other)", "is required beside \(name)", fix: "add \(other): PATH")
        }
        guard let server = upstream.allServers.first, server.scheme != .https else { return }
        for name in given {
            reading.warning(
                "\(key).\(name)", "has no effect: \(server.address) is reached without TLS",
                fix: "write https in the upstream's url, or leave \(name) out")
        }
    }

    private static func checkToken(
        _ upstream: UpstreamDraft, _ key: String, _ reading: inout Reading
    ) {
        for server in upstream.allServers {
            guard case .tcp(let origin) = server.address, origin.scheme == .http, !origin.isLoopback
            else { continue }
            reading.warning(
                reading.isWritten("\(key).url") ? "\(key).url" : "\(key).servers",
                "access tokens are sent to \(origin) without TLS",
                fix: "write https, or make sure that nobody else is on the way")
        }
    }
}

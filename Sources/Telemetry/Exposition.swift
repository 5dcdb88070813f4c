// The text of `/metrics`, in Prometheus' exposition format 0.0.4. Names and labels are product.md's
// contract; label values are escaped as the format says, because a route's name is an operator's text.

package import Values

/// How many connections a listener has, at the moment of asking.
package struct ConnectionGauge: Sendable {
    package let listener: String
    package let active: Int
    package let idle: Int

    package init(listener: String, active: Int, idle: Int) {
        self.listener = listener
        self.active = active
        self.idle = idle
    }
}

/// Whether requests reach a server of an upstream, as far as is known.
package struct ServerGauge: Sendable {
    package let upstream: String
    package let server: String
    package let isUp: Bool

    package init(upstream: String, server: String, isUp: Bool) {
        self.upstream = upstream
        self.server = server
        self.isUp = isUp
    }
}

package enum Exposition {
    package static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

    package static func text(
        totals: Totals, tally: Tally.Counted, connections: [ConnectionGauge],
        servers: [ServerGauge] = [], version: String, at now: UnixTime
    ) -> String {
        var page = Page()
        page.family("gatehouse_build_info", "gauge", "Which version is running.")
        page.sample("gatehouse_build_info", [("version", version)], "1")

        page.family("gatehouse_requests_total", "counter", "Requests answered.")
        let requests = totals.requests.sorted {
            ($0.key.route, $0.key.method, $0.key.status) < (
                $1.key.route, $1.key.method, $1.key.status
            )
        }
        for (key, count) in requests {
            page.sample(
                "gatehouse_requests_total",
                [("route", key.route), ("method", key.method), ("code", "\(key.status)")],
                "\(count)")
        }
        page.histograms(
            "gatehouse_request_duration_seconds", "From a request's head to its answer's end.",
            by: "route", totals.durations)
        page.histograms(
            "gatehouse_upstream_duration_seconds",
            "From sending a request's head to the first octet of the answer.",
            by: "upstream", totals.upstreamDurations)

        page.family("gatehouse_logins_total", "counter", "Logins that ended, by how.")
        let logins = tally.logins.sorted { $0.key.reason < $1.key.reason }
        for (login, count) in logins {
            page.sample(
                "gatehouse_logins_total",
                [("outcome", login.succeeded ? "success" : "failure"), ("reason", login.reason)],
                "\(count)")
        }
        page.outcomes(
            "gatehouse_token_refreshes_total", "Access tokens renewed at the provider.",
            tally.refreshes.success, tally.refreshes.failure)
        page.outcomes(
            "gatehouse_sessions_opened_total", "Session cookies met, by whether they opened.",
            totals.sessionsOpened, totals.sessionsNotOpened)
        page.outcomes(
            "gatehouse_tls_handshakes_total", "TLS handshakes with clients.",
            totals.tlsHandshakes, totals.tlsHandshakesFailed)
        page.outcomes(
            "gatehouse_config_reloads_total", "Reloads of the configuration.",
            tally.reloads.success, tally.reloads.failure)

        page.family("gatehouse_connections", "gauge", "Open client connections.")
        for gauge in connections {
            let listener = ("listener", gauge.listener)
            page.sample(
                "gatehouse_connections", [listener, ("state", "active")], "\(gauge.active)")
            page.sample("gatehouse_connections", [listener, ("state", "idle")], "\(gauge.idle)")
        }

        page.family(
            "gatehouse_upstream_server_up", "gauge",
            "Whether requests reach a server: 0 while it rests or its checks fail.")
        for server in servers {
            page.sample(
                "gatehouse_upstream_server_up",
                [("upstream", server.upstream), ("server", server.server)], server.isUp ? "1" : "0")
        }
        page.family(
            "gatehouse_provider_keys_age_seconds", "gauge",
            "How long ago the provider's key set was read.")
        for (provider, time) in tally.keysRead.sorted(by: { $0.key < $1.key }) {
            page.sample(
                "gatehouse_provider_keys_age_seconds", [("provider", provider)],
                "\(max(0, now.seconds - time.seconds))")
        }
        page.family(
            "gatehouse_log_lines_dropped_total", "counter",
            "Access lines given up because the log could not be written fast enough.")
        page.sample("gatehouse_log_lines_dropped_total", [], "\(tally.logLinesDropped)")
        return page.text
    }
}

private struct Page {
    var text = ""

    mutating func family(_ name: String, _ kind: String, _ sentence: String) {
        text += "# HELP \(name) \(sentence)\n# TYPE \(name) \(kind)\n"
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], _ value: String) {
        let list = labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",")
        text += list.isEmpty ? "\(name) \(value)\n" : "\(name){\(list)} \(value)\n"
    }

    mutating func outcomes(
        _ name: String, _ sentence: String, _ success: UInt64, _ failure: UInt64
    ) {
        family(name, "counter", sentence)
        sample(name, [("outcome", "success")], "\(success)")
        sample(name, [("outcome", "failure")], "\(failure)")
    }

    mutating func histograms(
        _ name: String, _ sentence: String, by label: String, _ all: [String: Histogram]
    ) {
        family(name, "histogram", sentence)
        for (value, histogram) in all.sorted(by: { $0.key < $1.key }) {
            var below: UInt64 = 0
            for (bound, count) in zip(Histogram.bounds, histogram.buckets) {
                below &+= count
                sample(name + "_bucket", [(label, value), ("le", "\(bound)")], "\(below)")
            }
            sample(name + "_bucket", [(label, value), ("le", "+Inf")], "\(histogram.count)")
            sample(name + "_sum", [(label, value)], "\(histogram.sum)")
            sample(name + "_count", [(label, value)], "\(histogram.count)")
        }
    }

    static func escaped(_ value: String) -> String {
        var result = ""
        for character in value.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}

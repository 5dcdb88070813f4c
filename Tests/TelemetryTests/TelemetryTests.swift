import Platform
import Synchronization
import Telemetry
import Testing
import Values

@Suite struct `Log lines` {
    private func lines(
        _ format: LogFormat, level: LogLevel = .info, _ body: (Log) -> Void
    ) -> String {
        let written = Mutex<[UInt8]>([])
        let log = Log(
            .init(level: level, format: format, access: true), tally: Tally(),
            write: { octets in written.withLock { $0 += octets } })
        body(log)
        log.close()
        return String(decoding: written.withLock { $0 }, as: UTF8.self)
    }

    @Test func `an event is one JSON object a line`() {
        let text = lines(.json) {
            $0.event(
                .warning, "login-refused", request: "7f3a",
                [("reason", "state-mismatch"), ("tries", .int(2))])
        }
        #expect(
            text.hasSuffix(
                #","level":"warning","event":"login-refused","request":"7f3a","reason":"state-mismatch","tries":2}"#
                    + "\n"))
        #expect(text.hasPrefix(#"{"time":"20"#))
    }

    @Test func `what a peer wrote can neither end a line nor drive a terminal`() {
        let text = lines(.json) {
            $0.event(.info, "x", [("v", .string("a\r\n\u{1b}[2J\"\\\u{e9}\u{0}"))])
        }
        #expect(text.hasSuffix(#""v":"a\u000d\u000a\u001b[2J\"\\\u00c3\u00a9\u0000"}"# + "\n"))
        #expect(text.split(separator: "\n").count == 1)
    }

    @Test func `text values are quoted when they hold more than plain characters`() {
        let text = lines(.text) {
            $0.event(.info, "x", [("a", "plain"), ("b", "two words"), ("c", "")])
        }
        #expect(text.hasSuffix("event=x a=plain b=\"two words\" c=\"\"\n"))
    }

    @Test func `lines below the level are not written`() {
        #expect(lines(.json, level: .warning) { $0.event(.info, "x") }.isEmpty)
    }

    @Test func `an access line has the contract's keys in order`() {
        let text = lines(.text) { log in
            let sink = AccessSink(log)
            sink.append(
                request: "id".utf8.span, client: "127.0.0.1".utf8.span, method: "GET".utf8.span,
                host: "h".utf8.span, path: "/p".utf8.span, status: 200, octets: 12,
                microseconds: 1_234, route: "/*".utf8.span, upstream: "site".utf8.span,
                subject: "alice".utf8.span)
            sink.flush()
        }
        #expect(
            text.hasSuffix(
                "event=request request=id client=127.0.0.1 method=GET host=h path=/p status=200 bytes=12 duration_ms=1.234 route=/* upstream=site subject=alice\n"
            ))
    }

    @Test func `access lines past the bound are dropped and counted`() {
        let tally = Tally()
        let log = Log(
            .init(level: .info, format: .text, access: true), tally: tally, write: { _ in })
        let sink = AccessSink(log)
        let long = [UInt8](repeating: 0x61, count: 60_000)
        for _ in 0..<100 {
            sink.append(
                request: long.span, client: long.span, method: long.span, host: long.span,
                path: long.span, status: 200, octets: 0, microseconds: 0, route: long.span,
                upstream: long.span, subject: long.span)
        }
        log.close()
        let page = Exposition.text(
            totals: Totals(), tally: tally.counted, connections: [], version: "1",
            at: UnixTime(seconds: 0))
        #expect(!page.contains("gatehouse_log_lines_dropped_total 0"))
    }
}

@Suite struct `Metrics` {
    @Test func `counts of several loops are summed under their labels`() {
        var one = Counts(routes: 2, upstreams: 1)
        one.request(route: 0, method: 0, status: 200, seconds: 0.002)
        one.request(route: -1, method: 9, status: 404, seconds: 0.2)
        one.upstream(0, seconds: 0.02)
        var two = Counts(routes: 2, upstreams: 1)
        two.request(route: 0, method: 0, status: 200, seconds: 100)
        var totals = Totals()
        totals.add(one, routes: ["/*", "/api"], upstreams: ["site"])
        totals.add(two, routes: ["/*", "/api"], upstreams: ["site"])
        let tally = Tally()
        tally.login(refusedFor: nil)
        tally.login(refusedFor: "state-unknown")
        tally.keysRead(provider: "main", at: UnixTime(seconds: 10))
        let page = Exposition.text(
            totals: totals, tally: tally.counted,
            connections: [ConnectionGauge(listener: "127.0.0.1:8080", active: 1, idle: 2)],
            version: "1.0\"", at: UnixTime(seconds: 25))
        for line in [
            #"gatehouse_requests_total{route="/*",method="GET",code="200"} 2"#,
            #"gatehouse_requests_total{route="none",method="OTHER",code="404"} 1"#,
            #"gatehouse_request_duration_seconds_bucket{route="/*",le="0.0025"} 1"#,
            #"gatehouse_request_duration_seconds_bucket{route="/*",le="60.0"} 1"#,
            #"gatehouse_request_duration_seconds_bucket{route="/*",le="+Inf"} 2"#,
            #"gatehouse_request_duration_seconds_count{route="/*"} 2"#,
            #"gatehouse_upstream_duration_seconds_count{upstream="site"} 1"#,
            #"gatehouse_logins_total{outcome="success",reason=""} 1"#,
            #"gatehouse_logins_total{outcome="failure",reason="state-unknown"} 1"#,
            #"gatehouse_connections{listener="127.0.0.1:8080",state="idle"} 2"#,
            #"gatehouse_provider_keys_age_seconds{provider="main"} 15"#,
            #"gatehouse_build_info{version="1.0\""} 1"#,
        ] {
            #expect(page.contains(line + "\n"), "\(line) in\n\(page)")
        }
    }
}

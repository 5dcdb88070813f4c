// external_url and the listeners together: who can hear what passes between a browser and us.

internal import HTTP
internal import Values

enum ListenerChecks {
    /// Without `listeners` there is one, for this machine only.
    static func effective(_ listeners: [ListenerDraft]?) -> [ListenerDraft] {
        listeners
            ?? [ListenerDraft(address: IPAddress(parsing: "127.0.0.1").map { .ip($0, port: 8080) })]
    }

    static func check(_ draft: Draft, _ reading: inout Reading) {
        if let url = draft.externalURL { check(url, draft, &reading) }
        var seen: [ListenAddress: String] = [:]
        for (index, listener) in (draft.listeners ?? []).enumerated() {
            let key = "listeners[\(index)]"
            check(
                listener, key, draft.externalURL, trusted: draft.trustedProxies, &reading)
            claim(listener.address, key, &seen, &reading)
        }
        if draft.listeners == nil {
            claim(effective(nil).first?.address, "listeners", &seen, &reading)
        }
        claim(draft.admin?.address, "admin", &seen, &reading)
    }

    private static func check(_ url: Origin, _ draft: Draft, _ reading: inout Reading) {
        switch (url.scheme, url.isLoopback) {
        case (.http, false):
            reading.problem(
                "external_url", "\(quoted(url.description)) does not use https",
                fix:
                    "write https://\(url.host), with tls_terminated: true where something in front "
                    + "ends TLS; http is for loopback hosts")
        case (.https, _) where draft.hsts == nil:
            reading.warning(
                "hsts", "is not set, so a browser's first visit may go by http",
                fix: "once https works for good, add hsts: 365d")
        case (.http, true), (.https, _): break
        }
    }

    private static func check(
        _ listener: ListenerDraft, _ key: String, _ url: Origin?, trusted: TrustedProxies,
        _ reading: inout Reading
    ) {
        if let path = listener.healthPath, path == "/.auth" || path.hasPrefix("/.auth/") {
            reading.problem(
                "\(key).health_path", "\(quoted(path)) lies under /.auth/, which has its own pages",
                fix: "choose another path, such as /healthz")
        }
        if listener.proxyProtocol, trusted.blocks.isEmpty, !trusted.unix {
            reading.warning(
                "\(key).proxy_protocol", "lets nobody in: trusted_proxies is empty",
                fix: "name the balancer there, such as trusted_proxies: [10.0.0.0/8]")
        }
        if let tls = listener.tls { check(tls, of: listener, key, url, &reading) }
        guard url?.scheme == .https, let address = listener.address, listener.tls == nil,
            !listener.tlsTerminated, !listener.redirectToHTTPS,
            // One that was written and is wrong is a problem of its own.
            !reading.isWritten("\(key).tls")
        else { return }
        reading.problem(
            "\(key).address",
            "\(address) is reached without TLS, and external_url is https",
            fix: "add tls: { certificates: [{ chain: FILE, key: FILE }] }, or set "
                + "tls_terminated: true if something in front ends TLS")
    }

    private static func check(
        _ tls: TLSListenerSettings, of listener: ListenerDraft, _ key: String, _ url: Origin?,
        _ reading: inout Reading
    ) {
        for (name, isSet) in [
            ("redirect_to_https", listener.redirectToHTTPS),
            ("tls_terminated", listener.tlsTerminated),
        ] where isSet {
            reading.problem(
                "\(key).\(name)", "is for plain listeners, and this one has tls",
                fix: "leave it out, or give the plain listener an entry of its own")
        }
        if url?.scheme == .http {
            reading.problem(
                "\(key).tls", "ends TLS, and external_url is http",
                fix: "write https in external_url, or leave tls out")
        }
        if tls.clientCA == nil, reading.isWritten("\(key).tls.client_certificates") {
            reading.warning(
                "\(key).tls.client_certificates", "has no effect without client_ca",
                fix: "name the authorities in client_ca, or leave it out")
        }
    }

    private static func claim(
        _ address: ListenAddress?, _ key: String, _ seen: inout [ListenAddress: String],
        _ reading: inout Reading
    ) {
        guard let address else { return }
        // Port 0 is the kernel's choice: another one each time.
        if case .ip(_, port: 0) = address { return }
        if let first = seen[address] {
            reading.problem(
                "\(key).address", "\(address) is already the address of \(first)",
                fix: "give each listener its own address")
        }
        seen[address] = key
    }
}

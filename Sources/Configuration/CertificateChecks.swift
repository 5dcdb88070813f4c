// The certificates of a listener, and of what is shown to upstreams: pairs that are pairs, for hosts that
// are ours. What a certificate says is another room's knowledge; this one knows where it was written.

internal import Cryptography
internal import HTTP

/// What is known of a certificate by who can read it.
package struct CertificateReport: Sendable {
    package enum Part: String, Sendable { case chain, key, ocsp }

    package struct Finding: Sendable {
        package let part: Part
        /// The end of a sentence that begins with the key: `ended on …`.
        package let what: String
        package let fix: String
        /// It works all the same, or for some.
        package let isWarning: Bool

        package init(_ part: Part, _ what: String, fix: String, isWarning: Bool) {
            self.part = part
            self.what = what
            self.fix = fix
            self.isWarning = isWarning
        }
    }

    /// In lower case: `a.test`, `*.a.test`.
    package let names: [String]
    package let findings: [Finding]

    package init(names: [String], findings: [Finding]) {
        self.names = names
        self.findings = findings
    }

    func covers(_ host: String) -> Bool {
        if names.contains(host) { return true }
        guard let dot = host.firstIndex(of: ".") else { return false }
        return names.contains("*" + host[dot...])
    }
}

enum CertificateChecks {
    static func check(_ draft: Draft, _ reading: inout Reading) {
        var reports: [CertificateReport] = []
        for (index, listener) in (draft.listeners ?? []).enumerated() {
            guard let tls = listener.tls else { continue }
            let key = "listeners[\(index)].tls"
            for (index, files) in tls.certificates.enumerated() {
                guard let report = report(files, "\(key).certificates[\(index)]", &reading) else {
                    continue
                }
                reports.append(report)
            }
            if let authorities = tls.clientCA {
                checkAuthorities(authorities.octets, "\(key).client_ca", &reading)
            }
        }
        checkHosts(draft, reports, &reading)
    }

    private static func report(
        _ files: CertificateFiles, _ key: String, _ reading: inout Reading
    ) -> CertificateReport? {
        guard let chain = files.chain, let secret = files.key,
            let report = reading.source.reportOnCertificate(
                chain.octets, secret.value.exposed, files.ocsp?.octets ?? [])
        else { return nil }
        tell(report.findings, &reading) { "\(key).\($0.rawValue)" }
        if report.names.isEmpty, !report.findings.contains(where: { !$0.isWarning }) {
            reading.warning(
                "\(key).chain", "names no host (it has no DNS name in subjectAltName)",
                fix: "have one issued that names the host; browsers look nowhere else")
        }
        return report
    }

    private static func tell(
        _ findings: [CertificateReport.Finding], _ reading: inout Reading,
        _ key: (CertificateReport.Part) -> String
    ) {
        for finding in findings {
            if finding.isWarning {
                reading.warning(key(finding.part), finding.what, fix: finding.fix)
            } else {
                reading.problem(key(finding.part), finding.what, fix: finding.fix)
            }
        }
    }

    /// What is shown to an upstream, and what it is trusted by.
    static func check(upstream: UpstreamDraft, _ key: String, _ reading: inout Reading) {
        if let ca = upstream.ca { checkAuthorities(ca, "\(key).ca_file", &reading) }
        guard let chain = upstream.clientCertificate, let secret = upstream.clientKey,
            let report = reading.source.reportOnCertificate(chain, secret, [])
        else { return }
        tell(report.findings, &reading) { part in
            switch part {
            case .chain, .ocsp: "\(key).client_certificate"
            case .key: "\(key).client_key"
            }
        }
    }

    static func checkAuthorities(_ octets: [UInt8], _ key: String, _ reading: inout Reading) {
        guard let fault = reading.source.faultInAuthorities(octets) else { return }
        reading.problem(
            key, fault, fix: "name the PEM file of the authorities that are to be trusted")
    }

    /// A host of ours that no certificate is for: its visitors would be warned off.
    private static func checkHosts(
        _ draft: Draft, _ reports: [CertificateReport], _ reading: inout Reading
    ) {
        guard !reports.isEmpty, reports.allSatisfy({ !$0.names.isEmpty }),
            let url = draft.externalURL,
            url.scheme == .https
        else { return }
        var hosts = [("external_url", url.host)]
        for (index, route) in (draft.routes ?? []).enumerated() {
            guard case .exact(let host)? = route.host else { continue }
            hosts.append(("routes[\(index)].host", host))
        }
        var seen: Set<String> = []
        for (key, host) in hosts
        where !seen.contains(host) && !reports.contains(where: { $0.covers(host) }) {
            seen.insert(host)
            reading.warning(
                key, "no listener's certificate is for \(host)",
                fix: "add a certificate that names \(host) under listeners[].tls.certificates")
        }
    }
}

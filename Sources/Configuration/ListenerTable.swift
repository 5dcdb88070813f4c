// `listeners` and `admin`.

/// A listener as far as it was read.
struct ListenerDraft: Sendable {
    var address: ListenAddress?
    var tls: TLSListenerSettings?
    var proxyProtocol = false
    var tlsTerminated = false
    var h2c = false
    var healthPath: String?
    var redirectToHTTPS = false
}

struct AdminDraft: Sendable {
    var address: ListenAddress?
    var control: String?
}

enum ListenerTable {
    static let listener = Section<ListenerDraft>(
        ListenerDraft(),
        [
            key(
                "address", \.address, .listenAddress,
                "Where to listen: host:port, [::]:port or unix:PATH.", example: "0.0.0.0:8443",
                isRequired: true),
            key(
                "tls", \.tls, .section(tls), "Ends TLS on this listener.",
                example: "{ certificates: [{ chain: tls/site.pem, key: tls/site.key }] }"),
            key(
                "proxy_protocol", \.proxyProtocol, .bool,
                "Whether a PROXY protocol preface is required, and only from trusted_proxies.",
                example: "true"),
            key(
                "tls_terminated", \.tlsTerminated, .bool,
                "Allows a plain listener under an https external_url: something in front ends TLS.",
                example: "true"),
            key(
                "h2c", \.h2c, .bool, "HTTP/2 by prior knowledge on a plain listener.",
                example: "true"),
            key(
                "health_path", \.healthPath, .urlPath,
                "A path answered here whatever the Host: 200, or 503 when /readyz is.",
                example: "/healthz"),
            key(
                "redirect_to_https", \.redirectToHTTPS, .bool,
                "Answers 308 to https and the host asked for; the listener has no path of its own.",
                example: "true"),
        ])

    static let tls = Section<TLSListenerSettings>(
        TLSListenerSettings(),
        [
            key(
                "certificates", \.certificates, .list(.section(certificate), atLeast: 1),
                "Chosen by the name the client asks for (SNI); the first is the default.",
                example: "[{ chain: tls/site.pem, key: tls/site.key }]", isRequired: true),
            key(
                "minimum_version", \.minimumVersion, .choice(), "The oldest TLS accepted.",
                example: "\"1.2\""),
            key(
                "profile", \.profile, .choice(),
                "The cipher suites offered; modern is TLS 1.3 alone.", example: "modern"),
            key(
                "client_ca", \.clientCA, .pem("CERTIFICATE"),
                "Turns on client certificates, signed by one of these authorities.",
                example: "tls/clients.pem"),
            key(
                "client_certificates", \.clientCertificates, .choice(),
                "Whether a client without a certificate is let in; the subject goes up as "
                    + "X-SSL-Client-S-DN.", example: "optional"),
            key(
                "ticket_keys", \.ticketKeys, .ticketKeys,
                "A fleet's file of session ticket keys: 80 octets in base64, one a line, the first "
                    + "seals. Read again when it changes.", example: "secrets/tickets",
                otherwise: "the process's own, rotated"),
        ])

    static let certificate = Section<CertificateFiles>(
        CertificateFiles(),
        [
            key(
                "chain", \.chain, .pem("CERTIFICATE"),
                "The certificate, and those between it and its authority. Read again, with its key, "
                    + "when it changes.", example: "tls/site.pem",
                isRequired: true),
            key(
                "key", \.key, .privateKeyFile, "The certificate's private key.",
                example: "tls/site.key", isRequired: true),
            key(
                "ocsp", \.ocsp, .fileOfLater,
                "An OCSP answer (DER) to staple while it is good. Read again when it changes.",
                example: "tls/site.ocsp"),
        ])

    static let admin = Section<AdminDraft>(
        AdminDraft(),
        [
            key(
                "address", \.address, .listenAddress,
                "Where /livez, /readyz, /metrics and the status page are.",
                example: "127.0.0.1:9080", isRequired: true),
            key(
                "control", \.control, .socketPath, "The socket on which sessions are ended.",
                example: "unix:/run/gatehouse/control.sock"),
        ])
}

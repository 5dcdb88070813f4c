// Each entry of `upstreams`.

struct UpstreamDraft: Sendable {
    var url: ServerAddress?
    var servers: [ServerAddress]?
    var host: HostSent?
    var via = true
    var ca: [UInt8]?
    var serverName: String?
    var clientCertificate: [UInt8]?
    var clientKey: [UInt8]?
    var balance = Balance.roundRobin
    var healthCheck: HealthCheck?

    /// Those of `url` or of `servers`, whichever was written.
    var allServers: [ServerAddress] { url.map { [$0] } ?? servers ?? [] }
}

enum UpstreamTable {
    static let upstream = Section<UpstreamDraft>(
        UpstreamDraft(),
        [
            key(
                "url", \.url, .server,
                "Its one server: an origin (http, https, h2c) or unix:PATH.",
                example: "http://127.0.0.1:3000", otherwise: "required, or servers"),
            key(
                "servers", \.servers, .list(.server, atLeast: 1),
                "Several servers, instead of url.",
                example: "[http://10.0.0.1:80, http://10.0.0.2:80]"),
            key(
                "host", \.host, .choice(), "Whose Host is sent.", example: "upstream",
                otherwise: "`upstream` under https, else `client`"),
            key(
                "via", \.via, .bool,
                "Whether Via is sent; false for an nginx upstream, which stops compressing where it "
                    + "sees one.", example: "false"),
            key(
                "ca_file", \.ca, .pem("CERTIFICATE"), "The authorities trusted for it.",
                example: "tls/internal-ca.pem", otherwise: "the system's"),
            key(
                "server_name", \.serverName, .hostName,
                "The name asked for in TLS and looked for in the certificate.",
                example: "api.internal.example.com", otherwise: "the server's host"),
            key(
                "client_certificate", \.clientCertificate, .pem("CERTIFICATE"),
                "The certificate presented to it, with client_key.", example: "tls/gatehouse.pem"),
            key(
                "client_key", \.clientKey, .pem("PRIVATE KEY"), "The certificate's private key.",
                example: "tls/gatehouse.key"),
            key(
                "balance", \.balance, .choice(), "How requests are spread over its servers.",
                example: "least_requests"),
            key(
                "health_check", \.healthCheck, .section(healthCheck),
                "Active checks of its servers: two answers in a row take one out, or bring it back.",
                example: "{ path: /healthz }",
                otherwise: "off"),
        ])

    static let healthCheck = Section<HealthCheck>(
        HealthCheck(),
        [
            key(
                "path", \.path, .urlPath, "The path asked for; 2xx and 3xx are well.",
                example: "/healthz"),
            key(
                "interval", \.interval, .duration(.milliseconds(100)...(.seconds(3600))),
                "How often it is asked for.", example: "5s"),
            key(
                "timeout", \.timeout, .duration(.milliseconds(10)...(.seconds(600))),
                "How long the answer may take.", example: "2s"),
        ])

    /// Names of upstreams and of providers: they stand in log lines, metrics and cookie names.
    @Sendable static func isName(_ name: String) -> Bool {
        name.utf8.count <= 64 && name.first.map { $0.isASCII && $0.isLetter } ?? false
            && name.utf8.allSatisfy { isLetterOrDigit($0) || $0 == 0x2D || $0 == 0x5F }
    }
    static let nameFix = "begin with a letter; then letters, digits, `-` and `_`, at most 64"
}

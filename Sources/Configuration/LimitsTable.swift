// `limits` and `timeouts`: of the file, and of a route.

enum LimitsTable {
    /// A connection's limits hold before anyone knows which route a request takes.
    static let ofConnections: Set<String> = [
        "request_line", "request_head", "request_fields", "connections", "connections_per_client",
        "memory",
    ]

    static let limits = Section<Limits>(
        Limits(),
        [
            key(
                "request_line", \.requestLine, .size(512...1 << 20),
                "The longest request line; a longer one is 414.", example: "16KiB"),
            key(
                "request_head", \.requestHead, .size(1024...16 << 20),
                "The largest request head; a larger one is 431.", example: "64KiB"),
            key(
                "request_fields", \.requestFields, .integer(1...10_000),
                "The most field lines in a head; more are 431.", example: "128"),
            key(
                "request_body", \.requestBody, .size(0...1 << 50),
                "The largest request content; larger is 413.", example: "10MiB",
                otherwise: "`null`, no limit"),
            key(
                "connections", \.connections, .integer(1...10_000_000),
                "The most client connections. Past it those idle longest are closed, and accepting "
                    + "pauses only while none is idle; the admin listener is not counted.",
                example: "20000"),
            key(
                "connections_per_client", \.connectionsPerClient, .integer(1...10_000_000),
                "The most connections of one client address; a further one is closed.",
                example: "200", otherwise: "`null`, no limit"),
            key(
                "minimum_rate", \.minimumRate, .size(1...1 << 40),
                "The least octets a second, over 10 s, of a body either way.", example: "1KiB",
                otherwise: "`null`, no limit"),
            key(
                "memory", \.memory, .size(1 << 20...1 << 50),
                "The most memory that connections and content may hold; past it requests are 503.",
                example: "1GiB",
                otherwise: "`null`, no limit"),
        ])

    /// Timeouts that run before a request's route is known, or after it was served.
    static let ofListeners: Set<String> = [
        "tls_handshake", "request_head", "keep_alive", "upstream_idle", "drain", "drain_delay",
    ]

    private static let wait = Kind<Duration>.duration(.milliseconds(1)...dayLimit)
    private static let pause = Kind<Duration>.duration(.zero...dayLimit)
    private static let dayLimit = Duration.seconds(30 * 86_400)

    static let timeouts = Section<Timeouts>(
        Timeouts(),
        [
            key(
                "tls_handshake", \.tlsHandshake, wait, "How long a TLS handshake may take.",
                example: "10s"),
            key(
                "request_head", \.requestHead, wait,
                "How long a request's head may take, from its first octet.", example: "10s"),
            key(
                "request_body", \.requestBody, wait,
                "How long a client may pause within a request's content.", example: "30s"),
            key(
                "keep_alive", \.keepAlive, wait,
                "How long a client's connection may wait for its next request.", example: "75s"),
            key(
                "connect", \.connect, wait,
                "How long a connection to an upstream may take, TLS included.", example: "5s"),
            key(
                "response_start", \.responseStart, wait,
                "How long an upstream may take to begin its answer; then 504.", example: "60s"),
            key(
                "response_idle", \.responseIdle, wait,
                "How long an upstream may pause within its answer.", example: "60s"),
            key(
                "client_write", \.clientWrite, wait,
                "How long a client may read nothing of what is ready for it.", example: "60s"),
            key(
                "upstream_write", \.upstreamWrite, wait,
                "How long an upstream may read nothing of what is ready for it.", example: "60s"),
            key(
                "request", \.request, wait,
                "How long a whole exchange may take, from the request's head to the answer's end.",
                example: "5m", otherwise: "`null`, no limit"),
            key(
                "upgraded_idle", \.upgradedIdle, wait,
                "How long an upgraded connection may be silent on both sides.", example: "1h"),
            key(
                "upstream_idle", \.upstreamIdle, pause,
                "How long an idle connection to an upstream is kept for the next request.",
                example: "4s"),
            key(
                "drain", \.drain, pause,
                "How long requests in progress may take once the process was told to stop.",
                example: "30s"),
            key(
                "drain_delay", \.drainDelay, pause,
                "How long the process is unready, and still serves, before it drains.",
                example: "5s"),
        ])
}

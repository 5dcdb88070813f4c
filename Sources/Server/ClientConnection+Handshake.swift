// The beginning of a client's connection under TLS, and what is said of one that fails.

import Configuration
import Gateway
import Platform
import TLS
import Telemetry
import Values

extension ClientConnection {
    /// Someone who speaks plain HTTP to a TLS port is told so, where they wait for an answer at all
    /// (RFC 9110 §15.5.1). Nothing of what they sent has been read as a request.
    static let plainTextAnswer: [UInt8] = Array(
        """
        HTTP/1.1 400 Bad Request\r
        Content-Type: text/plain; charset=utf-8\r
        Content-Length: 40\r
        Cache-Control: no-store\r
        Connection: close\r
        \r
        This port speaks https. Write https://.

        """.utf8)

    /// Why the handshake did not end well, for the log.
    func handshakeFault(hasRunOut: Bool) -> String? {
        if let fault = wire.fault { return fault }
        if hasRunOut { return "it took longer than timeouts.tls_handshake" }
        // A port scan, or a balancer that looks whether somebody listens: no handshake was begun.
        return wire.hasBegunTLS ? "the client hung up during the handshake" : nil
    }
}

/// Handshakes that failed, few of them in the log: anyone can make one fail, as often as they like.
struct HandshakeFailures {
    /// How many lines a stretch of time may have.
    static let linesMax = 10
    static let stretchNanoseconds: Int64 = 10_000_000_000

    private var began = MonotonicInstant(nanoseconds: 0)
    private var lines = 0
    private var unlogged = 0

    /// Whether this one is logged, and how many were not before it.
    mutating func admit(at now: MonotonicInstant) -> Int? {
        if now >= began.advanced(byNanoseconds: Self.stretchNanoseconds) {
            began = now
            lines = 0
        }
        guard lines < Self.linesMax else {
            unlogged += 1
            return nil
        }
        lines += 1
        defer { unlogged = 0 }
        return unlogged
    }
}

extension Worker {
    func noteHandshake() { counts.tlsHandshakes &+= 1 }

    func noteHandshake(failedBecause reason: String, _ peer: IPAddress?, listener: Int) {
        counts.tlsHandshakesFailed &+= 1
        guard let unlogged = handshakeFailures.admit(at: loop.now) else { return }
        let listeners = snapshot.configuration.listeners
        surroundings.log.event(
            .info, "tls-handshake-failed",
            [
                ("client", .string(peer?.description ?? "unix")),
                (
                    "listener",
                    .string(listeners.indices.contains(listener) ? listeners[listener].label : "")
                ),
                ("reason", .string(reason)), ("unlogged", .int(unlogged)),
            ])
    }
}

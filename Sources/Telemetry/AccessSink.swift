// A loop's own end of the access log. Lines gather here without a lock and go to the log in one piece,
// at the end of the loop's turn.

internal import Platform

package final class AccessSink {
    private let log: Log
    private var line = LogLine(.json)
    private var format: LogFormat?
    private var lines = 0

    package init(_ log: Log) {
        self.log = log
        refreshSettings()
    }

    /// Whether lines are wanted at all; the caller spares itself the facts when not.
    package var isOn: Bool { format != nil }

    /// Reads the log's settings again; a reload calls it.
    package func refreshSettings() {
        flush()
        format = log.accessFormat
        line = LogLine(format ?? .json)
    }

    /// One request's line. All texts are octets as they came; the line escapes them.
    /// - Parameters:
    ///   - path: canonical, without the query, which may hold a code or a token.
    ///   - microseconds: from the request's head to the end of its answer.
    package func append(
        request: Span<UInt8>, client: Span<UInt8>, method: Span<UInt8>, host: Span<UInt8>,
        path: Span<UInt8>, status: Int, octets: Int, microseconds: Int, route: Span<UInt8>,
        upstream: Span<UInt8>, subject: Span<UInt8>
    ) {
        guard format != nil else { return }
        line.begin(.info, "request", at: Clock.wallMilliseconds())
        line.add("request", request)
        line.add("client", client)
        line.add("method", method)
        line.add("host", host)
        line.add("path", path)
        line.add("status", status)
        line.add("bytes", octets)
        line.add("duration_ms", milliseconds: microseconds)
        line.add("route", route)
        line.add("upstream", upstream)
        line.add("subject", subject)
        line.end()
        lines += 1
        if line.octets.count > 65_536 { flush() }
    }

    /// Hands the gathered lines over; the loop calls it at the end of a turn.
    package func flush() {
        guard lines > 0 else { return }
        log.acceptAccess(line.octets, lines: lines)
        line.octets.removeAll(keepingCapacity: true)
        lines = 0
    }
}

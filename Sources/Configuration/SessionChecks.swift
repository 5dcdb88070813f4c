// Sessions: what an operator should know before a restart shows it.

internal import Cryptography
internal import HTTP

enum SessionChecks {
    static func check(_ draft: Draft, _ reading: inout Reading) {
        let session = draft.session
        if session.keys == nil, !reading.hasProblem("session.keys") {
            reading.warning(
                "session.keys", "is not set, so sessions end with the process",
                fix: "run `gatehouse keys new FILE` and add keys: { file: FILE }")
        }
        if let keys = session.keys, let fault = reading.source.faultInKeys(keys.value.exposed) {
            let file = keys.path.map { "\($0): " } ?? ""
            reading.problem(
                "session.keys", "\(file)\(fault)",
                fix: "make a key file with `gatehouse keys new FILE`")
        }
        if session.idleTimeout > session.lifetime {
            reading.warning(
                reading.isWritten("session.idle_timeout")
                    ? "session.idle_timeout" : "session.lifetime",
                "the idle timeout (\(durationText(session.idleTimeout))) is longer than the lifetime "
                    + "(\(durationText(session.lifetime))), so it never ends a session",
                fix: "make idle_timeout shorter than lifetime")
        }
        if session.storage == .cookie, session.redis == nil, session.stateDirectory == nil,
            !reading.hasProblem("session.redis")
        {
            reading.warning(
                "session.state_directory",
                "is not set, and neither is redis: a restart forgets which sessions were ended",
                fix: "add state_directory: PATH, or redis for several nodes")
        }
        if session.storage == .redis, session.redis == nil, !reading.hasProblem("session.redis") {
            reading.problem(
                "session.redis", "is required for storage: redis", fix: "add redis: { url: … }")
        }
        checkCookieName(session.cookie.name, draft, &reading)
    }

    /// Any host of the domain can set a cookie of another name here (RFC 6265bis §4.1.3.2).
    private static func checkCookieName(
        _ name: String, _ draft: Draft, _ reading: inout Reading
    ) {
        guard draft.externalURL?.scheme == .https, !name.hasPrefix("__Host-") else { return }
        reading.warning(
            "session.cookie.name",
            "\(quoted(name)) does not begin with __Host-, so a neighbouring host may set it",
            fix: "write __Host-\(name)")
    }
}

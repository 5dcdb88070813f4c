// `identity`: field names an operator may choose, and those nobody may.

internal import HTTP
internal import YAML

enum IdentityTable {
    static let identity = Section<IdentitySettings>(
        IdentitySettings(),
        [
            key(
                "headers", \.headers, headers,
                "The fields that say who the visitor is, and the claim each one carries. Copies sent "
                    + "by clients are removed, however spelled.", example: "{ X-User: sub }"),
            key(
                "unverified_email", \.unverifiedEmail, .bool,
                "Whether email is sent although email_verified is false.", example: "true"),
        ])

    private static let headers = Kind<[(name: String, value: String)]>.named(
        .text, names: "field names", fix: "write letters, digits and `-`, such as X-User",
        accepts: { !$0.isEmpty && $0.utf8.allSatisfy(isTokenOctet) }
    ).map(
        text: { (headers: [(field: String, claim: String)]) in
            "{ \(headers.map { "\($0.field): \($0.claim)" }.joined(separator: ", ")) }"
        },
        { pairs, key, reading in
            var seen: [String: String] = [:]
            for (name, _) in pairs {
                let path = key.below(name)
                let loose = looseName(name)
                if framing.contains(loose) {
                    reading.keyProblem(
                        path, "\(name) belongs to HTTP itself or to the client's credentials",
                        fix: "choose another name, such as X-User")
                } else if own.contains(loose) {
                    reading.keyProblem(
                        path, "\(name) is set by Gatehouse itself",
                        fix: "choose another name, such as X-User")
                }
                if let first = seen[loose] {
                    let what =
                        first.lowercased() == name.lowercased()
                        ? "is the same field as \(first)"
                        : "is the same field as \(first) to an upstream that reads `_` as `-`"
                    reading.keyProblem(path, what, fix: "keep one of the two")
                } else {
                    seen[loose] = name
                }
            }
            return pairs.map { (field: $0.name, claim: $0.value) }
        })

    /// Fields of framing, of the connection and of routing (RFC 9110 §7.6.1, RFC 9112 §6), and those
    /// that carry credentials.
    private static let framing: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "proxy-authenticate",
        "proxy-authorization", "proxy-authentication-info", "te", "trailer", "transfer-encoding",
        "upgrade", "content-length", "content-type", "content-encoding", "expect", "host",
        "max-forwards", "http2-settings", "cookie", "set-cookie", "authorization", "proxy",
    ]

    private static let own: Set<String> = [
        "forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host",
        "x-forwarded-port", "via", "x-request-id", "traceparent", "x-ssl-client-s-dn",
    ]

    /// How the laxest upstream may read a field name: in lower case, every octet that is no letter or
    /// digit a `-`.
    static func looseName(_ name: String) -> String {
        String(decoding: name.utf8.map(looselyFolded), as: UTF8.self)
    }
}

// The fields of an answer that no `Connection` list takes away, beside those that `KnownField` has.
//
// RFC 9110 §7.6.1: a sender must not list what is meant for all recipients. These say what the
// content is, how long it is good, who may read it and what a browser may do with it. An extension
// that none of this depends on ends at the hop that its sender says.

internal import HTTP

enum EndToEndFields {
    static func contains(_ name: Span<UInt8>) -> Bool {
        names.contains(name)
            || fieldNameBeginsLoosely(name, "content-")
            || fieldNameBeginsLoosely(name, "access-control-")
            || fieldNameBeginsLoosely(name, "cross-origin-")
    }

    private static let names = LooseNames([
        "accept-ranges", "age", "authentication-info", "clear-site-data", "document-policy", "etag",
        "last-modified", "link", "origin-agent-cluster", "permissions-policy", "pragma",
        "referrer-policy", "refresh", "repr-digest", "timing-allow-origin", "warning",
        "x-content-type-options", "x-frame-options", "x-permitted-cross-domain-policies",
        "x-xss-protection",
    ])
}

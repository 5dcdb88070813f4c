// Which fields may follow content, in either direction.
//
// RFC 9110 §6.5.1: what frames a message, routes it, modifies or authenticates it, or says what its
// content is, has to be known before the content is read, and a recipient that merged such a field
// into the head would obey somebody who was never checked. So every field that some decision of ours,
// or of a browser, asks about is left out, however spelled; so is what `Connection` named, and what
// only we may say. What is left (a checksum, a status of gRPC) passes as it came.

internal import HTTP
internal import Values

extension Gatekeeper {
    /// Appends the lines of a request's trailers that the upstream may have.
    package func appendRequestTrailers(
        _ trailers: Span<UInt8>, under plan: ForwardPlan, to out: inout [UInt8]
    ) {
        for field in ContentReader.fields(of: trailers) {
            let name = trailers.extracting(field.name.range)
            guard Trailers.mayStand(field, named: name, plan.endingHere.span),
                plan.snapshot.ownFields.fate(
                    of: field.known, named: name, fromTrustedProxy: false, hasCertificate: true)
                    == .keep
            else { continue }
            out.append(contentsOf: trailers.extracting(field.line.range))
        }
    }

    /// Appends the lines of an answer's trailers that the client may have.
    /// - Parameter endingHere: what the answer's `Connection` named.
    package func appendResponseTrailers(
        _ trailers: Span<UInt8>, endingHere: Span<UInt8>, to out: inout [UInt8]
    ) {
        for field in ContentReader.fields(of: trailers)
        where Trailers.mayStand(field, named: trailers.extracting(field.name.range), endingHere) {
            out.append(contentsOf: trailers.extracting(field.line.range))
        }
    }
}

enum Trailers {
    static func mayStand(
        _ field: FieldLine, named name: Span<UInt8>, _ endingHere: Span<UInt8>
    ) -> Bool {
        guard field.known == .other, !never.contains(name) else { return false }
        for prefix in prefixes where fieldNameBeginsLoosely(name, prefix) { return false }
        var members = ListMembers()
        while let member = members.next(in: endingHere) {
            if OctetText.equalsIgnoringASCIICase(name, endingHere.extracting(member)) {
                return false
            }
        }
        return true
    }

    private static let prefixes: [StaticString] = [
        "accept", "access-control-", "cdn-", "content-security-policy", "cross-origin-", "if-",
        "proxy-", "sec-", "surrogate-", "x-forwarded-", "x-original-", "x-ssl-",
    ]

    private static let never = LooseNames(
        KnownField.allCases.map(\.name).filter { !$0.isEmpty } + [
            "age", "clear-site-data", "content-disposition", "content-language", "content-range",
            "cookie2", "date", "document-policy", "from", "last-modified", "link", "location",
            "origin-agent-cluster", "permissions-policy", "pragma", "range", "referrer-policy",
            "refresh", "set-cookie2", "status", "warning", "x-content-type-options",
            "x-frame-options", "x-http-method-override", "x-permitted-cross-domain-policies",
            "x-xss-protection",
        ])
}

/// Whether a request's client takes trailers (RFC 9110 §10.1.4).
func acceptsTrailers(_ request: borrowing Request) -> Bool {
    guard request.has(.te), request.head.minorVersion > 0 else { return false }
    for field in request.head.fields where field.known == .te {
        let value = request.octets.extracting(field.value.range)
        var members = ListMembers()
        while let member = members.next(in: value) {
            if OctetText.equalsIgnoringASCIICase(value.extracting(member), "trailers") {
                return true
            }
        }
    }
    return false
}

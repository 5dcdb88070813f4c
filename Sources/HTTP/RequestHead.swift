// A request's head as offsets, and what its fields mean for the connection and the content.
//
// RFC 9112 §3, §6 and §9.3. Everything here was valid when the reader said `.head`; nothing later
// checks again. What the request asks for is the gateway's to judge.
import Values

/// A value to reuse: its array keeps its room from one request to the next. Offsets count from the
/// first octet the reader was given, so `octets.extracting(head.target.range)` is the target in the
/// buffer where it was received.
public struct RequestHead: Sendable {
    package var method = Method.get
    package var methodToken = OctetRange.empty
    package var target = OctetRange.empty
    package var form = TargetForm.origin
    /// Whom the request is for: the target's authority where it has one, else the Host field. Empty
    /// only for HTTP/1.0 without Host.
    package var authority = OctetRange.empty
    /// As received; empty means `/` in the absolute form, and no path in the others.
    package var path = OctetRange.empty
    /// Without its `?`. An empty query is not the same as none: see `hasQuery`.
    package var query = OctetRange.empty
    package var hasQuery = false
    /// 0 or 1.
    package var minorVersion: UInt8 = 1
    public package(set) var fields: [FieldLine] = []
    public package(set) var present = KnownFields()
    /// What to consume: through the empty line, blank lines before the request line included.
    package var octetCount = 0
    package var framing = BodyFraming.none
    package var connection = ConnectionOptions()
    /// The client waits for `100 Continue`, or a final answer, before it sends content.
    package var expectsContinue = false
    /// The value of `Upgrade`, where `Connection` names it and the version has it.
    package var upgrade: OctetRange?

    /// The host's name in `authority`, without port and without the root's dot; `nil` for an address in
    /// brackets, which has many spellings, and where the target names the host.
    package var hostName: OctetRange?
    /// Fields of more than one line.
    @usableFromInline var repeated = KnownFields()

    package init() { fields.reserveCapacity(32) }

    /// Whether another request may follow on this connection, as far as the client is concerned.
    package var keepsAlive: Bool { connection.keepsAlive(minorVersion: minorVersion) }

    /// HTTP/1.1 without Host is refused; of HTTP/1.0 this is `false`, and the gateway decides.
    package var hasHost: Bool { present.contains(.host) }

    /// Judges what the lines say together. Called once all of them are read.
    mutating func interpret(_ octets: Span<UInt8>) throws(RequestFault) {
        present = KnownFields()
        repeated = KnownFields()
        connection = []
        expectsContinue = false
        upgrade = nil
        var host: OctetRange?
        var framingFields = FramingFields()
        var connectionMembers = 0
        for index in fields.indices {
            let field = fields[index]
            switch field.known {
            case .other: continue
            case .host:
                guard host == nil else { throw .hostRepeated }
                host = field.value
            case .contentLength: framingFields.addLength(field.value)
            case .transferEncoding: framingFields.addCoding(field.value)
            case .connection:
                connection.formUnion(
                    ConnectionOptions(
                        octets.extracting(field.value.range), counting: &connectionMembers))
            case .expect where minorVersion > 0:
                // RFC 9110 §10.1.1: of HTTP/1.0 it is ignored.
                guard octets.extracting(field.value.range).isName("100-continue") else {
                    throw .expectationUnknown
                }
                expectsContinue = true
            case .upgrade: upgrade = upgrade ?? field.value
            default: break
            }
            if present.contains(field.known) {
                repeated.insert(field.known)
            } else {
                present.insert(field.known)
            }
        }
        guard connectionMembers <= ConnectionOptions.membersMax else {
            throw .fields(.connectionTooLong)
        }
        if minorVersion == 0 || !connection.contains(.upgrade) { upgrade = nil }
        try interpretTarget(octets, host: host)
        do {
            framing = try framingFields.framing(in: octets, minorVersion: minorVersion) ?? .none
        } catch { throw .framing(error) }
    }

    /// RFC 9112 §3.2 and §3.2.2.
    private mutating func interpretTarget(
        _ octets: Span<UInt8>, host: OctetRange?
    ) throws(RequestFault) {
        guard let parts = RequestTarget(octets.extracting(target.range), for: method) else {
            throw .targetInvalid
        }
        let start = Int(target.start)
        form = parts.form
        path = OctetRange(start + parts.path.lowerBound, start + parts.path.upperBound)
        hasQuery = parts.query != nil
        let queryPart = parts.query ?? 0..<0
        query = OctetRange(start + queryPart.lowerBound, start + queryPart.upperBound)

        hostName = nil
        guard let host else {
            guard minorVersion == 0 else { throw .hostMissing }
            authority = OctetRange(
                start + parts.authority.lowerBound, start + parts.authority.upperBound)
            return
        }
        guard let shape = HostField.shape(of: octets.extracting(host.range)) else {
            throw .hostInvalid
        }
        guard !parts.authority.isEmpty else {
            authority = host
            if shape.kind != .ipv6 {
                let start = host.range.lowerBound
                hostName = OctetRange(start + shape.host.lowerBound, start + shape.host.upperBound)
            }
            return
        }
        authority = OctetRange(
            start + parts.authority.lowerBound, start + parts.authority.upperBound)
        // The RFC lets the target win; two readers may not agree on that, so they must be the same.
        guard
            HostField.areSame(
                octets.extracting(authority.range), octets.extracting(host.range),
                defaultPort: form == .authority ? nil : parts.isHTTPS ? 443 : 80)
        else { throw .hostMismatch }
    }
}

// Policy asks these a dozen times of each request. They are `public` and inlinable because a room does
// not see into another: a call would copy the whole head to hand it over.
extension RequestHead: MessageHead {
    @inlinable public func first(_ known: KnownField) -> FieldLine? {
        guard let index = nextIndex(of: known, from: 0) else { return nil }
        return fields[index]
    }

    @inlinable public func only(_ known: KnownField) -> FieldLine? {
        guard !repeated.contains(known) else { return nil }
        return first(known)
    }

    @inlinable public func nextIndex(of known: KnownField, from start: Int) -> Int? {
        guard present.contains(known), start >= 0 else { return nil }
        var index = start
        while index < fields.count {
            if fields[index].known == known { return index }
            index += 1
        }
        return nil
    }
}

// A response's head as offsets, and where its content ends.
//
// RFC 9112 §4 and §6.3. A head of 1xx is a head like any other here; whoever reads them counts them
// and reads on. Hop-by-hop fields and cookies are the gateway's.
import Values

/// A value to reuse, as `RequestHead` is.
package struct ResponseHead: MessageHead, Sendable {
    /// 100...599.
    package var status = 0
    package var reason = OctetRange.empty
    /// 0 or 1.
    package var minorVersion: UInt8 = 1
    package var fields: [FieldLine] = []
    package var present = KnownFields()
    /// What to consume: through the empty line.
    package var octetCount = 0
    package var connection = ConnectionOptions()
    /// What the framing fields say; `nil` without them.
    package var declaredFraming: BodyFraming?
    /// How the content is delimited, as the answer to the request that the reader was told of.
    package var framing = ResponseFraming.none
    /// The value of `Upgrade`, where `Connection` names it.
    package var upgrade: OctetRange?

    package init() { fields.reserveCapacity(32) }

    /// Where the field's first value lies.
    package func range(of known: KnownField) -> Range<Int>? { first(known)?.value.range }

    /// An answer before the final one. 101 is final: what follows it is no HTTP.
    package var isInterim: Bool { status < 200 && status != 101 }

    /// How the content is delimited, given what was asked (RFC 9112 §6.3).
    package func framing(for method: Method) -> ResponseFraming {
        guard hasContent(for: method) else { return .none }
        return switch declaredFraming {
        case .chunked: .chunked
        case .length(let length): .length(length)
        // There is no such declaration; and without one the end of the connection ends the content.
        case .some(.none), nil: .untilClose
        }
    }

    /// Whether content follows, be it empty.
    package func hasContent(for method: Method) -> Bool {
        if method == .head || status < 200 || status == 204 || status == 304 { return false }
        return !(method == .connect && status < 300)
    }

    /// Whether the upstream will take another request on this connection. A 204 or 1xx that
    /// announces content, which it may not have (§6.1, RFC 9110 §8.6), is not trusted to have sent
    /// none.
    package var keepsAlive: Bool {
        if framing == .untilClose { return false }
        if status < 200 || status == 204 {
            switch declaredFraming {
            case nil, .some(.none), .length(0): break
            case .chunked, .length: return false
            }
        }
        return connection.keepsAlive(minorVersion: minorVersion)
    }

    /// Judges what the lines say together. Called once all of them are read.
    mutating func interpret(
        _ octets: Span<UInt8>, requestMethod: Method
    ) throws(ResponseFault) {
        present = KnownFields()
        connection = []
        upgrade = nil
        var framingFields = FramingFields()
        var connectionMembers = 0
        for index in fields.indices {
            let field = fields[index]
            switch field.known {
            case .other: continue
            case .contentLength: framingFields.addLength(field.value)
            case .transferEncoding: framingFields.addCoding(field.value)
            case .connection:
                connection.formUnion(
                    ConnectionOptions(
                        octets.extracting(field.value.range), counting: &connectionMembers))
            case .upgrade: upgrade = upgrade ?? field.value
            default: break
            }
            present.insert(field.known)
        }
        guard connectionMembers <= ConnectionOptions.membersMax else {
            throw .fields(.connectionTooLong)
        }
        if !connection.contains(.upgrade) { upgrade = nil }
        do {
            declaredFraming = try framingFields.framing(in: octets, minorVersion: minorVersion)
        } catch { throw .framing(error) }
        framing = framing(for: requestMethod)
    }
}

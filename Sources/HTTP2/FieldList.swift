// Field lines in HTTP/1.1's spelling, as the library takes a field list.
//
// Names go out in lower case (RFC 9113 §8.2), which the library sees to as it copies them. What one
// visitor's request says of them never enters the table that others' requests share (RFC 7541 §7.1.3).

import CNGHTTP2
import Values

/// Its memory is used again: for a list, say the pseudo-fields, and then the lines.
struct FieldList: ~Copyable {
    private var pseudo: [(name: StaticString, value: Range<Int>)] = []
    private var values = OctetWriter(capacity: 0)
    /// Empty but while a list is given to the library.
    private var vectors: [nghttp2_nv] = []

    /// Lets go of the room that it has grown.
    mutating func tidy() { self = FieldList() }

    /// For trailers, which have no pseudo-fields.
    mutating func begin() {
        pseudo.removeAll(keepingCapacity: true)
        values.removeAll()
    }

    mutating func begin(status: Int) {
        begin()
        values.append(decimal: UInt64(clamping: status))
        pseudo.append((":status", 0..<values.count))
    }

    mutating func begin(_ request: RequestPseudoFields) {
        begin()
        add(":method", request.method.span)
        request.scheme.withUTF8Buffer { add(":scheme", $0.span) }
        add(":authority", request.authority.span)
        add(":path", request.path.span)
    }

    private mutating func add(_ name: StaticString, _ value: Span<UInt8>) {
        let start = values.count
        values.append(contentsOf: value)
        pseudo.append((name, start..<values.count))
    }

    /// The whole list, while `body` runs: the library copies it.
    /// - Parameters:
    ///   - lines: such as a reader has found to be good, `name: value` and CRLF, each.
    ///   - left: a field that is left out.
    mutating func with<Result>(
        _ lines: Span<UInt8> = Span(), without left: StaticString = "connection",
        _ body: (UnsafeBufferPointer<nghttp2_nv>) -> Result
    ) -> Result {
        var vectors: [nghttp2_nv] = []
        swap(&vectors, &self.vectors)
        defer { swap(&vectors, &self.vectors) }
        // SAFETY: the pointers are into `lines` and `values`, neither of which changes while the
        // closures run, and are forgotten with them; the library reads names and values, and copies
        // them, although it declares them as its to write.
        return lines.withUnsafeBufferPointer { lines in
            values.span.withUnsafeBufferPointer { values in
                for index in pseudo.indices {
                    let name = pseudo[index].name
                    vectors.append(
                        Self.vector(
                            UnsafeBufferPointer(
                                start: name.utf8Start, count: name.utf8CodeUnitCount),
                            UnsafeBufferPointer(rebasing: values[pseudo[index].value])))
                }
                Self.add(lines, without: left, to: &vectors)
                defer { vectors.removeAll(keepingCapacity: true) }
                return vectors.withUnsafeBufferPointer(body)
            }
        }
    }

    private static func add(
        _ lines: UnsafeBufferPointer<UInt8>, without left: StaticString,
        to vectors: inout [nghttp2_nv]
    ) {
        let text = lines.span
        var at = 0
        while let colon = OctetText.index(of: UInt8(ascii: ":"), in: text, from: at) {
            let end = OctetText.index(of: UInt8(ascii: "\r"), in: text, from: colon) ?? text.count
            let name = text.extracting(at..<colon)
            if !name.isEmpty, !endsHere(name), !OctetText.equalsIgnoringASCIICase(name, left) {
                let value = OctetText.trimmedRange(text, in: colon + 1..<end)
                vectors.append(
                    vector(
                        UnsafeBufferPointer(rebasing: lines[at..<colon]),
                        UnsafeBufferPointer(rebasing: lines[value]), isSecret: isSecret(name)))
            }
            at = end + 2
        }
    }

    private static func vector(
        _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>,
        isSecret: Bool = false
    ) -> nghttp2_nv {
        nghttp2_nv(
            name: UnsafeMutablePointer(mutating: name.baseAddress),
            value: UnsafeMutablePointer(mutating: value.baseAddress),
            namelen: name.count, valuelen: value.count,
            flags: UInt8(
                isSecret ? NGHTTP2_NV_FLAG_NO_INDEX.rawValue : NGHTTP2_NV_FLAG_NONE.rawValue))
    }

    /// RFC 9113 §8.2.2: what belongs to an HTTP/1.1 connection makes a message malformed.
    private static func endsHere(_ name: Span<UInt8>) -> Bool {
        switch name.count {
        case 4: OctetText.equalsIgnoringASCIICase(name, "host")
        case 7: OctetText.equalsIgnoringASCIICase(name, "upgrade")
        case 10:
            OctetText.equalsIgnoringASCIICase(name, "connection")
                || OctetText.equalsIgnoringASCIICase(name, "keep-alive")
        case 16: OctetText.equalsIgnoringASCIICase(name, "proxy-connection")
        case 17: OctetText.equalsIgnoringASCIICase(name, "transfer-encoding")
        default: false
        }
    }

    private static func isSecret(_ name: Span<UInt8>) -> Bool {
        switch name.count {
        case 6: OctetText.equalsIgnoringASCIICase(name, "cookie")
        case 10: OctetText.equalsIgnoringASCIICase(name, "set-cookie")
        case 13: OctetText.equalsIgnoringASCIICase(name, "authorization")
        default: false
        }
    }
}

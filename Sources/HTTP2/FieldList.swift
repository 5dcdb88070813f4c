// Field lines in HTTP/1.1's spelling, as the library takes a field list.
//
// Names go out in lower case (RFC 9113 §8.2), which the library sees to as it copies them. What one
// visitor's request says of them never enters the table that others' requests share (RFC 7541 §7.1.3).

import CNGHTTP2
import Values

struct FieldList: ~Copyable {
    private enum Part {
        case fixed(StaticString)
        case own(Range<Int>)
    }
    private struct Line {
        var name: Part
        var value: Range<Int>
        var isSecret: Bool
    }

    private var octets: [UInt8] = []
    private var lines: [Line] = []

    init(status: Int) {
        begin()
        octets.append(decimal: UInt64(clamping: status))
        lines.append(Line(name: .fixed(":status"), value: 0..<octets.count, isSecret: false))
    }

    init(_ pseudo: RequestPseudoFields) {
        begin()
        addPseudo(":method", pseudo.method.span)
        pseudo.scheme.withUTF8Buffer { addPseudo(":scheme", $0.span) }
        addPseudo(":authority", pseudo.authority.span)
        addPseudo(":path", pseudo.path.span)
    }

    /// For trailers, which have no pseudo-fields.
    init() { begin() }

    private mutating func begin() {
        octets.reserveCapacity(512)
        lines.reserveCapacity(16)
    }

    private mutating func addPseudo(_ name: StaticString, _ value: Span<UInt8>) {
        let start = octets.count
        octets.append(contentsOf: value)
        lines.append(Line(name: .fixed(name), value: start..<octets.count, isSecret: false))
    }

    /// Lines that a reader has found to be good: `name: value` and CRLF, each.
    mutating func add(_ text: Span<UInt8>, without left: StaticString = "connection") {
        let base = octets.count
        octets.append(contentsOf: text)
        var at = 0
        while at < text.count {
            guard let colon = OctetText.index(of: UInt8(ascii: ":"), in: text, from: at) else {
                return
            }
            var end = colon + 1
            while end < text.count, text[end] != 0x0D { end += 1 }
            let value = OctetText.trimmedRange(text, in: colon + 1..<end)
            let name = text.extracting(at..<colon)
            if !name.isEmpty, !Self.endsHere(name), !OctetText.equalsIgnoringASCIICase(name, left) {
                lines.append(
                    Line(
                        name: .own(base + at..<base + colon),
                        value: base + value.lowerBound..<base + value.upperBound,
                        isSecret: Self.isSecret(name)))
            }
            at = end + 2
        }
    }

    /// RFC 9113 §8.2.2: what belongs to an HTTP/1.1 connection makes a message malformed.
    private static func endsHere(_ name: Span<UInt8>) -> Bool {
        for field in [
            "connection", "transfer-encoding", "keep-alive", "proxy-connection", "upgrade", "host",
        ] as [StaticString]
        where name.count == field.utf8CodeUnitCount
            && OctetText.equalsIgnoringASCIICase(name, field)
        {
            return true
        }
        return false
    }

    private static func isSecret(_ name: Span<UInt8>) -> Bool {
        for field in ["authorization", "cookie", "set-cookie"] as [StaticString]
        where name.count == field.utf8CodeUnitCount
            && OctetText.equalsIgnoringASCIICase(name, field)
        {
            return true
        }
        return false
    }

    /// The fields, while `body` runs: the library copies them.
    mutating func withFields<Result>(
        _ body: (UnsafeBufferPointer<nghttp2_nv>) -> Result
    ) -> Result {
        // SAFETY: the pointers are into `octets`, which does not change while `body` runs; the library
        // reads names and values, and copies them, although it declares them as its to write.
        octets.withUnsafeMutableBufferPointer { octets in
            // Never empty: there is a status, a method or a trailer.
            let start = octets.baseAddress!
            let fields = lines.map { line in
                let (name, nameCount) =
                    switch line.name {
                    case .fixed(let text):
                        (UnsafeMutablePointer(mutating: text.utf8Start), text.utf8CodeUnitCount)
                    case .own(let range): (start + range.lowerBound, range.count)
                    }
                return nghttp2_nv(
                    name: name, value: start + line.value.lowerBound, namelen: nameCount,
                    valuelen: line.value.count,
                    flags: UInt8(
                        line.isSecret
                            ? NGHTTP2_NV_FLAG_NO_INDEX.rawValue : NGHTTP2_NV_FLAG_NONE.rawValue))
            }
            return fields.withUnsafeBufferPointer(body)
        }
    }

    var isEmpty: Bool { lines.isEmpty }
}

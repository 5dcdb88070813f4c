// Tokens, a quarter smaller.
//
// A JSON Web Token is base64url already (RFC 7515 §3.1), and a cookie wraps everything in base64url
// once more. So a token whose segments are canonical base64url is kept decoded, and any other token
// as its text; either way it comes back octet for octet.

internal import Values

enum PackedToken {
    /// More dots than this is no token anybody issues; such a text is kept as it is.
    private static let segmentsMax = 8

    /// A count of segments, each behind its length; or 0 and the text.
    static func append(_ token: String, to writer: inout PackedWriter) {
        guard let segments = segments(of: Array(token.utf8)) else {
            writer.append(0 as UInt8)
            writer.append(token)
            return
        }
        writer.append(UInt8(segments.count))
        for segment in segments { writer.append(segment) }
    }

    /// Moves past a token, and checks that it can be unpacked.
    static func skip(_ reader: inout PackedReader, _ octets: Span<UInt8>) -> Range<Int>? {
        let start = reader.position
        guard let count = reader.octet(octets), count <= segmentsMax else { return nil }
        for _ in 0..<max(1, Int(count)) {
            guard reader.text(octets) != nil else { return nil }
        }
        return start..<reader.position
    }

    /// Writes the token's text. `packed` has been measured by `skip`.
    static func unpack(_ packed: Range<Int>, of octets: Span<UInt8>, to out: inout OctetWriter) {
        let octets = octets.extracting(packed)
        var reader = PackedReader()
        guard let count = reader.octet(octets) else { return }
        guard count > 0 else {
            guard let text = reader.text(octets) else { return }
            out.append(contentsOf: octets.extracting(text))
            return
        }
        for segment in 0..<count {
            guard let range = reader.text(octets) else { return }
            if segment > 0 { out.append(UInt8(ascii: ".")) }
            Base64URL.append(octets.extracting(range), to: &out)
        }
    }

    private static func segments(of text: [UInt8]) -> [[UInt8]]? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count <= segmentsMax else { return nil }
        var segments: [[UInt8]] = []
        for part in parts {
            let part = Array(part)
            guard let decoded = Base64URL.decode(part.span) else { return nil }
            segments.append(decoded)
        }
        return segments
    }
}

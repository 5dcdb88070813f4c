// The canonical path: canonical once, canonical for good, and without a segment of dots in any
// reading, its own or that of the second match.
import HTTP
import Values

extension Entry {
    static let paths = Entry("paths", octetsMax: 512) { octets in
        for (passes, keeps) in [(false, false), (true, false), (false, true), (true, true)] {
            let options = CanonicalPath.Options(encodedSlashesPass: passes, keepSlashes: keeps)
            var path: [UInt8] = []
            guard
                (try? CanonicalPath.canonicalize(octets.span, options: options, into: &path))
                    != nil
            else { continue }
            var again: [UInt8] = []
            _ = try CanonicalPath.canonicalize(path.span, options: options, into: &again)
            try hold(again == path, "not idempotent: \(text(path)) became \(text(again))")
            try checkSegments(path, keepsSlashes: keeps)
            if !keeps {
                var plain: [UInt8] = []
                CanonicalPath.withoutParameters(path.span, into: &plain)
                try checkSegments(plain, keepsSlashes: false)
                try hold(!plain.contains(UInt8(ascii: ";")), "parameters: \(text(plain))")
            }
        }
        _ = try? CanonicalPath.splitTarget(octets.span)
        for method in [HTTP.Method.get, .options, .connect] {
            _ = RequestTarget(octets.span, for: method)
        }
    }

    private static func checkSegments(_ path: [UInt8], keepsSlashes: Bool) throws {
        try hold(path.first == UInt8(ascii: "/"), "not absolute: \(text(path))")
        let segments = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for (index, segment) in segments.enumerated() {
            let isInner = index > 0 && index < segments.count - 1
            try hold(!segment.isEmpty || keepsSlashes || !isInner, "slashes: \(text(path))")
            let decoded = PercentEncoding.decode(Array(segment).span)
            try hold(decoded != nil, "a broken escape: \(text(path))")
            // For a reader that decodes first, and one that then drops parameters.
            let hasDots = (decoded ?? []).split { $0 == 0x2f || $0 == 0x5c }.contains { part in
                let name = part.prefix { $0 != 0x3b }
                return name == [0x2e] || name == [0x2e, 0x2e]
            }
            try hold(!hasDots, "dots: \(text(path))")
        }
    }

    private static func text(_ octets: [UInt8]) -> String {
        String(decoding: octets, as: UTF8.self)
    }
}

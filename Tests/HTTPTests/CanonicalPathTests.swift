import HTTP
import Testing

/// The canonical path, or the code of the refusal.
func canonical(
    _ raw: String, encodedSlashesPass: Bool = false, keepSlashes: Bool = false
) -> String {
    canonical(octets(raw), encodedSlashesPass: encodedSlashesPass, keepSlashes: keepSlashes)
}

func canonical(
    _ raw: [UInt8], encodedSlashesPass: Bool = false, keepSlashes: Bool = false
) -> String {
    var path: [UInt8] = [1, 2, 3]  // what was in it before is gone
    do {
        _ = try CanonicalPath.canonicalize(
            raw.span,
            options: .init(encodedSlashesPass: encodedSlashesPass, keepSlashes: keepSlashes),
            into: &path)
        return String(decoding: path, as: UTF8.self)
    } catch { return error.code }
}

func features(_ raw: String) -> CanonicalPath.Features? {
    var path: [UInt8] = []
    return try? CanonicalPath.canonicalize(
        octets(raw).span, options: .init(encodedSlashesPass: true), into: &path)
}

@Suite struct `Canonical paths, product.md "Paths"` {
    static let same: [String] = [
        "/", "/a", "/a/", "/a/b", "/.well-known/x", "/a..", "/..a", "/...", "/a.b/c..d", "/.a./",
        // Other octets are data, raw too.
        "/a;b", "/;", "/a;x=/b", "/[a]|^{b}", "/'\"<>`", "/!$&'()*+,=:@", "/~user_name-1",
        // Escapes that are data stay as they came.
        "/%20", "/%09", "/%0a", "/%7f", "/%c3%a9", "/%C3%A9", "/%25", "/%252e%252e%252f", "/%3b",
        "/%3B", "/%3f", "/%23", "/%2B", "/%5B", "/adm%C0%AFin", "/%ff",
    ]

    @Test(arguments: same) func `what has one reading stays as it came`(_ path: String) {
        #expect(canonical(path) == path)
        #expect(canonical(path, keepSlashes: true) == path)
        #expect(canonical(path, encodedSlashesPass: true) == path)
    }

    static let equal: [(String, String)] = [
        ("", "/"),
        // Dot segments.
        ("/.", "/"), ("/..", "/"), ("/./", "/"), ("/../", "/"), ("/a/.", "/a/"), ("/a/..", "/"),
        ("/a/b/..", "/a/"), ("/a/b/../", "/a/"), ("/a/./b", "/a/b"), ("/../../a", "/a"),
        ("/public/../admin", "/admin"), ("/public/./../admin/x", "/admin/x"),
        ("/a/b/c/../../d", "/a/d"), ("/a/../b/..", "/"),
        // Repeated slashes, merged before dot segments are resolved.
        ("//", "/"), ("//admin", "/admin"), ("/a//", "/a/"), ("/admin//x", "/admin/x"),
        ("///a///b///", "/a/b/"), ("/public//../admin", "/admin"), ("/a//../b", "/b"),
        ("/a/.//b", "/a/b"), ("/a/..//b", "/b"),
        // Encoded unreserved octets.
        ("/%61dmin", "/admin"), ("/%41%5a%61%7A%30%39", "/AZaz09"), ("/%2D%2d%5F%7E%7e", "/--_~~"),
        ("/a%2eb", "/a.b"), ("/%2e%2e%2e", "/..."), ("/%2ea", "/.a"), ("/%67raphql", "/graphql"),
        ("/%7euser", "/~user"), ("/%2561", "/%2561"),
        ("/public;/../admin", "/admin"), ("/a;x/..", "/"),
    ]

    @Test(arguments: equal) func `equal spellings become one`(_ raw: String, _ path: String) {
        #expect(canonical(raw) == path)
        // One pass is enough: the canonical path is its own.
        #expect(canonical(path) == path)
    }

    static let refused: [(String, PathFault)] = [
        ("/public%2f..%2fadmin", .encodedSlash), ("/public/..%2fadmin", .encodedSlash),
        ("/a%2F", .encodedSlash), ("/a%5cb", .encodedSlash), ("/a%5Cb", .encodedSlash),
        ("/%00", .encodedNull), ("/admin%00", .encodedNull), ("/..%00", .encodedNull),
        ("/a\\b", .backslash), ("/\\", .backslash), ("/public\\..\\admin", .backslash),
        ("/%2e", .encodedDotSegment), ("/%2e%2e/admin", .encodedDotSegment),
        ("/public/%2e%2e/admin", .encodedDotSegment), ("/.%2e/", .encodedDotSegment),
        ("/%2E./a", .encodedDotSegment), ("/a/%2e", .encodedDotSegment),
        ("/%2e;x/a", .encodedDotSegment),
        ("/public/..;/admin", .dotSegmentWithParameters),
        ("/public/..;a=b/admin", .dotSegmentWithParameters),
        ("/..;", .dotSegmentWithParameters),
        ("/.;", .dotSegmentWithParameters), ("/..%3b/admin", .dotSegmentWithParameters),
        ("/..%3Ba/admin", .dotSegmentWithParameters), ("/a/.;x=y/b", .dotSegmentWithParameters),
        ("/a b", .octetInvalid), ("/a\tb", .octetInvalid), ("/a\r\nb", .octetInvalid),
        ("/\u{7f}", .octetInvalid), ("/\u{e9}", .octetInvalid), ("/a\0", .octetInvalid),
        ("/a#b", .fragment), ("/#", .fragment),
        ("/%", .escapeBroken), ("/%2", .escapeBroken), ("/%zz", .escapeBroken),
        ("/%u002e", .escapeBroken), ("/%%32e", .escapeBroken), ("/%2%35", .escapeBroken),
        ("/a%", .escapeBroken), ("/%g0", .escapeBroken), ("/%0g", .escapeBroken),
        ("a", .notAbsolute), ("*", .notAbsolute), ("../a", .notAbsolute), (".", .notAbsolute),
    ]

    @Test(arguments: refused) func `what two readers could read differently is refused`(
        _ raw: String, _ fault: PathFault
    ) {
        #expect(canonical(raw) == fault.code)
        #expect(canonical(raw, keepSlashes: true) == fault.code)
        if fault != .encodedSlash {
            #expect(canonical(raw, encodedSlashesPass: true) == fault.code)
        }
    }

    @Test func `every raw octet is data or refused, and none is changed`() {
        for octet in UInt8.min...UInt8.max {
            let raw = octets("/a") + [octet] + octets("b")
            let isData =
                octet > 0x20 && octet < 0x7f && octet != UInt8(ascii: "#")
                && octet != UInt8(ascii: "\\") && octet != UInt8(ascii: "%")
            let outcome = canonical(raw)
            #expect((outcome == String(decoding: raw, as: UTF8.self)) == isData, "\(octet)")
        }
    }

    @Test func `every escape is decoded, kept or refused`() {
        for octet in UInt8.min...UInt8.max {
            let hex = String(octet, radix: 16)
            let escape = "%" + (hex.count == 1 ? "0" + hex : hex)
            let character = Character(UnicodeScalar(octet))
            let isUnreserved =
                octet < 0x80
                && (character.isLetter || character.isNumber || "-._~".contains(character))
            let expected: String =
                switch octet {
                case 0: PathFault.encodedNull.code
                case UInt8(ascii: "/"), UInt8(ascii: "\\"): PathFault.encodedSlash.code
                default: isUnreserved ? "/a\(character)b" : "/a\(escape)b"
                }
            #expect(canonical("/a\(escape)b") == expected)
        }
    }

    static let encodedSlashes: [(String, String)] = [
        ("/a%2fb", "/a%2fb"), ("/a%2Fb", "/a%2Fb"), ("/a%5cb", "/a%5cb"), ("/%2f", "/%2f"),
        ("/a%2f%2fb", "/a%2f%2fb"), ("/a%2f.b", "/a%2f.b"), ("/a%2f...%2fb", "/a%2f...%2fb"),
        ("/x//a%2fb", "/x/a%2fb"), ("/%61%2fb", "/a%2fb"), ("/a%2f;x", "/a%2f;x"),
        ("/public%2f..%2fadmin", PathFault.dotSegmentBesideEncodedSlash.code),
        ("/public/..%2fadmin", PathFault.dotSegmentBesideEncodedSlash.code),
        ("/public%2f..", PathFault.dotSegmentBesideEncodedSlash.code),
        ("/public%5c..", PathFault.dotSegmentBesideEncodedSlash.code),
        ("/a%2f./b", PathFault.dotSegmentBesideEncodedSlash.code),
        ("/x/../a%2fb", PathFault.dotSegmentBesideEncodedSlash.code),
        ("/a%2fb/../c", PathFault.dotSegmentBesideEncodedSlash.code),
        ("/a%2fb/.", PathFault.dotSegmentBesideEncodedSlash.code),
        ("/a%2f%2e%2e", PathFault.encodedDotSegment.code),
        ("/%2e%2e%2fa", PathFault.encodedDotSegment.code),
        ("/a%2f..;x", PathFault.dotSegmentWithParameters.code),
        ("/..;x%2fa", PathFault.dotSegmentWithParameters.code),
        ("/a%2f%00", PathFault.encodedNull.code),
    ]

    @Test(arguments: encodedSlashes)
    func `encoded slashes are data as they came, never beside a dot segment`(
        _ raw: String, _ outcome: String
    ) { #expect(canonical(raw, encodedSlashesPass: true) == outcome) }

    static let keptSlashes: [(String, String)] = [
        ("//", "//"), ("/a//b", "/a//b"), ("//a//", "//a//"), ("/a//b/../c", "/a//c"),
        ("/a/b/..//c", "/a//c"), ("/a/.//b", "/a//b"), ("/./a//b", "/a//b"),
        ("/..//a", "//a"), ("/a/../b//c", "/b//c"),
        ("/a//../b", PathFault.slashesAmbiguous.code),
        ("/public//../admin", PathFault.slashesAmbiguous.code),
        ("//../a", "/a"),
        ("/a//..", PathFault.slashesAmbiguous.code),
        ("/a//./b", "/a//b"),
    ]

    @Test(arguments: keptSlashes)
    func `slashes are kept where dot segments do not depend on them`(
        _ raw: String, _ outcome: String
    ) { #expect(canonical(raw, keepSlashes: true) == outcome) }

    @Test func `what a route's rules depend on is reported`() {
        #expect(features("/a/b") == [])
        #expect(features("/a;b") == .semicolon)
        #expect(features("/a%3Bb") == .semicolon)
        #expect(features("/a%2fb") == .encodedSlash)
        #expect(features("/a%5Cb") == .encodedSlash)
        #expect(features("/a/../b") == .dotSegments)
        #expect(features("/a//b") == .repeatedSlashes)
        #expect(features("//./;") == [.repeatedSlashes, .dotSegments, .semicolon])
    }

    static let parameters: [(String, String)] = [
        ("/a;b", "/a"), ("/a;b/c", "/a/c"), ("/a%3bx/c;d", "/a/c"), ("/a%3Bx", "/a"),
        ("/;x/admin", "/admin"), ("/public/;x/admin", "/public/admin"),
        ("/admin;x=/public", "/admin/public"), ("/admin..;/", "/admin../"), ("/a/", "/a/"),
        ("/;", "/"), ("/a/;", "/a/"), ("/a%3a;b;c", "/a%3a"), ("/a%3", "/a%3"),
    ]

    @Test(arguments: parameters) func `the second match is on segments without parameters`(
        _ path: String, _ expected: String
    ) {
        var output: [UInt8] = [9]
        CanonicalPath.withoutParameters(octets(path).span, into: &output)
        #expect(String(decoding: output, as: UTF8.self) == expected)
    }

    static let targets: [(String, String)] = [
        ("/a", "/a"), ("/a?", "/a|"), ("/a?b?c", "/a|b?c"), ("?", "|"), ("/a?/../x", "/a|/../x"),
        ("/a?%zz%2f%00;\\[]|\"<>`{}", "/a|%zz%2f%00;\\[]|\"<>`{}"), ("/a?\u{e9}", "/a|\u{e9}"),
        ("/a#b", "target-fragment"), ("/a?b#c", "target-fragment"),
        ("/a?b c", "query-octet-invalid"),
        ("/a?b\tc", "query-octet-invalid"), ("/a?\u{7f}", "query-octet-invalid"),
        ("/a?\0", "query-octet-invalid"),
    ]

    @Test(arguments: targets) func `the query is what follows the first question mark`(
        _ target: String, _ expected: String
    ) {
        let target = octets(target)
        do {
            let (path, query) = try CanonicalPath.splitTarget(target.span)
            #expect(text(target, path) + (query.map { "|" + text(target, $0) } ?? "") == expected)
        } catch { #expect(error.code == expected) }
    }

    @Test func `any mix of troublesome parts is canonical at once or refused`() {
        let parts = ["/", ".", "..", "a", ";", "%2e", "%2f", "%3b", "//", "%41", "\\", "%"]
        for a in parts {
            for b in parts {
                for c in parts {
                    for d in parts {
                        let raw = "/" + a + b + c + d
                        let once = canonical(raw, encodedSlashesPass: true)
                        guard once.hasPrefix("/") else { continue }
                        #expect(canonical(once, encodedSlashesPass: true) == once, "\(raw)")
                        let segments = once.split(separator: "/", omittingEmptySubsequences: false)
                        #expect(!segments.contains(".") && !segments.contains(".."), "\(raw)")
                        #expect(!once.contains("//") && !once.contains("\\"), "\(raw)")
                        let kept = canonical(raw, encodedSlashesPass: true, keepSlashes: true)
                        if kept.hasPrefix("/") {
                            #expect(canonical(kept, encodedSlashesPass: true) == once, "\(raw)")
                        }
                    }
                }
            }
        }
    }
}

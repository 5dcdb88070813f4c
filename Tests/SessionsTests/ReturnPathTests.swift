import Testing

@testable import Sessions

@Suite struct `Where a login may lead` {
    static let kept = [
        "/", "/a", "/a/b?c=d&e=/f", "/?", "/a?b=//evil.test", "/a?u=https://evil.test/",
        "/search?q=%2f%5c%00", "/a//b", "/a/", "/a;b=c", "/%E2%82%AC", "/a%2fb", "/%5cevil.test",
        "/%2f%2fevil.test", "/%09/evil.test", "/%252f%252fevil.test", "/javascript:alert(1)",
        "/@evil.test", "/a?b=%0d%0aSet-Cookie:x=y", "/...", "/.well-known/x", "/.authx", "/x/.auth",
        "/a?..", "/[a]|^{b}'\"<>`", "/~user",
    ]

    @Test(arguments: kept) func `a path of our own stays as it is`(_ path: String) {
        #expect(ReturnPath.checked(path) == path)
    }

    static let refused = [
        // OR-01, OR-06 … OR-08: other origins, however they are dressed.
        "", "a", "https://evil.test/", "https://portal.example.com/", "http://sub.good.test",
        "https://good.test:8443", "https://good.test@evil.test/", "https://good.test%40evil.test",
        "https:/evil.test", "https:evil.test", "https:///evil.test", "HtTpS://evil.test",
        "evilexample.com", "example.com.evil.test", "?", "?a", "#", "*", ".", "..", "./a",
        // OR-03: a backslash is a slash to browsers.
        "/\\evil.test", "\\\\evil.test", "\\/evil.test", "/\\/evil.test", "/./\\evil.test",
        "/./../../\\evil.test", "/a\\b", "/a?b\\c",
        // OR-04: browsers drop tabs and line ends before they read a URL.
        "/\t/evil.test", "/\n\\evil.test", "/\u{b}/evil.test", "/\u{c}/evil.test", "/\r/evil.test",
        "/\t\t/evil.test", "/\t\t\t\t/evil.test", "\t//evil.test", " //evil.test", " /a", "/a ",
        "/a b", "/a\u{0}b", "/a\u{7f}b", "/\u{1}/evil.test",
        // OR-10: dangerous schemes.
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", "\u{1}javascript:alert(1)",
        "data:text/html,x", "vbscript:x", "java\tscript:alert(1)",
        // OR-11: what other alphabets take for slashes and dots; not percent-encoded, so not a
        // path.
        "/\u{ff0f}evil.test", "\u{ff0f}\u{ff0f}evil.test", "//evil\u{3002}test",
        "/\u{2215}evil.test",
        "/\u{e4}",
        // OR-13: two slashes name a host.
        "//evil.test", "//evil.test/x", "///evil.test", "////evil.test", "//", "//@evil.test",
        "/.//evil.test", "/..//evil.test", "/%2e//evil.test", "/%2E%2e//evil.test",
        "/a/..//evil.test",
        "/a/../b", "/a/.", "/a/..", "/a/%2e%2e/b", "/.", "/..", "/.%2e/x", "/./?x",
        // OR-15: line ends.
        "/a\r\nSet-Cookie:x=y", "/a\nLocation:", "/%0d%0a\r\n",
        // Broken escapes, fragments, and our own paths.
        "/a%", "/a%2", "/a%zz", "/a#b", "/#//evil.test", "/.auth", "/.auth/", "/.auth/login",
        "/.auth?x", "/%2eauth/logout", "/%2Eauth/login", "/.%61uth/login", "/%2e%61%75%74%68/x",
    ]

    @Test(arguments: refused) func `anything else leads to the front page`(_ path: String) {
        #expect(ReturnPath.checked(path) == "/")
    }

    @Test func `a path has at most 2048 octets`() {
        let longest = "/" + String(repeating: "x", count: ReturnPath.octetsMax - 1)
        #expect(ReturnPath.checked(longest) == longest)
        #expect(ReturnPath.checked(longest + "x") == "/")
        #expect(ReturnPath.checked("/" + String(repeating: "x", count: 65_536)) == "/")
    }

    @Test func `every octet has its place`() {
        for octet in UInt8.min...0x7f {
            let path = "/a" + String(UnicodeScalar(octet)) + "b"
            let isPlain =
                (0x21...0x7e).contains(octet) && ![0x25, 0x5c, 0x23].contains(octet)
            #expect(ReturnPath.checked(path) == (isPlain ? path : "/"), "\(octet)")
        }
    }
}

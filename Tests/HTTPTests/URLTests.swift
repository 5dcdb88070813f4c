import HTTP
import Testing
import Values

@Suite struct `Origins and hosts` {
    static let origins: [(String, String?)] = [
        ("https://example.com", "https://example.com"),
        ("HTTPS://Example.COM", "https://example.com"),
        ("https://example.com:443", "https://example.com"),
        ("http://example.com:443", "http://example.com:443"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"), ("http://[0:0::1]", "http://[::1]"),
        ("https://example.com.", "https://example.com"),
        ("https://example.com/", nil), ("https://example.com/x", nil), ("https://", nil),
        ("https://a@example.com", nil), ("ftp://example.com", nil), ("null", nil), ("", nil),
        ("https:/example.com", nil), ("https:example.com", nil), ("//example.com", nil),
        ("https://example.com:0", nil), ("https://example.com:65536", nil),
        ("https://example.com?x", nil), ("https://example.com#x", nil),
        ("https://exa mple.com", nil), ("https://ex\u{e4}mple.com", nil), ("https://a\\b", nil),
        ("https://example.com\n", nil), (" https://example.com", nil), ("https://127.1", nil),
    ]
    @Test(arguments: origins) func `an origin is scheme, host and port alone`(
        _ text: String, _ expected: String?
    ) { #expect(Origin(parsing: text)?.description == expected) }

    @Test func `one trailing slash is allowed where it is asked for`() {
        #expect(Origin(parsing: "https://a/", trailingSlash: true)?.description == "https://a")
        #expect(Origin(parsing: "https://a//", trailingSlash: true) == nil)
    }

    @Test(arguments: [
        ("http://localhost", true), ("http://app.localhost:3000", true), ("http://127.9.9.9", true),
        ("http://[::1]", true), ("http://localhost.example.com", false),
        ("http://notlocalhost", false), ("http://128.0.0.1", false), ("http://[::2]", false),
        ("http://127.0.0.1.example.com", false),
    ]) func `loopback is what never leaves the machine`(_ text: String, _ isLoopback: Bool) {
        #expect(Origin(parsing: text)?.isLoopback == isLoopback)
    }

    @Test func `a host is lower case, without the root's dot, IPv6 in its canonical form`() {
        for (text, host, port) in [
            ("ADMIN.test", "admin.test", nil), ("admin.test.", "admin.test", nil),
            ("admin.test.:443", "admin.test", 443), ("[2001:DB8::0:1]:80", "[2001:db8::1]", 80),
            ("127.0.0.1", "127.0.0.1", nil),
        ] as [(String, String, UInt16?)] {
            let parsed = HostField.parse(text)
            #expect(parsed?.host == host)
            #expect(parsed?.port == port)
        }
    }
}

@Suite struct `URLs` {
    static let valid: [(String, String)] = [
        ("https://a", "https://a/"), ("https://a/x?y=z", "https://a/x?y=z"),
        ("https://a?y", "https://a/?y"), ("HTTPS://A:443/X", "https://a/X"),
        ("http://a:8080/%7e", "http://a:8080/%7e"), ("https://a/?", "https://a/?"),
        ("https://a/?x=%", "https://a/?x=%"),
    ]
    @Test(arguments: valid) func `a URL is written as it was read`(_ text: String, _ url: String) {
        #expect(HTTPURL(parsing: text)?.description == url)
    }

    @Test(arguments: [
        "", "a", "/a", "//a", "https://", "https://a/#", "https://a/x#y", "https://u@a/",
        "https://u:p@a/", "javascript:alert(1)", "data:,x", "ftp://a/", "https://a/ b",
        "https://a/\u{e9}", "https://a/\\b", "https://a/%", "https://a/%zz", "https://a/\t",
        "https://a/<x>", "https://a\\@b/", "https://a/?x y", "https:///x", "https://a:b/",
    ]) func `what is no plain URL is none`(_ text: String) {
        #expect(HTTPURL(parsing: text) == nil)
    }

    static let references: [(String, String?)] = [
        ("", "https://a/b/c?q"), ("?x", "https://a/b/c?x"), ("d", "https://a/b/d"),
        ("./d", "https://a/b/d"), ("../d", "https://a/d"), ("../../../d", "https://a/d"),
        ("/d", "https://a/d"), ("/d/../e?f", "https://a/e?f"), ("//h/d", "https://h/d"),
        ("http://h/d", "http://h/d"), ("d/", "https://a/b/d/"), (".", "https://a/b/"),
        ("..", "https://a/"), ("/a/./b/", "https://a/a/b/"), ("d?e/../f", "https://a/b/d?e/../f"),
        ("javascript:x", nil), ("mailto:a@b", nil), ("#x", nil), ("/\\evil", nil),
        ("\\\\evil", nil),
        ("//", nil), ("//u@h/", nil), ("d e", nil), ("./a:b", "https://a/b/a:b"),
    ]
    @Test(arguments: references) func `references resolve by RFC 3986`(
        _ reference: String, _ expected: String?
    ) throws {
        let base = try #require(HTTPURL(parsing: "https://a/b/c?q"))
        #expect(base.resolving(reference)?.description == expected)
    }

    @Test func `a query is put behind the one there is`() throws {
        var form = Form()
        form.append("a b", "c&d")
        let plain = try #require(HTTPURL(parsing: "https://a/x"))
        #expect(plain.appending(form)?.description == "https://a/x?a+b=c%26d")
        let queried = try #require(HTTPURL(parsing: "https://a/x?y"))
        #expect(queried.appending(form)?.description == "https://a/x?y&a+b=c%26d")
        let empty = try #require(HTTPURL(parsing: "https://a/x?"))
        #expect(empty.appending(query: "z")?.description == "https://a/x?z")
        #expect(plain.appending(query: "a b") == nil)
        #expect(plain.target == "/x")
    }
}

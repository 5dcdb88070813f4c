import HTTP
import Testing
import Values

@testable import Demo

@Suite struct `Pages escape what they show` {
    private static let hostile = "<script>alert('x')</script>\"&"
    private static let escaped = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;"

    @Test func `text is text in HTML, and in an attribute`() {
        #expect(Self.hostile.escapedForHTML == Self.escaped)
        #expect("Ærø 日本".escapedForHTML == "Ærø 日本")
    }

    static let pages: [(String, String)] = [
        ("a message", ProviderPages.message(hostile, hostile)),
        ("the sign-in page", ProviderPages.signIn(ticket: hostile, failed: true)),
        (
            "the site",
            SitePage.home(user: hostile, name: hostile, email: hostile, groups: [hostile])
        ),
    ]

    @Test(arguments: pages) func `no page has a tag that was given to it`(
        _ name: String, _ page: String
    ) {
        #expect(!page.contains("<script>alert"))
        #expect(page.contains(Self.escaped))
    }

    private func home(_ fields: [(name: String, value: String)]) -> HTTPMessage.Response {
        DemoSite().answer(
            HTTPMessage.Request(method: "GET", target: "/", fields: fields), at: noon)
    }

    @Test func `the site shows who the identity fields name, escapes undone once`() {
        let response = home([
            (name: "X-Forwarded-User", value: "alice"),
            (name: "X-Forwarded-Name", value: "%3Cb%3E%20%C3%86r%C3%B8%20%253C"),
            (name: "X-Forwarded-Groups", value: "readers,Solar%2C rooftop"),
        ])
        #expect(response.text.contains("&lt;b&gt; Ærø %3C"))
        #expect(response.text.contains("<li>readers</li><li>Solar, rooftop</li>"))
        #expect(response.field("Content-Security-Policy")?.contains("script-src 'self'") == true)
    }

    @Test func `a broken escape stays as it is`() {
        let response = home([(name: "X-Forwarded-User", value: "100%<")])
        #expect(response.text.contains("100%&lt;"))
    }

    @Test func `without identity fields nobody is signed in`() {
        #expect(home([]).text.contains("Nobody is signed in."))
    }

    @Test(arguments: [
        ("GET", "/", 200), ("HEAD", "/", 200), ("GET", "/assets/site.css", 200),
        ("GET", "/assets/site.js", 200), ("POST", "/", 404), ("GET", "/other?x=<b>", 404),
    ]) func `the site has one page and its assets`(
        _ method: String, _ target: String, _ status: Int
    ) {
        let response = DemoSite().answer(
            HTTPMessage.Request(method: method, target: target), at: noon)
        #expect(response.status == status)
        #expect(!response.text.contains("<b>"))
    }
}

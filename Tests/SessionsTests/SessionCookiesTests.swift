import HTTP
import Testing
import Values

@testable import Sessions

private let cookies = SessionCookies(named: "__Host-gatehouse", isSecure: true, sameSite: .strict)
private let most = SessionCookies.valueOctetsMax(named: cookies.name)

private func text(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(ascii: "a") + UInt8($0 % 26) }
}

@Suite struct `Session cookies` {
    struct Name: Sendable {
        let provider: String
        let isSecure: Bool
        let expected: String
    }
    static let names = [
        Name(provider: "", isSecure: true, expected: "__Host-gatehouse"),
        Name(provider: "staff", isSecure: true, expected: "__Host-gatehouse.staff"),
        Name(provider: "", isSecure: false, expected: "gatehouse"),
        Name(provider: "staff", isSecure: false, expected: "gatehouse.staff"),
    ]

    @Test(arguments: names) func `are named for the provider and the scheme`(_ row: Name) {
        let cookies = SessionCookies(
            named: "__Host-gatehouse", provider: row.provider, isSecure: row.isSecure)
        #expect(cookies.name == row.expected)
        let field = cookies.split(text(10))[0].field
        #expect(field.hasPrefix(row.expected + "="))
        #expect(field.contains("; Secure") == row.isSecure)
        #expect(field.contains("; HttpOnly") && field.contains("; Path=/"))
        #expect(field.contains("; SameSite=Lax") && !field.contains("Domain"))
    }

    static let sizes = [0, 1, 2, 3, 7, 8].flatMap { n in [-2, -1, 0, 1, 2].map { n * most + $0 } }
        .filter { (1...8 * most).contains($0) }

    @Test(arguments: sizes) func `split is undone by joining, at every boundary`(_ count: Int) {
        let set = cookies.split(text(count))
        #expect(set.count == (count + most - 1) / most)
        #expect(set.map(\.value).joined().utf8.elementsEqual(text(count)))
        #expect(set.allSatisfy { !$0.value.isEmpty })
        #expect(
            set.map(\.name) == set.indices.map { $0 == 0 ? cookies.name : "\(cookies.name).\($0)" })
        for cookie in set {
            #expect(cookie.field.utf8.count <= SessionCookies.cookieOctetsMax)
        }
    }

    @Test func `a full cookie wastes little of what a browser keeps`() {
        let field = cookies.split(text(most))[0].field
        #expect(field.utf8.count > SessionCookies.cookieOctetsMax - 32)
    }

    @Test func `leftovers of a larger session are deleted, and only those sent`() {
        let present: SessionCookies.Pieces = [.piece(0), .piece(1), .piece(3)]
        let set = cookies.setCookies(text(10), replacing: present)
        #expect(
            set.map(\.name) == ["__Host-gatehouse", "__Host-gatehouse.1", "__Host-gatehouse.3"])
        #expect(set.map(\.maxAge) == [nil, 0, 0])
        #expect(set.map(\.secure) == [true, true, true])
        #expect(
            cookies.setCookies(text(2 * most), replacing: present).map(\.maxAge) == [nil, nil, 0])
    }

    @Test func `ending a session deletes every piece the request brought`() {
        let gone = cookies.deletions(of: [.piece(0), .piece(7)])
        #expect(gone.map(\.name) == ["__Host-gatehouse", "__Host-gatehouse.7"])
        #expect(
            gone[0].field
                == "__Host-gatehouse=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict")
        #expect(cookies.deletions(of: []).isEmpty)
    }

    @Test func `the budget counts names and values of all pieces`() {
        let count = 1000
        let octets = cookies.octets(forPlaintext: count)
        #expect(
            octets == Layout.textOctets(count, for: .session) + "__Host-gatehouse=; ".utf8.count)
        #expect(cookies.fits(plaintext: count, budget: octets))
        #expect(!cookies.fits(plaintext: count, budget: octets - 1))
    }

    @Test func `no budget lets a session have more than eight pieces`() {
        var count = 8 * most * 3 / 4
        while Layout.textOctets(count, for: .session) > 8 * most { count -= 1 }
        #expect(cookies.fits(plaintext: count, budget: .max))
        #expect(!cookies.fits(plaintext: count + 1, budget: .max))
    }
}

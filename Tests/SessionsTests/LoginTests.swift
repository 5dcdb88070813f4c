import HTTP
import Testing
import Values

@testable import Sessions

private let cookies = LoginCookies(named: "__Host-gatehouse", isSecure: true)

private func attempt(at now: UnixTime = noon, seed: UInt64 = 1, returnTo: String = "/a?b=c")
    -> LoginAttempt
{
    var dice = Dice(seed)
    return LoginAttempt(
        returnTo: returnTo, provider: "staff", host: "portal.example.com",
        redirectURI: "https://portal.example.com/.auth/callback/staff", maxAge: .seconds(300),
        authenticationContexts: ["2", "3"], at: now, using: &dice)
}

@Suite struct `A login in progress` {
    @Test func `comes back as it was`() {
        var original = attempt()
        #expect(LoginAttempt(decoding: original.encoded()) == original)
        original.maxAge = nil
        original.authenticationContexts = []
        original.provider = ""
        #expect(LoginAttempt(decoding: original.encoded()) == original)
        original.isSilent = true
        original.replacesSession = true
        for isRepeated in [false, true] {
            original.ending = LoginAttempt.Ending(at: noon, isRepeated: isRepeated)
            #expect(LoginAttempt(decoding: original.encoded()) == original)
        }
        let octets = original.encoded()
        for count in octets.indices {
            #expect(LoginAttempt(decoding: Array(octets[..<count])) == nil)
        }
        #expect(LoginAttempt(decoding: octets + [0]) == nil)
    }

    @Test func `draws a verifier of RFC 7636 and as long a nonce, never twice`() {
        var dice = Dice()
        var seen: Set<String> = []
        for _ in 0..<1000 {
            let attempt = LoginAttempt(
                returnTo: "/", provider: "", host: "h", redirectURI: "r", at: noon, using: &dice)
            for text in [attempt.nonce, attempt.codeVerifier, attempt.id.text] {
                #expect(seen.insert(text).inserted)
            }
            #expect(attempt.nonce.utf8.count == 43 && attempt.codeVerifier.utf8.count == 43)
        }
    }

    @Test func `is sealed into its own cookie`() {
        let ring = ephemeralRing()
        let sealer = Sealer(ring)
        var dice = Dice(4)
        let attempt = attempt()
        let text = attempt.sealed(by: sealer, for: cookies, at: noon, using: &dice)
        func opened(_ text: [UInt8], _ id: LoginID) -> LoginAttempt? {
            LoginAttempt(opening: text, of: id, with: sealer, for: cookies, at: noon)
        }
        #expect(opened(text, attempt.id) == attempt)
        #expect(opened(text, LoginID(at: noon, using: &dice)) == nil)
        #expect(opened(Array(text.dropLast()), attempt.id) == nil)
        let plain = LoginCookies(named: "__Host-gatehouse", isSecure: false)
        #expect(
            LoginAttempt(opening: text, of: attempt.id, with: sealer, for: plain, at: noon) == nil)
    }

    @Test func `with the longest path its cookie still fits a browser`() {
        let longest = attempt(
            returnTo: "/" + String(repeating: "x", count: ReturnPath.octetsMax - 1))
        var dice = Dice()
        let text = longest.sealed(by: Sealer(ephemeralRing()), for: cookies, at: noon, using: &dice)
        let cookie = cookies.cookie(of: longest.id, sealed: text, lasting: .seconds(1200))
        #expect(cookie.field.utf8.count <= SessionCookies.cookieOctetsMax)
        #expect(
            cookie.maxAge == 1200 && cookie.sameSite == .lax && cookie.secure && cookie.httpOnly)
        #expect(cookie.name == "__Host-gatehouse-login." + longest.id.text)
        #expect(cookies.deletion(of: longest.id).maxAge == 0)
    }

    @Test func `is overdue after login_timeout`() {
        let attempt = attempt()
        #expect(!attempt.isOverdue(at: noon + .seconds(1200), after: .seconds(1200)))
        #expect(attempt.isOverdue(at: noon + .seconds(1201), after: .seconds(1200)))
        #expect(!attempt.isOverdue(at: noon - .seconds(50), after: .seconds(1200)))
    }

    @Test(arguments: [
        "", "6925f0ae", "6925f0aeAAAAAAAAAAAAAAAAAAAAA", "6925f0aeAAAAAAAAAAAAAAAAAAAAAB",
        "6925F0AEAAAAAAAAAAAAAAAAAAAAAA", "6925f0aeAAAAAAAAAAAAAAAAAAAA+A",
        "6925f0aeAAAAAAAAAAAAAAAAAAAAAAA", "6925f0ag0000000000000000000000",
    ]) func `has an id of one form only`(_ text: String) { #expect(LoginID(text) == nil) }
}

@Suite struct `Logins of one browser` {
    private func ids(_ count: Int) -> [LoginID] {
        (0..<count).map { attempt(at: noon + .seconds($0), seed: UInt64($0 + 50)).id }
    }

    @Test func `are at most five, and the oldest goes`() {
        for count in 0...4 { #expect(cookies.crowdedOut(of: ids(count)).isEmpty) }
        #expect(cookies.crowdedOut(of: ids(5).reversed()) == [ids(5)[0]])
        #expect(cookies.crowdedOut(of: ids(8).shuffled()) == Array(ids(8)[..<4]))
        let twice = ids(4) + ids(4)
        #expect(cookies.crowdedOut(of: twice).isEmpty)
    }

    @Test func `are found by the exact octets of their names`() {
        let ids = ids(2)
        let name = cookies.namePrefix
        let request = Request(cookies: [
            "a=b; \(name)\(ids[0].text)=one; \(name)x=no; X\(name)\(ids[1].text)=no",
            "\(name)\(ids[1].text)=two; __host-gatehouse-login.\(ids[1].text)=no; \(name)=no",
        ])
        #expect(cookies.logins(in: request.head, request.octets.span) == ids)
        func sealed(_ id: LoginID) -> [[UInt8]] {
            cookies.sealed(id, in: request.head, request.octets.span)
        }
        #expect(sealed(ids[0]) == [Array("one".utf8)])
        #expect(sealed(ids[1]) == [Array("two".utf8)])
        #expect(sealed(self.ids(3)[2]).isEmpty)
    }

    @Test func `planted copies are tried up to four`() {
        let id = ids(1)[0]
        let line = Array(repeating: "\(cookies.name(of: id))=x", count: 9).joined(separator: ";")
        let request = Request(cookies: [line])
        #expect(cookies.sealed(id, in: request.head, request.octets.span).count == 4)
    }
}

@Suite struct `The state of an authorization request` {
    private let sealer = Sealer(ephemeralRing())

    private func sealed(_ state: LoginState, seed: UInt64 = 8) -> String {
        var dice = Dice(seed)
        return state.sealed(by: sealer, at: noon, using: &dice)
    }

    @Test(arguments: [0, 1, 255, 256, 257, 2000])
    func `carries a short return path, and stays short`(_ count: Int) {
        let path = "/" + String(repeating: "p", count: max(0, count - 1))
        let state = LoginState(loginID: attempt().id, returnTo: path, isRepeated: count == 1)
        let text = sealed(state)
        #expect(text.utf8.count <= LoginState.textOctetsMax)
        let opened = LoginState(opening: text, with: sealer, at: noon)
        #expect(opened == state)
        #expect(opened?.returnTo == (path.utf8.count <= 256 ? path : "/"))
        #expect(opened?.isRepeated == (count == 1))
    }

    @Test func `of another deployment, or changed, is none`() throws {
        let text = sealed(LoginState(loginID: attempt().id, returnTo: "/x"))
        #expect(
            LoginState(opening: text, with: Sealer(ephemeralRing(8)), at: noon) == nil)
        let octets = Array(text.utf8)
        for index in octets.indices {
            var changed = octets
            changed[index] =
                changed[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            let spelled = String(decoding: changed, as: UTF8.self)
            #expect(LoginState(opening: spelled, with: sealer, at: noon) == nil)
        }
        for junk in ["", "x", text + "=", " " + text, String(repeating: "A", count: 601)] {
            #expect(LoginState(opening: junk, with: sealer, at: noon) == nil)
        }
    }

    @Test func `is never the same twice`() {
        let state = LoginState(loginID: attempt().id, returnTo: "/x")
        #expect(Set((0..<500).map { sealed(state, seed: $0) }).count == 500)
    }
}

// What this room's tests share: dice that fall the same way each time, a ring, and requests.
import Cryptography
import HTTP
import Values

@testable import Sessions

/// SplitMix64.
struct Dice: RandomNumberGenerator {
    var state: UInt64
    init(_ seed: UInt64 = 1) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

let noon = UnixTime(seconds: 1_795_000_000)

func ephemeralRing(_ seed: UInt64 = 7) -> KeyRing {
    var dice = Dice(seed)
    return KeyRing.ephemeral(using: &dice)
}

func key(_ id: UInt32, created: Int64, sealsFrom: Int64) -> KeyRing.Key {
    var dice = Dice(UInt64(id) &+ 1000)
    return KeyRing.Key(
        id: id, created: UnixTime(seconds: created), sealsFrom: UnixTime(seconds: sealsFrom),
        secret: Secret([UInt8](randomCount: 32, using: &dice)))
}

/// A request with these Cookie fields, as a client sends it.
struct Request {
    let head: RequestHead
    let octets: [UInt8]

    init(cookies: [String]) {
        var text = "GET / HTTP/1.1\r\nHost: portal.example.com\r\n"
        for cookie in cookies { text += "Cookie: \(cookie)\r\n" }
        let octets = [UInt8](utf8: text + "\r\n")
        var reader = RequestReader(limits: HTTPLimits())
        var head = RequestHead()
        guard case .head = reader.step(octets.span, into: &head) else {
            fatalError("the test's own request is wrong: \(text)")
        }
        self.head = head
        self.octets = octets
    }

    var brought: RequestCookies {
        var cookies = RequestCookies()
        cookies.read(head, octets.span)
        return cookies
    }

    init(_ cookies: [SetCookie]) {
        self.init(cookies: [cookies.map { "\($0.name)=\($0.value)" }.joined(separator: "; ")])
    }
}

func session(accessToken: String? = nil, subject: String = "alice") -> Session {
    Session(
        id: [UInt8](0..<16), generation: 3,
        binding: Session.binding(
            host: "portal.example.com", issuer: "https://login.example.com", clientID: "portal"),
        subject: subject,
        claims: [
            SessionClaim(name: "email", value: .text("alice@example.com")),
            SessionClaim(name: "groups", value: .list(["admins", "r\u{e4}te, alle"])),
            SessionClaim(name: "none", value: .list([])),
            SessionClaim(name: "level", value: .number("10000000000000000001")),
            SessionClaim(name: "email_verified", value: .bool(false)),
        ],
        startedAt: noon, sealedAt: noon, authenticatedAt: noon - .seconds(30),
        expires: noon + .seconds(28_800), accessToken: accessToken,
        accessTokenExpires: accessToken == nil ? nil : noon + .seconds(3600),
        refreshToken: "AQIDBA/+=refresh", idToken: "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.AAEC",
        providerSessionID: "sid-1", scope: "openid email", authenticationContext: "1")
}

import HTTP
import Testing
import Values

@testable import Sessions

@Suite struct `Reading a session from a request` {
    private let ring = ephemeralRing()
    private let cookies = SessionCookies(named: "__Host-gatehouse", isSecure: true)

    private func seal(_ session: Session, seed: UInt64 = 5) -> [SetCookie] {
        var dice = Dice(seed)
        let text = Sealer(ring).seal(
            session.encoded().span, for: .session, named: cookies.name, at: noon, using: &dice)
        return cookies.split(text)
    }

    private func read(_ request: Request) -> (SessionReading, Session?, SessionCookies.Pieces) {
        var reader = SessionReader(Sealer(ring))
        var view = SessionView()
        let reading = reader.read(
            cookies, in: request.brought, request.octets.span, into: &view, at: noon)
        guard case .opened = reading else { return (reading, nil, reader.present) }
        return (reading, view.session(), reader.present)
    }

    /// A session whose text needs so many cookies.
    private func large(_ pieces: Int) -> Session {
        session(accessToken: String(repeating: "!", count: (pieces - 1) * 3000 + 100))
    }

    @Test(arguments: 1...8) func `a session of any number of pieces comes back`(_ count: Int) {
        let session = large(count)
        let set = seal(session)
        #expect(set.count == count)
        let (reading, read, present) = read(Request(set))
        #expect(reading == .opened(keyIsRetired: false))
        #expect(read == session)
        #expect(present.rawValue == UInt8((1 << count) - 1))
    }

    @Test func `order, other cookies and several fields do not matter`() {
        let set = seal(large(3)).map { "\($0.name)=\($0.value)" }
        for lines in [
            [set.reversed().joined(separator: "; ")],
            ["a=b; \(set[1])", "x", "\(set[2]);\(set[0])"],
            set, ["theme=dark; " + set.joined(separator: ";;  ; ") + "; $Version=1"],
        ] {
            #expect(read(Request(cookies: lines)).1 == large(3))
        }
    }

    @Test func `a request without the cookie has no session`() {
        for lines in [
            [], ["a=b"], ["__host-gatehouse=x"], ["__Host-gatehouse =x"], ["=__Host-gatehouse=x"],
            ["__Host-gatehouse.0=x"], ["__Host-gatehouse.8=x"], ["__Host-gatehouse.10=x"],
            ["__Host-gatehouse.staff=x"], ["\"__Host-gatehouse\"=x"], ["__%48ost-gatehouse=x"],
            ["__Host-gatehousex=y"], ["__Host-gatehouse-login.x=y"], [";;;"], ["="],
        ] {
            let (reading, _, present) = read(Request(cookies: lines))
            #expect(reading == .absent && present.isEmpty, "\(lines)")
        }
    }

    @Test func `pieces that are missing, swapped or foreign are no session`() {
        let set = seal(large(3))
        var swapped = set
        (swapped[1].value, swapped[2].value) = (set[2].value, set[1].value)
        var foreign = set
        foreign[1] = seal(large(3), seed: 6)[1]
        var first = set
        first[0] = seal(session())[0]
        var shifted = set
        shifted[1].value = String(set[1].value.dropLast())
        shifted[2].value = String(set[1].value.last!) + set[2].value  // a value of 4 KB has a last
        for (name, wrong) in [
            ("without the first", Array(set.dropFirst())),
            ("without the second", [set[0], set[2]]),
            ("without the last", Array(set.dropLast())), ("swapped", swapped),
            ("foreign", foreign),
        ] {
            #expect(read(Request(wrong)).0 == .unreadable, "\(name)")
        }
        // A whole session of one piece beside leftovers is that session.
        #expect(read(Request(first)).1 == session())
        // Where the text was cut is not authenticated, so it is looked at.
        #expect(read(Request(shifted)).0 == .unreadable)
    }

    @Test func `a lying number of pieces is no session`() {
        let set = seal(large(2))
        for count in UInt8.min ... .max where count != 2 {
            var octets = Base64URL.decode(String(set[0].value.prefix(8))) ?? []
            octets[Layout.pieces] = count
            var lying = set
            lying[0].value = Base64URL.encode(octets.span) + set[0].value.dropFirst(8)
            #expect(read(Request(lying)).0 == .unreadable)
        }
    }

    @Test func `garbage of the same name does not lock the visitor out`() {
        let good = seal(session())[0].value
        let name = cookies.name
        for planted in ["evil", "", String(good.dropLast()), String(repeating: "A", count: 200)] {
            #expect(read(Request(cookies: ["\(name)=\(planted); \(name)=\(good)"])).1 == session())
            #expect(read(Request(cookies: ["\(name)=\(good); \(name)=\(planted)"])).1 == session())
        }
        let three = Array(repeating: "\(name)=evil", count: 3)
        #expect(read(Request(cookies: three + ["\(name)=\(good)"])).1 == session())
        #expect(read(Request(cookies: three + three + ["\(name)=\(good)"])).0 == .unreadable)
    }

    @Test func `garbage among the pieces does not either`() {
        let set = seal(large(2)).map { "\($0.name)=\($0.value)" }
        let planted = "\(cookies.name).1=evil"
        #expect(read(Request(cookies: [planted, set[0], set[1]])).1 == large(2))
        #expect(read(Request(cookies: [set[0], set[1], planted])).1 == large(2))
        #expect(
            read(Request(cookies: ["\(cookies.name)=evil", set[0], planted, set[1]])).1 == large(2))
    }

    @Test func `quotes and escapes make it another value`() {
        let good = seal(session())[0].value
        for value in ["\"\(good)\"", good + "=", "%41" + good.dropFirst(), good + "; "] {
            let (reading, _, _) = read(Request(cookies: ["\(cookies.name)=\(value)"]))
            #expect(reading == (value.hasSuffix("; ") ? .opened(keyIsRetired: false) : .unreadable))
        }
    }

    @Test func `another provider's, host's or version's cookie does not open`() {
        let other = SessionCookies(named: "__Host-gatehouse", provider: "staff", isSecure: true)
        var dice = Dice()
        let text = Sealer(ring).seal(
            session().encoded().span, for: .session, named: other.name, at: noon, using: &dice)
        let renamed = [SetCookie(name: cookies.name, value: other.split(text)[0].value)]
        #expect(read(Request(renamed)).0 == .unreadable)
        var octets = session().encoded()
        octets[0] = 2
        let newer = Sealer(ring).seal(
            octets.span, for: .session, named: cookies.name, at: noon, using: &dice)
        #expect(read(Request(cookies.split(newer))).0 == .unreadable)
    }

    @Test func `a reader used again remembers nothing`() {
        var reader = SessionReader(Sealer(ring))
        var view = SessionView()
        func read(_ request: Request) -> SessionReading {
            reader.read(cookies, in: request.brought, request.octets.span, into: &view, at: noon)
        }
        #expect(read(Request(seal(large(3)))) == .opened(keyIsRetired: false))
        #expect(read(Request(cookies: [])) == .absent)
        #expect(reader.present.isEmpty)
        #expect(read(Request([seal(large(3))[0]])) == .unreadable)
        #expect(read(Request(seal(session(subject: "bob")))) == .opened(keyIsRetired: false))
        #expect(view.session()?.subject == "bob")
        #expect(view.claims.count == 5)
    }
}

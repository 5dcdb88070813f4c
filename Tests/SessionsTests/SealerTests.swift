import Cryptography
import Testing
import Values

@testable import Sessions

@Suite struct `Sealed values` {
    private let plaintext = [UInt8]("who you are".utf8)

    private func seal(
        _ purpose: Purpose, _ name: String = "c", ring: KeyRing = ephemeralRing(), seed: UInt64 = 3
    ) -> [UInt8] {
        var dice = Dice(seed)
        return Sealer(ring).seal(plaintext.span, for: purpose, named: name, at: noon, using: &dice)
    }

    private func open(
        _ text: [UInt8], _ purpose: Purpose, _ name: String = "c", ring: KeyRing = ephemeralRing()
    ) -> [UInt8]? {
        var out: [UInt8] = [9]
        let opened = Sealer(ring).open(
            text.span, for: purpose, named: name, appendingTo: &out, at: noon)
        guard opened != nil else {
            #expect(out == [9], "a refused value left something behind")
            return nil
        }
        return Array(out.dropFirst())
    }

    private func decoded(_ text: [UInt8]) -> [UInt8]? { Base64URL.decode(text.span) }

    @Test(arguments: Purpose.allCases) func `open undoes seal`(_ purpose: Purpose) {
        #expect(open(seal(purpose), purpose) == plaintext)
        #expect(seal(purpose).count == Layout.textOctets(plaintext.count, for: purpose))
    }

    @Test(arguments: Purpose.allCases) func `any flipped bit is refused`(_ purpose: Purpose) throws
    {
        let octets = try #require(decoded(seal(purpose)))
        for index in octets.indices {
            for bit in 0..<8 {
                var changed = octets
                changed[index] ^= 1 << UInt8(bit)
                var spelled: [UInt8] = []
                Base64URL.append(changed.span, to: &spelled)
                #expect(open(spelled, purpose) == nil, "octet \(index), bit \(bit)")
            }
        }
    }

    @Test(arguments: Purpose.allCases)
    func `a value cut or lengthened anywhere is refused`(_ purpose: Purpose) {
        let text = seal(purpose)
        for count in 0..<text.count { #expect(open(Array(text[..<count]), purpose) == nil) }
        #expect(open(text + [UInt8(ascii: "A")], purpose) == nil)
        #expect(open(text + Array("AAAA".utf8), purpose) == nil)
    }

    @Test func `another spelling of the same octets is refused`() {
        // 11 octets of plaintext leave spare bits in a login's last character.
        let text = seal(.store)
        for suffix in ["=", "==", " ", "\n", "\"", "%3D"] {
            #expect(open(text + Array(suffix.utf8), .store) == nil)
        }
        for octet in UInt8.min ... .max where octet != text.last {
            var changed = text
            changed[changed.count - 1] = octet
            #expect(open(changed, .store) == nil)
        }
        #expect(open([UInt8(ascii: "\"")] + text + [UInt8(ascii: "\"")], .store) == nil)
    }

    @Test func `a value opens for its own purpose only`() {
        for purpose in Purpose.allCases {
            for wrong in Purpose.allCases where wrong != purpose {
                #expect(open(seal(purpose), wrong) == nil)
            }
        }
    }

    @Test(arguments: ["", "C", "c2", "cc"])
    func `a value opens under its own name only`(_ name: String) {
        #expect(open(seal(.session), .session, name) == nil)
        #expect(open(seal(.login), .login, name) == nil)
    }

    @Test func `a value under a foreign key is refused, also where the key's id is the same`() {
        let mine = KeyRing(checked: [key(1, created: 0, sealsFrom: 0)])
        let theirs = KeyRing(checked: [
            KeyRing.Key(
                id: 1, created: noon, sealsFrom: noon,
                secret: key(2, created: 0, sealsFrom: 0).secret)
        ])
        #expect(open(seal(.session, ring: theirs), .session, ring: mine) == nil)
        #expect(open(seal(.session), .session, ring: mine) == nil)
        #expect(open(seal(.session, ring: mine), .session, ring: mine) == plaintext)
    }

    @Test func `a key that no longer seals opens, and says that it is retired`() throws {
        let old = key(1, created: 0, sealsFrom: 0)
        let both = KeyRing(checked: [old, key(2, created: 0, sealsFrom: noon.seconds)])
        let text = seal(.session, ring: KeyRing(checked: [old]))
        var out: [UInt8] = []
        let sealer = Sealer(both)
        let opened = sealer.open(text.span, for: .session, named: "c", appendingTo: &out, at: noon)
        #expect(opened == Sealer.Opened(keyIsRetired: true))
        let before = noon - .seconds(1)
        let early = sealer.open(text.span, for: .session, named: "c", appendingTo: &out, at: before)
        #expect(early == Sealer.Opened(keyIsRetired: false))
        // A node whose clock is ahead seals with the new key already.
        let ahead = seal(.session, ring: both)
        let newer = sealer.open(
            ahead.span, for: .session, named: "c", appendingTo: &out, at: before)
        #expect(newer == Sealer.Opened(keyIsRetired: false))
    }

    @Test func `no two values are the same, nor their nonces or salts`() {
        var dice = Dice()
        let sealer = Sealer(ephemeralRing())
        for purpose in Purpose.allCases {
            var seen: Set<[UInt8]> = []
            for _ in 0..<500 {
                let text = sealer.seal(
                    plaintext.span, for: purpose, named: "c", at: noon, using: &dice)
                let octets = Base64URL.decode(text.span) ?? []
                #expect(seen.insert(Array(octets[Layout(purpose).nonce])).inserted)
                if purpose.isSalted {
                    #expect(seen.insert(Array(octets[Layout(purpose).salt])).inserted)
                }
            }
        }
    }

    @Test func `nothing of the plaintext shows`() throws {
        let octets = try #require(decoded(seal(.session)))
        #expect(!octets.indices.contains { octets[$0...].starts(with: Array("who".utf8)) })
    }

    @Test func `an empty plaintext is a plaintext`() {
        var dice = Dice()
        let sealer = Sealer(ephemeralRing())
        let text = sealer.seal([UInt8]().span, for: .login, named: "c", at: noon, using: &dice)
        #expect(open(text, .login) == [])
    }
}

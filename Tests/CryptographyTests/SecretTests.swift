// What a secret shows, and what it does not.

import Cryptography
import Testing

@Suite struct `A secret` {
    let secret = Secret("correct horse")

    @Test func `prints as nothing one could read`() {
        #expect("\(secret)" == "<secret>")
        #expect(String(reflecting: secret) == "<secret>")
        #expect("\([secret])" == "[<secret>]")
        var dumped = ""
        dump(secret, to: &dumped)
        #expect(!dumped.contains("horse"))
        #expect(Mirror(reflecting: secret).children.isEmpty)
    }

    @Test func `opens where it is asked to`() {
        #expect(secret.exposedText == "correct horse")
        #expect(secret.exposed == octets("correct horse"))
        #expect(secret.withExposed { $0.count } == 13)
        #expect(secret.count == 13)
    }

    @Test func `is equal to the same octets alone`() {
        #expect(secret == Secret(octets("correct horse")))
        #expect(secret != Secret("correct horsf"))
        #expect(secret != Secret("correct hors"))
        #expect(Secret("") == Secret([UInt8]()))
        #expect(Secret("").isEmpty)
    }
}

@Suite struct `Comparing in constant time` {
    @Test func `any flipped bit is a difference`() {
        let a = octets("0123456789abcdef")
        #expect(constantTimeEquals(a, a))
        for bit in 0..<128 {
            let b = a.flipping(bit: bit)
            #expect(!constantTimeEquals(a, b))
        }
    }

    @Test func `lengths count, and nothing equals nothing`() {
        let a: [UInt8] = [0], b: [UInt8] = []
        #expect(!constantTimeEquals(a, b))
        #expect(constantTimeEquals(b, b))
    }
}

@Suite struct `Random octets` {
    @Test func `there are as many as asked for, and never the same`() {
        #expect(RandomOctets.make(0).isEmpty)
        let a = RandomOctets.make(32), b = RandomOctets.make(32)
        #expect(a.count == 32 && a != b)
    }
}

// Digests, codes and derived keys against the standards' own examples.

import Cryptography
import Testing

@Suite struct `Digests, FIPS 180-4` {
    @Test func `abc has the digests the standard prints`() {
        let abc = octets("abc")
        #expect(
            SHA256.digest(abc)
                == hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"))
        #expect(
            SHA384.digest(abc)
                == hex(
                    "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163"
                        + "1a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"))
        #expect(
            SHA512.digest(abc)
                == hex(
                    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                        + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"))
    }

    @Test func `nothing has a digest too`() {
        #expect(
            SHA256.digest([UInt8]())
                == hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"))
    }
}

@Suite struct `HMAC, RFC 4231` {
    struct Row: Sendable {
        let key: [UInt8], message: [UInt8], code: String
        init(_ key: [UInt8], _ message: [UInt8], _ code: String) {
            (self.key, self.message, self.code) = (key, message, code)
        }
    }
    static let rows: [Row] = [
        Row(
            .init(repeating: 0x0b, count: 20), octets("Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        Row(
            octets("Jefe"), octets("what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        Row(
            .init(repeating: 0xaa, count: 20), .init(repeating: 0xdd, count: 50),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        Row(
            .init(repeating: 0xaa, count: 131),
            octets("Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
        Row(
            [], [], "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"),
    ]

    @Test(arguments: rows) func `each case has its code`(_ row: Row) {
        #expect(HMACSHA256.code(key: row.key, row.message) == hex(row.code))
    }
}

@Suite struct `HMAC signatures, RFC 7515 appendix A.1` {
    let secret = Secret(
        base64URL(
            "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
        ))
    let message = octets(
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
            + "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290"
            + "Ijp0cnVlfQ")
    let code = base64URL("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")

    @Test func `the example is made and accepted`() throws {
        #expect(try HMACSignature.sign(message, algorithm: .HS256, secret: secret) == code)
        #expect(isValid(code, .HS256))
    }

    @Test func `any flipped bit, and a shorter or longer code, is refused`() {
        for bit in 0..<256 { #expect(!isValid(code.flipping(bit: bit), .HS256)) }
        #expect(!isValid(code.dropLast(), .HS256))
        #expect(!isValid(code + [0], .HS256))
        #expect(!isValid([], .HS256))
    }

    @Test(arguments: SignatureAlgorithm.allCases.filter { $0 != .HS256 })
    func `no other algorithm accepts it`(_ algorithm: SignatureAlgorithm) {
        #expect(!isValid(code, algorithm))
    }

    @Test func `a secret shorter than the digest is refused`() throws {
        let secret = Secret([UInt8](repeating: 7, count: 31))
        #expect(!HMACSignature.isLongEnough(secret, for: .HS256))
        #expect(throws: KeyFault.secretTooShort(octets: 31, octetsMin: 32)) {
            try HMACSignature.sign(message, algorithm: .HS256, secret: secret)
        }
        let code = HMACSHA256.code(key: secret.exposed, message)
        #expect(
            !HMACSignature.isValid(code, of: message, algorithm: .HS256, secret: secret))
    }

    private func isValid(_ code: some Sequence<UInt8>, _ algorithm: SignatureAlgorithm) -> Bool {
        let code = Array(code)
        return HMACSignature.isValid(
            code, of: message, algorithm: algorithm, secret: secret)
    }
}

@Suite struct `HKDF, RFC 5869` {
    let key = [UInt8](repeating: 0x0b, count: 22)

    @Test func `test case 1, with salt and info`() {
        let salt = [UInt8](0...12), info = [UInt8](0xf0...0xf9)
        #expect(
            HKDF.deriveSHA256(key: key, salt: salt, info: info, count: 42)
                == hex(
                    "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b8"
                        + "87185865"))
    }

    @Test func `test case 3, without either`() {
        let none: [UInt8] = []
        #expect(
            HKDF.deriveSHA256(key: key, salt: none, info: none, count: 42)
                == hex(
                    "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4"
                        + "b61a96c8"))
    }
}

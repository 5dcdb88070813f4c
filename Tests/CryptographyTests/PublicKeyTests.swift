// Verifying: the JOSE examples, and what must be refused (security.md JT-04 to JT-08).

import Cryptography
import Testing

/// The signed examples of the JOSE standards.
struct Example: Sendable, CustomTestStringConvertible {
    let name: String
    let algorithm: SignatureAlgorithm
    let key: PublicComponents
    let message: [UInt8]
    let signature: [UInt8]
    var testDescription: String { name }

    static let claims =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290"
        + "Ijp0cnVlfQ"
    static let all = [rs256, es256, es512, eddsa]
    static let rs256 = Example(
        name: "RFC 7515 appendix A.2", algorithm: .RS256,
        key: .rsa(
            modulus: base64URL(
                "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEz"
                    + "P1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LO"
                    + "L-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uD"
                    + "Zlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kz"
                    + "k2PAcDTW9gb54h4FRWyuXpoQ"),
            exponent: [1, 0, 1]),
        message: octets("eyJhbGciOiJSUzI1NiJ9." + claims),
        signature: base64URL(
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O"
                + "8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArL"
                + "IARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7"
                + "noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypG"
                + "lUPQGe77Rw"))
    static let es256 = Example(
        name: "RFC 7515 appendix A.3", algorithm: .ES256,
        key: .ellipticCurve(
            .p256, x: base64URL("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
            y: base64URL("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")),
        message: octets("eyJhbGciOiJFUzI1NiJ9." + claims),
        signature: base64URL(
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
        ))
    static let es512 = Example(
        name: "RFC 7515 appendix A.4", algorithm: .ES512,
        key: .ellipticCurve(
            .p521,
            x: base64URL(
                "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk"
            ),
            y: base64URL(
                "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"
            )),
        message: octets("eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA"),
        signature: base64URL(
            "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7X"
                + "dtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXo"
                + "lLzeO_Jn"))
    static let eddsa = Example(
        name: "RFC 8037 appendix A.5", algorithm: .EdDSA,
        key: .ed25519(base64URL("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")),
        message: octets("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"),
        signature: base64URL(
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        ))

    func isAccepted(
        signature: [UInt8]? = nil, message: [UInt8]? = nil, algorithm: SignatureAlgorithm? = nil
    ) throws -> Bool {
        try PublicKey(key).verify(
            (signature ?? self.signature), of: (message ?? self.message),
            algorithm: algorithm ?? self.algorithm)
    }
}

@Suite struct `A signature` {
    @Test(arguments: Example.all) func `of a standard's example is accepted`(_ example: Example)
        throws
    {
        #expect(try example.isAccepted())
    }

    @Test(arguments: Example.all)
    func `with any octet changed, cut short or lengthened, is refused`(_ example: Example) throws {
        let signature = example.signature
        for bit in stride(from: 0, to: signature.count * 8, by: 7) {
            #expect(try !example.isAccepted(signature: signature.flipping(bit: bit)))
        }
        #expect(try !example.isAccepted(signature: signature.dropLast()))
        #expect(try !example.isAccepted(signature: signature + [0]))
        #expect(try !example.isAccepted(signature: [0] + signature))
        #expect(try !example.isAccepted(signature: []))
    }

    @Test(arguments: Example.all) func `of another message is refused`(_ example: Example) throws {
        #expect(try !example.isAccepted(message: example.message + [0]))
        #expect(try !example.isAccepted(message: []))
        #expect(try !example.isAccepted(message: example.message.flipping(bit: 3)))
    }

    @Test(arguments: Example.all)
    func `is for the algorithm it was made with, and no other`(_ example: Example) throws {
        for algorithm in SignatureAlgorithm.allCases where algorithm != example.algorithm {
            #expect(try !example.isAccepted(algorithm: algorithm))
        }
    }

    /// The old attack on verifiers that take any key for HS256.
    @Test func `made with a public key as the secret is refused`() throws {
        let key = try PublicKey(Example.rs256.key)
        guard case .rsa(let modulus, _) = Example.rs256.key else { return }
        let code = HMACSHA256.code(key: modulus, Example.rs256.message)
        #expect(!key.verify(code, of: Example.rs256.message, algorithm: .HS256))
        #expect(!key.fits(.HS256))
    }
}

@Suite struct `An ECDSA signature` {
    static let order = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
    static let zero = [UInt8](repeating: 0, count: 32)
    static let one: [UInt8] = zero.dropLast() + [1]
    static let rows: [(name: String, r: [UInt8], s: [UInt8])] = [
        ("both zero", zero, zero), ("r zero", zero, one), ("s zero", one, zero),
        ("r the order", order, one), ("s the order", one, order), ("both the order", order, order),
        ("all ones", .init(repeating: 255, count: 32), .init(repeating: 255, count: 32)),
        ("both one", one, one),
    ]

    @Test(arguments: rows) func `of impossible numbers is refused`(
        _ row: (name: String, r: [UInt8], s: [UInt8])
    ) throws {
        #expect(try !Example.es256.isAccepted(signature: row.r + row.s))
    }

    @Test func `is r and s of the curve's length, and not DER`() throws {
        let raw = Example.es256.signature
        let r = Array(raw.prefix(32)), s = Array(raw.suffix(32))
        let der = [0x30, 69, 2, 32] + r + [2, 33, 0] + s
        #expect(try !Example.es256.isAccepted(signature: der))
        #expect(try !Example.es256.isAccepted(signature: [0] + r + [0] + s))
        #expect(try !Example.es256.isAccepted(signature: r + s.dropLast()))
    }

    @Test func `with s on the other side of the order is still one`() throws {
        // −s verifies as s does: a signature is not an identity, and nothing may use it as one.
        var s = Array(Example.es256.signature.suffix(32)), borrow = 0
        for index in s.indices.reversed() {
            let difference = Int(Self.order[index]) - Int(s[index]) - borrow
            borrow = difference < 0 ? 1 : 0
            s[index] = UInt8(truncatingIfNeeded: difference)
        }
        #expect(try Example.es256.isAccepted(signature: Example.es256.signature.prefix(32) + s))
    }

    @Test func `on another curve is refused`() throws {
        let other = try PrivateKey.generate(on: .p384)
        let message = Example.es256.message
        let signature = try other.sign(message, algorithm: .ES384)
        #expect(signature.count == 96)
        #expect(other.publicKey.verify(signature, of: message, algorithm: .ES384))
        #expect(!other.publicKey.verify(signature, of: message, algorithm: .ES256))
        #expect(throws: KeyFault.algorithmUnfit(.ES256)) {
            try other.sign(message, algorithm: .ES256)
        }
    }
}

@Suite struct `A public key` {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let key: PublicComponents
        let fault: KeyFault
        init(_ name: String, _ key: PublicComponents, _ fault: KeyFault) {
            (testDescription, self.key, self.fault) = (name, key, fault)
        }
    }
    static func modulus(bits: Int) -> [UInt8] {
        var modulus = [UInt8](repeating: 0xff, count: (bits + 7) / 8)
        if bits % 8 != 0 { modulus[0] = (1 << (bits % 8)) - 1 }
        return modulus
    }
    static let x = base64URL("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU")
    static let y = base64URL("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")
    static let zeros = [UInt8](repeating: 0, count: 32)

    static let rows: [Row] =
        [0, 1, 512, 1024, 2047, 8193, 65_536].map { bits in
            Row(
                "RSA of \(bits) bits", .rsa(modulus: modulus(bits: bits), exponent: [1, 0, 1]),
                .modulusBits(bits))
        }
        + [[], [0], [1], [2], [3], [0, 0, 3], [4], [1, 0, 0], .init(repeating: 1, count: 9)].map {
            Row(
                "RSA with exponent \($0)", .rsa(modulus: modulus(bits: 2048), exponent: $0),
                .exponentRefused)
        }
        + [
            Row(
                "RSA with an even modulus",
                .rsa(modulus: modulus(bits: 2048).dropLast() + [0xfe], exponent: [1, 0, 1]),
                .modulusEven),
            Row(
                "RSA of 1024 bits behind zeros",
                .rsa(
                    modulus: .init(repeating: 0, count: 128) + modulus(bits: 1024),
                    exponent: [1, 0, 1]),
                .modulusBits(1024)),
            Row(
                "a point beside the curve", .ellipticCurve(.p256, x: x, y: y.flipping(bit: 0)),
                .pointNotOnCurve(.p256)),
            Row(
                "the point of zeros", .ellipticCurve(.p256, x: zeros, y: zeros),
                .pointNotOnCurve(.p256)),
            Row(
                "coordinates past the prime",
                .ellipticCurve(
                    .p256, x: .init(repeating: 255, count: 32), y: .init(repeating: 255, count: 32)),
                .pointNotOnCurve(.p256)),
            Row(
                "a coordinate without its zeros",
                .ellipticCurve(.p256, x: Array(x.dropFirst()), y: y),
                .coordinateCount(.p256, found: 31)),
            Row(
                "a coordinate with one zero more", .ellipticCurve(.p256, x: x, y: [0] + y),
                .coordinateCount(.p256, found: 33)),
            Row(
                "a P-256 point as P-384", .ellipticCurve(.p384, x: x, y: y),
                .coordinateCount(.p384, found: 32)),
            Row("Ed25519 of 31 octets", .ed25519(Array(zeros.dropLast())), .ed25519Count(31)),
        ]
        + [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000080",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000080",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        ].map {
            Row(
                "Ed25519 of small order or written twice: \($0)", .ed25519(hex($0)),
                .ed25519PointRefused)
        }

    @Test(arguments: rows) func `that is no sound key is refused`(_ row: Row) {
        #expect(throws: row.fault) { try PublicKey(row.key) }
        #expect(!row.fault.description.isEmpty)
    }

    @Test func `says what it is`() throws {
        #expect(try PublicKey(Example.rs256.key).kind == .rsa(bits: 2048))
        #expect(try PublicKey(Example.es512.key).kind == .ellipticCurve(.p521))
        #expect(try PublicKey(Example.eddsa.key).kind == .ed25519)
    }

    @Test func `at the limits is accepted`() throws {
        for bits in [2048, 2049, 8192] {
            _ = try PublicKey(.rsa(modulus: Self.modulus(bits: bits), exponent: [5]))
        }
        _ = try PublicKey(
            .rsa(
                modulus: [0] + Self.modulus(bits: 2048), exponent: .init(repeating: 0xff, count: 8))
        )
    }

    @Test func `verifies on many threads at once`() async throws {
        let key = try PublicKey(Example.es256.key)
        let accepted = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<64 {
                group.addTask {
                    key.verify(
                        Example.es256.signature, of: Example.es256.message, algorithm: .ES256)
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(accepted == 64)
    }
}

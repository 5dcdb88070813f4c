// Signing, PEM, and forgeries that only the owner of a key can make.

import COpenSSL
import Cryptography
import Testing

@Suite struct `A private key` {
    static let rsa = try! PrivateKey.generateRSA()  // cannot fail: 2048 bits are allowed
    static let keys: [(PrivateKey, [SignatureAlgorithm])] = [
        (rsa, [.RS256, .RS384, .RS512, .PS256, .PS384, .PS512]),
        // These cannot fail either: no input decides about them.
        (try! PrivateKey.generateP256(), [.ES256]), (try! PrivateKey.generate(on: .p384), [.ES384]),
        (try! PrivateKey.generate(on: .p521), [.ES512]),
        (try! PrivateKey.generateEd25519(), [.EdDSA]),
    ]
    let message = octets("header.claims")

    @Test func `signs what its public key accepts, with the algorithms of its kind alone`() throws {
        for (key, algorithms) in Self.keys {
            for algorithm in SignatureAlgorithm.allCases {
                guard algorithms.contains(algorithm) else {
                    #expect(throws: KeyFault.algorithmUnfit(algorithm)) {
                        try key.sign(message, algorithm: algorithm)
                    }
                    continue
                }
                for _ in 0..<(algorithm == .ES512 ? 20 : 3) {  // r and s often begin with zeros
                    let signature = try key.sign(message, algorithm: algorithm)
                    #expect(signature.count == key.publicKey.kind.signatureCount)
                    #expect(key.publicKey.verify(signature, of: message, algorithm: algorithm))
                    let flipped = signature.flipping(bit: 9)
                    #expect(!key.publicKey.verify(flipped, of: message, algorithm: algorithm))
                }
            }
        }
    }

    @Test func `is the same after PEM and back`() throws {
        for (key, algorithms) in Self.keys {
            let pem = key.pem
            #expect(pem.exposedText.hasPrefix("-----BEGIN PRIVATE KEY-----\n"))
            let copy = try PrivateKey(pem: pem.exposed)
            #expect(copy.publicComponents == key.publicComponents)
            let signature = try copy.sign(message, algorithm: algorithms[0])
            #expect(key.publicKey.verify(signature, of: message, algorithm: algorithms[0]))
        }
    }

    @Test func `of RFC 8037 signs as it says, octet for octet`() throws {
        let pem = octets(
            "-----BEGIN PRIVATE KEY-----\n"
                + "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
                + "-----END PRIVATE KEY-----\n")
        let key = try PrivateKey(pem: pem)
        #expect(key.publicComponents == Example.eddsa.key)
        #expect(
            try key.sign(Example.eddsa.message, algorithm: .EdDSA) == Example.eddsa.signature)
    }

    @Test func `is read in the older forms too`() throws {
        // The P-256 key of RFC 7515 appendix A.3, in the form of SEC 1.
        let pem = octets(
            """
            -----BEGIN EC PRIVATE KEY-----
            MHcCAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49
            AwEHoUQDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72b
            focs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==
            -----END EC PRIVATE KEY-----

            """)
        #expect(try PrivateKey(pem: pem).publicComponents == Example.es256.key)
        let traditional = try #require(pkcs1(of: Self.rsa))
        #expect(
            String(decoding: traditional, as: UTF8.self).hasPrefix("-----BEGIN RSA PRIVATE KEY"))
        #expect(
            try PrivateKey(pem: traditional).publicComponents == Self.rsa.publicComponents)
    }

    @Test func `that is not there, broken, weak or under a password is refused`() {
        let rows: [(String, KeyFault)] = [
            ("", .pemUnreadable), ("not a key", .pemUnreadable),
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", .pemUnreadable),
            (Self.rsa.pem.exposedText.replacing("MII", with: "MIJ"), .pemUnreadable),
            (String(repeating: "x", count: 65_537), .pemUnreadable),
            (weakKey(bits: 1024), .modulusBits(1024)),
            (encrypted(Self.rsa), .pemEncrypted),
        ]
        for (text, fault) in rows {
            #expect(throws: fault) { try PrivateKey(pem: octets(text)) }
        }
        #expect(throws: KeyFault.modulusBits(1024)) { try PrivateKey.generateRSA(bits: 1024) }
    }
}

@Suite struct `PKCS number 1 padding` {
    /// A block as Bleichenbacher made them in 2006: too little padding, and octets behind the digest
    /// that a reader who stops there does not look at.
    @Test func `with garbage behind the digest, or digest details of another form, is refused`()
        throws
    {
        let key = `A private key`.rsa
        let message = octets("header.claims")
        let digest = SHA256.digest(message)
        let info = hex("3031300d060960864801650304020105000420") + digest
        let withoutNull = hex("302f300b0609608648016503040201" + "0420") + digest
        func block(padding: Int, _ info: [UInt8], garbage: Int) -> [UInt8] {
            [0, 1] + .init(repeating: 0xff, count: padding) + [0] + info
                + .init(repeating: 0x5a, count: garbage)
        }
        let rows: [(block: [UInt8], isAccepted: Bool)] = [
            (block(padding: 202, info, garbage: 0), true),  // the way of making them works
            (block(padding: 8, info, garbage: 194), false),
            (block(padding: 201, info, garbage: 1), false),
            (block(padding: 204, withoutNull, garbage: 0), false),
            ([0, 2] + block(padding: 202, info, garbage: 0).dropFirst(2), false),
            (block(padding: 202 + 19, digest, garbage: 0), false),
        ]
        for row in rows {
            #expect(row.block.count == 256)
            let signature = try #require(withoutPadding(row.block, key))
            let isAccepted = key.publicKey.verify(
                signature, of: message, algorithm: .RS256)
            #expect(isAccepted == row.isAccepted)
        }
    }

    @Test func `of PSS has a salt as long as the digest`() throws {
        let key = `A private key`.rsa
        let message = octets("header.claims")
        for (salt, isAccepted) in [(32, true), (0, false), (20, false), (222, false)] {
            let signature = try #require(pss(message, salt: salt, key))
            #expect(
                key.publicKey.verify(signature, of: message, algorithm: .PS256) == isAccepted)
        }
    }
}

// MARK: - What the room does not offer: keys and signatures nobody should make

private func withKey<Result>(_ key: PrivateKey, _ body: (OpaquePointer) -> Result) -> Result? {
    key.pem.withExposed { pem in
        pem.withUnsafeBufferPointer { octets in
            let bio = BIO_new_mem_buf(octets.baseAddress, Int32(octets.count))
            defer { BIO_free(bio) }
            guard let pointer = PEM_read_bio_PrivateKey(bio, nil, nil, nil) else { return nil }
            defer { EVP_PKEY_free(pointer) }
            return body(pointer)
        }
    }
}

/// The private operation of RSA on a block as it stands.
private func withoutPadding(_ block: [UInt8], _ key: PrivateKey) -> [UInt8]? {
    withKey(key) { key in
        let context = EVP_PKEY_CTX_new_from_pkey(nil, key, nil)
        defer { EVP_PKEY_CTX_free(context) }
        var count = 256
        var signature = [UInt8](repeating: 0, count: count)
        guard EVP_PKEY_sign_init(context) == 1,
            EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) == 1,
            EVP_PKEY_sign(context, &signature, &count, block, block.count) == 1
        else { return nil }
        return signature
    } ?? nil
}

private func pss(_ message: [UInt8], salt: Int, _ key: PrivateKey) -> [UInt8]? {
    withKey(key) { key in
        let context = EVP_MD_CTX_new()
        defer { EVP_MD_CTX_free(context) }
        var keyContext: OpaquePointer?
        var count = 256
        var signature = [UInt8](repeating: 0, count: count)
        guard EVP_DigestSignInit_ex(context, &keyContext, "SHA256", nil, nil, key, nil) == 1,
            EVP_PKEY_CTX_set_rsa_padding(keyContext, RSA_PKCS1_PSS_PADDING) == 1,
            EVP_PKEY_CTX_set_rsa_pss_saltlen(keyContext, Int32(salt)) == 1,
            EVP_DigestSign(context, &signature, &count, message, message.count) == 1
        else { return nil }
        return signature
    } ?? nil
}

private func text(_ write: (OpaquePointer?) -> Int32) -> [UInt8]? {
    let bio = BIO_new(BIO_s_mem())
    defer { BIO_free(bio) }
    guard write(bio) == 1 else { return nil }
    var start: UnsafeMutablePointer<CChar>?
    let count = gate_BIO_get_mem_data(bio, &start)
    return Array(UnsafeRawBufferPointer(start: start, count: count))
}

private func pkcs1(of key: PrivateKey) -> [UInt8]? {
    withKey(key) { key in
        text { PEM_write_bio_PrivateKey_traditional($0, key, nil, nil, 0, nil, nil) }
    } ?? nil
}

private func encrypted(_ key: PrivateKey) -> String {
    let octets = withKey(key) { key in
        text { PEM_write_bio_PKCS8PrivateKey($0, key, EVP_aes_256_cbc(), "secret", 6, nil, nil) }
    }
    return String(decoding: (octets ?? nil) ?? [], as: UTF8.self)
}

private func weakKey(bits: Int32) -> String {
    let context = EVP_PKEY_CTX_new_from_name(nil, "RSA", nil)
    defer { EVP_PKEY_CTX_free(context) }
    var key: OpaquePointer?
    EVP_PKEY_keygen_init(context)
    EVP_PKEY_CTX_set_rsa_keygen_bits(context, bits)
    EVP_PKEY_generate(context, &key)
    defer { EVP_PKEY_free(key) }
    let octets = text { PEM_write_bio_PKCS8PrivateKey($0, key, nil, nil, 0, nil, nil) }
    return String(decoding: octets ?? [], as: UTF8.self)
}

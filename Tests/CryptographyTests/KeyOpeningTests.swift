// RFC 7518 appendix C: what Bob derives from Alice's key.

import Cryptography
import Testing

@Suite struct `Key agreement, RFC 7518 section 4 6` {
    private static let bob = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgVEmDZpDXXK8p8N0C
        ndsxs924q6nS1RXFASRl6BfUqdyhRANCAATB40nLYexwJIzoAQNMODThuI6+EWHL
        Ja84dB94X8/ExHvJZwjvgJUrU/jSVV/nK4Qe0EWIYosdN4pZSTlQDsnJ
        -----END PRIVATE KEY-----
        """

    @Test func `gives the appendix's key`() throws {
        let bob = try PrivateKey(pem: Array(Self.bob.utf8).span)
        let x = base64URL("gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0")
        let y = base64URL("SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps")
        let alice = try PublicKey(curve: .p256, x: x.span, y: y.span)
        let secret = try #require(bob.secretShared(with: alice))
        let key = ConcatKDF.derive(
            secret, for: "A128GCM", partyU: Array("Alice".utf8), partyV: Array("Bob".utf8),
            count: 16)
        #expect(key == base64URL("VqqN6vgjbSBcIijNcacQGg"))
    }

    @Test func `is on one curve, between keys of a curve`() throws {
        let own = try PrivateKey.generateP256()
        let other = try PrivateKey.generate(on: .p384)
        let rsa = try PrivateKey.generateRSA()
        #expect(own.secretShared(with: other.publicKey) == nil)
        #expect(own.secretShared(with: rsa.publicKey) == nil)
        #expect(rsa.secretShared(with: own.publicKey) == nil)
        #expect(own.open([1, 2, 3].span, .sha256) == nil)
        let octets = [UInt8](repeating: 1, count: 256)
        #expect(rsa.open(octets.span, .sha1) == nil)
    }
}

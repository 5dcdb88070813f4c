// Keys that sign: a client's for `private_key_jwt`, and the demonstration provider's. What such a key
// opens is in `KeyOpening`.
//
// The same kinds and limits as `PublicKey`. Reading and making keys may take milliseconds (an RSA key
// a second): that is for starting up, never for a loop.
import COpenSSL

@safe package final class PrivateKey: Sendable {
    package let publicComponents: PublicComponents
    package let publicKey: PublicKey
    // SAFETY: this object's reference, given up in `deinit`, where the last one wipes the key. As for
    // `PublicKey`, threads may sign with it together.
    nonisolated(unsafe) let key: OpaquePointer

    /// The first private key in the text: PKCS#8, or the older PKCS#1 and SEC 1 forms. One that is under
    /// a password is refused, not asked for.
    package convenience init(pem: Span<UInt8>) throws(KeyFault) {
        guard pem.count <= 65_536 else { throw .pemUnreadable }
        let key = withOctets(pem) { octets, count in
            // SAFETY: the BIO reads the text where it is, and is freed before the text can go.
            let bio = require(unsafe BIO_new_mem_buf(octets, Int32(count)), "BIO_new_mem_buf")
            defer { unsafe BIO_free(bio) }
            // Without a callback OpenSSL would ask for a password on the terminal, and wait.
            return unsafe PEM_read_bio_PrivateKey_ex(bio, nil, { _, _, _, _ in -1 }, nil, nil, nil)
        }
        ERR_clear_error()
        guard let key else {
            throw Self.mentionsPassword(pem) ? .pemEncrypted : .pemUnreadable
        }
        try self.init(owning: key)
    }

    /// - Parameter bits: from 2048 to 8192. The exponent is 65537.
    package static func generateRSA(bits: Int = 2048) throws(KeyFault) -> PrivateKey {
        guard (RSALimits.bitsMin...RSALimits.bitsMax).contains(bits) else {
            throw .modulusBits(bits)
        }
        return try generate("RSA") { context in
            unsafe EVP_PKEY_CTX_set_rsa_keygen_bits(context, Int32(bits)) == 1
        }
    }
    package static func generateP256() throws(KeyFault) -> PrivateKey { try generate(on: .p256) }
    package static func generate(on curve: EllipticCurve) throws(KeyFault) -> PrivateKey {
        try generate("EC") { context in
            unsafe EVP_PKEY_CTX_set_group_name(context, curve.rawValue) == 1
        }
    }
    package static func generateEd25519() throws(KeyFault) -> PrivateKey {
        try generate("ED25519") { _ in true }
    }

    /// SAFETY: takes the caller's reference to a finished key, also when it throws.
    private init(owning key: OpaquePointer) throws(KeyFault) {
        do {
            publicComponents = try PublicComponents(of: key)
            publicKey = try PublicKey(publicComponents)
        } catch {
            unsafe EVP_PKEY_free(key)
            throw error
        }
        unsafe self.key = key
    }
    deinit { unsafe EVP_PKEY_free(key) }

    /// A signature over the message; for ES*, r and s side by side.
    package func sign(
        _ message: Span<UInt8>, algorithm: SignatureAlgorithm
    ) throws(KeyFault) -> [UInt8] {
        guard publicKey.fits(algorithm) else { throw .algorithmUnfit(algorithm) }
        let digest: Digest?
        switch algorithm.scheme {
        case .pkcs1(let own), .pss(let own), .ecdsa(_, let own), .hmac(let own): digest = own
        case .eddsa: digest = nil
        }
        // SAFETY: the context is made, used and freed here, and holds its own reference to the key; the
        // message is read during the call; `output` has the room libcrypto asked for.
        let context = require(unsafe EVP_MD_CTX_new(), "EVP_MD_CTX_new")
        defer {
            unsafe EVP_MD_CTX_free(context)
            ERR_clear_error()
        }
        var keyContext: OpaquePointer?
        guard
            unsafe EVP_DigestSignInit_ex(
                context, &keyContext, digest?.cName, nil, nil, key, nil) == 1,
            unsafe algorithm.scheme.setPadding(keyContext)
        else { throw .signingFailed }
        let signature = withOctets(message) { message, count -> [UInt8] in
            var room = 0
            guard unsafe EVP_DigestSign(context, nil, &room, message, count) == 1 else { return [] }
            return [UInt8](capacity: room) { output in
                unsafe output.withUnsafeMutableBufferPointer { signature, written in
                    let isSigned = unsafe EVP_DigestSign(
                        context, signature.baseAddress, &room, message, count)
                    written = isSigned == 1 ? room : 0
                }
            }
        }
        guard !signature.isEmpty else { throw .signingFailed }
        guard case .ecdsa(let curve, _) = algorithm.scheme else { return signature }
        guard let raw = ECDSASignature.raw(fromDER: signature.span, on: curve) else {
            throw .signingFailed
        }
        return raw
    }

    /// PKCS#8, as `init(pem:)` reads it.
    package var pem: Secret {
        // SAFETY: the BIO owns its memory, which is wiped with it; `Secret` copies it before that.
        let bio = require(unsafe BIO_new(BIO_s_secmem()), "BIO_new")
        defer { unsafe BIO_free(bio) }
        require(
            unsafe PEM_write_bio_PKCS8PrivateKey(bio, key, nil, nil, 0, nil, nil),
            "PEM_write_bio_PKCS8PrivateKey")
        var start: UnsafeMutablePointer<CChar>?
        let count = unsafe gate_BIO_get_mem_data(bio, &start)
        let octets = unsafe UnsafeRawBufferPointer(start: start, count: count)
        return Secret(unsafe octets.bindMemory(to: UInt8.self).span)
    }
}

extension PrivateKey {
    /// SAFETY: the context is made, used and freed here; the new key's one reference goes to `init`.
    private static func generate(
        _ kind: String, _ prepare: (OpaquePointer) -> Bool
    ) throws(KeyFault) -> PrivateKey {
        let context = require(unsafe EVP_PKEY_CTX_new_from_name(nil, kind, nil), "EVP_PKEY_CTX_new")
        defer {
            unsafe EVP_PKEY_CTX_free(context)
            ERR_clear_error()
        }
        var key: OpaquePointer?
        guard unsafe EVP_PKEY_keygen_init(context) == 1, unsafe prepare(context),
            unsafe EVP_PKEY_generate(context, &key) == 1, let key = unsafe key
        else { fatalError("libcrypto: cannot make a key of kind \(kind)") }
        return try PrivateKey(owning: key)
    }

    private static func mentionsPassword(_ pem: Span<UInt8>) -> Bool {
        let text = [UInt8](capacity: pem.count) { output in
            for index in pem.indices { output.append(pem[index]) }
        }
        return String(decoding: text, as: UTF8.self).contains("ENCRYPTED")
    }
}

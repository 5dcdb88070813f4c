// How a content key reaches its reader: encrypted to an RSA key, or agreed on with an elliptic curve
// one (RFC 7518 sections 4.3 and 4.6).
//
// RSA1_5 is not among them: whoever can ask whether its padding was right can read what was encrypted
// (RFC 8725 section 3.2). OAEP's answer here is one for all that can be wrong.
import COpenSSL

/// RSAES-OAEP as JOSE has it: the mask's digest is the label's.
package enum OAEP: String, Sendable {
    case sha1 = "RSA-OAEP"
    case sha256 = "RSA-OAEP-256"
}

extension PrivateKey {
    /// What was encrypted to this RSA key; `nil` for a key of another kind, and for whatever else.
    package func open(_ sealed: Span<UInt8>, _ padding: OAEP) -> [UInt8]? {
        guard case .rsa(let bits) = publicKey.kind, sealed.count == (bits + 7) / 8 else {
            return nil
        }
        // SAFETY: the context is made, used and freed here, and holds its own reference to the key;
        // the octets are read during the call; `output` has room for as many as the modulus, which is
        // never less than what comes out. The digests are constant and never freed.
        let context = require(
            unsafe EVP_PKEY_CTX_new_from_pkey(nil, key, nil), "EVP_PKEY_CTX_new_from_pkey")
        defer {
            unsafe EVP_PKEY_CTX_free(context)
            ERR_clear_error()
        }
        let digest =
            switch padding {
            case .sha1: unsafe EVP_sha1()
            case .sha256: unsafe Optional(Digest.sha256.algorithm)
            }
        guard unsafe EVP_PKEY_decrypt_init(context) == 1,
            unsafe EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1,
            unsafe EVP_PKEY_CTX_set_rsa_oaep_md(context, digest) == 1,
            unsafe EVP_PKEY_CTX_set_rsa_mgf1_md(context, digest) == 1
        else { return nil }
        var isOpen = false
        let opened = withOctets(sealed) { octets, count in
            [UInt8](capacity: count) { output in
                unsafe output.withUnsafeMutableBufferPointer { room, written in
                    var length = room.count
                    isOpen =
                        unsafe EVP_PKEY_decrypt(context, room.baseAddress, &length, octets, count)
                        == 1
                    written = isOpen ? length : 0
                }
            }
        }
        return isOpen ? opened : nil
    }

    /// The secret that this key and the peer's share: the x coordinate (SEC 1 section 3.3.1). `nil`
    /// unless both are on one curve.
    package func secretShared(with peer: PublicKey) -> [UInt8]? {
        guard case .ellipticCurve(let curve) = publicKey.kind,
            peer.kind == .ellipticCurve(curve)
        else { return nil }
        // SAFETY: as above; the peer's key was checked to be a point of the curve when it was made, and
        // `output` has room for a coordinate.
        let context = require(
            unsafe EVP_PKEY_CTX_new_from_pkey(nil, key, nil), "EVP_PKEY_CTX_new_from_pkey")
        defer {
            unsafe EVP_PKEY_CTX_free(context)
            ERR_clear_error()
        }
        guard unsafe EVP_PKEY_derive_init(context) == 1,
            unsafe EVP_PKEY_derive_set_peer(context, peer.key) == 1
        else { return nil }
        var isShared = false
        let secret = [UInt8](capacity: curve.coordinateCount) { output in
            unsafe output.withUnsafeMutableBufferPointer { room, written in
                var length = room.count
                isShared = unsafe EVP_PKEY_derive(context, room.baseAddress, &length) == 1
                written = isShared ? length : 0
            }
        }
        return isShared && secret.count == curve.coordinateCount ? secret : nil
    }
}

/// The single-step key derivation of ECDH-ES with SHA-256 (RFC 7518 section 4.6.2, NIST SP 800-56A).
package enum ConcatKDF {
    /// - Parameters:
    ///   - algorithm: the name of what the key is for.
    ///   - count: at most 32 octets, one round of the digest.
    package static func derive(
        _ secret: [UInt8], for algorithm: String, partyU: [UInt8], partyV: [UInt8], count: Int
    ) -> [UInt8] {
        precondition(count <= 32)
        var message: [UInt8] = bigEndian(1) + secret
        for part in [Array(algorithm.utf8), partyU, partyV] {
            message += bigEndian(UInt32(clamping: part.count)) + part
        }
        message += bigEndian(UInt32(count * 8))
        return Array(SHA256.digest(message.span).prefix(count))
    }

    private static func bigEndian(_ number: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
    }
}

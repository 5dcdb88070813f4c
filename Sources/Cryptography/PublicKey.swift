// Keys that verify: RSA (RFC 8017), ECDSA on the NIST curves (FIPS 186-4), Ed25519 (RFC 8032).
//
// A key is checked once, here, so that `verify` has nothing left to ask but whether the signature is
// right. An algorithm is only ever used with the kind of key it is defined for, and ES* only with its
// own curve (RFC 7518 section 3.4).
import COpenSSL

@safe package final class PublicKey: Sendable {
    package enum Kind: Hashable, Sendable {
        case rsa(bits: Int)
        case ellipticCurve(EllipticCurve)
        case ed25519
    }
    package let kind: Kind
    // SAFETY: this object's reference, given up in `deinit`. libcrypto changes nothing of a finished
    // key but its own locked caches, so threads may verify with it together.
    nonisolated(unsafe) let key: OpaquePointer

    /// Both numbers big-endian and unsigned, as a JWK has them (RFC 7518 section 6.3.1).
    package init(rsaModulus: Span<UInt8>, exponent: Span<UInt8>) throws(KeyFault) {
        kind = .rsa(bits: try RSALimits.check(modulus: rsaModulus, exponent: exponent))
        // Already in the machine's order, which is what the parameters are in.
        let modulus = Self.machineOrder(rsaModulus)
        let exponent = Self.machineOrder(exponent)
        let key = withOctets(modulus.span) { modulus, modulusCount in
            withOctets(exponent.span) { exponent, exponentCount in
                // SAFETY: the numbers outlive the call, and libcrypto copies them.
                unsafe Self.make(
                    "RSA",
                    [
                        Parameter.number("n", modulus, modulusCount),
                        Parameter.number("e", exponent, exponentCount), Parameter.end,
                    ])
            }
        }
        guard let key else { throw .kindUnsupported("RSA") }
        unsafe self.key = key
    }

    /// Coordinates big-endian and of the curve's full length (RFC 7518 section 6.2.1.2).
    package init(
        curve: EllipticCurve, x: Span<UInt8>, y: Span<UInt8>
    ) throws(KeyFault) {
        kind = .ellipticCurve(curve)
        for coordinate in [x.count, y.count] where coordinate != curve.coordinateCount {
            throw .coordinateCount(curve, found: coordinate)
        }
        var point: [UInt8] = [0x04]  // not compressed: x and y follow (SEC 1 section 2.3.3)
        point.reserveCapacity(1 + 2 * curve.coordinateCount)
        for index in x.indices { point.append(x[index]) }
        for index in y.indices { point.append(y[index]) }
        let key = withOctets(point.span) { point, count in
            // SAFETY: the point outlives the call, and libcrypto copies it.
            unsafe Self.make(
                "EC",
                [
                    Parameter.text("group", curve.groupName),
                    Parameter.octets("pub", point, count), Parameter.end,
                ])
        }
        guard let key else { throw .pointNotOnCurve(curve) }
        guard unsafe Self.isSound(key) else {
            unsafe EVP_PKEY_free(key)
            throw .pointNotOnCurve(curve)
        }
        unsafe self.key = key
    }

    package init(ed25519: Span<UInt8>) throws(KeyFault) {
        kind = .ed25519
        guard ed25519.count == 32 else { throw .ed25519Count(ed25519.count) }
        guard Ed25519Point.isAcceptable(ed25519) else { throw .ed25519PointRefused }
        let key = withOctets(ed25519) { octets, count in
            // SAFETY: the octets are read during the call and copied.
            unsafe EVP_PKEY_new_raw_public_key_ex(nil, "ED25519", nil, octets, count)
        }
        guard let key else {
            ERR_clear_error()
            throw .ed25519PointRefused
        }
        unsafe self.key = key
    }

    deinit { unsafe EVP_PKEY_free(key) }

    /// Whether the signature is this key's for the whole message. Any thread may ask.
    ///
    /// ES* signatures are r and s side by side, each of the curve's length (RFC 7518 section 3.4); a
    /// DER signature is refused. False, too, for an algorithm this kind of key is not for.
    package func verify(
        _ signature: Span<UInt8>, of message: Span<UInt8>, algorithm: SignatureAlgorithm
    ) -> Bool {
        guard fits(algorithm) else { return false }
        switch algorithm.scheme {
        case .pkcs1(let digest), .pss(let digest):
            guard signature.count == kind.signatureCount else { return false }
            return check(signature, of: message, digest, algorithm.scheme)
        case .ecdsa(let curve, let digest):
            guard let der = ECDSASignature.der(fromRaw: signature, on: curve) else { return false }
            return check(der.span, of: message, digest, algorithm.scheme)
        case .eddsa:
            guard signature.count == kind.signatureCount else { return false }
            return check(signature, of: message, nil, algorithm.scheme)
        case .hmac: return false
        }
    }

    /// Whether signatures of this algorithm can be checked with this key at all.
    package func fits(_ algorithm: SignatureAlgorithm) -> Bool { kind.fits(algorithm) }
}

extension PublicKey.Kind {
    /// The octets of every signature of a key of this kind, as tokens have them.
    package var signatureCount: Int {
        switch self {
        case .rsa(let bits): (bits + 7) / 8
        case .ellipticCurve(let curve): 2 * curve.coordinateCount
        case .ed25519: 64
        }
    }
    package func fits(_ algorithm: SignatureAlgorithm) -> Bool {
        switch (algorithm.scheme, self) {
        case (.pkcs1, .rsa), (.pss, .rsa), (.eddsa, .ed25519): true
        case (.ecdsa(let curve, _), .ellipticCurve(let own)): curve == own
        case (.pkcs1, _), (.pss, _), (.ecdsa, _), (.eddsa, _), (.hmac, _): false
        }
    }
}

extension PublicKey {
    private func check(
        _ signature: Span<UInt8>, of message: Span<UInt8>, _ digest: Digest?,
        _ scheme: SignatureAlgorithm.Scheme
    ) -> Bool {
        // SAFETY: the context is made, used and freed here, and holds its own reference to the key;
        // signature and message are read during the call.
        let context = require(unsafe EVP_MD_CTX_new(), "EVP_MD_CTX_new")
        defer {
            unsafe EVP_MD_CTX_free(context)
            ERR_clear_error()  // a refusal leaves its reasons behind, and they are nobody's
        }
        var keyContext: OpaquePointer?
        guard
            unsafe EVP_DigestVerifyInit_ex(
                context, &keyContext, digest?.cName, nil, nil, key, nil) == 1,
            unsafe scheme.setPadding(keyContext)
        else { return false }
        return withOctets(signature) { signature, signatureCount in
            withOctets(message) { message, messageCount in
                unsafe EVP_DigestVerify(
                    context, signature, signatureCount, message, messageCount) == 1
            }
        }
    }

    /// SAFETY: the parameters' addresses must be good until the call returns.
    private static func make(_ kind: String, _ parameters: [OSSL_PARAM]) -> OpaquePointer? {
        let context = require(unsafe EVP_PKEY_CTX_new_from_name(nil, kind, nil), "EVP_PKEY_CTX_new")
        defer { unsafe EVP_PKEY_CTX_free(context) }
        require(unsafe EVP_PKEY_fromdata_init(context), "EVP_PKEY_fromdata_init")
        var key: OpaquePointer?
        var parameters = unsafe parameters
        guard unsafe EVP_PKEY_fromdata(context, &key, gate_EVP_PKEY_PUBLIC_KEY(), &parameters) == 1
        else {
            ERR_clear_error()
            return nil
        }
        return unsafe key
    }

    /// The point is in range, not at infinity, and on the curve.
    /// SAFETY: the key stays the caller's; the context is made, used and freed here.
    private static func isSound(_ key: OpaquePointer) -> Bool {
        let context = require(
            unsafe EVP_PKEY_CTX_new_from_pkey(nil, key, nil), "EVP_PKEY_CTX_new_from_pkey")
        defer {
            unsafe EVP_PKEY_CTX_free(context)
            ERR_clear_error()
        }
        return unsafe EVP_PKEY_public_check(context) == 1
    }

    private static func machineOrder(_ number: Span<UInt8>) -> [UInt8] {
        let octets = [UInt8](capacity: number.count) { output in
            for index in number.indices { output.append(number[index]) }
        }
        return UInt16(littleEndian: 1) == 1 ? octets.reversed() : octets
    }
}

extension Digest {
    /// SAFETY: constant memory that ends in NUL.
    var cName: UnsafePointer<CChar> {
        unsafe UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
    }
}

extension SignatureAlgorithm.Scheme {
    /// RSA's padding. PSS has one mask and one salt length: the message's digest, and its length (RFC
    /// 7518 section 3.5); libcrypto would otherwise take a salt of any length.
    /// SAFETY: `context` belongs to the caller's operation, which has begun.
    func setPadding(_ context: OpaquePointer?) -> Bool {
        switch self {
        case .pkcs1: unsafe EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1
        case .pss(let digest):
            unsafe EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1
                && EVP_PKEY_CTX_set_rsa_mgf1_md(context, digest.algorithm) == 1
                && EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1
        case .ecdsa, .eddsa, .hmac: true
        }
    }
}

// Message authentication codes (RFC 2104, RFC 4231) and the JWS algorithms made of them (RFC 7518
// section 3.2).
//
// They stand apart from `PublicKey` on purpose. A verifier that takes "a key" and asks the token which
// algorithm it is for can be talked into using a public RSA key, known to all, as an HMAC secret; here
// a public key has no way to reach these functions, nor a secret a way to reach that class.
import COpenSSL

package enum HMACSHA256 {
    package static func code(key: Span<UInt8>, _ message: Span<UInt8>) -> [UInt8] {
        HMAC.code(.sha256, key: key, message)
    }
}

/// HS256, HS384 and HS512.
package enum HMACSignature {
    package static func sign(
        _ message: Span<UInt8>, algorithm: SignatureAlgorithm, secret: Secret
    ) throws(KeyFault) -> [UInt8] {
        guard let digest = algorithm.codeDigest else { throw .algorithmUnfit(algorithm) }
        guard secret.count >= digest.count else {
            throw .secretTooShort(octets: secret.count, octetsMin: digest.count)
        }
        return secret.withExposed { HMAC.code(digest, key: $0, message) }
    }
    /// False for an algorithm that is no HMAC, and for a secret that `isLongEnough` refuses.
    package static func isValid(
        _ code: Span<UInt8>, of message: Span<UInt8>, algorithm: SignatureAlgorithm, secret: Secret
    ) -> Bool {
        guard let digest = algorithm.codeDigest, secret.count >= digest.count else { return false }
        let expected = secret.withExposed { HMAC.code(digest, key: $0, message) }
        return constantTimeEquals(expected.span, code)
    }
    /// "A key of the same size as the hash output or larger MUST be used" (RFC 7518 section 3.2).
    package static func isLongEnough(_ secret: Secret, for algorithm: SignatureAlgorithm) -> Bool {
        algorithm.codeDigest.map { secret.count >= $0.count } ?? false
    }
}

enum HMAC {
    static func code(
        _ digest: Digest, key: Span<UInt8>, _ message: Span<UInt8>
    ) -> [UInt8] {
        // SAFETY: the context is made, used and freed here; it reads key and message during the calls
        // and copies what it keeps. `output` has room for the digest's octets.
        let context = require(unsafe EVP_MAC_CTX_new(algorithm), "EVP_MAC_CTX_new")
        defer { unsafe EVP_MAC_CTX_free(context) }
        let parameters = unsafe [Parameter.text("digest", digest.name), Parameter.end]
        withOctets(key) { key, count in
            require(unsafe EVP_MAC_init(context, key, count, parameters), "EVP_MAC_init")
        }
        withOctets(message) { message, count in
            require(unsafe EVP_MAC_update(context, message, count), "EVP_MAC_update")
        }
        return [UInt8](capacity: digest.count) { output in
            unsafe output.withUnsafeMutableBufferPointer { code, written in
                require(
                    unsafe EVP_MAC_final(context, code.baseAddress, &written, code.count),
                    "EVP_MAC_final")
            }
        }
    }
    // SAFETY: an EVP_MAC is constant once fetched, and this one is never freed.
    private nonisolated(unsafe) static let algorithm =
        require(unsafe EVP_MAC_fetch(nil, "HMAC", nil), "EVP_MAC_fetch")
}

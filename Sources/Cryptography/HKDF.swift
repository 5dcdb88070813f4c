// Keys from a key: HKDF with SHA-256 (RFC 5869).
import COpenSSL

package enum HKDF {
    /// The most that RFC 5869 section 2.3 allows: 255 blocks of the digest.
    package static let countMax = 255 * 32

    /// `count` octets derived from `key`, which must not be empty. `info` names what they are for: two
    /// purposes never share a key.
    package static func deriveSHA256(
        key: Span<UInt8>, salt: Span<UInt8>, info: Span<UInt8>, count: Int
    ) -> [UInt8] {
        precondition(!key.isEmpty && (1...countMax).contains(count))
        // SAFETY: the context is made, used and freed here; the parameters' addresses are good until
        // the innermost closure returns, and the context copies what it keeps. `output` has room for
        // `count` octets.
        let context = require(unsafe EVP_KDF_CTX_new(algorithm), "EVP_KDF_CTX_new")
        defer { unsafe EVP_KDF_CTX_free(context) }
        return withOctets(key) { key, keyCount in
            withOctets(salt) { salt, saltCount in
                withOctets(info) { info, infoCount in
                    var parameters = unsafe [
                        Parameter.text("digest", "SHA256"), Parameter.octets("key", key, keyCount),
                    ]
                    // No salt and an empty one are the same to the RFC (section 2.2).
                    if saltCount > 0 {
                        unsafe parameters.append(Parameter.octets("salt", salt, saltCount))
                    }
                    if infoCount > 0 {
                        unsafe parameters.append(Parameter.octets("info", info, infoCount))
                    }
                    unsafe parameters.append(Parameter.end)
                    return [UInt8](capacity: count) { output in
                        unsafe output.withUnsafeMutableBufferPointer { derived, written in
                            require(
                                unsafe EVP_KDF_derive(
                                    context, derived.baseAddress, count, parameters),
                                "EVP_KDF_derive")
                            written = count
                        }
                    }
                }
            }
        }
    }
    // SAFETY: an EVP_KDF is constant once fetched, and this one is never freed.
    private nonisolated(unsafe) static let algorithm =
        require(unsafe EVP_KDF_fetch(nil, "HKDF", nil), "EVP_KDF_fetch")
}

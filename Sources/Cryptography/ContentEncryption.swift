// Authenticated encryption of a token's content (RFC 7518 section 5): only opened here, never sealed,
// because what we seal ourselves is `AEADKey`'s.
import COpenSSL

/// Spelt as the `enc` each stands for.
package enum ContentEncryption: String, Sendable, CaseIterable {
    case A128CBC_HS256 = "A128CBC-HS256"
    case A128GCM
    case A256GCM

    package var keyCount: Int {
        switch self {
        case .A128CBC_HS256, .A256GCM: 32
        case .A128GCM: 16
        }
    }

    /// The plaintext; `nil`, whatever is wrong.
    /// - Parameter additional: the protected header as it stands in the token.
    package func open(
        _ ciphertext: Span<UInt8>, tag: Span<UInt8>, nonce: Span<UInt8>, key: Span<UInt8>,
        authenticating additional: Span<UInt8>
    ) -> [UInt8]? {
        guard key.count == keyCount, tag.count == 16, ciphertext.count <= Int(Int32.max) - 64,
            additional.count <= Int(Int32.max)
        else { return nil }
        switch self {
        case .A128GCM, .A256GCM:
            guard nonce.count == 12 else { return nil }
            return Self.decrypt(
                self == .A128GCM ? "AES-128-GCM" : "AES-256-GCM", ciphertext, nonce: nonce,
                key: key, tag: tag, authenticating: additional)
        case .A128CBC_HS256:
            guard nonce.count == 16, ciphertext.count > 0, ciphertext.count % 16 == 0 else {
                return nil
            }
            // Section 5.2.2.2: the code is checked before anything is decrypted, so padding tells
            // nobody anything.
            var message: [UInt8] = []
            for part in [additional.copied, nonce.copied, ciphertext.copied] { message += part }
            let bits = UInt64(additional.count) * 8
            for shift in stride(from: UInt64(56), through: 0, by: -8) {
                message.append(UInt8(truncatingIfNeeded: bits >> shift))
            }
            let code = HMACSHA256.code(key: key.extracting(first: 16), message.span)
            guard constantTimeEquals(code.span.extracting(first: 16), tag) else { return nil }
            return Self.decrypt(
                "AES-128-CBC", ciphertext, nonce: nonce, key: key.extracting(last: 16), tag: nil,
                authenticating: nil)
        }
    }

    private static func decrypt(
        _ name: String, _ ciphertext: Span<UInt8>, nonce: Span<UInt8>, key: Span<UInt8>,
        tag: Span<UInt8>?, authenticating additional: Span<UInt8>?
    ) -> [UInt8]? {
        // SAFETY: cipher and context are made, used and freed here; every input is read during its
        // call; `output` has room for the ciphertext and one block, more than a cipher ever writes.
        // libcrypto only reads the tag, though it asks for a mutable address.
        let cipher = require(unsafe EVP_CIPHER_fetch(nil, name, nil), "EVP_CIPHER_fetch")
        let context = require(unsafe EVP_CIPHER_CTX_new(), "EVP_CIPHER_CTX_new")
        defer {
            unsafe EVP_CIPHER_CTX_free(context)
            unsafe EVP_CIPHER_free(cipher)
            ERR_clear_error()
        }
        let isKeyed = withOctets(key) { key, _ in
            withOctets(nonce) { nonce, _ in
                unsafe EVP_DecryptInit_ex2(context, cipher, key, nonce, nil) == 1
            }
        }
        guard isKeyed else { return nil }
        var length: Int32 = 0
        if let additional, additional.count > 0 {
            let isRead = withOctets(additional) { octets, count in
                unsafe EVP_DecryptUpdate(context, nil, &length, octets, Int32(count)) == 1
            }
            guard isRead else { return nil }
        }
        if let tag {
            let isSet = withOctets(tag) { octets, count in
                unsafe EVP_CIPHER_CTX_ctrl(
                    context, EVP_CTRL_AEAD_SET_TAG, Int32(count),
                    UnsafeMutableRawPointer(mutating: octets)) == 1
            }
            guard isSet else { return nil }
        }
        var isOpen = false
        let plaintext = withOctets(ciphertext) { octets, count in
            [UInt8](capacity: count + 16) { output in
                unsafe output.withUnsafeMutableBufferPointer { room, written in
                    guard let start = room.baseAddress else { return }
                    var first: Int32 = 0
                    var last: Int32 = 0
                    var isRead = true
                    if count > 0 {
                        isRead =
                            unsafe EVP_DecryptUpdate(context, start, &first, octets, Int32(count))
                            == 1
                    }
                    if isRead {
                        isOpen =
                            unsafe EVP_DecryptFinal_ex(context, start + Int(first), &last) == 1
                    }
                    if !isOpen { unsafe OPENSSL_cleanse(start, count + 16) }
                    written = isOpen ? Int(first) + Int(last) : 0
                }
            }
        }
        return isOpen ? plaintext : nil
    }
}

extension Span<UInt8> {
    fileprivate var copied: [UInt8] {
        [UInt8](capacity: count) { output in
            for index in indices { output.append(self[index]) }
        }
    }
}

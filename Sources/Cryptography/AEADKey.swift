// Authenticated encryption: AES-256-GCM (NIST SP 800-38D), the seal of every cookie.
import COpenSSL

/// A key ready to seal and open. Both directions keep a keyed context, so a cookie costs a new nonce and
/// its own octets (0.4 µs for 1500) and not the key schedule. It belongs to one loop.
///
/// A nonce must never be used twice with one key; who owns the key sees to that.
@safe package final class AEADKey {
    package static let keyCount = 32, nonceCount = 12, tagCount = 16

    // SAFETY: each context is made in `init`, freed in `deinit` (which wipes the key in it), used only
    // by this object's methods, and keeps no address that was passed to it.
    private let sealing: OpaquePointer
    private let opening: OpaquePointer

    /// - Parameter key: exactly 32 octets.
    package init(_ key: Span<UInt8>) {
        unsafe (sealing, opening) = Self.contexts(keyedWith: key)
    }
    package init(_ key: Secret) {
        unsafe (sealing, opening) = key.withExposed { Self.contexts(keyedWith: $0) }
    }
    private static func contexts(
        keyedWith key: Span<UInt8>
    ) -> (sealing: OpaquePointer, opening: OpaquePointer) {
        precondition(key.count == keyCount)
        let sealing = require(unsafe EVP_CIPHER_CTX_new(), "EVP_CIPHER_CTX_new")
        let opening = require(unsafe EVP_CIPHER_CTX_new(), "EVP_CIPHER_CTX_new")
        withOctets(key) { key, _ in
            require(unsafe EVP_EncryptInit_ex2(sealing, cipher, key, nil, nil), "EVP_EncryptInit")
            require(unsafe EVP_DecryptInit_ex2(opening, cipher, key, nil, nil), "EVP_DecryptInit")
        }
        return (sealing, opening)
    }
    deinit {
        unsafe EVP_CIPHER_CTX_free(sealing)
        unsafe EVP_CIPHER_CTX_free(opening)
    }

    /// Appends the ciphertext and its tag of 16 octets.
    package func seal(
        _ plaintext: Span<UInt8>, nonce: Span<UInt8>, authenticating additional: Span<UInt8>,
        appendingTo sealed: inout [UInt8]
    ) {
        precondition(nonce.count == Self.nonceCount)
        precondition(Self.fits(plaintext.count) && Self.fits(additional.count))
        sealed.append(addingCapacity: plaintext.count + Self.tagCount) { output in
            // SAFETY: `room` is writable for at least ciphertext and tag; GCM writes exactly as many
            // octets as it reads, nothing when it finishes, and 16 of tag.
            unsafe output.withUnsafeMutableBufferPointer { room, written in
                let room = room.baseAddress!  // the capacity asked for is at least 16
                let isSealed = withOctets(nonce) { nonce, _ in
                    unsafe EVP_EncryptInit_ex2(sealing, nil, nil, nonce, nil) == 1
                        && update(EVP_EncryptUpdate, sealing, nil, additional)
                        && update(EVP_EncryptUpdate, sealing, room, plaintext)
                        && finish(EVP_EncryptFinal_ex, sealing, room + plaintext.count)
                        && EVP_CIPHER_CTX_ctrl(
                            sealing, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagCount),
                            room + plaintext.count) == 1
                }
                guard isSealed else { fatalError("libcrypto: AES-256-GCM cannot seal") }
                written = plaintext.count + Self.tagCount
            }
        }
    }

    /// Appends the plaintext, or nothing at all and says `false`: whatever was wrong with the text, its
    /// length, its nonce or one bit anywhere, there is one answer.
    /// - Parameter plaintext: with room for as many octets as `sealed` has.
    package func open(
        _ sealed: Span<UInt8>, nonce: Span<UInt8>, authenticating additional: Span<UInt8>,
        into plaintext: inout OutputSpan<UInt8>
    ) -> Bool {
        let count = sealed.count - Self.tagCount
        guard count >= 0, nonce.count == Self.nonceCount, Self.fits(count),
            Self.fits(additional.count)
        else { return false }
        precondition(plaintext.freeCapacity >= sealed.count)
        var isOpen = false
        // SAFETY: behind what is written already, `room` is writable for at least the plaintext, which
        // is as long as the ciphertext. libcrypto only reads the tag, though it asks for a mutable
        // address.
        unsafe plaintext.withUnsafeMutableBufferPointer { room, written in
            let room = room.baseAddress! + written  // its capacity is at least 16
            isOpen = withOctets(sealed) { ciphertext, _ in
                let tag = unsafe UnsafeMutableRawPointer(mutating: ciphertext + count)
                return withOctets(nonce) { nonce, _ in
                    unsafe EVP_DecryptInit_ex2(opening, nil, nil, nonce, nil) == 1
                        && update(EVP_DecryptUpdate, opening, nil, additional)
                        && update(
                            EVP_DecryptUpdate, opening, room, sealed.extracting(first: count))
                        && EVP_CIPHER_CTX_ctrl(
                            opening, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagCount), tag) == 1
                        && finish(EVP_DecryptFinal_ex, opening, room + count)
                }
            }
            // Until the tag is checked the plaintext is an attacker's; none of it stays.
            if isOpen { written += count } else { unsafe OPENSSL_cleanse(room, count) }
        }
        return isOpen
    }

    private typealias Update = (
        OpaquePointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<Int32>?,
        UnsafePointer<UInt8>?, Int32
    ) -> Int32
    private typealias Finish = (
        OpaquePointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<Int32>?
    ) -> Int32

    /// SAFETY: `room`, if any, is writable for `octets.count`. An empty span is left out: there is
    /// nothing to add, and the call would mean something else.
    @inline(__always) private func update(
        _ function: Update, _ context: OpaquePointer, _ room: UnsafeMutablePointer<UInt8>?,
        _ octets: Span<UInt8>
    ) -> Bool {
        guard !octets.isEmpty else { return true }
        return withOctets(octets) { octets, count in
            var written: Int32 = 0
            return unsafe function(context, room, &written, octets, Int32(count)) == 1
                && written == Int32(count)
        }
    }
    @inline(__always) private func finish(
        _ function: Finish, _ context: OpaquePointer, _ room: UnsafeMutablePointer<UInt8>
    ) -> Bool {
        var written: Int32 = 0
        return unsafe function(context, room, &written) == 1 && written == 0
    }

    /// libcrypto counts in `int`.
    private static func fits(_ count: Int) -> Bool { count <= Int(Int32.max) - tagCount }

    // SAFETY: an EVP_CIPHER is constant once fetched, and this one is never freed.
    private nonisolated(unsafe) static let cipher =
        require(unsafe EVP_CIPHER_fetch(nil, "AES-256-GCM", nil), "EVP_CIPHER_fetch")
}

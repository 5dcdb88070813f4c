// Certificates and keys from their text form (RFC 7468).
import COpenSSL

/// One certificate, and one reference to it.
final class Certificate {
    // SAFETY: this object's reference, given up in `deinit`.
    let pointer: OpaquePointer
    init(owning pointer: OpaquePointer) { self.pointer = pointer }
    deinit { unsafe X509_free(pointer) }
}

enum PEM {
    static let octetsMax = 4 << 20  // the system's whole bundle is a quarter of a megabyte

    /// Every certificate in the text, in order; nil if there is none, or one that is broken.
    static func certificates(in text: [UInt8]) -> [Certificate]? {
        reading(text) { bio in
            var certificates: [Certificate] = []
            LibraryErrors.clear()
            // SAFETY: each certificate read is ours; no password is asked for.
            while let pointer = unsafe PEM_read_bio_X509(bio, nil, noPassword, nil) {
                certificates.append(Certificate(owning: pointer))
            }
            // "No start line" is how the reader says that the text has no more of them.
            let isAtEnd = LibraryErrors.take().map { $0.reason == PEM_R_NO_START_LINE } ?? true
            return isAtEnd && !certificates.isEmpty ? certificates : nil
        }
    }

    /// The first private key; nil if there is none to be read without a password.
    /// SAFETY: the caller owns the reference.
    static func privateKey(in text: [UInt8]) -> OpaquePointer? {
        let key = reading(text) { bio in
            unsafe PEM_read_bio_PrivateKey_ex(bio, nil, noPassword, nil, nil, nil)
        }
        LibraryErrors.clear()
        return unsafe key
    }

    private static func reading<Result>(
        _ text: [UInt8], _ body: (OpaquePointer) -> Result?
    ) -> Result? {
        guard !text.isEmpty, text.count <= octetsMax else { return nil }
        return text.withUnsafeBytes { octets in
            // SAFETY: the BIO reads the text where it is, and is freed before the text can go.
            let bio = require(
                unsafe BIO_new_mem_buf(octets.baseAddress, Int32(octets.count)), "BIO_new_mem_buf")
            defer { unsafe BIO_free(bio) }
            return body(bio)
        }
    }
}

/// OpenSSL calls this for a password: there is none. Without it it would ask on the terminal, and wait.
private func noPassword(
    _: UnsafeMutablePointer<CChar>?, _: Int32, _: Int32, _: UnsafeMutableRawPointer?
) -> Int32 { -1 }

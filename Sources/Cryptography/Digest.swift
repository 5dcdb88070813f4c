// SHA-2 (FIPS 180-4), as functions and as what signatures and codes are made with.
import COpenSSL

package enum SHA256 {
    package static func digest(_ message: Span<UInt8>) -> [UInt8] { Digest.sha256.of(message) }
}
package enum SHA384 {
    package static func digest(_ message: Span<UInt8>) -> [UInt8] { Digest.sha384.of(message) }
}
package enum SHA512 {
    package static func digest(_ message: Span<UInt8>) -> [UInt8] { Digest.sha512.of(message) }
}

enum Digest: Sendable {
    case sha256, sha384, sha512

    var count: Int {
        switch self {
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }
    var name: StaticString {
        switch self {
        case .sha256: "SHA256"
        case .sha384: "SHA384"
        case .sha512: "SHA512"
        }
    }

    func of(_ message: Span<UInt8>) -> [UInt8] {
        withOctets(message) { octets, length in
            [UInt8](capacity: count) { output in
                // SAFETY: `digest` has room for this digest's octets; the message is read and not
                // kept; the algorithm is never freed.
                unsafe output.withUnsafeMutableBufferPointer { digest, written in
                    require(
                        unsafe EVP_Digest(
                            octets, length, digest.baseAddress, nil, algorithm, nil),
                        "EVP_Digest")
                    written = count
                }
            }
        }
    }

    /// Fetched once: the look-up by name costs more than the digest of a short message.
    var algorithm: OpaquePointer {
        switch self {
        case .sha256: unsafe Self.fetchedSHA256
        case .sha384: unsafe Self.fetchedSHA384
        case .sha512: unsafe Self.fetchedSHA512
        }
    }
    // SAFETY: an EVP_MD is constant once fetched, and these are never freed: threads may share them.
    private nonisolated(unsafe) static let fetchedSHA256 = unsafe fetch("SHA256")
    private nonisolated(unsafe) static let fetchedSHA384 = unsafe fetch("SHA384")
    private nonisolated(unsafe) static let fetchedSHA512 = unsafe fetch("SHA512")

    private static func fetch(_ name: String) -> OpaquePointer {
        require(unsafe EVP_MD_fetch(nil, name, nil), "EVP_MD_fetch")
    }
}

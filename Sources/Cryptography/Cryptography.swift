// The room that seals, opens, signs and verifies: OpenSSL's libcrypto as Swift values.
//
// Callers give octets as `Span<UInt8>` and get octets or an answer; no pointer, context or OpenSSL
// type leaves the room. Which algorithm a token may use, what a key is for and how long it lives are
// decided above: this room only knows whether octets are what they claim to be.
//
// What a peer sends (signatures, keys, sealed texts) is refused with `false` or a `KeyFault`. Only
// what no input can cause, libcrypto without memory or without an algorithm every build of it has,
// ends the process: to go on without working cryptography would be worse.
import COpenSSL

/// Whether both are the same octets, in a time that depends on their lengths alone.
package func constantTimeEquals(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
    guard a.count == b.count else { return false }
    return withOctets(a) { a, count in
        withOctets(b) { b, _ in
            // SAFETY: both are readable for `count` octets, and the comparison keeps neither.
            unsafe CRYPTO_memcmp(a, b, count) == 0
        }
    }
}

/// Octets from libcrypto's generator for secrets. Code that tests must be able to repeat takes a
/// `RandomNumberGenerator` instead.
package enum RandomOctets {
    package static func make(_ count: Int) -> [UInt8] {
        [UInt8](capacity: count) { output in
            // SAFETY: the array's storage is writable for `count` octets, all of which are set here.
            unsafe output.withUnsafeMutableBufferPointer { octets, written in
                require(unsafe RAND_bytes(octets.baseAddress, Int32(count)), "RAND_bytes")
                written = count
            }
        }
    }
}

// MARK: - How this room speaks to libcrypto

/// Lends a span's octets to C for the time of `body`. The address is never null: several functions of
/// OpenSSL take null to mean "as before" or "none", which is not what an empty span says.
func withOctets<Result, Failure: Error>(
    _ span: Span<UInt8>,
    _ body: (UnsafePointer<UInt8>, Int) throws(Failure) -> Result
) throws(Failure) -> Result {
    // SAFETY: the span keeps its memory alive and unchanged until `body` returns; the stand-in for
    // an empty span is constant memory, of which no octet may be read since the count is 0.
    try unsafe span.withUnsafeBufferPointer { octets throws(Failure) in
        try unsafe body(octets.baseAddress ?? emptyOctets, octets.count)
    }
}
// SAFETY: a StaticString's memory is constant and lives as long as the process.
private nonisolated(unsafe) let emptyOctets = unsafe ("" as StaticString).utf8Start

/// What libcrypto only refuses when it is broken or out of memory.
func require<Value>(_ value: Value?, _ call: StaticString) -> Value {
    guard let value else { fatalError("libcrypto: \(call) failed") }
    return value
}
func require(_ result: Int32, _ call: StaticString) {
    guard result == 1 else { fatalError("libcrypto: \(call) failed") }
}

/// The named parameters many functions of OpenSSL 3 take. They hold addresses: the values given to
/// them must live until the call they are for returns, so they are made where they are used.
enum Parameter {
    /// SAFETY: both texts are constant memory that ends in NUL; OpenSSL does not write to them.
    static func text(_ name: StaticString, _ value: StaticString) -> OSSL_PARAM {
        unsafe OSSL_PARAM_construct_utf8_string(
            characters(name), UnsafeMutablePointer(mutating: characters(value)), 0)
    }
    /// SAFETY: as `text`; the caller keeps `octets` alive, and OpenSSL only reads them.
    static func octets(
        _ name: StaticString, _ octets: UnsafePointer<UInt8>, _ count: Int
    ) -> OSSL_PARAM {
        unsafe OSSL_PARAM_construct_octet_string(
            characters(name), UnsafeMutablePointer(mutating: octets), count)
    }
    /// An unsigned number whose octets are in the machine's order.
    /// SAFETY: as `octets`.
    static func number(
        _ name: StaticString, _ octets: UnsafePointer<UInt8>, _ count: Int
    ) -> OSSL_PARAM {
        unsafe OSSL_PARAM_construct_BN(
            characters(name), UnsafeMutablePointer(mutating: octets), count)
    }
    static var end: OSSL_PARAM { unsafe OSSL_PARAM_construct_end() }

    private static func characters(_ text: StaticString) -> UnsafePointer<CChar> {
        unsafe UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
    }
}

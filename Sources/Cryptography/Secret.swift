// Octets nobody may see by accident: keys, tokens, client secrets, passwords.
import COpenSSL

/// A secret prints as `<secret>`, is compared in constant time, and its memory is wiped when the last
/// holder lets go of it. It opens through names that begin with `exposed` (or `withExposed`), so one
/// search finds every place where it does. Copies made through these are the caller's to be brief with.
@safe package final class Secret: Sendable {
    // SAFETY: allocated here, freed in `deinit`, written by nobody after `init`; so threads may share
    // it, and a pointer into it is good as long as the object, which `withExposed` keeps alive.
    private nonisolated(unsafe) let octets: UnsafeMutableBufferPointer<UInt8>

    package init(_ octets: Span<UInt8>) {
        unsafe self.octets = .allocate(capacity: octets.count)
        for index in octets.indices {
            unsafe self.octets.initializeElement(at: index, to: octets[index])
        }
    }
    package convenience init(_ octets: [UInt8]) { self.init(octets.span) }
    package convenience init(_ text: String) { self.init(Array(text.utf8).span) }

    deinit {
        unsafe OPENSSL_cleanse(octets.baseAddress, octets.count)
        unsafe octets.deallocate()
    }

    package var count: Int { unsafe octets.count }
    package var isEmpty: Bool { count == 0 }

    /// Lends the octets where they are, without a copy.
    package func withExposed<Result, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // SAFETY: the memory is this object's, which outlives the call; the span cannot escape it.
        defer { withExtendedLifetime(self) {} }
        return try body(unsafe UnsafeBufferPointer(octets).span)
    }
    /// A copy, for code that has no use for a span.
    package var exposed: [UInt8] { unsafe Array(octets) }
    /// A copy as text; octets that are not UTF-8 become U+FFFD.
    package var exposedText: String { unsafe String(decoding: octets, as: UTF8.self) }
}

extension Secret: Equatable {
    package static func == (a: Secret, b: Secret) -> Bool {
        a.withExposed { a in b.withExposed { b in constantTimeEquals(a, b) } }
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "<secret>" }
    package var debugDescription: String { "<secret>" }
    /// `dump` and the tests' failure reports look inside through this.
    package var customMirror: Mirror { Mirror(self, children: []) }
}

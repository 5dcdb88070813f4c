// Sessions that end together: those of one session at the provider (`sid`), or of one subject.
//
// A cookie cannot be called back, so what ended is remembered by a name that every session can be
// asked for. The name is a digest, 16 octets whatever the provider writes, the same in every process
// and after a restart, and it says nothing about the person.

internal import Cryptography

/// A provider's client as the names of groups see it: the same words of two providers are two groups.
package struct SessionRealm: Hashable, Sendable {
    fileprivate let octets: [UInt8]
    fileprivate let seed: UInt32

    package init(issuer: String, clientID: String) {
        octets = SHA256.digest((Array(issuer.utf8) + [0] + Array(clientID.utf8)).span)
        seed = octets.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }
}

package struct SessionGroup: Hashable, Sendable {
    package enum Kind: UInt8, Sendable {
        /// By `sid`.
        case providerSession = 1
        /// By `sub`.
        case subject = 2
        /// By `sub`, of those sessions alone that came without a `sid`.
        case subjectWithoutSession = 3
    }

    package let high: UInt64
    package let low: UInt64
    /// Cheap to find out for a session: one whose hint nobody has is in no group.
    package let hint: UInt32

    package init(_ kind: Kind, _ text: Span<UInt8>, of realm: SessionRealm) {
        var message = realm.octets
        message.append(kind.rawValue)
        for index in text.indices { message.append(text[index]) }
        self.init(
            octets: SHA256.digest(message.span).prefix(Self.octetCount),
            hint: Self.hint(kind, text, of: realm))
    }

    package init(_ kind: Kind, _ text: String, of realm: SessionRealm) {
        self.init(kind, Array(text.utf8).span, of: realm)
    }

    package static let octetCount = 16

    /// - Parameter octets: 16 of them.
    package init(octets: some Collection<UInt8>, hint: UInt32) {
        var words: (UInt64, UInt64) = (0, 0)
        for octet in octets.prefix(8) { words.0 = words.0 << 8 | UInt64(octet) }
        for octet in octets.dropFirst(8).prefix(8) { words.1 = words.1 << 8 | UInt64(octet) }
        (high, low) = words
        self.hint = hint
    }

    /// FNV-1a: it need not be hard to guess, since the digest decides.
    package static func hint(_ kind: Kind, _ text: Span<UInt8>, of realm: SessionRealm) -> UInt32 {
        var hash = realm.seed ^ UInt32(kind.rawValue)
        for index in text.indices { hash = (hash ^ UInt32(text[index])) &* 16_777_619 }
        return hash
    }
}

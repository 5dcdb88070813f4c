// What a cookie says of a session that is kept on the server side: where it is, and the key to it.
//
// The handle is sealed as a session is, and stands in the same cookie. Its key was never given to the
// store, and the name of the entry is a digest of the handle's: so a copy of the whole store opens no
// session and names no cookie, and a stolen cookie opens one alone.

internal import Cryptography
package import Values

package final class SessionHandle: Sendable {
    package enum Place: Equatable, Sendable {
        case redis
        /// One process' memory. The node (its host name) tells a process that has ended from one that
        /// somebody else can reach.
        case memory(node: String, process: [UInt8])
    }

    /// In the place of a session's layout version; no session's will ever be so high.
    static let version: UInt8 = 0x81
    private static let idOctets = 16
    package static let processOctets = 16

    package let place: Place
    /// The session's, which nothing extends.
    package let expires: UnixTime
    package let entryName: EntryName
    private let id: [UInt8]
    private let key: [UInt8]

    private init(_ place: Place, expires: UnixTime, id: [UInt8], key: [UInt8]) {
        self.place = place
        self.expires = expires
        self.id = id
        self.key = key
        entryName = EntryName(digestOf: id)
    }

    /// Of a new entry.
    package convenience init(
        _ place: Place, expires: UnixTime, using generator: inout some RandomNumberGenerator
    ) {
        self.init(
            place, expires: expires, id: [UInt8](randomCount: Self.idOctets, using: &generator),
            key: [UInt8](randomCount: AEADKey.keyCount, using: &generator))
    }

    /// The plaintext to seal.
    package func encoded() -> [UInt8] {
        var writer = PackedWriter(version: Self.version)
        writer.append(fixed: id)
        writer.append(fixed: key)
        writer.append(expires.seconds)
        switch place {
        case .redis: writer.append(0 as UInt8)
        case .memory(let node, let process):
            writer.append(1 as UInt8)
            writer.append(node)
            writer.append(fixed: process)
        }
        return writer.octets
    }

    /// `nil` for octets that this version did not write as a handle.
    package convenience init?(decoding octets: Span<UInt8>) {
        var reader = PackedReader()
        guard reader.octet(octets) == Self.version,
            let id = reader.range(octets, count: Self.idOctets),
            let key = reader.range(octets, count: AEADKey.keyCount),
            let expires = reader.signed64(octets)
        else { return nil }
        let place: Place
        switch reader.octet(octets) {
        case 0: place = .redis
        case 1:
            guard let range = reader.text(octets), let node = String(packed: octets, range),
                let process = reader.range(octets, count: Self.processOctets)
            else { return nil }
            place = .memory(node: node, process: [UInt8](octets.extracting(process)))
        default: return nil
        }
        guard reader.isAtEnd(octets) else { return nil }
        self.init(
            place, expires: UnixTime(seconds: expires), id: [UInt8](octets.extracting(id)),
            key: [UInt8](octets.extracting(key)))
    }
}

extension SessionHandle: Equatable {
    package static func == (a: SessionHandle, b: SessionHandle) -> Bool {
        a === b || a.encoded() == b.encoded()
    }
}

// MARK: - The entry

extension SessionHandle {
    /// A larger session is refused at its login.
    package static let plaintextOctetsMax = 163_840

    /// nonce (12) | ciphertext | tag (16): AES-256-GCM, `entry` ‖ 0 ‖ the entry's name authenticated.
    /// The key is this entry's alone and seals it once a refresh, far from where random nonces repeat.
    package func seal(
        _ session: Session, using generator: inout some RandomNumberGenerator
    ) -> [UInt8] {
        let nonce = [UInt8](randomCount: AEADKey.nonceCount, using: &generator)
        let (plaintext, key, associated) = (session.encoded(), key, associated)
        var entry = nonce
        AEADKey(key.span).seal(
            plaintext.span, nonce: nonce.span, authenticating: associated.span,
            appendingTo: &entry)
        return entry
    }

    /// Appends the session's plaintext; `false`, and nothing, for what was not sealed with this handle.
    package func open(_ entry: [UInt8], appendingTo plaintext: inout OctetWriter) -> Bool {
        guard entry.count >= AEADKey.nonceCount + AEADKey.tagCount else { return false }
        let octets = entry.span
        let (key, associated) = (key, associated)
        let cipher = AEADKey(key.span)
        let sealed = octets.extracting(AEADKey.nonceCount...)
        var isOpen = false
        plaintext.append(addingCapacity: sealed.count) { output in
            isOpen = cipher.open(
                sealed, nonce: octets.extracting(..<AEADKey.nonceCount),
                authenticating: associated.span, into: &output)
        }
        return isOpen
    }

    /// Whether the octets are a handle's, and not a session's own.
    static func isOne(_ octets: Span<UInt8>) -> Bool {
        !octets.isEmpty && octets[0] == version
    }

    private var associated: [UInt8] { Array("entry\0".utf8) + entryName.octets }
}

/// What an entry is called in its store: 16 octets of a digest, as two words.
package struct EntryName: Hashable, Sendable {
    let high: UInt64
    let low: UInt64

    init(digestOf id: [UInt8]) {
        let digest = SHA256.digest((Array("gatehouse entry\0".utf8) + id).span)
        var words: (UInt64, UInt64) = (0, 0)
        for octet in digest[..<8] { words.0 = words.0 << 8 | UInt64(octet) }
        for octet in digest[8..<16] { words.1 = words.1 << 8 | UInt64(octet) }
        (high, low) = words
    }

    package var octets: [UInt8] {
        [high, low].flatMap { word in
            stride(from: UInt64(56), through: 0, by: -8).map {
                UInt8(truncatingIfNeeded: word >> $0)
            }
        }
    }
}

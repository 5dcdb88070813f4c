// Seals values into text that only this deployment's keys open, for one purpose and one name.
//
// A sealed value is base64url of
//
//     version | key id (4) | pieces (1, sessions only) | salt (16, logins and states) | nonce (12)
//         | ciphertext | tag (16)
//
// AES-256-GCM (NIST SP 800-38D) under a key that HKDF-SHA256 (RFC 5869) derives from the ring's for
// the purpose. Authenticated with it: purpose ‖ 0 ‖ name ‖ everything before the nonce. So a value
// moved to another cookie, purpose, key or number of pieces does not open, and neither does any
// other spelling of its text: the decoder accepts the canonical one alone.
//
// A sealer belongs to a loop or a flow. It keeps one keyed context per ring key for sessions, and
// whoever opens many lends it room, so that opening one allocates nothing in the steady state.

internal import Cryptography
package import Values

package final class Sealer {
    package struct Opened: Equatable, Sendable {
        /// A newer key seals by now: seal the value again before this key leaves the ring.
        package let keyIsRetired: Bool
    }

    private let ring: KeyRing
    /// Contexts of the purposes without a salt, made when first met: one for a ring's key, a purpose
    /// and a name of the configuration.
    private var contexts: [Context] = []
    /// Room that `open` uses again.
    package struct Scratch: ~Copyable {
        var decoded = OctetWriter()
        var associated = OctetWriter(capacity: 128)

        package init() {}
    }

    /// What opens and seals under one name.
    private final class Context {
        let keyID: UInt32
        let purpose: Purpose
        let name: String
        /// What every value authenticates first: purpose ‖ 0 ‖ name.
        let front: [UInt8]
        let key: AEADKey

        init(_ key: KeyRing.Key, _ purpose: Purpose, _ name: String, salt: Span<UInt8>) {
            keyID = key.id
            self.purpose = purpose
            self.name = name
            front = Array(purpose.rawValue.utf8) + [0] + Array(name.utf8)
            let info = Array("gatehouse \(purpose.rawValue)".utf8)
            self.key = key.secret.withExposed { secret in
                AEADKey(
                    Secret(
                        HKDF.deriveSHA256(
                            key: secret, salt: salt, info: info.span, count: KeyRing.keyOctets)))
            }
        }
    }

    package init(_ ring: KeyRing) { self.ring = ring }

    /// The text of the sealed value, as octets. For a session, the number of pieces that
    /// `SessionCookies` will cut this text into is part of it.
    package func seal(
        _ plaintext: Span<UInt8>, for purpose: Purpose, named name: String, at now: UnixTime,
        using generator: inout some RandomNumberGenerator
    ) -> [UInt8] {
        let key = ring.sealingKey(at: now)
        var sealed = [Layout.version]
        for shift in stride(from: UInt32(24), through: 0, by: -8) {
            sealed.append(UInt8(truncatingIfNeeded: key.id >> shift))
        }
        if purpose.countsPieces {
            let octets = Layout.textOctets(plaintext.count, for: purpose)
            sealed.append(
                UInt8(clamping: SessionCookies.pieceCount(textOctets: octets, named: name)))
        }
        if purpose.isSalted {
            sealed += [UInt8](randomCount: Layout.saltOctets, using: &generator)
        }
        let layout = Layout(purpose)
        let nonce = [UInt8](randomCount: Layout.nonceOctets, using: &generator)
        let context = context(key, purpose, name, salt: sealed.span.extracting(layout.salt))
        let associated = context.front + sealed
        sealed += nonce
        context.key.seal(
            plaintext, nonce: nonce.span, authenticating: associated.span, appendingTo: &sealed)
        var text: [UInt8] = []
        Base64URL.append(sealed.span, to: &text)
        return text
    }

    /// Opens what `seal` made for the same purpose and name, and appends the plaintext. `nil`
    /// appends nothing, and never says why: whoever sent the value learns only that it does not
    /// count.
    package func open(
        _ text: Span<UInt8>, for purpose: Purpose, named name: String,
        appendingTo plaintext: inout OctetWriter, at now: UnixTime, in scratch: inout Scratch
    ) -> Opened? {
        open(
            text, purpose, name, appendingTo: &plaintext, at: now, in: &scratch.decoded,
            &scratch.associated)
    }

    private func open(
        _ text: Span<UInt8>, _ purpose: Purpose, _ name: String,
        appendingTo plaintext: inout OctetWriter, at now: UnixTime, in decoded: inout OctetWriter,
        _ associated: inout OctetWriter
    ) -> Opened? {
        let layout = Layout(purpose)
        decoded.removeAll()
        guard Base64URL.decode(text, appendingTo: &decoded) else { return nil }
        let octets = decoded.span
        guard octets.count >= layout.octetsMin, octets[0] == Layout.version,
            let place = ring.place(of: Layout.keyID(octets))
        else { return nil }
        let context = context(ring.keys[place], purpose, name, salt: octets.extracting(layout.salt))
        associated.removeAll()
        associated.append(contentsOf: context.front)
        associated.append(contentsOf: octets.extracting(0..<layout.nonce.lowerBound))
        let front = associated.span
        let sealed = octets.extracting(layout.nonce.upperBound...)
        var isOpen = false
        plaintext.append(addingCapacity: sealed.count) { output in
            isOpen = context.key.open(
                sealed, nonce: octets.extracting(layout.nonce), authenticating: front,
                into: &output)
        }
        return isOpen ? Opened(keyIsRetired: ring.isRetired(place, at: now)) : nil
    }

    /// The same for what is opened now and then, into an array.
    package func open(
        _ text: Span<UInt8>, for purpose: Purpose, named name: String,
        appendingTo plaintext: inout [UInt8], at now: UnixTime
    ) -> Opened? {
        var octets = OctetWriter(capacity: text.count)
        var scratch = Scratch()
        let opened = open(
            text, for: purpose, named: name, appendingTo: &octets, at: now, in: &scratch)
        plaintext.append(contentsOf: octets.span)
        return opened
    }

    private func context(
        _ key: KeyRing.Key, _ purpose: Purpose, _ name: String, salt: Span<UInt8>
    ) -> Context {
        if purpose.isSalted { return Context(key, purpose, name, salt: salt) }
        for context in contexts
        where context.keyID == key.id && context.purpose == purpose && context.name == name {
            return context
        }
        let context = Context(key, purpose, name, salt: salt)
        contexts.append(context)
        return context
    }
}

/// Where the parts of a sealed value lie; the same for all of one purpose.
struct Layout {
    static let version: UInt8 = 1
    static let saltOctets = 16
    static let nonceOctets = 12
    static let tagOctets = 16
    /// Where a session's number of pieces stands; octets 0…5 are the first eight characters' own.
    static let pieces = 5

    let salt: Range<Int>
    let nonce: Range<Int>
    let octetsMin: Int

    init(_ purpose: Purpose) {
        let start = 5 + (purpose.countsPieces ? 1 : 0)
        let end = start + (purpose.isSalted ? Self.saltOctets : 0)
        salt = start..<end
        nonce = end..<end + Self.nonceOctets
        octetsMin = nonce.upperBound + Self.tagOctets
    }

    static func keyID(_ octets: Span<UInt8>) -> UInt32 {
        octets.bigEndian32(at: 1)
    }

    /// How long the text gets: base64url without padding (RFC 4648 §5).
    static func textOctets(_ plaintextOctets: Int, for purpose: Purpose) -> Int {
        ((Layout(purpose).octetsMin + plaintextOctets) * 4 + 2) / 3
    }
}

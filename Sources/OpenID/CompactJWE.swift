// An encrypted token in compact form, opened with the client's own key (RFC 7516 §5.2).
//
// Encryption says nothing about who made a token: what is inside is a signed one, and is judged like
// any other. What decides here is pinned as well: three ways of bringing the content key, three of
// encrypting the content, and no compression, whose output has no bound (RFC 8725 §3.6). Whatever is
// wrong behind the header has one name, so that nobody learns what was right.

internal import Cryptography
internal import JSON
internal import Values

enum CompactJWE {
    private static let agreementName = "ECDH-ES"

    /// Whether a text has the five segments of an encrypted token.
    static func isOne(_ token: String) -> Bool {
        token.utf8.count <= CompactJWS.octetsMax
            && token.utf8.lazy.filter { $0 == UInt8(ascii: ".") }.count == 4
    }

    /// The signed token inside.
    static func open(_ token: String, with key: PrivateKey) throws(JOSEFault) -> String {
        let text = Array(token.utf8)
        guard text.count <= CompactJWS.octetsMax else { throw .tooLong }
        let segments = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard segments.count == 5 else { throw .segments(segments.count) }
        var parts: [[UInt8]] = []
        for segment in segments {
            guard let part = Base64URL.decode(Array(segment).span) else { throw .notBase64URL }
            parts.append(part)
        }
        let (header, encryptedKey, nonce) = (parts[0], parts[1], parts[2])
        let (ciphertext, tag, protected) = (parts[3], parts[4], Array(segments[0]))
        let fields: JSON
        do { fields = try JSON(parsing: header.span, depthMax: 4) } catch {
            throw .headerUnreadable
        }
        guard fields.object != nil, let algorithm = fields["alg"]?.string,
            let encryptionName = fields["enc"]?.string
        else { throw .headerUnreadable }
        guard fields["crit"] == nil, fields["zip"] == nil else { throw .extensionCritical }
        guard let encryption = ContentEncryption(rawValue: encryptionName) else {
            throw .encryptionRefused(encryptionName.readable(40))
        }
        let contentKey: [UInt8]?
        if let padding = OAEP(rawValue: algorithm) {
            contentKey = key.open(encryptedKey.span, padding)
        } else if algorithm == agreementName {
            contentKey = try agreedKey(fields, encryptedKey, key, encryption)
        } else {
            throw .encryptionRefused(algorithm.readable(40))
        }
        guard let contentKey, contentKey.count == encryption.keyCount,
            let plaintext = encryption.open(
                ciphertext.span, tag: tag.span, nonce: nonce.span, key: contentKey.span,
                authenticating: protected.span),
            let inner = String(validating: plaintext, as: UTF8.self)
        else { throw .undecryptable }
        return inner
    }

    /// RFC 7518 §4.6: the key is agreed on, and none is sent.
    private static func agreedKey(
        _ fields: JSON, _ encryptedKey: [UInt8], _ key: PrivateKey, _ encryption: ContentEncryption
    ) throws(JOSEFault) -> [UInt8]? {
        guard encryptedKey.isEmpty else { throw .undecryptable }
        guard let party = fields["epk"], party["kty"] == "EC", party["d"] == nil,
            let curve = party["crv"]?.string.flatMap(EllipticCurve.init),
            let x = party["x"]?.string.flatMap({ Base64URL.decode($0) }),
            let y = party["y"]?.string.flatMap({ Base64URL.decode($0) }),
            let partyU = information("apu", in: fields), let partyV = information("apv", in: fields)
        else { throw .headerUnreadable }
        let peer: PublicKey
        // A point that is not on the curve would have us tell the key, a few bits each time.
        do { peer = try PublicKey(curve: curve, x: x.span, y: y.span) } catch {
            throw .undecryptable
        }
        return key.secretShared(with: peer).map { secret in
            ConcatKDF.derive(
                secret, for: encryption.rawValue, partyU: partyU, partyV: partyV,
                count: encryption.keyCount)
        }
    }

    private static func information(_ name: String, in fields: JSON) -> [UInt8]? {
        switch fields[name] {
        case nil: []
        case .string(let text)?: Base64URL.decode(text)
        default: nil
        }
    }
}

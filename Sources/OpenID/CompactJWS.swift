// A signed token in compact form: taken apart, and its signature checked (RFC 7515 §5.2, RFC 8725
// §3).
//
// The header is the attacker's until the signature holds, and it may choose only among what was
// decided without it: an algorithm out of the pinned ones, a key out of the provider's set. Keys
// and addresses of keys that it brings (jwk, jku, x5c, x5u) are not read at all.

internal import Cryptography
internal import JSON
internal import Values

struct CompactJWS {
    let algorithm: SignatureAlgorithm
    let kid: String?
    let type: String?
    let payload: JSON
    private let signature: [UInt8]
    private let signingInput: [UInt8]

    /// Oracle's domains can be set to tokens of 128 000 octets.
    static let octetsMax = 131_072
    private static let kidOctetsMax = 1024

    /// Takes a token apart; nothing it says is true yet.
    init(_ token: String, allowing algorithms: [SignatureAlgorithm]) throws(JOSEFault) {
        let text = Array(token.utf8)
        guard text.count <= Self.octetsMax else { throw .tooLong }

        // Three segments: five are an encrypted token, and a JSON serialization has none.
        let segments = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard segments.count == 3 else { throw .segments(segments.count) }
        // Of every octet string there is one spelling, so that a token has one, too.
        guard let header = Base64URL.decode(Array(segments[0]).span),
            let payload = Base64URL.decode(Array(segments[1]).span),
            let signature = Base64URL.decode(Array(segments[2]).span)
        else { throw .notBase64URL }
        guard !header.isEmpty, !payload.isEmpty, !signature.isEmpty else { throw .segmentEmpty }

        let fields: JSON
        do { fields = try JSON(parsing: header.span, depthMax: 4) } catch {
            throw .headerUnreadable
        }
        guard fields.object != nil, let name = fields["alg"]?.string else {
            throw .headerUnreadable
        }
        // `none` is no case of the type, and HMAC never counts: its key would have to be one that
        // everybody knows, or that the client could have signed with itself (RFC 8725 §2.1).
        guard let algorithm = SignatureAlgorithm(rawValue: name), !algorithm.isSymmetric,
            algorithms.contains(algorithm)
        else { throw .algorithmRefused(name.readable(40)) }
        // We know no extension, so each critical one is one too many (RFC 7515 §4.1.11); `b64:
        // false` would change what is signed (RFC 7797 §6).
        guard fields["crit"] == nil, fields["b64"] == nil, fields["zip"] == nil else {
            throw .extensionCritical
        }
        kid = try Self.text("kid", in: fields)
        type = try Self.text("typ", in: fields)
        guard (kid?.utf8.count ?? 0) <= Self.kidOctetsMax else { throw .headerUnreadable }

        do { self.payload = try JSON(parsing: payload.span) } catch { throw .payloadUnreadable }
        guard self.payload.object != nil else { throw .payloadUnreadable }
        self.algorithm = algorithm
        self.signature = signature
        signingInput = Array(text[..<segments[1].endIndex])
    }

    /// Checks the signature with the provider's keys.
    func verify(with keys: JWKSet) throws(JOSEFault) {
        let candidates = keys.candidates(kid: kid, algorithm: algorithm)
        guard !candidates.isEmpty else { throw .keyUnknown(kid: kid?.readable(80)) }
        // Several only where `kid` is absent or given twice, and at most as many as a set has.
        for candidate in candidates
        where candidate.key.verify(signature.span, of: signingInput.span, algorithm: algorithm) {
            return
        }
        throw .signatureInvalid
    }

    private static func text(_ name: String, in fields: JSON) throws(JOSEFault) -> String? {
        switch fields[name] {
        case nil: return nil
        case .string(let text)?: return text
        default: throw .headerUnreadable
        }
    }
}

/// Why a token is no token of the provider's, before its claims are looked at.
package enum JOSEFault: Error, Equatable, Sendable {
    case tooLong
    case segments(Int)
    case notBase64URL
    case segmentEmpty
    case headerUnreadable
    case algorithmRefused(String)
    case extensionCritical
    case payloadUnreadable
    /// None of the keys known has this name and type. New ones may have been published.
    case keyUnknown(kid: String?)
    case signatureInvalid
    /// Of an encrypted token: an `alg` or `enc` that we do not open.
    case encryptionRefused(String)
    /// Of an encrypted token: whatever it is, one answer.
    case undecryptable

    /// The part of the code behind the token's name.
    var code: String {
        switch self {
        case .tooLong: "too-long"
        case .segments, .notBase64URL, .segmentEmpty, .headerUnreadable, .payloadUnreadable:
            "malformed"
        case .algorithmRefused: "algorithm-refused"
        case .extensionCritical: "extension-critical"
        case .keyUnknown: "key-unknown"
        case .signatureInvalid: "signature-invalid"
        case .encryptionRefused: "encryption-refused"
        case .undecryptable: "undecryptable"
        }
    }

    var sentence: String {
        switch self {
        case .tooLong: "it has more than \(CompactJWS.octetsMax) octets"
        case .segments(let count): "it has \(count) segments, where 3 are expected"
        case .notBase64URL: "a segment is not base64url without padding"
        case .segmentEmpty: "a segment is empty"
        case .headerUnreadable: "its header is not the JSON object it should be"
        case .algorithmRefused(let name):
            "its alg is \"\(name)\", which the provider does not announce"
        case .extensionCritical: "its header has crit, b64 or zip"
        case .payloadUnreadable: "its claims are not a JSON object"
        case .keyUnknown(let kid):
            "the provider's key set has no key for it" + (kid.map { " (kid \"\($0)\")" } ?? "")
        case .signatureInvalid: "its signature is not the provider's"
        case .encryptionRefused(let name):
            "it is encrypted by \"\(name)\", which is not opened here"
        case .undecryptable: "it cannot be decrypted with provider.client_key"
        }
    }
}

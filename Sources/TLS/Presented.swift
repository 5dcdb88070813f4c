// A certificate with its chain and key, checked against each other before any context sees them.
import COpenSSL

/// What a client or a server shows of itself.
final class Presented {
    let leaf: Certificate
    /// What leads from it towards a root, nearest first.
    let chain: [Certificate]
    // SAFETY: this object's reference, given up in `deinit`.
    let key: OpaquePointer

    /// Throws where the two are not a pair, or cannot be read.
    init(chain text: [UInt8], key keyText: [UInt8]) throws(PairFault) {
        guard let certificates = PEM.certificates(in: text), let first = certificates.first else {
            throw .chainUnreadable
        }
        guard let key = PEM.privateKey(in: keyText) else { throw .keyUnreadable }
        leaf = first
        chain = Array(certificates.dropFirst())
        unsafe self.key = key
        LibraryErrors.clear()
        // From here on a throw runs `deinit`.
        guard unsafe X509_check_private_key(leaf.pointer, key) == 1 else {
            LibraryErrors.clear()
            throw .mismatch
        }
    }
    deinit { unsafe EVP_PKEY_free(key) }

    /// RSA, EC and so on: a context holds one certificate for each.
    var kind: Int32 { unsafe EVP_PKEY_get_base_id(key) }

    /// Makes a context show it, beside those of other kinds that it has.
    func install(in context: OpaquePointer) throws(PairFault) {
        LibraryErrors.clear()
        // SAFETY: libssl takes references of its own. A chain belongs to the certificate set last.
        guard unsafe SSL_CTX_use_certificate(context, leaf.pointer) == 1 else { throw refusal() }
        for link in chain {
            guard unsafe gate_SSL_CTX_add1_chain_cert(context, link.pointer) == 1 else {
                throw refusal()
            }
        }
        // Checked against the certificate of the same kind.
        guard unsafe SSL_CTX_use_PrivateKey(context, key) == 1,
            unsafe SSL_CTX_check_private_key(context) == 1
        else { throw refusal() }
    }

    private func refusal() -> PairFault {
        .refused(LibraryErrors.take()?.words ?? "unknown")
    }
}

enum PairFault: Error, Equatable {
    case chainUnreadable
    case keyUnreadable
    case mismatch
    /// libssl's security level refuses the certificate or key: too short, or signed with SHA-1.
    case refused(String)
}

extension Certificate {
    /// The DNS names of subjectAltName, in lower case: `a.test`, `*.a.test`. What could be no name is
    /// left out, and so are wildcards but for a whole first label (RFC 9525 section 6.3).
    var names: [String] {
        guard let found = unsafe X509_get_ext_d2i(pointer, NID_subject_alt_name, nil, nil) else {
            LibraryErrors.clear()
            return []
        }
        // SAFETY: the names are ours until they are freed here; each is copied before.
        let names = OpaquePointer(found)
        defer { unsafe GENERAL_NAMES_free(names) }
        return (0..<(unsafe gate_sk_GENERAL_NAME_num(names))).compactMap { index in
            var kind: Int32 = -1
            let name = unsafe gate_sk_GENERAL_NAME_value(names, index)
            let value = unsafe GENERAL_NAME_get0_value(name, &kind)
            guard kind == GEN_DNS, let value = unsafe value else { return nil }
            let string = unsafe value.assumingMemoryBound(to: ASN1_STRING.self)
            let octets = unsafe UnsafeBufferPointer(
                start: ASN1_STRING_get0_data(string), count: Int(ASN1_STRING_length(string)))
            let text = unsafe String(decoding: octets, as: UTF8.self)
            return text.hasPrefix("*.")
                ? ServerName(parsing: String(text.dropFirst(2))).map { "*." + $0.text }
                : ServerName(parsing: text).map(\.text)
        }
    }

    enum Validity { case notYet, now, over }
    /// By this machine's clock, as libssl judges a peer's certificate.
    var validity: Validity {
        // 0: the time could not be read, and is then no time that has come.
        if unsafe X509_cmp_current_time(X509_get0_notBefore(pointer)) >= 0 { return .notYet }
        return unsafe X509_cmp_current_time(X509_get0_notAfter(pointer)) > 0 ? .now : .over
    }

    /// `Nov 26 06:26:00 2026 GMT`
    var goodUntil: String { unsafe PeerCertificate.text(X509_get0_notAfter(pointer)) }
    var goodFrom: String { unsafe PeerCertificate.text(X509_get0_notBefore(pointer)) }
}

// What is wrong with a peer's certificate, in words that name the certificate.
import COpenSSL

enum PeerCertificate {
    /// OpenSSL's sentence, and what helps to act on it: the names the certificate is for, the time it was
    /// good until, whose it is and who issued it.
    /// SAFETY: `verification` is in progress; nothing of it is kept.
    static func failure(_ verification: OpaquePointer, expected: ServerName?) -> String {
        let code = unsafe X509_STORE_CTX_get_error(verification)
        let sentence = unsafe String(cString: X509_verify_cert_error_string(Int(code)))
        guard let certificate = unsafe X509_STORE_CTX_get_current_cert(verification) else {
            return sentence
        }
        let subject = unsafe name(X509_get_subject_name(certificate))
        switch code {
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            let names = unsafe names(of: certificate)
            let found = names.isEmpty ? "no name (it has no subjectAltName)" : names
            return "\(sentence): certificate is for \(found), not for \(expected?.text ?? "us")"
        case X509_V_ERR_CERT_HAS_EXPIRED:
            let end = unsafe text(X509_get0_notAfter(certificate))
            return "\(sentence): \(subject), on \(end)"
        case X509_V_ERR_CERT_NOT_YET_VALID:
            let start = unsafe text(X509_get0_notBefore(certificate))
            return "\(sentence): \(subject), before \(start)"
        default:
            let issuer = unsafe name(X509_get_issuer_name(certificate))
            return "\(sentence): \(subject), issued by \(issuer)"
        }
    }

    /// The names of subjectAltName, as `a.test, b.test, 127.0.0.1`.
    private static func names(of certificate: OpaquePointer) -> String {
        let index = unsafe X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1)
        guard index >= 0 else { return "" }
        let text = printed { bio in
            unsafe X509V3_EXT_print(bio, X509_get_ext(certificate, index), 0, 0)
        }
        return text.split(separator: ", ").map { name in
            for kind in ["DNS:", "IP Address:"] where name.hasPrefix(kind) {
                return String(name.dropFirst(kind.count))
            }
            return String(name)
        }.joined(separator: ", ")
    }

    static func text(_ time: UnsafePointer<ASN1_TIME>?) -> String {
        printed { unsafe ASN1_TIME_print($0, time) }
    }

    private static func name(_ name: OpaquePointer?) -> String {
        let text = printed { bio in
            unsafe X509_NAME_print_ex(bio, name, 0, gate_XN_FLAG_ONELINE())
        }
        return text.isEmpty ? "a certificate without a subject" : text
    }

    /// The subject as RFC 4514 writes it, in ASCII: `CN=alice,O=Example`. `nil`: it is longer than
    /// anything that should stand in a field.
    static func subject(of certificate: OpaquePointer) -> String? {
        let text = printed(octetsMax: subjectOctetsMax + 1) { bio in
            unsafe X509_NAME_print_ex(
                bio, X509_get_subject_name(certificate), 0, gate_XN_FLAG_RFC2253())
        }
        return text.utf8.count <= subjectOctetsMax ? text : nil
    }
    private static let subjectOctetsMax = 2048

    /// What `print` writes, of which a peer decides: short, and of printable ASCII.
    private static func printed(
        octetsMax: Int = textOctetsMax, _ print: (OpaquePointer) -> Int32
    ) -> String {
        // SAFETY: the BIO owns its memory until it is freed here; the text is copied before.
        let bio = require(unsafe BIO_new(BIO_s_mem()), "BIO_new")
        defer { unsafe BIO_free(bio) }
        guard print(bio) >= 0 else { return "" }
        var start: UnsafeMutablePointer<CChar>?
        let count = unsafe gate_BIO_get_mem_data(bio, &start)
        let octets = unsafe UnsafeRawBufferPointer(start: start, count: count)
        let text = unsafe octets.prefix(octetsMax).map {
            (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: "?")
        }
        return String(decoding: text, as: UTF8.self) + (count > octetsMax ? "..." : "")
    }
    private static let textOctetsMax = 200
}

// Certificates made for one test, by the library itself: an authority, and what it signs.
import COpenSSL

/// A certificate and its key.
final class Identity: @unchecked Sendable {  // made once, and only read after
    let certificate: OpaquePointer
    let key: OpaquePointer

    /// - Parameters:
    ///   - names: as openssl.cnf writes them: `DNS:a.test,IP:127.0.0.1`.
    ///   - days: from when to when it is good, counted from today.
    init(
        _ commonName: String, names: String? = nil, signedBy issuer: Identity? = nil,
        isAuthority: Bool = false, days: ClosedRange<Int> = -1...30, digest: String = "SHA256",
        bits: Int32? = nil, serial: Int = 1
    ) {
        let context = EVP_PKEY_CTX_new_from_name(nil, bits == nil ? "EC" : "RSA", nil)
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        precondition(EVP_PKEY_keygen_init(context) == 1)
        if let bits {
            EVP_PKEY_CTX_set_rsa_keygen_bits(context, bits)
        } else {
            EVP_PKEY_CTX_set_group_name(context, "P-256")
        }
        precondition(EVP_PKEY_generate(context, &key) == 1)
        let certificate = X509_new()
        X509_set_version(certificate, 2)
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial)
        X509_gmtime_adj(X509_getm_notBefore(certificate), days.lowerBound * 86_400)
        X509_gmtime_adj(X509_getm_notAfter(certificate), days.upperBound * 86_400)
        X509_NAME_add_entry_by_txt(
            X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, commonName,
            Int32(commonName.utf8.count), -1, 0)
        X509_set_issuer_name(
            certificate, X509_get_subject_name(issuer?.certificate ?? certificate))
        X509_set_pubkey(certificate, key)
        func extend(_ identifier: Int32, _ value: String) {
            let made = X509V3_EXT_conf_nid(nil, nil, identifier, value)
            precondition(made != nil, "\(value) is no extension")
            X509_add_ext(certificate, made, -1)
            X509_EXTENSION_free(made)
        }
        extend(NID_basic_constraints, isAuthority ? "critical,CA:TRUE" : "critical,CA:FALSE")
        if let names { extend(NID_subject_alt_name, names) }
        precondition(
            X509_sign(certificate, issuer?.key ?? key, EVP_get_digestbyname(digest)) > 0)
        self.certificate = certificate!  // made above
        self.key = key!
    }

    deinit {
        X509_free(certificate)
        EVP_PKEY_free(key)
    }

    var certificatePEM: [UInt8] { text { PEM_write_bio_X509($0, certificate) } }
    var keyPEM: [UInt8] { text { PEM_write_bio_PKCS8PrivateKey($0, key, nil, nil, 0, nil, nil) } }
    var lockedKeyPEM: [UInt8] {
        text { PEM_write_bio_PKCS8PrivateKey($0, key, EVP_aes_256_cbc(), "secret", 6, nil, nil) }
    }

    private func text(_ write: (OpaquePointer?) -> Int32) -> [UInt8] {
        let bio = BIO_new(BIO_s_mem())
        defer { BIO_free(bio) }
        precondition(write(bio) == 1)
        var start: UnsafeMutablePointer<CChar>?
        let count = gate_BIO_get_mem_data(bio, &start)
        return Array(UnsafeRawBufferPointer(start: start, count: count))
    }
}

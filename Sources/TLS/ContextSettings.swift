// What contexts of both sides have in common.
//
// Each setting is libssl's and is copied by it; none of these calls keeps an address of ours.
import COpenSSL

enum ContextSettings {
    static func setProtocol(_ context: OpaquePointer, minimumVersion: TLSVersion) {
        let version =
            switch minimumVersion {
            case .tls12: TLS1_2_VERSION
            case .tls13: TLS1_3_VERSION
            }
        require(
            unsafe gate_SSL_CTX_set_min_proto_version(context, version), "set_min_proto_version")
        // Level 2: RSA from 2048 bits, curves from 224, nothing signed with SHA-1.
        unsafe SSL_CTX_set_security_level(context, 2)
        // The cheapest first: a handshake is some thirty hashes, and SHA-256 has instructions of its own.
        require(
            unsafe SSL_CTX_set_ciphersuites(
                context,
                "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"),
            "SSL_CTX_set_ciphersuites")
        require(
            unsafe SSL_CTX_set_cipher_list(
                context, "ECDHE+AESGCM+AES128:ECDHE+AESGCM:ECDHE+CHACHA20"),
            "SSL_CTX_set_cipher_list")
        unsafe SSL_CTX_set_options(
            context, gate_SSL_OP_NO_COMPRESSION() | gate_SSL_OP_NO_RENEGOTIATION())
        // 34 kB of buffers are given back whenever a connection has nothing half-read or half-sent.
        unsafe gate_SSL_CTX_set_mode(context, Int(SSL_MODE_RELEASE_BUFFERS))
    }

    /// Adds what is trusted: it stands for itself, without the root above it.
    static func trust(_ text: [UInt8], in context: OpaquePointer) throws(TLSProblem) {
        guard let certificates = PEM.certificates(in: text) else { throw .caUnreadable }
        let store = unsafe SSL_CTX_get_cert_store(context)
        for certificate in certificates {
            // libssl takes a reference of its own, and the same certificate twice without complaint.
            guard unsafe X509_STORE_add_cert(store, certificate.pointer) == 1 else {
                LibraryErrors.clear()
                throw .caUnreadable
            }
        }
        unsafe X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
    }

    /// - Parameter mode: what is asked of the peer, in libssl's flags.
    static func verify(_ context: OpaquePointer, _ mode: Int32) {
        // SAFETY: the function is called during a handshake, on its thread; the connection whose
        // call that is outlives it. The answer is libssl's own, so it stops at the first failure.
        unsafe SSL_CTX_set_verify(context, mode) { isTrusted, verification in
            if isTrusted != 1, let verification = unsafe verification {
                let connection = unsafe X509_STORE_CTX_get_ex_data(
                    verification, SSL_get_ex_data_X509_STORE_CTX_idx())
                unsafe OctetChannel.user(of: OpaquePointer(connection))?.distrusts(verification)
            }
            return isTrusted
        }
    }

    /// Each name behind its length (RFC 7301 section 3.1).
    static func wireForm(_ protocols: [String]) throws(TLSProblem) -> [UInt8] {
        var list: [UInt8] = []
        for name in protocols {
            guard let count = UInt8(exactly: name.utf8.count), count > 0 else {
                throw .protocolRefused(name)
            }
            list.append(count)
            list += name.utf8
        }
        return list
    }
}

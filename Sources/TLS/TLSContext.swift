// What the connections to one kind of server share.
import COpenSSL

/// One for each loop and upstream: it is not `Sendable`, and its connections stay on its loop. It keeps
/// the last session it was given, so that the next connection may resume it.
@safe package final class TLSContext {
    let serverName: ServerName
    let protocols: [String]
    // SAFETY: this object's reference, given up in `deinit`; each SSL holds one of its own.
    let context: OpaquePointer
    private var session: OpaquePointer?
    private var resumptions = 0

    package init(client settings: ClientSettings) throws(TLSProblem) {
        guard let serverName = ServerName(parsing: settings.serverName) else {
            throw .serverNameRefused(settings.serverName)
        }
        self.serverName = serverName
        protocols = settings.alpn
        context = require(unsafe SSL_CTX_new(TLS_client_method()), "SSL_CTX_new")
        // From here on a throw runs `deinit`.
        setProtocol(minimumVersion: settings.minimumVersion)
        try offer(settings.alpn)
        try trust(settings.caFile)
        expect(serverName)
        try present(certificate: settings.clientCertificate, key: settings.clientKey)
        keepSessions()
    }

    deinit {
        unsafe SSL_SESSION_free(session)
        unsafe SSL_CTX_free(context)
    }

    /// Only a full handshake looks at the certificate; so after as many resumed ones there is one.
    package static let resumptionsMax = 16

    /// The session to resume, if there is one; the caller owns the reference. One of TLS 1.3 is handed out
    /// once: a ticket used twice would let an observer link the connections (RFC 8446 appendix C.4).
    func takeSession() -> OpaquePointer? {
        guard let kept = unsafe session, resumptions < Self.resumptionsMax else {
            forgetSession()
            resumptions = 0
            return nil
        }
        resumptions += 1
        if unsafe SSL_SESSION_get_protocol_version(kept) < TLS1_3_VERSION {
            unsafe SSL_SESSION_up_ref(kept)
        } else {
            unsafe session = nil
        }
        return unsafe kept
    }

    /// After a handshake that failed: the session may be why.
    func forgetSession() { unsafe keep(nil) }

    /// SAFETY: takes the caller's reference, and gives up the one before.
    private func keep(_ new: OpaquePointer?) {
        unsafe SSL_SESSION_free(session)
        unsafe session = new
    }
}

// Each setting is libssl's and is copied by it; none of these calls keeps an address of ours.
extension TLSContext {
    private func setProtocol(minimumVersion: TLSVersion) {
        let version =
            switch minimumVersion {
            case .tls12: TLS1_2_VERSION
            case .tls13: TLS1_3_VERSION
            }
        require(
            unsafe gate_SSL_CTX_set_min_proto_version(context, version), "set_min_proto_version")
        // Level 2: RSA from 2048 bits, curves from 224, nothing signed with SHA-1.
        unsafe SSL_CTX_set_security_level(context, 2)
        require(
            unsafe SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20"),
            "SSL_CTX_set_cipher_list")
        unsafe SSL_CTX_set_options(
            context, gate_SSL_OP_NO_COMPRESSION() | gate_SSL_OP_NO_RENEGOTIATION())
        // 34 kB of buffers are given back whenever a connection has nothing half-read or half-sent.
        unsafe gate_SSL_CTX_set_mode(context, Int(SSL_MODE_RELEASE_BUFFERS))
    }

    private func offer(_ protocols: [String]) throws(TLSProblem) {
        guard !protocols.isEmpty else { return }
        var list: [UInt8] = []  // each name behind its length (RFC 7301 section 3.1)
        for name in protocols {
            guard let count = UInt8(exactly: name.utf8.count), count > 0 else {
                throw .protocolRefused(name)
            }
            list.append(count)
            list += name.utf8
        }
        let result = unsafe SSL_CTX_set_alpn_protos(context, list, UInt32(list.count))
        guard result == 0 else { throw .protocolRefused(protocols.joined(separator: ", ")) }
    }

    private func trust(_ text: [UInt8]?) throws(TLSProblem) {
        guard let text else {
            unsafe SSL_CTX_set1_cert_store(context, Self.systemStore)
            return
        }
        guard let certificates = PEM.certificates(in: text) else { throw .caUnreadable }
        let store = unsafe SSL_CTX_get_cert_store(context)
        for certificate in certificates {
            // libssl takes a reference of its own, and the same certificate twice without complaint.
            guard unsafe X509_STORE_add_cert(store, certificate.pointer) == 1 else {
                LibraryErrors.clear()
                throw .caUnreadable
            }
        }
        // What an operator names is trusted as it stands, without the root above it.
        unsafe X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
    }

    private func expect(_ serverName: ServerName) {
        let expectations = unsafe SSL_CTX_get0_param(context)
        switch serverName {
        case .host(let name):
            require(
                unsafe X509_VERIFY_PARAM_set1_host(expectations, name, name.utf8.count),
                "X509_VERIFY_PARAM_set1_host")
        case .address(let address):
            require(
                unsafe X509_VERIFY_PARAM_set1_ip_asc(expectations, address),
                "X509_VERIFY_PARAM_set1_ip_asc")
        }
        // The subject is no place for a name (RFC 9525 section 2), nor `w*.example` a wildcard (6.3).
        unsafe X509_VERIFY_PARAM_set_hostflags(
            expectations,
            UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        // SAFETY: the function is called during a handshake, on its thread; `TLSConnection` put itself
        // beside the SSL and outlives it. The answer is libssl's own, so it stops at the first failure.
        unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER) { isTrusted, verification in
            if isTrusted != 1, let verification = unsafe verification {
                let connection = unsafe X509_STORE_CTX_get_ex_data(
                    verification, SSL_get_ex_data_X509_STORE_CTX_idx())
                unsafe TLSConnection.of(OpaquePointer(connection))?.distrusts(verification)
            }
            return isTrusted
        }
    }

    private func present(certificate: [UInt8]?, key: [UInt8]?) throws(TLSProblem) {
        guard let certificate else {
            if key != nil { throw .clientCertificateMissing }
            return
        }
        guard let key else { throw .clientKeyMissing }
        guard let chain = PEM.certificates(in: certificate) else {
            throw .clientCertificateUnreadable
        }
        for (index, certificate) in chain.enumerated() {
            LibraryErrors.clear()
            let isTaken =
                index == 0
                ? unsafe SSL_CTX_use_certificate(context, certificate.pointer)
                : unsafe gate_SSL_CTX_add1_chain_cert(context, certificate.pointer)
            guard isTaken == 1 else {
                throw .clientCertificateRefused(LibraryErrors.take()?.words ?? "unknown")
            }
        }
        let fits = PEM.withPrivateKey(in: key) { key in
            // The first call already refuses a key of another kind, the second another key.
            unsafe SSL_CTX_use_PrivateKey(context, key) == 1
                && SSL_CTX_check_private_key(context) == 1
        }
        LibraryErrors.clear()
        guard let fits else { throw .clientKeyUnreadable }
        guard fits else { throw .clientKeyMismatch }
    }

    private func keepSessions() {
        unsafe gate_SSL_CTX_set_session_cache_mode(
            context, Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL))
        // SAFETY: as for the verification above; 1 means that the reference is now ours.
        unsafe SSL_CTX_sess_set_new_cb(context) { connection, session in
            guard let connection = unsafe TLSConnection.of(connection) else { return 0 }
            unsafe connection.context.keep(session)
            return 1
        }
    }

    /// The system's certificates: read once, and from the hashed directory as they are asked for.
    // SAFETY: a store has a lock of its own and is never freed: the contexts of every loop share it.
    private nonisolated(unsafe) static let systemStore: OpaquePointer = {
        let store = require(unsafe X509_STORE_new(), "X509_STORE_new")
        require(unsafe X509_STORE_set_default_paths(store), "X509_STORE_set_default_paths")
        LibraryErrors.clear()  // a file that is not there is no failure, but leaves one behind
        return store
    }()
}

// What a client's connections to one kind of server share.
import COpenSSL

/// One for each loop and upstream: it is not `Sendable`, and its connections stay on its loop. It keeps
/// the last session it was given, so that the next connection may resume it.
@safe package final class TLSContext {
    let serverName: ServerName
    let protocols: [String]
    // SAFETY: this object's reference, given up in `deinit`; each SSL holds one of its own.
    let context: OpaquePointer
    let channel = OctetChannel()
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
        ContextSettings.setProtocol(context, minimumVersion: settings.minimumVersion)
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
    private func offer(_ protocols: [String]) throws(TLSProblem) {
        guard !protocols.isEmpty else { return }
        let list = try ContextSettings.wireForm(protocols)
        let result = unsafe SSL_CTX_set_alpn_protos(context, list, UInt32(list.count))
        guard result == 0 else { throw .protocolRefused(protocols.joined(separator: ", ")) }
    }

    private func trust(_ text: [UInt8]?) throws(TLSProblem) {
        guard let text else {
            unsafe SSL_CTX_set1_cert_store(context, Self.systemStore)
            return
        }
        try ContextSettings.trust(text, in: context)
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
        ContextSettings.verify(context, SSL_VERIFY_PEER)
    }

    private func present(certificate: [UInt8]?, key: [UInt8]?) throws(TLSProblem) {
        guard let certificate else {
            if key != nil { throw .clientCertificateMissing }
            return
        }
        guard let key else { throw .clientKeyMissing }
        do throws(PairFault) {
            try Presented(chain: certificate, key: key).install(in: context)
        } catch {
            throw switch error {
            case .chainUnreadable: .clientCertificateUnreadable
            case .keyUnreadable: .clientKeyUnreadable
            case .mismatch: .clientKeyMismatch
            case .refused(let why): .clientCertificateRefused(why)
            }
        }
    }

    private func keepSessions() {
        unsafe gate_SSL_CTX_set_session_cache_mode(
            context, Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL))
        // SAFETY: as for the verification above; 1 means that the reference is now ours.
        unsafe SSL_CTX_sess_set_new_cb(context) { connection, session in
            guard case .client(let context)? = unsafe OctetChannel.user(of: connection)?.side else {
                return 0
            }
            unsafe context.keep(session)
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

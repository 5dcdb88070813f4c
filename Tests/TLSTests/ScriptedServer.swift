// A server in memory, of libssl's own parts: none of the code under test is in it.
import COpenSSL

final class ScriptedServer {
    private let context: OpaquePointer
    private(set) var connection: OpaquePointer
    private var chosen: ChosenProtocol?
    private var incoming: OpaquePointer
    private var outgoing: OpaquePointer

    init(
        _ identity: Identity, chain: [Identity] = [], asksFor authority: Identity? = nil,
        version: Int32? = nil, chooses chosen: String? = nil, weakly: Bool = false
    ) {
        context = SSL_CTX_new(TLS_server_method())
        if weakly { SSL_CTX_set_security_level(context, 0) }
        precondition(SSL_CTX_use_certificate(context, identity.certificate) == 1)
        precondition(SSL_CTX_use_PrivateKey(context, identity.key) == 1)
        for link in chain { gate_SSL_CTX_add1_chain_cert(context, link.certificate) }
        if let version {
            gate_SSL_CTX_set_min_proto_version(context, version)
            SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(version), nil)
            if version < TLS1_2_VERSION { SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0") }
        }
        if let authority {
            X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.certificate)
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        }
        SSL_CTX_set_session_id_context(context, "test", 4)
        if let chosen {
            let own = ChosenProtocol(chosen)
            self.chosen = own
            let name = Unmanaged.passUnretained(own).toOpaque()
            SSL_CTX_set_alpn_select_cb(
                context,
                { _, out, outCount, _, _, name in
                    let chosen = Unmanaged<ChosenProtocol>.fromOpaque(name!).takeUnretainedValue()
                    out?.pointee = UnsafePointer(chosen.octets.baseAddress)
                    outCount?.pointee = UInt8(chosen.octets.count)
                    return SSL_TLSEXT_ERR_OK
                }, name)
        }
        connection = SSL_new(context)
        incoming = BIO_new(BIO_s_mem())
        outgoing = BIO_new(BIO_s_mem())
        accept()
    }
    deinit {
        SSL_free(connection)
        SSL_CTX_free(context)
    }

    /// The next connection to the same server.
    func next() {
        SSL_free(connection)
        connection = SSL_new(context)
        incoming = BIO_new(BIO_s_mem())
        outgoing = BIO_new(BIO_s_mem())
        accept()
    }
    private func accept() {
        for bio in [incoming, outgoing] { BIO_ctrl(bio, BIO_C_SET_BUF_MEM_EOF_RETURN, -1, nil) }
        SSL_set_bio(connection, incoming, outgoing)
        SSL_set_accept_state(connection)
    }

    /// Takes what the client sent and returns what it sends back; what it read is in `received`.
    private(set) var received: [UInt8] = []
    private(set) var hasSeenClose = false
    func exchange(_ octets: [UInt8]) -> [UInt8] {
        ERR_clear_error()
        if !octets.isEmpty { BIO_write(incoming, octets, Int32(octets.count)) }
        if SSL_is_init_finished(connection) == 0 { SSL_do_handshake(connection) }
        var room = [UInt8](repeating: 0, count: 16_384)
        var count = 0
        while SSL_is_init_finished(connection) == 1,
            SSL_read_ex(connection, &room, room.count, &count) == 1
        { received += room.prefix(count) }
        hasSeenClose = SSL_get_shutdown(connection) & SSL_RECEIVED_SHUTDOWN != 0
        ERR_clear_error()
        return drain()
    }
    func send(_ plaintext: [UInt8]) -> [UInt8] {
        var written = 0
        precondition(SSL_write_ex(connection, plaintext, plaintext.count, &written) == 1)
        return drain()
    }
    func close() -> [UInt8] {
        SSL_shutdown(connection)
        return drain()
    }
    func updateKeys() -> [UInt8] {
        precondition(SSL_key_update(connection, SSL_KEY_UPDATE_REQUESTED) == 1)
        SSL_do_handshake(connection)
        return drain()
    }
    /// Asks the client to begin a new handshake, which TLS 1.2 allowed.
    func askForRenegotiation() -> [UInt8] {
        precondition(SSL_renegotiate(connection) == 1)
        SSL_do_handshake(connection)
        return drain()
    }
    var serverNameSeen: String? {
        SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) }
    }
    var isHandshakeFinished: Bool { SSL_is_init_finished(connection) == 1 }
    var clientSubject: String? {
        guard let certificate = SSL_get0_peer_certificate(connection) else { return nil }
        var name = [CChar](repeating: 0, count: 100)
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, &name, 100)
        return name.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }  // not empty
    }

    private func drain() -> [UInt8] {
        var octets: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = BIO_read(outgoing, &room, 16_384)
            guard count > 0 else { return octets }
            octets += room.prefix(Int(count))
        }
    }
}

private final class ChosenProtocol {
    let octets: UnsafeMutableBufferPointer<UInt8>
    init(_ name: String) {
        octets = .allocate(capacity: name.utf8.count)
        _ = octets.initialize(fromContentsOf: name.utf8)
    }
    deinit { octets.deallocate() }
}

// What the connections to one listener share.
import COpenSSL

/// One for each loop and listener: its connections stay on its loop. It may be made anywhere, before
/// the loop gets it.
///
/// Which certificate is shown follows from the name asked for, and nothing else does: who may connect
/// is the same for every name, so that a name cannot be the way around it.
@safe package final class TLSServerContext {
    let tickets: TicketKeys
    // SAFETY: one reference each, given up in `deinit`; each SSL holds its own of the one it uses. The
    // first is for whoever asks for no name of ours.
    let contexts: [OpaquePointer]
    let channel = OctetChannel()
    private let table: CertificateTable
    private let answers: [(certificate: Certificate, answer: StapledAnswer)]
    private let protocols: [UInt8]
    let asksForCertificate: Bool

    /// - Parameter tickets: those of every listener and loop whose sessions may be resumed here.
    package init(_ settings: ServerSettings, tickets: TicketKeys) throws(TLSProblem) {
        var shown: [Presented] = []
        for (index, pair) in settings.certificates.enumerated() {
            do throws(PairFault) {
                shown.append(try Presented(chain: pair.chain, key: pair.key))
            } catch { throw .certificate(index, error.description) }
        }
        guard !shown.isEmpty else { throw .certificateMissing }
        let table = CertificateTable(shown.map { (names: $0.leaf.names, kind: $0.kind) })
        self.tickets = tickets
        self.table = table
        protocols = try ContextSettings.wireForm(settings.alpn)
        asksForCertificate = settings.clientAuthorities != nil
        answers = zip(shown, settings.certificates).compactMap { shown, pair in
            // One that is of no use was reported when the file was read, and is not stapled.
            pair.ocsp.flatMap { try? StapledAnswer($0, for: shown.leaf) }.map { (shown.leaf, $0) }
        }
        let policy = Self.policy(settings)
        contexts = table.sets.map { _ in
            require(unsafe SSL_CTX_new(TLS_server_method()), "SSL_CTX_new")
        }
        // From here on a throw runs `deinit`.
        for (context, set) in zip(contexts, table.sets) {
            try prepare(context, settings)
            let names = set.flatMap { shown[$0].leaf.names }.sorted()
            bind(context, to: policy + names.flatMap { Array($0.utf8) + [0] })
            for index in set {
                do throws(PairFault) {
                    try shown[index].install(in: context)
                } catch { throw .certificate(index, error.description) }
            }
        }
    }

    deinit { for context in contexts { unsafe SSL_CTX_free(context) } }

    // MARK: During a handshake

    /// Shows the certificates of the name that is asked for. Called before a session is looked for, so
    /// that one of another name's does not count.
    func chooseCertificate(for ssl: OpaquePointer) {
        var start: UnsafePointer<UInt8>?
        var count = 0
        var chosen = 0
        // SAFETY: the extension is the handshake's, and read during the call.
        if unsafe SSL_client_hello_get0_ext(
            ssl, UInt32(TLSEXT_TYPE_server_name), &start, &count) == 1
        {
            let octets = unsafe Span(_unsafeStart: start!, count: count)
            if let name = RequestedName.read(octets) { chosen = table.set(for: name) }
        }
        // What sessions are bound to comes along.
        if chosen > 0 {
            _ = require(unsafe SSL_set_SSL_CTX(ssl, contexts[chosen]), "SSL_set_SSL_CTX")
        }
    }

    /// The first of ours that the client offers too; `nil` where there is none.
    /// SAFETY: what is given back lies in `offered`, which is `count` octets that libssl has checked.
    func chooseProtocol(
        _ offered: UnsafePointer<UInt8>, _ count: UInt32
    ) -> UnsafeBufferPointer<UInt8>? {
        var start: UnsafeMutablePointer<UInt8>?
        var length: UInt8 = 0
        let result = unsafe SSL_select_next_proto(
            &start, &length, protocols, UInt32(protocols.count), offered, count)
        guard result == OPENSSL_NPN_NEGOTIATED, let found = unsafe start else { return nil }
        // What was found lies in `protocols`, whose memory may move; the same name in `offered` stays.
        let name = unsafe UnsafeBufferPointer(start: found, count: Int(length))
        let offers = unsafe UnsafeBufferPointer(start: offered, count: Int(count))
        var index = 0
        while index < offers.count {
            let size = Int(unsafe offers[index])
            guard index + 1 + size <= offers.count else { return nil }
            let candidate = unsafe UnsafeBufferPointer(
                rebasing: offers[(index + 1)..<(index + 1 + size)])
            if unsafe candidate.elementsEqual(name) { return candidate }
            index += 1 + size
        }
        return nil
    }

    /// The answer to staple for the certificate that is about to be shown.
    fileprivate func freshAnswer(for certificate: OpaquePointer?) -> [UInt8]? {
        let found = answers.first { unsafe $0.certificate.pointer == certificate }?.answer
        return found.flatMap { $0.isFresh ? $0.octets : nil }
    }
}

// MARK: - Settings

extension TLSServerContext {
    /// A ticket is taken back for this long; the process's own keys live longer.
    private static let sessionSeconds = 2 * 3600
    /// Of a client's chain: each of its certificates is parsed before any is trusted.
    private static let clientChainOctetsMax = 32_768

    private func prepare(
        _ context: OpaquePointer, _ settings: ServerSettings
    ) throws(TLSProblem) {
        ContextSettings.setProtocol(context, minimumVersion: settings.minimumVersion)
        // All suites are strong, so the cheapest is chosen; but ChaCha20 for a client that puts it first,
        // since it has no AES in hardware.
        unsafe SSL_CTX_set_options(
            context, gate_SSL_OP_CIPHER_SERVER_PREFERENCE() | gate_SSL_OP_PRIORITIZE_CHACHA())
        let groups = ["X25519MLKEM768:X25519:P-256:P-384", "X25519:P-256:P-384"]
        let isSet = groups.contains { unsafe gate_SSL_CTX_set1_groups_list(context, $0) == 1 }
        LibraryErrors.clear()  // OpenSSL before 3.5 does not know the first
        require(Int32(isSet ? 1 : 0), "set1_groups_list")
        keepSessions(context)
        installFunctions(context)
        guard let authorities = settings.clientAuthorities else { return }
        try ask(for: settings.clientCertificates, from: authorities, context)
    }

    /// A session counts where it was begun: under the same names, and the same rule for clients.
    private func bind(_ context: OpaquePointer, to what: [UInt8]) {
        let digest = Self.digest(what)
        require(
            unsafe SSL_CTX_set_session_id_context(context, digest, UInt32(digest.count)),
            "SSL_CTX_set_session_id_context")
    }

    private func keepSessions(_ context: OpaquePointer) {
        // Sessions are in tickets alone: nothing is kept here for a client that may never return.
        unsafe gate_SSL_CTX_set_session_cache_mode(context, Int(SSL_SESS_CACHE_OFF))
        _ = unsafe SSL_CTX_set_timeout(context, Self.sessionSeconds)  // answers the one before
        guard !asksForCertificate else {
            // Each handshake looks at the certificate anew: a session would outlive what was trusted.
            unsafe SSL_CTX_set_options(context, gate_SSL_OP_NO_TICKET())
            require(unsafe SSL_CTX_set_num_tickets(context, 0), "SSL_CTX_set_num_tickets")
            return
        }
        require(unsafe SSL_CTX_set_num_tickets(context, 1), "SSL_CTX_set_num_tickets")
        TicketKeys.install(in: context)
    }

    private func ask(
        for certificates: ServerSettings.ClientCertificates, from authorities: [UInt8],
        _ context: OpaquePointer
    ) throws(TLSProblem) {
        try ContextSettings.trust(authorities, in: context)
        for authority in PEM.certificates(in: authorities) ?? [] {
            require(unsafe SSL_CTX_add_client_CA(context, authority.pointer), "add_client_CA")
        }
        unsafe gate_SSL_CTX_set_max_cert_list(context, Self.clientChainOctetsMax)
        ContextSettings.verify(
            context,
            certificates == .required
                ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER)
    }

    // SAFETY: each function is called during a handshake, on its thread; the connection whose
    // call that is and its context outlive it.
    private func installFunctions(_ context: OpaquePointer) {
        if contexts.count > 1 {
            unsafe SSL_CTX_set_client_hello_cb(
                context,
                { ssl, _, _ in
                    guard let ssl = unsafe ssl,
                        case .server(let context)? = unsafe OctetChannel.user(of: ssl)?.side
                    else { return SSL_CLIENT_HELLO_ERROR }
                    unsafe context.chooseCertificate(for: ssl)
                    return SSL_CLIENT_HELLO_SUCCESS
                }, nil)
        }
        unsafe SSL_CTX_set_alpn_select_cb(
            context,
            { ssl, out, outCount, offered, count, _ in
                guard case .server(let context)? = unsafe OctetChannel.user(of: ssl)?.side,
                    let offered = unsafe offered,
                    let name = unsafe context.chooseProtocol(offered, count)
                else { return SSL_TLSEXT_ERR_ALERT_FATAL }  // RFC 7301 section 3.2
                unsafe out?.pointee = name.baseAddress
                unsafe outCount?.pointee = UInt8(truncatingIfNeeded: name.count)
                return SSL_TLSEXT_ERR_OK
            }, nil)
        unsafe gate_SSL_CTX_set_tlsext_status_cb(context) { ssl, _ in
            guard case .server(let context)? = unsafe OctetChannel.user(of: ssl)?.side,
                let answer = unsafe context.freshAnswer(for: SSL_get_certificate(ssl)),
                let copy = unsafe gate_OPENSSL_malloc(answer.count)
            else { return SSL_TLSEXT_ERR_NOACK }
            // SAFETY: libssl takes the copy, and frees it.
            unsafe copy.copyMemory(from: answer, byteCount: answer.count)
            unsafe gate_SSL_set_tlsext_status_ocsp_resp(ssl, copy, answer.count)
            return SSL_TLSEXT_ERR_OK
        }
    }

    // MARK: What a session is bound to

    /// Who may connect, in octets: where that has changed, or another listener has another answer, no
    /// earlier session counts.
    private static func policy(_ settings: ServerSettings) -> [UInt8] {
        guard let authorities = settings.clientAuthorities else { return [0] }
        return [settings.clientCertificates == .required ? 2 : 1] + digest(authorities)
    }

    private static func digest(_ octets: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        require(
            unsafe EVP_Q_digest(nil, "SHA256", nil, octets, octets.count, &digest, nil),
            "EVP_Q_digest")
        return digest
    }
}

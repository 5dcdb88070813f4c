// One connection: what a loop hands over when octets arrive, and what it gets back to send.
import COpenSSL

/// Not `Sendable`: it lives on its context's loop. Arrays are appended to and may be shared by all of a
/// loop's connections; what a call appends is bounded by what it is given (`receive`: no more plaintext
/// than there was ciphertext, beside the one record that was incomplete before).
@safe package final class TLSConnection {
    package enum Progress: Sendable {
        case handshaking
        /// Verified, and ready to carry data. It stays so when the peer has closed its side
        /// (`peerClosed`): ours may still be sent.
        case open
        /// Closed by us, or ended by a fault.
        case closed
    }
    package private(set) var progress = Progress.handshaking
    /// The peer has said that it will send no more (close_notify).
    package private(set) var peerClosed = false
    /// Of a client that showed a certificate, and was asked for one: its subject as RFC 4514 writes it,
    /// in ASCII.
    package private(set) var peerSubject: String?

    enum Side {
        case client(TLSContext)
        case server(TLSServerContext)
    }

    let side: Side
    package var isServer: Bool { if case .server = side { true } else { false } }
    private let channel: OctetChannel
    // SAFETY: made in `init`, freed in `deinit`, while the channel it reads and writes still exists.
    let connection: OpaquePointer
    private var verificationFailure: String?
    private var firstOctet: UInt8?
    /// Anything has been received.
    package var hasBegun: Bool { firstOctet != nil }

    /// As a client. Throws only when there is no memory for it.
    package convenience init(_ context: TLSContext) throws(TLSFault) {
        try unsafe self.init(context.context, .client(context), context.channel)
        unsafe SSL_set_connect_state(connection)
        if case .host(let name) = context.serverName {
            require(unsafe gate_SSL_set_tlsext_host_name(connection, name), "set_tlsext_host_name")
        }
        if let session = unsafe context.takeSession() {
            // One that has lost its use is passed over: the handshake is then a full one.
            unsafe SSL_set_session(connection, session)
            unsafe SSL_SESSION_free(session)
        }
        LibraryErrors.clear()
    }

    /// As a server, which waits for the client to begin.
    package convenience init(_ context: TLSServerContext) throws(TLSFault) {
        try unsafe self.init(context.contexts[0], .server(context), context.channel)
        unsafe SSL_set_accept_state(connection)
        LibraryErrors.clear()
    }

    private init(
        _ context: OpaquePointer, _ side: Side, _ channel: OctetChannel
    ) throws(TLSFault) {
        guard let connection = unsafe SSL_new(context) else {
            throw .broken(LibraryErrors.take()?.words ?? "no connection could be made")
        }
        self.side = side
        self.channel = channel
        unsafe self.connection = connection
        unsafe channel.connect(connection)
    }
    deinit { unsafe SSL_free(connection) }

    /// The handshake's first message, which is the client's to send.
    package func start(out: inout [UInt8]) throws(TLSFault) {
        try channel.lending(&out, to: self) { () throws(TLSFault) in try shakeHands() }
    }

    /// Takes what the peer sent, wherever it was cut. After the peer has closed, or we have, it is ignored
    /// (RFC 8446 section 6.1).
    package func receive(
        _ ciphertext: Span<UInt8>, plain: inout [UInt8], out: inout [UInt8]
    ) throws(TLSFault) {
        guard progress != .closed, !peerClosed, !ciphertext.isEmpty else { return }
        if firstOctet == nil { firstOctet = ciphertext[0] }
        try channel.lending(ciphertext, &out, to: self) { () throws(TLSFault) in
            if progress == .handshaking { try shakeHands() }
            // Records are taken one by one and whole, so where nothing is left there is no other.
            while progress == .open, !channel.isDrained, try readRecord(&plain) {}
        }
    }

    /// The peer's octets have ended: lawful after its close_notify alone.
    package func receivedEnd() throws(TLSFault) {
        guard progress != .closed, !peerClosed else { return }
        if progress == .handshaking { forgetSession() }
        defer { progress = .closed }
        throw .truncated(whileHandshaking: progress == .handshaking)
    }

    package func send(_ plaintext: Span<UInt8>, out: inout [UInt8]) throws(TLSFault) {
        guard progress == .open else { throw .notOpen }
        guard !plaintext.isEmpty else { return }  // libssl takes no empty write
        try channel.lending(&out, to: self) { () throws(TLSFault) in
            var written = 0
            LibraryErrors.clear()
            // SAFETY: the plaintext is read during the call. The channel takes all that is written to
            // it, and nobody can make us renegotiate, so libssl has nothing to wait for.
            let result = unsafe plaintext.withUnsafeBufferPointer { octets in
                unsafe SSL_write_ex(connection, octets.baseAddress, octets.count, &written)
            }
            guard result == 1, written == plaintext.count else { throw fault() }
        }
    }

    /// Says that we will send no more (close_notify), if there is a connection to say it on.
    package func close(out: inout [UInt8]) {
        defer { progress = .closed }
        guard progress == .open else { return }
        channel.lending(&out, to: self) {
            LibraryErrors.clear()
            // Whether the peer has closed too is of no interest: the connection is not used again.
            _ = unsafe SSL_shutdown(connection)
            LibraryErrors.clear()
        }
    }
}

// MARK: - What was agreed

extension TLSConnection {
    /// One of those offered, or nil if none was chosen.
    package var negotiatedProtocol: String? {
        var start: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        // SAFETY: the name is the connection's, and copied here.
        unsafe SSL_get0_alpn_selected(connection, &start, &count)
        let name = unsafe UnsafeBufferPointer(start: start, count: Int(count))
        return unsafe name.isEmpty ? nil : String(decoding: name, as: UTF8.self)
    }
    /// What went before it was an earlier connection's handshake.
    package var isResumed: Bool { unsafe SSL_session_reused(connection) == 1 }
    /// `TLSv1.2` or `TLSv1.3`, once open.
    package var version: String { unsafe String(cString: SSL_get_version(connection)) }
}

// MARK: - Steps

extension TLSConnection {
    /// Called when verification fails; the handshake then fails too.
    func distrusts(_ verification: OpaquePointer) {
        let expected: ServerName? =
            if case .client(let context) = side { context.serverName } else { nil }
        verificationFailure = PeerCertificate.failure(verification, expected: expected)
    }

    private func forgetSession() {
        if case .client(let context) = side { context.forgetSession() }
    }

    private func shakeHands() throws(TLSFault) {
        LibraryErrors.clear()
        let result = unsafe SSL_do_handshake(connection)
        guard result == 1 else {
            switch unsafe SSL_get_error(connection, result) {
            case SSL_ERROR_WANT_READ: return
            case SSL_ERROR_ZERO_RETURN: return try receivedEnd()  // close_notify, too early
            default: throw fault()
            }
        }
        switch side {
        case .client(let context):
            if let chosen = negotiatedProtocol, !context.protocols.contains(chosen) {
                progress = .closed
                throw .broken("the server chose a protocol that was not offered")
            }
        case .server(let context):
            if context.asksForCertificate { try readSubject() }
        }
        unsafe eraseKey(gate_SSL_get_tmp_key)
        unsafe eraseKey(gate_SSL_get_peer_tmp_key)
        progress = .open
    }

    /// A key of the exchange was for the handshake alone, and goes with it: libssl would keep it as long as
    /// the connection, a secret without a use. Both are 430 octets.
    private func eraseKey(
        _ get: (OpaquePointer, UnsafeMutablePointer<OpaquePointer?>) -> Int32
    ) {
        var key: OpaquePointer?
        // SAFETY: what is got has been retained for us. To name a key's type empties it first, whatever the
        // type; libssl then frees what is left like any key, and uses it no more.
        guard unsafe get(connection, &key) == 1 else { return }
        _ = unsafe EVP_PKEY_set_type(key, EVP_PKEY_X25519)
        unsafe EVP_PKEY_free(key)
    }

    /// Who the client is, by the certificate that was just verified.
    private func readSubject() throws(TLSFault) {
        // SAFETY: the certificate is the connection's, and read here.
        guard let certificate = unsafe SSL_get0_peer_certificate(connection) else { return }
        guard let subject = unsafe PeerCertificate.subject(of: certificate) else {
            progress = .closed
            throw .untrusted("its subject is too long to be passed on")
        }
        peerSubject = subject
    }

    /// Appends the plaintext of one record; false when there is no whole one left, or no more will come.
    private func readRecord(_ plain: inout [UInt8]) throws(TLSFault) -> Bool {
        var result: Int32 = 0
        plain.append(addingCapacity: Self.recordOctetsMax) { output in
            // SAFETY: the room is writable for its count; libssl says how much of it was written.
            unsafe output.withUnsafeMutableBufferPointer { room, written in
                LibraryErrors.clear()
                result = unsafe SSL_read_ex(connection, room.baseAddress, room.count, &written)
            }
        }
        guard result != 1 else { return true }
        switch unsafe SSL_get_error(connection, result) {
        case SSL_ERROR_WANT_READ: return false
        case SSL_ERROR_ZERO_RETURN:
            peerClosed = true
            return false
        default: throw fault()
        }
    }
    /// The most a record carries (RFC 8446 section 5.1).
    private static let recordOctetsMax = 16_384

    /// Ends the connection and says why, from the call that just failed.
    private func fault() -> TLSFault {
        let error = LibraryErrors.take()
        if progress == .handshaking { forgetSession() }
        defer { progress = .closed }
        if let verificationFailure { return .untrusted(verificationFailure) }
        if progress == .handshaking, let firstOctet, !Self.recordTypes.contains(firstOctet) {
            return .notTLS
        }
        guard let error else { return .broken("no reason given") }
        return error.isAlert ? .alert(error.words) : .broken(error.words)
    }
    /// The record types a peer can begin with: alert and handshake (RFC 8446 section 5.1).
    private static let recordTypes: ClosedRange<UInt8> = 21...22
}

// The keys that sealed sessions come back under (RFC 5077 section 4, RFC 8446 section 4.6.1).
//
// One ring for every context of a process, so that a session begun on one loop resumes on another; or
// for a fleet, where the keys come from a file. The first seals; all open. Whoever has such a key can
// read recorded TLS 1.2 connections, hence keys of our own are replaced often and wiped when they go.
import COpenSSL
import Synchronization

package final class TicketKeys: Sendable {
    /// Of one key: a name that stands in front of what it seals, a key for HMAC-SHA-256, one for AES-256.
    package static let keyOctets = 80
    /// How many of our own can open: the one that seals and two before it.
    static let ownKeysMax = 3

    private let ring: Mutex<[Key]>

    /// The process's own: nobody else can open what they seal.
    package init() { ring = Mutex([Key.random()]) }

    /// A fleet's, of `keyOctets` each; `nil` without any, or when one has another length.
    package init?(_ keys: [[UInt8]]) {
        guard let keys = Self.read(keys) else { return nil }
        ring = Mutex(keys)
    }

    /// From now on a new key seals. Of those before two can still open.
    package func rotate() {
        ring.withLock { $0 = Array(([Key.random()] + $0).prefix(Self.ownKeysMax)) }
    }

    /// From now on these, where they are keys.
    package func replace(_ keys: [[UInt8]]) {
        guard let keys = Self.read(keys) else { return }
        ring.withLock { $0 = keys }
    }

    private static func read(_ keys: [[UInt8]]) -> [Key]? {
        guard !keys.isEmpty, keys.allSatisfy({ $0.count == keyOctets }) else { return nil }
        return keys.map(Key.init)
    }

    private var sealing: Key? { ring.withLock { $0.first } }
    private func key(named name: UnsafePointer<UInt8>) -> (key: Key, isFirst: Bool)? {
        ring.withLock { keys in
            keys.firstIndex { unsafe $0.isNamed(name) }.map { (keys[$0], $0 == 0) }
        }
    }

    private final class Key: Sendable {
        private static let nameOctets = 16
        private static let halfOctets = 32
        // SAFETY: written in `init`, only read afterwards, wiped and freed in `deinit`.
        private nonisolated(unsafe) let octets: UnsafeMutablePointer<UInt8>

        init(_ key: [UInt8]) {
            unsafe octets = .allocate(capacity: TicketKeys.keyOctets)
            unsafe octets.initialize(from: key, count: TicketKeys.keyOctets)
        }
        deinit {
            unsafe OPENSSL_cleanse(octets, TicketKeys.keyOctets)
            unsafe octets.deallocate()
        }
        static func random() -> Key {
            var octets = [UInt8](repeating: 0, count: TicketKeys.keyOctets)
            require(RAND_bytes(&octets, Int32(octets.count)), "RAND_bytes")
            defer { unsafe OPENSSL_cleanse(&octets, octets.count) }
            return Key(octets)
        }

        func isNamed(_ name: UnsafePointer<UInt8>) -> Bool {
            unsafe CRYPTO_memcmp(octets, name, Self.nameOctets) == 0
        }
        func writeName(_ name: UnsafeMutablePointer<UInt8>) {
            unsafe name.update(from: octets, count: Self.nameOctets)
        }
        /// - Returns: whether both are ready.
        func prepare(
            _ cipher: OpaquePointer, _ mac: OpaquePointer, _ start: UnsafePointer<UInt8>,
            seals: Bool
        ) -> Bool {
            let hmacKey = unsafe octets + Self.nameOctets
            let cipherKey = unsafe hmacKey + Self.halfOctets
            guard
                unsafe EVP_CipherInit_ex(
                    cipher, TicketKeys.cipher, nil, cipherKey, start, seals ? 1 : 0) == 1
            else { return false }
            // SAFETY: the parameters point at memory that outlives the call, which copies it. A name
            // that is given as a String would end before it.
            return unsafe OSSL_MAC_PARAM_KEY.withCString { keyName in
                unsafe OSSL_MAC_PARAM_DIGEST.withCString { digestName in
                    unsafe "SHA256".withCString { digest in
                        let digest = unsafe UnsafeMutablePointer(mutating: digest)
                        var parameters = unsafe [
                            OSSL_PARAM_construct_octet_string(keyName, hmacKey, Self.halfOctets),
                            OSSL_PARAM_construct_utf8_string(digestName, digest, 0),
                            OSSL_PARAM_construct_end(),
                        ]
                        return unsafe EVP_MAC_CTX_set_params(mac, &parameters) == 1
                    }
                }
            }
        }
    }

    // SAFETY: an algorithm is constant once fetched, and this one is never freed.
    private nonisolated(unsafe) static let cipher =
        require(unsafe EVP_CIPHER_fetch(nil, "AES-256-CBC", nil), "EVP_CIPHER_fetch")
}

// MARK: - What libssl asks for

extension TicketKeys {
    static func install(in context: OpaquePointer) {
        // SAFETY: called during a handshake, on its thread; the connection whose call that is outlives
        // it, and so do its context and the ring. `name` has room for 16 octets and `start` for 16.
        let result = unsafe SSL_CTX_set_tlsext_ticket_key_evp_cb(context) {
            ssl, name, start, cipher, mac, seals in
            guard case .server(let context)? = unsafe OctetChannel.user(of: ssl)?.side,
                let name = unsafe name, let start = unsafe start, let cipher = unsafe cipher,
                let mac = unsafe mac
            else { return -1 }
            return seals == 1
                ? unsafe context.tickets.seal(name, start, cipher, mac)
                : unsafe context.tickets.open(name, start, cipher, mac)
        }
        require(Int32(result), "set_tlsext_ticket_key_evp_cb")
    }

    private func seal(
        _ name: UnsafeMutablePointer<UInt8>, _ start: UnsafeMutablePointer<UInt8>,
        _ cipher: OpaquePointer, _ mac: OpaquePointer
    ) -> Int32 {
        guard let key = sealing, unsafe RAND_bytes(start, 16) == 1,
            unsafe key.prepare(cipher, mac, start, seals: true)
        else { return -1 }
        unsafe key.writeName(name)
        return 1
    }

    /// 0: no key of ours, so the handshake is a full one. 2: an old one, so a new ticket follows.
    private func open(
        _ name: UnsafeMutablePointer<UInt8>, _ start: UnsafeMutablePointer<UInt8>,
        _ cipher: OpaquePointer, _ mac: OpaquePointer
    ) -> Int32 {
        guard let (key, isFirst) = unsafe key(named: name) else { return 0 }
        guard unsafe key.prepare(cipher, mac, start, seals: false) else { return -1 }
        return isFirst ? 1 : 2
    }
}

// Where libssl thinks the network is.
//
// A BIO of our own: libssl reads from the octets `TLSConnection` was just given, and what it writes is
// appended to the array its caller will send. Memory BIOs would hold both once more per connection.
import COpenSSL

/// All connections of a context share one, and with it one BIO: there is something in it only during a
/// call, and a context's calls come one after the other.
final class OctetChannel {
    /// What libssl may read; set for the time of one call. libssl takes all of it: part of a record it
    /// keeps itself, so nothing is ever left for the next call unless the connection has ended.
    private var input = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
    /// What libssl has written during this call: the caller's array, swapped in and out.
    private var output: [UInt8] = []
    /// Whose call it is.
    private var user: Unmanaged<TLSConnection>?
    // SAFETY: this object's reference, given up in `deinit`; each SSL holds one of its own, and is freed
    // by a connection that keeps its context, and so this object, until then.
    private let bio: OpaquePointer

    init() {
        unsafe bio = require(BIO_new(Self.method), "BIO_new")
        unsafe BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        unsafe BIO_set_init(bio, 1)
    }

    deinit { unsafe BIO_free(bio) }

    /// Makes this where an SSL reads and writes.
    func connect(_ ssl: OpaquePointer) {
        require(unsafe BIO_up_ref(bio), "BIO_up_ref")
        unsafe SSL_set_bio(ssl, bio, bio)  // takes the one reference, for both directions
    }

    /// Whether libssl has taken all there is.
    var isDrained: Bool { unsafe input.isEmpty }

    /// Lets libssl append to `out` until `body` returns, in which it is called for `user` alone.
    func lending<Result, Failure: Error>(
        _ out: inout [UInt8], to user: TLSConnection, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        assert(unsafe self.user == nil, "one call within another")
        unsafe self.user = Unmanaged.passUnretained(user)
        swap(&output, &out)
        defer {
            swap(&output, &out)
            unsafe self.user = nil
        }
        return try body()
    }
    /// Lets libssl read `received`, too.
    func lending<Result, Failure: Error>(
        _ received: Span<UInt8>, _ out: inout [UInt8], to user: TLSConnection,
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // SAFETY: the span outlives `body`, and `input` forgets it before that ends.
        try unsafe received.withUnsafeBufferPointer { octets throws(Failure) in
            unsafe input = octets
            defer { unsafe input = UnsafeBufferPointer(start: nil, count: 0) }
            return try lending(&out, to: user, body)
        }
    }

    /// The connection that an SSL belongs to.
    /// SAFETY: for an SSL that has been connected to a channel, during a call of its connection.
    static func user(of ssl: OpaquePointer?) -> TLSConnection? {
        guard let bio = unsafe SSL_get_rbio(ssl) else { return nil }
        return unsafe of(bio)._withUnsafeGuaranteedRef { unsafe $0.user?.takeUnretainedValue() }
    }

    // SAFETY: a method is constant once made, and this one is never freed. Its functions are called by
    // libssl only during a call that `lending` surrounds, on that call's thread; `room` and `octets` are
    // libssl's, of the lengths given, and not kept.
    private nonisolated(unsafe) static let method: OpaquePointer = {
        let type = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK
        let method = require(unsafe BIO_meth_new(type, "octets"), "BIO_meth_new")
        unsafe BIO_meth_set_read_ex(method) { bio, room, count, copied in
            unsafe gate_BIO_clear_retry_flags(bio)
            let taken = unsafe OctetChannel.of(bio)._withUnsafeGuaranteedRef {
                unsafe $0.take(into: room, atMost: count)
            }
            unsafe copied?.pointee = taken
            if taken == 0 { unsafe gate_BIO_set_retry_read(bio) }  // "not yet", and not "no more"
            return taken > 0 ? 1 : 0
        }
        unsafe BIO_meth_set_write_ex(method) { bio, octets, count, written in
            unsafe gate_BIO_clear_retry_flags(bio)
            let octets = unsafe UnsafeRawBufferPointer(start: octets, count: count)
            unsafe OctetChannel.of(bio)._withUnsafeGuaranteedRef {
                unsafe $0.output.append(contentsOf: octets)
            }
            unsafe written?.pointee = count
            return 1
        }
        unsafe BIO_meth_set_ctrl(method) { _, command, _, _ in
            command == BIO_CTRL_FLUSH ? 1 : 0  // 0: a channel has nothing else to control
        }
        return method
    }()

    private static func of(_ bio: OpaquePointer?) -> Unmanaged<OctetChannel> {
        unsafe Unmanaged.fromOpaque(BIO_get_data(bio)!)  // set in `init`, before libssl sees it
    }

    private func take(into room: UnsafeMutablePointer<CChar>?, atMost count: Int) -> Int {
        let taken = unsafe min(count, input.count)
        guard taken > 0, let room = unsafe room, let start = unsafe input.baseAddress else {
            return 0
        }
        unsafe UnsafeMutableRawPointer(room).copyMemory(from: start, byteCount: taken)
        unsafe input = UnsafeBufferPointer(rebasing: input[taken...])
        return taken
    }
}

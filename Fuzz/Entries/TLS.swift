// A server's octets to our TLS client: whole and in pieces they end the same way, and a fault ends the
// connection. No honest server knows our random octets beforehand, so nothing here opens one.
import TLS

extension Entry {
    static let tls = Entry("tls", octetsMax: 4096) { octets in
        let context = try TLSContext(
            client: ClientSettings(
                caFile: Array(House.certificate.utf8), serverName: "upstream.test",
                alpn: ["http/1.1"]))
        let whole = try outcome(context, [octets[...]])
        // Octet by octet as far as a record's head; then in two.
        let front = octets.indices.prefix(8).map { octets[$0...$0] }
        let middle = (front.count + octets.count) / 2
        let pieces = front + [octets[front.count..<middle], octets[middle...]]
        let cut = try outcome(context, pieces)
        try hold(whole == cut, "in pieces: \(cut), whole: \(whole)")
    }

    private static func outcome(
        _ context: TLSContext, _ pieces: [ArraySlice<UInt8>]
    ) throws -> String {
        let connection = try TLSConnection(context)
        var plain: [UInt8] = []
        var out: [UInt8] = []
        try connection.start(out: &out)
        try hold(!out.isEmpty, "no client hello")
        do {
            for piece in pieces {
                try connection.receive(Array(piece).span, plain: &plain, out: &out)
                try hold(connection.progress != .open, "a server that nobody could be")
            }
            try connection.receivedEnd()
            return "\(connection.progress)"
        } catch let fault as TLSFault {
            try hold(
                connection.progress == .closed, "a fault that leaves it \(connection.progress)")
            return "\(fault)"
        }
    }
}

// A client of ours and a scripted server, with the octets carried between them by hand.
import TLS

final class Dialogue {
    let server: ScriptedServer
    private(set) var client: TLSConnection
    var plain: [UInt8] = []
    /// What the client gave to be sent and the server has not had yet.
    var toServer: [UInt8] = []

    init(_ context: TLSContext, _ server: ScriptedServer) throws {
        self.server = server
        client = try TLSConnection(context)
        try client.start(out: &toServer)
    }

    /// Carries octets until neither has anything to say, in pieces of `size` towards the client.
    func run(inPiecesOf size: Int = .max) throws {
        while !toServer.isEmpty {
            let octets = toServer
            toServer = []
            try deliver(server.exchange(octets), inPiecesOf: size)
        }
    }
    func deliver(_ octets: [UInt8], inPiecesOf size: Int = .max) throws {
        var rest = octets[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(size))
            rest = rest.dropFirst(size)
            try client.receive(piece.span, plain: &plain, out: &toServer)
        }
    }
    func send(_ plaintext: [UInt8]) throws { try client.send(plaintext.span, out: &toServer) }
}

/// The fault a handshake ends with; nil if it does not.
func fault(_ context: TLSContext, _ server: ScriptedServer) throws -> TLSFault? {
    let dialogue = try Dialogue(context, server)
    do {
        try dialogue.run()
        return nil
    } catch let fault as TLSFault {
        _ = server.exchange(dialogue.toServer)  // the alert
        return fault
    }
}

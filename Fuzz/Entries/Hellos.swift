// A client's octets to our TLS server: whole and in pieces they end the same way, and a fault ends the
// connection. No honest client knows our random octets beforehand, so nothing here opens one. And the name
// in a hello, which we read before libssl does.
import TLS

extension Entry {
    static let hellos = Entry("hellos", octetsMax: 4096) { octets in
        let pairs = [(portal, portalKey), (other, otherKey)].map { chain, key in
            ServerSettings.Certificate(chain: Array(chain.utf8), key: Array(key.utf8))
        }
        let context = try TLSServerContext(
            ServerSettings(
                certificates: pairs, clientAuthorities: Array(portal.utf8),
                clientCertificates: .optional, alpn: ["h2", "http/1.1"]), tickets: TicketKeys())
        let whole = try outcome(context, [octets[...]])
        let front = octets.indices.prefix(8).map { octets[$0...$0] }
        let middle = (front.count + octets.count) / 2
        let cut = try outcome(
            context, front + [octets[front.count..<middle], octets[middle...]])
        try hold(whole == cut, "in pieces: \(cut), whole: \(whole)")
    }

    static let serverNames = Entry("server-names", octetsMax: 512) { octets in
        guard let name = RequestedName.read(octets.span) else { return }
        let text = Array(name.utf8)
        try hold((1...253).contains(text.count), "a name of \(text.count) octets")
        try hold(text == Array(name.lowercased().utf8), "not in lower case: \(name)")
        try hold(text.last != UInt8(ascii: "."), "with the root's dot: \(name)")
        try hold(
            text.allSatisfy { (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "*") }, "\(name)")
        let count = text.count
        let again =
            [UInt8((count + 3) >> 8), UInt8((count + 3) & 255), 0, UInt8(count >> 8), UInt8(count)]
            + text
        try hold(RequestedName.read(again.span) == name, "another name the second time: \(name)")
    }

    private static func outcome(
        _ context: TLSServerContext, _ pieces: [ArraySlice<UInt8>]
    ) throws -> String {
        let connection = try TLSConnection(context)
        var plain: [UInt8] = []
        var out: [UInt8] = []
        do {
            for piece in pieces {
                try connection.receive(Array(piece).span, plain: &plain, out: &out)
                try hold(connection.progress != .open, "a client that nobody could be")
            }
            try connection.receivedEnd()
            return "\(connection.progress)"
        } catch let fault as TLSFault {
            try hold(
                connection.progress == .closed, "a fault that leaves it \(connection.progress)")
            try hold(plain.isEmpty, "octets of nobody's")
            return "\(fault)"
        }
    }

    // Each signs itself, and is for these entries alone.
    private static let portal = """
        -----BEGIN CERTIFICATE-----
        MIIBpTCCAUugAwIBAgIUL9SoBvCIjgY0f/S6HxjuxdFCHKMwCgYIKoZIzj0EAwIw
        FjEUMBIGA1UEAwwLcG9ydGFsLnRlc3QwIBcNMjYxMTI2MDgxMDAzWhgPMjEyNjEx
        MDIwODEwMDNaMBYxFDASBgNVBAMMC3BvcnRhbC50ZXN0MFkwEwYHKoZIzj0CAQYI
        KoZIzj0DAQcDQgAEPJmHorF5peG+ILXcSK2WbPiZw6Ei3xNEk8/fiu5PYIUbJLju
        SY1QnMRbjauv3GBGIJdDZ8yyzDuEk5ChxNy6SKN1MHMwHQYDVR0OBBYEFKonWoqJ
        WcH8nRjnw0LF3oweBkbfMB8GA1UdIwQYMBaAFKonWoqJWcH8nRjnw0LF3oweBkbf
        MA8GA1UdEwEB/wQFMAMBAf8wIAYDVR0RBBkwF4ILcG9ydGFsLnRlc3SCCCoudy50
        ZXN0MAoGCCqGSM49BAMCA0gAMEUCIEjlGU8acY4FFddzXdZAbF6Vgb7v4ID791nJ
        r3H4727yAiEA5PwUnOHDbYP2akBSD90vEYMt9fM4FYM7M4YOQu67vP8=
        -----END CERTIFICATE-----
        """
    private static let portalKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg1VCiIjfoOMYNtdE1
        z3cb4tceXe5bR6lfkQ9Vr7NvxwehRANCAAQ8mYeisXml4b4gtdxIrZZs+JnDoSLf
        E0STz9+K7k9ghRskuO5JjVCcxFuNq6/cYEYgl0NnzLLMO4STkKHE3LpI
        -----END PRIVATE KEY-----
        """
    private static let other = """
        -----BEGIN CERTIFICATE-----
        MIIBmDCCAT6gAwIBAgIUJl2IwV10inamfK3WlNQ4IrRkSikwCgYIKoZIzj0EAwIw
        FTETMBEGA1UEAwwKb3RoZXIudGVzdDAgFw0yNjExMjYwODEwMDNaGA8yMTI2MTEw
        MjA4MTAwM1owFTETMBEGA1UEAwwKb3RoZXIudGVzdDBZMBMGByqGSM49AgEGCCqG
        SM49AwEHA0IABJE6gk5Zngd4SFOkQxSrdyHFrWZgnNmoX7u2HtPDa6ieCZrZvfQo
        2DRCzGML2r8dw4Ca4uWIfkYg87K/2+3LZIijajBoMB0GA1UdDgQWBBTN4VVChbUR
        ilT14zUQqy1dPr2DjjAfBgNVHSMEGDAWgBTN4VVChbURilT14zUQqy1dPr2DjjAP
        BgNVHRMBAf8EBTADAQH/MBUGA1UdEQQOMAyCCm90aGVyLnRlc3QwCgYIKoZIzj0E
        AwIDSAAwRQIgPCY9qrZoj/g94MBNrbcTFphRf6Gc+oxCr6OWOmiNTdECIQC7cktW
        m5hPcaBccdPXSc8vvQ/kSKkfBdNeHTvAFlTeGg==
        -----END CERTIFICATE-----
        """
    private static let otherKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgX/T9V7zHwdEqQmLe
        Jyaoqw5gERduUb5wUcZNSGmGUbuhRANCAASROoJOWZ4HeEhTpEMUq3chxa1mYJzZ
        qF+7th7Tw2uongma2b30KNg0QsxjC9q/HcOAmuLliH5GIPOyv9vty2SI
        -----END PRIVATE KEY-----
        """
}

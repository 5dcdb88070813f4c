// Whom a client trusts, and what it says of those it does not (OP-16, DS-30).

import Glibc
import TLS
import Testing

@Suite struct `A server's certificate` {
    @Test(arguments: [
        "a.test", "A.TEST", "a.test.", "x.w.test", "127.0.0.1", "::1", "[::1]",
    ])
    func `that is for the name or address is trusted`(_ name: String) throws {
        let server = ScriptedServer(Fixtures.server)
        let context = try TLSContext(client: Fixtures.settings(name))
        #expect(try fault(context, server) == nil)
        let isName = !"1:[".contains(name.first { _ in true }!)  // none of the names is empty
        #expect((server.serverNameSeen != nil) == isName, "an address is not sent as a name")
    }

    @Test(arguments: [
        "b.test", "w.test", "x.y.w.test", "ignored", "127.0.0.2", "::2", "a.test.evil",
    ])
    func `for another name is not, and says for which it is`(_ name: String) throws {
        let context = try TLSContext(client: Fixtures.settings(name))
        let words = try untrusted(context, ScriptedServer(Fixtures.server))
        let isAddress = name.contains(":") || name.hasPrefix("1")
        #expect(
            words == (isAddress ? "IP address" : "hostname")
                + " mismatch: certificate is for a.test, *.w.test, 127.0.0.1, 0:0:0:0:0:0:0:1, not for "
                + name)
    }

    @Test func `that has its name in the subject alone is not trusted`() throws {
        let server = ScriptedServer(Identity("a.test", signedBy: Fixtures.authority))
        let words = try untrusted(TLSContext(client: Fixtures.settings()), server)
        #expect(
            words
                == "hostname mismatch: certificate is for no name (it has no subjectAltName), not for a.test"
        )
    }

    @Test func `with a wildcard inside a label is not trusted`() throws {
        let server = ScriptedServer(
            Identity("x", names: "DNS:a*.test", signedBy: Fixtures.authority))
        let words = try untrusted(TLSContext(client: Fixtures.settings("ab.test")), server)
        #expect(words?.hasPrefix("hostname mismatch") == true)
    }

    @Test func `that has expired, or is not valid yet, is not trusted`() throws {
        let expired = Identity(
            "old", names: "DNS:a.test", signedBy: Fixtures.authority, days: -20 ... -10)
        let early = Identity(
            "early", names: "DNS:a.test", signedBy: Fixtures.authority, days: 10...20)
        let context = try TLSContext(client: Fixtures.settings())
        let late = try untrusted(context, ScriptedServer(expired))
        #expect(late?.hasPrefix("certificate has expired: CN = old, on ") == true)
        #expect(late?.hasSuffix(" GMT") == true)
        let soon = try untrusted(context, ScriptedServer(early))
        #expect(soon?.hasPrefix("certificate is not yet valid: CN = early, before ") == true)
    }

    @Test func `that nobody signed, or somebody else, is not trusted`() throws {
        let context = try TLSContext(client: Fixtures.settings())
        let own = Identity("own", names: "DNS:a.test")
        #expect(
            try untrusted(context, ScriptedServer(own))
                == "self-signed certificate: CN = own, issued by CN = own")
        let strange = Identity("Strange Root", isAuthority: true)
        let other = Identity("other", names: "DNS:a.test", signedBy: strange)
        #expect(
            try untrusted(context, ScriptedServer(other))
                == "unable to get local issuer certificate: CN = other, issued by CN = Strange Root"
        )
        #expect(
            try untrusted(context, ScriptedServer(other, chain: [strange]))
                == "self-signed certificate in certificate chain: CN = Strange Root, issued by CN = Strange Root"
        )
    }

    /// Who signs must be somebody who may.
    @Test func `signed with a certificate that is no authority is not trusted`() throws {
        let leaf = Identity("leaf", names: "DNS:b.test", signedBy: Fixtures.authority)
        let forged = Identity("forged", names: "DNS:a.test", signedBy: leaf)
        let words = try untrusted(
            TLSContext(client: Fixtures.settings()), ScriptedServer(forged, chain: [leaf]))
        #expect(words?.contains("CN = leaf") == true)
    }

    @Test func `that is weak or signed with SHA-1 is not trusted`() throws {
        let context = try TLSContext(client: Fixtures.settings())
        let short = Identity("short", names: "DNS:a.test", signedBy: Fixtures.authority, bits: 1024)
        let weakly = ScriptedServer(short, weakly: true)
        #expect(try fault(context, weakly) != nil)
        let old = Identity(
            "old", names: "DNS:a.test", signedBy: Fixtures.authority, digest: "SHA1")
        #expect(try fault(context, ScriptedServer(old, weakly: true)) != nil)
    }

    @Test func `that is named as trusted needs nobody above it`() throws {
        let middle = Identity("Middle", signedBy: Fixtures.authority, isAuthority: true)
        let leaf = Identity("leaf", names: "DNS:a.test", signedBy: middle)
        for trusted in [middle, leaf] {
            let settings = ClientSettings(caFile: trusted.certificatePEM, serverName: "a.test")
            #expect(try fault(TLSContext(client: settings), ScriptedServer(leaf)) == nil)
        }
    }

    @Test func `of a private authority is not trusted by the system`() throws {
        let context = try TLSContext(client: ClientSettings(serverName: "a.test"))
        let words = try untrusted(context, ScriptedServer(Fixtures.server))
        #expect(words?.hasPrefix("unable to get local issuer certificate") == true)
    }

    /// In a process of its own: the system's store is opened once.
    @Test func `of an authority in the system's store is trusted`() async {
        await #expect(processExitsWith: .success) {
            let path = "/tmp/gatehouse-trust-\(getpid()).pem"
            let file = try #require(fopen(path, "w"))
            let pem = Fixtures.authority.certificatePEM
            fwrite(pem, 1, pem.count, file)
            fclose(file)
            defer { unlink(path) }
            setenv("SSL_CERT_FILE", path, 1)
            let context = try TLSContext(client: ClientSettings(serverName: "a.test"))
            #expect(try fault(context, ScriptedServer(Fixtures.server)) == nil)
        }
    }

    @Test func `cannot write control characters into the log`() throws {
        let server = ScriptedServer(
            Identity(
                "line\nbreak \u{1b}[31m" + String(repeating: "é", count: 20), names: "DNS:a.test"))
        let words = try untrusted(TLSContext(client: Fixtures.settings()), server)
        #expect(words?.utf8.allSatisfy { (0x20...0x7e).contains($0) } == true)
    }

    private func untrusted(_ context: TLSContext, _ server: ScriptedServer) throws -> String? {
        guard case .untrusted(let words) = try fault(context, server) else { return nil }
        #expect(!server.isHandshakeFinished, "the server is told")
        return words
    }
}

@Suite struct `Client settings` {
    let client = Identity("client.test", signedBy: Fixtures.authority)
    let other = Identity("other.test", signedBy: Fixtures.authority)

    @Test(arguments: [
        "", ".", "a..b", "a b", "a\u{0}b", "*.test", "é.test", "[a.test]", "[1.2.3.4]", "a/b",
    ])
    func `with a name nobody can have are refused`(_ name: String) {
        #expect(throws: TLSProblem.serverNameRefused(name)) {
            try TLSContext(client: Fixtures.settings(name))
        }
    }

    @Test func `with certificates or keys that cannot be used are refused`() {
        let pem = client.certificatePEM, key = client.keyPEM
        let weak = Identity("weak", signedBy: Fixtures.authority, bits: 1024)
        let rows: [(ca: [UInt8]?, certificate: [UInt8]?, key: [UInt8]?, problem: TLSProblem)] = [
            ([], nil, nil, .caUnreadable),
            (Array("no certificate".utf8), nil, nil, .caUnreadable),
            (pem + Array(pem.dropLast(60)), nil, nil, .caUnreadable),
            (nil, pem, nil, .clientKeyMissing),
            (nil, nil, key, .clientCertificateMissing),
            (nil, key, key, .clientCertificateUnreadable),
            (nil, pem, pem, .clientKeyUnreadable),
            (nil, pem, client.lockedKeyPEM, .clientKeyUnreadable),
            (nil, pem, other.keyPEM, .clientKeyMismatch),
            (nil, weak.certificatePEM, weak.keyPEM, .clientCertificateRefused("ee key too small")),
        ]
        for row in rows {
            #expect(throws: row.problem) {
                try TLSContext(
                    client: ClientSettings(
                        caFile: row.ca, serverName: "a.test", clientCertificate: row.certificate,
                        clientKey: row.key))
            }
            #expect(!row.problem.description.isEmpty)
        }
        for name in ["", String(repeating: "x", count: 256)] {
            #expect(throws: TLSProblem.protocolRefused(name)) {
                try TLSContext(client: ClientSettings(serverName: "a.test", alpn: [name]))
            }
        }
    }
}

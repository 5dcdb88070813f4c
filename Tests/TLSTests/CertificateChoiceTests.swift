// Names: which certificates are shown to whom, and what a ClientHello's extension says.

import COpenSSL
import Testing

@testable import TLS

@Suite struct `Certificates for a name` {
    /// As in a file: 0 and 1 for a.test, in EC and RSA; a wildcard and one name below it.
    private let table = CertificateTable([
        (names: ["a.test", "www.a.test"], kind: EVP_PKEY_EC),
        (names: ["a.test"], kind: EVP_PKEY_RSA),
        (names: ["*.w.test"], kind: EVP_PKEY_RSA),
        (names: ["x.w.test"], kind: EVP_PKEY_EC),
        (names: ["a.test", "late.test"], kind: EVP_PKEY_EC),
    ])

    @Test(arguments: [
        ("a.test", [0, 1]), ("www.a.test", [0]), ("late.test", [4]), ("b.w.test", [2]),
        ("x.w.test", [3, 2]), ("w.test", [0, 1]), ("b.x.w.test", [0, 1]), ("", [0, 1]),
        ("test", [0, 1]), (".w.test", [2]),
    ])
    func `are the first of each kind that name it, exactly before by a wildcard`(
        _ name: String, _ expected: [Int]
    ) {
        #expect(table.sets[table.set(for: name)] == expected)
    }

    @Test func `are read from subjectAltName, in lower case`() throws {
        let identity = Identity("cn.test", names: "DNS:A.Test,DNS:*.W.test,DNS:w*.bad.test,IP:::1")
        let certificates = try #require(PEM.certificates(in: identity.certificatePEM))
        #expect(certificates[0].names.prefix(2) == ["a.test", "*.w.test"])
        #expect(certificates[0].names.allSatisfy { !$0.hasPrefix("w*") })
    }
}

@Suite struct `The name asked for, RFC 6066 section 3` {
    private static func `extension`(_ name: [UInt8], type: UInt8 = 0, extra: [UInt8] = [])
        -> [UInt8]
    {
        let entry = [type, UInt8(name.count >> 8), UInt8(name.count & 255)] + name + extra
        return [UInt8(entry.count >> 8), UInt8(entry.count & 255)] + entry
    }

    static let rows: [([UInt8], String?)] = [
        (`extension`(Array("a.test".utf8)), "a.test"),
        (`extension`(Array("A.TEST.".utf8)), "a.test"),
        (`extension`(Array("127.0.0.1".utf8)), nil), (`extension`(Array("::1".utf8)), nil),
        (`extension`(Array("127.0.0.1.".utf8)), nil),
        (`extension`([]), nil), (`extension`([0x61, 0]), nil), (`extension`([0xC3, 0xA9]), nil),
        (`extension`(Array("a b".utf8)), nil), (`extension`(Array("a..b".utf8)), nil),
        (`extension`(Array("a.test".utf8), type: 1), nil),
        (`extension`(Array("a.test".utf8), extra: [0, 0, 1, 0x62]), nil),
        (`extension`(Array(repeating: 0x61, count: 300)), nil), ([], nil), ([0], nil),
        ([0, 1, 0], nil),
        ([0, 3, 0, 0, 9], nil), ([255, 255, 0, 0, 1, 0x61], nil),
    ]

    @Test(arguments: rows) func `is a name or nothing`(_ octets: [UInt8], _ name: String?) {
        #expect(RequestedName.read(octets.span) == name)
    }
}

@Suite struct `What is said of a certificate before it is used` {
    private func findings(_ identity: Identity, key: Identity? = nil, ocsp: [UInt8] = [])
        -> [CertificateReading.Finding]
    {
        CertificateReading.examine(
            chain: identity.certificatePEM, key: (key ?? identity).keyPEM, ocsp: ocsp
        ).findings
    }

    @Test func `is nothing where nothing is wrong`() {
        #expect(findings(Fixtures.server) == [])
        #expect(
            CertificateReading.examine(
                chain: Fixtures.server.certificatePEM, key: Fixtures.server.keyPEM, ocsp: []
            ).names == ["a.test", "*.w.test"])
    }

    @Test func `is what is wrong with it`() {
        #expect(findings(Fixtures.server, key: Fixtures.authority) == [.mismatch])
        let old = Identity("old", names: "DNS:a.test", days: -9 ... -2)
        guard case .expired = findings(old).first else {
            Issue.record("not found to be old: \(findings(old))")
            return
        }
        let young = Identity("young", names: "DNS:a.test", days: 2...9)
        guard case .notYetGood = findings(young).first else {
            Issue.record("not found to be young: \(findings(young))")
            return
        }
        let weak = Identity("weak", names: "DNS:a.test", bits: 1024)
        guard case .refused = findings(weak).first else {
            Issue.record("not found to be weak: \(findings(weak))")
            return
        }
        #expect(
            CertificateReading.examine(
                chain: Fixtures.server.certificatePEM + old.certificatePEM,
                key: Fixtures.server.keyPEM, ocsp: []
            ).findings == [.chainBroken])
        #expect(findings(Fixtures.server, ocsp: [1, 2, 3]) == [.answerUnreadable])
        let none = CertificateReading.examine(chain: [1], key: [2], ocsp: [])
        #expect(none.findings == [.chainUnreadable] && none.names == [])
        #expect(
            CertificateReading.examine(
                chain: Fixtures.server.certificatePEM, key: Fixtures.server.lockedKeyPEM, ocsp: []
            ).findings == [.keyUnreadable])
    }
}

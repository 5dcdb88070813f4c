import Cryptography
import HTTP
import JSON
import Testing
import Values

@testable import OpenID

private func document(_ changes: JSONObject = [:], issuer: String = issuer) -> JSONObject {
    var document: JSONObject = [
        "issuer": .string(issuer), "authorization_endpoint": "https://login.example.com/authorize",
        "token_endpoint": "https://login.example.com/token",
        "jwks_uri": "https://login.example.com/keys",
    ]
    for (name, value) in changes.members { document[name] = value }
    return document
}

private func read(
    _ document: JSONObject, _ expected: IssuerExpectation = IssuerExpectation(configured: issuer),
    from address: String = "https://login.example.com/.well-known/openid-configuration"
) -> Result<ProviderMetadata, DiscoveryFault> {
    Result { () throws(DiscoveryFault) in
        try ProviderMetadata(
            parsing: octets(JSON.object(document).serialized()), for: expected, from: url(address))
    }
}

private func fault(_ result: Result<ProviderMetadata, DiscoveryFault>) -> DiscoveryFault? {
    if case .failure(let fault) = result { fault } else { nil }
}

@Suite struct `A discovery document` {
    @Test func `of the least size is enough`() throws {
        let metadata = try read(document()).get()
        #expect(metadata.tokenEndpoint.description == "https://login.example.com/token")
        #expect(metadata.endSessionEndpoint == nil && metadata.userinfoEndpoint == nil)
        #expect(metadata.idTokenSigningAlgorithms == [.RS256])
        #expect(!metadata.authorizationResponseIssSupported)
    }

    @Test func `says which algorithms there are, and none and HMAC are not among them`() throws {
        let metadata = try read(
            document([
                "id_token_signing_alg_values_supported": [
                    "none", "HS256", "ES256", "RS256", "x", 5,
                ],
                "authorization_response_iss_parameter_supported": true,
                "introspect_endpoint": "https://login.example.com/i",
            ])
        ).get()
        #expect(metadata.idTokenSigningAlgorithms == [.ES256, .RS256])
        #expect(metadata.authorizationResponseIssSupported)
        #expect(metadata.introspectionEndpoint?.path == "/i")
        let none = document(["id_token_signing_alg_values_supported": ["none", "HS256"]])
        #expect(try read(none).get().idTokenSigningAlgorithms == [.RS256])
    }

    @Test(arguments: [
        "https://login.example.com/", "https://LOGIN.example.com", "http://login.example.com",
        "https://login.example.com:443", "https://evil.test", "",
    ]) func `of another issuer does not count`(_ found: String) {
        #expect(
            fault(read(document(issuer: found)))
                == .issuerMismatch(expected: [issuer], found: found))
        let pinned = IssuerExpectation(configured: issuer, accepted: [found])
        #expect(fault(read(document(issuer: found), pinned)) == nil)
    }

    @Test(arguments: ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"])
    func `must have what a login needs`(_ name: String) {
        var without = document()
        without[name] = nil
        #expect(fault(read(without)) == .missing(name))
        without[name] = .some(.null)
        #expect(fault(read(without)) == .missing(name))
    }

    static let endpoints: [(String, JSON, DiscoveryFault)] = [
        (
            "token_endpoint", "http://login.example.com/token",
            .endpointInsecure("token_endpoint", found: "http://login.example.com/token")
        ),
        (
            "token_endpoint", "http://127.0.0.1/token",
            .endpointInsecure("token_endpoint", found: "http://127.0.0.1/token")
        ),
        ("jwks_uri", "/keys", .endpointMalformed("jwks_uri", found: "/keys")),
        ("jwks_uri", "ftp://x/keys", .endpointMalformed("jwks_uri", found: "ftp://x/keys")),
        ("jwks_uri", "https://a@x/keys", .endpointMalformed("jwks_uri", found: "https://a@x/keys")),
        ("jwks_uri", 5, .endpointMalformed("jwks_uri", found: "no text")),
        (
            "userinfo_endpoint", "http://login.example.com/u",
            .endpointInsecure("userinfo_endpoint", found: "http://login.example.com/u")
        ),
        (
            "end_session_endpoint", "javascript:alert(1)",
            .endpointMalformed("end_session_endpoint", found: "javascript:alert(1)")
        ),
    ]

    @Test(arguments: endpoints.indices) func `must have endpoints over https`(_ index: Int) {
        let (name, value, expected) = Self.endpoints[index]
        #expect(fault(read(document([name: value]))) == expected)
    }

    @Test func `on loopback may use http`() throws {
        let local = "http://127.0.0.1:9000"
        let endpoints: JSONObject = [
            "authorization_endpoint": "http://localhost:9000/a",
            "token_endpoint": "http://127.0.0.1:9000/t", "jwks_uri": "http://[::1]:9000/k",
        ]
        let expected = IssuerExpectation(configured: local)
        let address = local + "/.well-known/openid-configuration"
        #expect(fault(read(document(endpoints, issuer: local), expected, from: address)) == nil)
        let away = document(["jwks_uri": "http://evil.test/k"], issuer: local)
        #expect(
            fault(read(away, expected, from: address))
                == .endpointInsecure("jwks_uri", found: "http://evil.test/k"))
    }

    @Test(arguments: [
        "", "<html>", "[]", "null", "{", "{}x", "{\"issuer\":\"a\",\"issuer\":\"b\"}",
    ]) func `is one JSON object`(_ text: String) {
        #expect(throws: DiscoveryFault.notJSON) {
            try ProviderMetadata(
                parsing: octets(text), for: IssuerExpectation(configured: issuer),
                from: url("https://login.example.com/x"))
        }
    }

    @Test(
        arguments: [
            ("https://a.test", "https://a.test/.well-known/openid-configuration"),
            ("https://a.test/", "https://a.test/.well-known/openid-configuration"),
            ("https://a.test/realms/x", "https://a.test/realms/x/.well-known/openid-configuration"),
            (
                "https://a.test/realms/x/",
                "https://a.test/realms/x/.well-known/openid-configuration"
            ),
            ("https://a.test:443", "https://a.test/.well-known/openid-configuration"),
            ("https://a.test/?x", nil), ("https://a.test/#x", nil), ("a.test", nil), ("", nil),
        ] as [(String, String?)])
    func `lies below the issuer, and never behind two slashes`(_ issuer: String, _ url: String?) {
        #expect(ProviderMetadata.discoveryURL(issuer)?.description == url)
    }
}

@Suite struct `Oracle's identity domains` {
    private let domain = "https://idcs-0123.identity.oraclecloud.com"
    private let address =
        "https://idcs-0123.identity.oraclecloud.com/.well-known/openid-configuration"

    @Test(arguments: [
        "https://identity.oraclecloud.com/", "https://identity.oraclecloud.com",
        "https://idcs-0123.identity.oraclecloud.com",
        "https://idcs-0123.identity.oraclecloud.com/",
        "https://idcs-0123.identity.oraclecloud.com:443",
        "https://idcs-0123.identity.oraclecloud.com:443/", "https://old.example.com",
    ]) func `may give any of their issuers`(_ found: String) {
        for configured in [domain, domain + ":443", domain + "/", domain + ":443/"] {
            let expected = IssuerExpectation(
                configured: configured, accepted: ["https://old.example.com"], preset: .idcs)
            #expect(fault(read(document(issuer: found), expected, from: address)) == nil)
            #expect(expected.audiences.contains(found))
        }
    }

    @Test(arguments: [
        "https://idcs-0124.identity.oraclecloud.com", "https://identity.oraclecloud.com.evil.test/",
        "https://idcs-0123.identity.oraclecloud.com:8443", "http://identity.oraclecloud.com/",
        "https://idcs-0123.identity.oraclecloud.com/x", "https://evil.test",
    ]) func `may give no other`(_ found: String) {
        let expected = IssuerExpectation(configured: domain, preset: .idcs)
        #expect(
            fault(read(document(issuer: found), expected, from: address))
                == .issuerMismatch(expected: expected.pins, found: found))
    }

    @Test func `may have relative endpoints, and such with the port written out`() throws {
        let expected = IssuerExpectation(configured: domain, preset: .idcs)
        let metadata = try read(
            document(
                [
                    "authorization_endpoint": "/oauth2/v1/authorize",
                    "token_endpoint": .string(domain + ":443/oauth2/v1/token"),
                    "jwks_uri": .string(domain + ":443/admin/v1/SigningCert/jwk"),
                ], issuer: "https://identity.oraclecloud.com/"), expected, from: address
        ).get()
        #expect(metadata.authorizationEndpoint.description == domain + "/oauth2/v1/authorize")
        #expect(metadata.tokenEndpoint.description == domain + "/oauth2/v1/token")
        let downgraded = document(
            ["token_endpoint": "http://idcs-0123.identity.oraclecloud.com/t"],
            issuer: domain)
        #expect(
            fault(read(downgraded, expected, from: address))?.code == "discovery-endpoint-insecure")
    }

    @Test func `pins a generic provider does not have`() {
        #expect(IssuerExpectation(configured: domain).pins == [domain])
        #expect(IssuerExpectation(configured: domain).audiences.isEmpty)
        let path = IssuerExpectation(configured: domain + "/x", preset: .idcs)
        #expect(!path.accepts(domain))
    }
}

@Suite struct `A key set` {
    private func kids(_ keys: [JSON]) -> [String?] { keySet(keys).keys.map(\.kid) }

    @Test func `has every key that can verify`() {
        let all = [Signer.rsa, .p256, .p384, .ed25519].map { $0.jwk(["kid": "k"]) }
        #expect(keySet(all).keys.map(\.kty) == [.RSA, .EC, .EC, .OKP])
        let full = Signer.rsa.jwk([
            "kid": "a", "use": "sig", "alg": "RS256", "key_ops": ["verify"], "x5t#S256": "t",
            "x5c": ["junk"], "unknown": [:],
        ])
        #expect(keySet([full]).keys[0].alg == .RS256)
        #expect(keySet([full]).keys[0].certificateThumbprint == "t")
    }

    static let useless: [(String, JSONObject)] = [
        ("for encryption", ["use": "enc"]), ("use a number", ["use": 1]),
        ("other operations", ["key_ops": ["encrypt"]]),
        ("operations no list", ["key_ops": "verify"]),
        ("kid a number", ["kid": 1]), ("kid null", ["kid": nil]), ("alg unknown", ["alg": "RS1"]),
        ("alg none", ["alg": "none"]), ("alg of another type", ["alg": "ES256"]),
        ("alg HMAC", ["alg": "HS256"]), ("alg a number", ["alg": 1]), ("private", ["d": "AQ"]),
        ("kty unknown", ["kty": "XYZ"]), ("kty oct", ["kty": "oct", "k": "AAAA"]),
        ("kty null", ["kty": nil]), ("no modulus", ["n": nil]), ("modulus empty", ["n": ""]),
        ("modulus of 1024 bits", ["n": .string(base64URL([UInt8](repeating: 0xc3, count: 128)))]),
        ("modulus padded", ["n": "AQAB=="]), ("exponent 1", ["e": "AQ"]),
        ("exponent 3", ["e": "Aw"]),
        ("exponent even", ["e": "AQAA"]),
        ("exponent huge", ["e": .string(base64URL([UInt8](repeating: 0xff, count: 64)))]),
    ]

    @Test(arguments: useless.indices) func `goes on without a key that is of no use`(_ index: Int) {
        let (name, changes) = Self.useless[index]
        let bad = Signer.rsa.jwk(changes)
        let good = Signer.rsa.jwk(["kid": "good"])
        #expect(kids([bad, good, bad]) == ["good"], "\(name)")
    }

    @Test func `leaves out points that lie on no curve`() {
        let off = Signer.p256.jwk(["y": .string(base64URL([UInt8](repeating: 1, count: 32)))])
        let other = Signer.p256.jwk(["crv": "P-384"])
        let unknown = Signer.p256.jwk(["crv": "secp256k1"])
        let small: JSON = [
            "kty": "OKP", "crv": "Ed25519",
            "x": .string(base64URL([1] + [UInt8](repeating: 0, count: 31))),
        ]
        let x25519 = Signer.ed25519.jwk(["crv": "X25519"])
        #expect(kids([off, other, unknown, small, x25519, 5, "x", nil, []]).isEmpty)
    }

    @Test func `is read for its first 256 entries, and 32 keys are tried`() {
        let keys = (0..<300).map { Signer.rsa.jwk(["kid": .string("k\($0)")]) }
        #expect(kids(keys).count == 256)
        #expect(kids(Array(repeating: 1, count: 256) + keys).isEmpty)
        #expect(keySet(keys).candidates(kid: nil, algorithm: .RS256).count == 32)
        #expect(keySet(keys).candidates(kid: "k255", algorithm: .RS256).count == 1)
    }

    @Test func `names may repeat`() {
        let set = keySet([Signer.rsa.jwk(["kid": "1"]), Signer.p256.jwk(["kid": "1"])])
        #expect(set.candidates(kid: "1", algorithm: .RS256).map(\.kty) == [.RSA])
        #expect(set.candidates(kid: "1", algorithm: .ES256).map(\.kty) == [.EC])
        #expect(set.candidates(kid: "2", algorithm: .RS256).isEmpty)
        #expect(set.candidates(kid: nil, algorithm: .RS256).count == 1)
        #expect(set.candidates(kid: "1", algorithm: .HS256).isEmpty)
    }

    @Test(arguments: [
        ("", JWKFault.notJSON), ("<html>", .notJSON), ("{\"keys\":[],\"keys\":[]}", .notJSON),
        ("[]", .noKeys), ("{}", .noKeys), ("{\"keys\":{}}", .noKeys), ("{\"keys\":null}", .noKeys),
    ]) func `is a JSON object with keys`(_ text: String, _ fault: JWKFault) {
        #expect(throws: fault) { try JWKSet(parsing: octets(text)) }
    }

    @Test func `may be empty`() throws {
        #expect(try JWKSet(parsing: octets("{\"keys\":[]}")).keys.isEmpty)
    }
}

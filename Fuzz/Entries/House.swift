// What the entries share: a configuration, keys and a session that are the same in every run, so that
// a finding repeats. The keys are test keys, made for this file and used nowhere else.
import Configuration
import Cryptography
import Gateway
import HTTP
import JSON
import OpenID
import Sessions
import Values

enum House {
    static let noon = UnixTime(seconds: 1_800_000_000)

    static let site = """
        external_url: https://portal.example.com
        listeners: [{ address: "127.0.0.1:8080", tls_terminated: true, health_path: /healthz }]
        trusted_proxies: [10.0.0.0/8, "2001:db8::/32"]
        provider:
          issuer: https://login.example.com
          client_id: portal
          client_secret: secret
        upstreams:
          site: { url: "http://127.0.0.1:3000" }
          files: { url: "http://127.0.0.1:3001" }
          api: { url: "https://api.example.com" }
        routes:
          - { path: /public/*, access: public, upstream: site }
          - { path: /maybe/*, access: optional, upstream: site }
          - { path: /graphql, graphql: true, upstream: api, upstream_path: /util/graphql }
          - { path: /v/*, upstream: api, upstream_path: /v1/* }
          - { path: /bare/*, identity: false, cookies: drop, upstream: site }
          - { path: /raw/*, access: public, encoded_slashes: pass, merge_slashes: false,
              upstream: files }
          - { path: /*, upstream: site }

        """

    static let ring: KeyRing = {
        var dice = Dice(9)
        return KeyRing.ephemeral(using: &dice)
    }()

    static func snapshot(of configuration: Configuration) -> Snapshot {
        Snapshot(configuration: configuration, ring: ring, generation: 1)
    }

    static let snapshot: Snapshot = {
        let source = ConfigurationSource(
            file: "/gatehouse.yaml", read: { _ in .success(Array(site.utf8)) },
            environment: { _ in nil })
        let loaded = Loaded.load(source)
        guard let configuration = loaded.configuration else {
            fatalError("the entries' own: \(loaded.problems.filter { !$0.isWarning })")
        }
        return snapshot(of: configuration)
    }()

    static let session = Session(
        id: Array(1...16),
        binding: Session.binding(
            host: "portal.example.com", issuer: "https://login.example.com", clientID: "portal"),
        subject: "alice-id",
        claims: [
            SessionClaim(name: "email", value: .text("alice@example.com")),
            SessionClaim(name: "groups", value: .list(["readers", "writers"])),
        ], startedAt: noon, sealedAt: noon, expires: noon + .seconds(8 * 3600),
        accessToken: "access-1", accessTokenExpires: noon + .seconds(3600),
        refreshToken: "refresh-1", providerSessionID: nil, scope: "openid")

    static let issuer = IssuerExpectation(configured: "https://login.example.com")

    static let providerKey: PrivateKey = {
        let pem = """
            -----BEGIN PRIVATE KEY-----
            MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgO67qRgcmAQKkLmld
            TiGM8cAK58ByvoK9GajTANbQ1xWhRANCAAQ0M1FghfhoZzSp2RTOopYaxK/KY7WL
            SJnn1+j6HMe8BYDWdYW5ViJ19HFpjFvfCDq3xjjImOYLDaIzBxjW+aXU
            -----END PRIVATE KEY-----
            """
        do { return try PrivateKey(pem: Array(pem.utf8).span) } catch {
            fatalError("the entries' own key: \(error)")
        }
    }()

    static let providerKeys: JWKSet = {
        guard case .ellipticCurve(let curve, let x, let y) = providerKey.publicComponents else {
            fatalError("the entries' own key is of another kind")
        }
        let set: JSON = [
            "keys": [
                [
                    "kty": "EC", "kid": "k1", "crv": .string(curve.rawValue),
                    "x": .string(Base64URL.encode(x.span)), "y": .string(Base64URL.encode(y.span)),
                ]
            ]
        ]
        do { return try JWKSet(parsing: set.octets) } catch {
            fatalError("the entries' own key set: \(error)")
        }
    }()

    /// Signs itself; what a server of the TLS entry may show.
    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBoTCCAUegAwIBAgIUR+B+fxq09RRt2yVqKJeRHTyx17MwCgYIKoZIzj0EAwIw
        GDEWMBQGA1UEAwwNdXBzdHJlYW0udGVzdDAgFw0yNjExMjUyMzU1MzBaGA8yMTI2
        MTEwMTIzNTUzMFowGDEWMBQGA1UEAwwNdXBzdHJlYW0udGVzdDBZMBMGByqGSM49
        AgEGCCqGSM49AwEHA0IABP5AN95dawzDYW7z2HbCsfq+66GJvoAYnOEJmlbMRYGo
        gZR1yUpm8K0SYdAdx/jAqC06OUHZNewd/7DoDfp/Uf+jbTBrMB0GA1UdDgQWBBRu
        9JsBXnxrdbE9UnUpnNf8g/ZvIjAfBgNVHSMEGDAWgBRu9JsBXnxrdbE9UnUpnNf8
        g/ZvIjAYBgNVHREEETAPgg11cHN0cmVhbS50ZXN0MA8GA1UdEwEB/wQFMAMBAf8w
        CgYIKoZIzj0EAwIDSAAwRQIhAM8z9Iz7b7qK9F4MR6kiaQrruCNN6P6rGm7Q0pjv
        fABSAiAX1ck4fhSLPp2ZUtMwS5wc4YE2bV2ANB5JrViRSBMm5Q==
        -----END CERTIFICATE-----

        """
}

// Which issuer we believe: exact strings, fixed by configuration.
//
// OpenID Connect Discovery §4.3 and Core §3.1.3.7 (2) want one exact string in three places: what
// is configured, what discovery says, and `iss`. Oracle's identity domains do not do that: every
// domain's discovery names one shared issuer, and administrators may choose another spelling of the
// domain's own URL. For them the pins below are added; they are compared octet for octet like any
// other, and nothing in a token or document is ever normalised. As the shared issuer does not say
// whose token it is, the domain's own keys and the client id do (`JWKSet`, `aud`).

internal import HTTP
internal import Values

package struct IssuerExpectation: Equatable, Sendable {
    package enum Preset: Equatable, Sendable { case generic, idcs }

    /// As written in the configuration; a `/` at its end belongs to it.
    package let configured: String
    /// Every value of `issuer` and `iss` that is believed.
    package let pins: [String]
    /// Audiences an ID token may have besides the client (`IDTokenExpectation.acceptedAudiences`).
    package let audiences: [String]
    package let preset: Preset

    package init(
        configured: String, accepted: [String] = [], preset: Preset = .generic,
        acceptedAudiences: [String] = []
    ) {
        self.configured = configured
        self.preset = preset
        switch preset {
        case .generic:
            pins = Self.distinct([configured] + accepted)
            audiences = Self.distinct(acceptedAudiences)
        case .idcs:
            // An ID token of Oracle's doubles as a user assertion for the domain itself, so it is
            // addressed to the issuer too.
            let own = [configured] + Self.spellings(of: configured) + Self.sharedIssuers
            pins = Self.distinct(own + accepted)
            audiences = Self.distinct(own + accepted + acceptedAudiences)
        }
    }

    /// Oracle's documentation shows it with the slash and, once, without.
    private static let sharedIssuers = [
        "https://identity.oraclecloud.com/", "https://identity.oraclecloud.com",
    ]

    package func accepts(_ issuer: String) -> Bool { pins.containsExactly(issuer) }

    /// Whether it is a pin, percent-encoded as one value of a form would be.
    func acceptsEscaped(_ issuer: String) -> Bool {
        pins.contains { PercentEncoding.encodeComponent($0).isExactly(issuer) }
    }

    /// The four spellings under which a domain's URL is seen: with and without its port where that
    /// is the scheme's own, with and without a slash. Built from the parsed origin, never by
    /// editing text.
    private static func spellings(of configured: String) -> [String] {
        guard let url = HTTPURL(parsing: configured), url.path == "/", url.query == nil
        else { return [] }
        let scheme = url.origin.scheme == .https ? "https" : "http"
        let withPort = "\(scheme)://\(url.origin.host):\(url.origin.port)"
        let plain = url.origin.description
        return [plain, plain + "/", withPort, withPort + "/"]
    }

    private static func distinct(_ values: [String]) -> [String] {
        values.reduce(into: []) { distinct, value in
            if !distinct.containsExactly(value) { distinct.append(value) }
        }
    }
}

// What is declared and not there yet. When a feature arrives, its line here becomes `.now`.
//
// Each text ends the sentence "is not available in this version: it will …".

enum Later {
    static let redirectToHTTPS = Availability.now
    static let h2c = Availability.now
    static let severalProviders = Availability.later("let routes choose between several providers")
    static let clientAuthentication: [(ClientAuthentication, String)] = [
        (.clientSecretJWT, "sign an assertion with the secret"),
        (.privateKeyJWT, "sign an assertion with client_key"),
        (.tlsClientAuth, "present client_certificate in TLS"),
    ]
    static let clientKey = Availability.later("sign assertions and open encrypted ID tokens")
    static let clientCertificate = Availability.later("present the certificate in TLS")
    static let responseType: [(ResponseType, String)] = [
        (.idToken, "take the ID token from the authorization response")
    ]
    static let responseMode: [(ResponseMode, String)] = [
        (.formPost, "take the authorization response as a POST"),
        (.fragment, "read the authorization response from the fragment"),
    ]
    static let userinfo = Availability.later("ask the userinfo endpoint at login")
    static let passParameters = Availability.now
    static let minimumRate = Availability.later("close bodies that move too slowly")
    static let memory = Availability.later("answer 503 past this much memory")
    static let upstreamH2C = Availability.later("speak HTTP/2 by prior knowledge to the upstream")
    static let stepUp = Availability.later("ask for a stronger login on this route")
}

// Which request fields tell an upstream who the visitor is.

package struct IdentitySettings: Sendable {
    /// In the order written; no two names are the same to an upstream that reads every octet which
    /// is no letter or digit as `-`.
    package internal(set) var headers: [(field: String, claim: String)] = [
        ("X-Forwarded-User", "sub"),
        ("X-Forwarded-Email", "email"),
        ("X-Forwarded-Preferred-Username", "preferred_username"),
        ("X-Forwarded-Groups", "groups"),
    ]
    /// Whether `email` is sent although `email_verified` is false.
    package internal(set) var unverifiedEmail = false
}

// A Set-Cookie field as this server writes it (RFC 6265 §4.1, SameSite of its revision).
//
// `name` and `value` are ours, made of octets a cookie may hold; the gateway never builds a cookie
// from what a peer sent.

package struct SetCookie: Equatable, Sendable {
    package enum SameSite: String, Sendable, CaseIterable {
        case lax = "Lax"
        case strict = "Strict"
        case none = "None"
    }

    package var name: String
    package var value: String
    /// In seconds; 0 deletes, `nil` lasts as long as the browser's own session.
    package var maxAge: Int?
    package var secure: Bool
    package var httpOnly: Bool
    package var sameSite: SameSite
    package var path: String

    package init(
        name: String, value: String, maxAge: Int? = nil, secure: Bool = true,
        httpOnly: Bool = true, sameSite: SameSite = .lax, path: String = "/"
    ) {
        self.name = name
        self.value = value
        self.maxAge = maxAge
        self.secure = secure
        self.httpOnly = httpOnly
        self.sameSite = sameSite
        self.path = path
    }

    /// What deletes this cookie: the same name and attributes, no value, no age.
    package var deletion: SetCookie {
        var cookie = self
        cookie.value = ""
        cookie.maxAge = 0
        return cookie
    }

    /// The field's value.
    package var field: String {
        var field = "\(name)=\(value); Path=\(path)"
        if let maxAge { field += "; Max-Age=\(max(0, maxAge))" }
        if secure { field += "; Secure" }
        if httpOnly { field += "; HttpOnly" }
        return field + "; SameSite=\(sameSite.rawValue)"
    }
}

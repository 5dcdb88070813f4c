// The cookies of logins in progress: one each, at most five, the oldest dropped for a sixth.
//
// A cookie a login lets tabs finish in any order. The bound keeps a page with forty frames, or a
// browser that never comes back from the provider, from filling the Cookie field.

package import HTTP
internal import Values

package struct LoginCookies: Sendable {
    /// `__Host-gatehouse-login.`; the login's id follows.
    package let namePrefix: String
    package let isSecure: Bool

    package static let loginsMax = 5
    /// How many cookies of the prefix are looked at.
    private static let cookiesMax = 50

    /// - Parameter configured: the session cookie's name as configured, with its prefix.
    package init(named configured: String, isSecure: Bool) {
        namePrefix = SessionCookies.sentName(configured, isSecure: isSecure) + "-login."
        self.isSecure = isSecure
    }

    package func name(of id: LoginID) -> String { namePrefix + id.text }

    /// Always Lax: the provider's redirect back is a cross-site navigation, and must bring it.
    package func cookie(
        of id: LoginID, sealed text: [UInt8], lasting duration: Duration
    ) -> SetCookie {
        cookie(
            of: id, value: String(decoding: text, as: UTF8.self),
            maxAge: Int(clamping: duration.components.seconds))
    }

    package func deletion(of id: LoginID) -> SetCookie { cookie(of: id, value: "", maxAge: 0) }

    /// Those of the browser's logins that must go so that a new one is at most the fifth; oldest
    /// first.
    package func crowdedOut(of present: [LoginID]) -> [LoginID] {
        Array(Set(present).sorted().dropLast(Self.loginsMax - 1))
    }

    /// The logins that a request brings cookies of.
    package func logins(in head: RequestHead, _ octets: Span<UInt8>) -> [LoginID] {
        var found: [LoginID] = []
        forEach(in: head, octets) { id, _ in
            if found.count < Self.cookiesMax { found.append(id) }
        }
        return found
    }

    /// What the request brings for one login; more than one value only where somebody planted it.
    package func sealed(
        _ wanted: LoginID, in head: RequestHead, _ octets: Span<UInt8>
    ) -> [[UInt8]] {
        var found: [[UInt8]] = []
        forEach(in: head, octets) { id, value in
            guard id == wanted, found.count < SessionCookies.duplicatesMax else { return }
            found.append([UInt8](value))
        }
        return found
    }

    private func forEach(
        in head: RequestHead, _ octets: Span<UInt8>,
        _ body: (LoginID, Span<UInt8>) -> Void
    ) {
        let prefix = Array(namePrefix.utf8)
        for field in head.fields where field.known == .cookie {
            let value = octets.extracting(field.value.range)
            var pairs = CookiePairs()
            while let pair = pairs.next(in: value) {
                let name = value.extracting(pair.name)
                guard name.count == prefix.count + LoginID.textOctets,
                    OctetText.equals(name.extracting(..<prefix.count), prefix.span),
                    let text = OctetText.string(name.extracting(prefix.count...)),
                    let id = LoginID(text)
                else { continue }
                body(id, value.extracting(pair.value))
            }
        }
    }

    private func cookie(of id: LoginID, value: String, maxAge: Int) -> SetCookie {
        SetCookie(
            name: name(of: id), value: value, maxAge: maxAge, secure: isSecure, httpOnly: true,
            sameSite: .lax, path: "/")
    }
}

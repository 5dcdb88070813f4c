// The `state` of an authorization request (RFC 6749 §4.1.1, §10.12): sealed, so that a callback
// whose login cookie is gone still says that this deployment began it, and where it should lead.
//
// By itself it lets nobody in: a code is spent only where the browser also brings the cookie of the
// login that is named here.

package import Values

package struct LoginState: Equatable, Sendable {
    package let loginID: LoginID
    /// The return path if it is short, else `/`: providers cut long states.
    package let returnTo: String
    /// This login was begun because another came back without its cookie. If this one does too, the
    /// browser does not return cookies, and a third would not either.
    package let isRepeated: Bool

    package static let returnOctetsMax = 256
    /// A longer `state` is none of ours.
    package static let textOctetsMax = 600
    private static let version: UInt8 = 1
    private static let name = "state"

    package init(loginID: LoginID, returnTo: String, isRepeated: Bool = false) {
        self.loginID = loginID
        self.returnTo = returnTo.utf8.count <= Self.returnOctetsMax ? returnTo : "/"
        self.isRepeated = isRepeated
    }

    package func sealed(
        by sealer: Sealer, at now: UnixTime, using generator: inout some RandomNumberGenerator
    ) -> String {
        var writer = PackedWriter(version: Self.version)
        writer.append(loginID.text)
        writer.append(isRepeated ? 1 : 0 as UInt8)
        writer.append(returnTo)
        let text = sealer.seal(
            writer.octets.span, for: .state, named: Self.name, at: now, using: &generator)
        return String(decoding: text, as: UTF8.self)
    }

    /// `nil` for a state that is forged, damaged or another deployment's.
    package init?(opening text: String, with sealer: Sealer, at now: UnixTime) {
        guard text.utf8.count <= Self.textOctetsMax else { return nil }
        var plaintext: [UInt8] = []
        let opened = sealer.open(
            Array(text.utf8).span, for: .state, named: Self.name, appendingTo: &plaintext, at: now)
        var reader = PackedReader()
        guard opened != nil, reader.octet(plaintext.span) == Self.version,
            let id = reader.text(plaintext.span).flatMap({ String(packed: plaintext.span, $0) })
                .flatMap(LoginID.init),
            let flag = reader.octet(plaintext.span), flag <= 1,
            let path = reader.text(plaintext.span).flatMap({ String(packed: plaintext.span, $0) }),
            reader.isAtEnd(plaintext.span)
        else { return nil }
        self.init(loginID: id, returnTo: path, isRepeated: flag == 1)
    }
}

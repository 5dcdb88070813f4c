// What an upstream has said a login is too weak in, on its way through the browser to the login that is
// to be stronger: sealed, so that nobody else can make a visitor sign in again and again.

package import Values

package struct StepUpDemand: Equatable, Sendable {
    /// Acceptable `acr` values; empty for any.
    package var authenticationContexts: [String]
    /// How old the person's proof may be.
    package var maxAge: Duration?

    /// How long a login may begin for it.
    package static let lasts = Duration.seconds(600)
    private static let version: UInt8 = 1
    private static let name = "step-up"

    package init(authenticationContexts: [String], maxAge: Duration?) {
        self.authenticationContexts = authenticationContexts
        self.maxAge = maxAge
    }

    package func sealed(
        by sealer: Sealer, at now: UnixTime, using generator: inout some RandomNumberGenerator
    ) -> String {
        var writer = PackedWriter(version: Self.version)
        writer.append(now.seconds)
        writer.append(maxAge?.components.seconds)
        writer.append(count: authenticationContexts.count)
        for context in authenticationContexts { writer.append(context) }
        let text = sealer.seal(
            writer.octets.span, for: .state, named: Self.name, at: now, using: &generator)
        return String(decoding: text, as: UTF8.self)
    }

    /// `nil` for one that is forged, another deployment's, or too old.
    package init?(opening text: String, with sealer: Sealer, at now: UnixTime) {
        var plaintext: [UInt8] = []
        var reader = PackedReader()
        guard
            sealer.open(
                Array(text.utf8).span, for: .state, named: Self.name, appendingTo: &plaintext,
                at: now) != nil, reader.octet(plaintext.span) == Self.version,
            let madeAt = reader.signed64(plaintext.span),
            now <= UnixTime(seconds: madeAt).advanced(by: Self.lasts),
            let maxAge = reader.signed64(plaintext.span), let count = reader.count(plaintext.span)
        else { return nil }
        var contexts: [String] = []
        for _ in 0..<count {
            guard
                let context = reader.text(plaintext.span).flatMap({
                    String(packed: plaintext.span, $0)
                })
            else { return nil }
            contexts.append(context)
        }
        guard reader.isAtEnd(plaintext.span) else { return nil }
        self.init(
            authenticationContexts: contexts,
            maxAge: maxAge == PackedReader.noTime ? nil : .seconds(maxAge))
    }
}

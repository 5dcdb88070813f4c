// A session read in place: the plaintext of an opened cookie, and where its parts lie in it.
//
// The view belongs to a loop and is used again for every request: `octets` and both tables keep
// their room, so that reading a session allocates nothing once they have grown to the largest met.
// It cannot be copied, since a copy by oversight would be paid by every request. Whoever wants to keep a session beyond the request takes `session()`.

package import Values

package struct SessionView: ~Copyable {
    package enum ClaimKind: UInt8, Sendable { case text, list, number, bool }

    /// One claim: ranges into `octets`, or, for its values, into `valueRanges`.
    package struct Claim: Sendable {
        package let name: Range<Int>
        package let kind: ClaimKind
        /// One value, or a list's members (perhaps none), as a range of `valueRanges`.
        package let values: Range<Int>
    }

    /// The opened plaintext. Fill it, then `parse()`.
    package var octets = OctetWriter()
    /// Where the session is kept, if not in its cookies; whoever fills the view says so.
    package var handle: SessionHandle?

    /// Ranges of `octets`.
    package private(set) var id = 0..<0
    package private(set) var binding = 0..<0
    package private(set) var subject = 0..<0
    package private(set) var claims: [Claim] = []
    package private(set) var valueRanges: [Range<Int>] = []

    package private(set) var generation: UInt32 = 0
    package private(set) var startedAt = UnixTime(seconds: 0)
    package private(set) var sealedAt = UnixTime(seconds: 0)
    /// When this text was made; of a session in a store earlier than `sealedAt`.
    package private(set) var madeAt = UnixTime(seconds: 0)
    package private(set) var expires = UnixTime(seconds: 0)
    package private(set) var authenticatedAt: UnixTime?
    package private(set) var accessTokenExpires: UnixTime?

    private var packedAccessToken: Range<Int>?
    private var packedRefreshToken: Range<Int>?
    private var packedIDToken: Range<Int>?
    private var resourceTokens: [(audience: Range<Int>, packed: Range<Int>?)] = []
    /// Ranges of `octets`.
    package private(set) var providerSessionID: Range<Int>?
    package private(set) var scope: Range<Int>?
    package private(set) var authenticationContext: Range<Int>?

    package init() {}

    package func hasAccessToken(for audience: String? = nil) -> Bool {
        packedAccessToken(for: audience) != nil
    }
    package var hasRefreshToken: Bool { packedRefreshToken != nil }
    package var hasIDToken: Bool { packedIDToken != nil }

    /// Of a session in a store, whose text does not change with every request.
    package mutating func noteSeen(at moment: UnixTime) { sealedAt = moment }

    /// Whether the login took place where the session is now shown.
    package func isBound(to expected: [UInt8]) -> Bool {
        OctetText.equals(octets.span.extracting(binding), expected.span)
    }

    /// Writes the access token's text, for the upstream's `Authorization` field.
    /// - Parameter audience: which of several.
    package func appendAccessToken(for audience: String?, to out: inout OctetWriter) {
        guard let packed = packedAccessToken(for: audience) else { return }
        PackedToken.unpack(packed, of: octets.span, to: &out)
    }

    /// A token for one resource server never goes to another; where there is but one, it is for all.
    private func packedAccessToken(for audience: String?) -> Range<Int>? {
        guard let audience, !resourceTokens.isEmpty else { return packedAccessToken }
        for token in resourceTokens
        where String(packed: octets.span, token.audience)?.utf8.elementsEqual(audience.utf8) == true
        {
            return token.packed ?? packedAccessToken
        }
        return nil
    }

    /// As `parse()`, of a plaintext that is not there yet.
    package mutating func parse(_ plaintext: [UInt8]) -> Bool {
        octets.removeAll()
        octets.append(contentsOf: plaintext)
        return parse()
    }

    /// Finds the parts of `octets`; `false` where another version wrote them, and then nothing else
    /// here may be read.
    package mutating func parse() -> Bool {
        claims.removeAll(keepingCapacity: true)
        valueRanges.removeAll(keepingCapacity: true)
        resourceTokens.removeAll(keepingCapacity: true)
        var reader = PackedReader()
        guard parseFixed(&reader), let subject = reader.text(octets.span) else { return false }
        self.subject = subject
        guard parseClaims(&reader), parseTokens(&reader),
            let providerSessionID = reader.optionalText(octets.span),
            let scope = reader.optionalText(octets.span),
            let authenticationContext = reader.optionalText(octets.span)
        else { return false }
        self.providerSessionID = providerSessionID
        self.scope = scope
        self.authenticationContext = authenticationContext
        guard version == Session.version || parseResourceTokens(&reader) else { return false }
        return reader.isAtEnd(octets.span)
    }

    /// Never none: then the text would have been written as the version before.
    private mutating func parseResourceTokens(_ reader: inout PackedReader) -> Bool {
        guard let count = reader.count(octets.span), count > 0 else { return false }
        for _ in 0..<count {
            guard let audience = reader.text(octets.span),
                let packed = Self.token(&reader, octets.span)
            else { return false }
            resourceTokens.append((audience, packed))
        }
        return true
    }

    /// Of the text in hand: one of two, or it was not read.
    private var version: UInt8 { octets.span[0] }

    private mutating func parseFixed(_ reader: inout PackedReader) -> Bool {
        guard let version = reader.octet(octets.span),
            version == Session.version || version == Session.versionWithResourceTokens,
            let id = reader.range(octets.span, count: Session.idOctets),
            let generation = reader.unsigned32(octets.span),
            let binding = reader.range(octets.span, count: Session.bindingOctets),
            let startedAt = reader.signed64(octets.span),
            let sealedAt = reader.signed64(octets.span),
            let expires = reader.signed64(octets.span),
            let authenticatedAt = reader.signed64(octets.span),
            let accessTokenExpires = reader.signed64(octets.span)
        else { return false }
        self.id = id
        self.generation = generation
        self.binding = binding
        self.startedAt = UnixTime(seconds: startedAt)
        self.sealedAt = UnixTime(seconds: sealedAt)
        madeAt = self.sealedAt
        self.expires = UnixTime(seconds: expires)
        self.authenticatedAt = Self.time(authenticatedAt)
        self.accessTokenExpires = Self.time(accessTokenExpires)
        return true
    }

    private mutating func parseClaims(_ reader: inout PackedReader) -> Bool {
        guard let count = reader.count(octets.span) else { return false }
        for _ in 0..<count {
            guard let name = reader.text(octets.span), let octet = reader.octet(octets.span),
                let kind = ClaimKind(rawValue: octet)
            else { return false }
            let first = valueRanges.count
            var members = 1
            if kind == .list {
                guard let count = reader.count(octets.span) else { return false }
                members = count
            }
            for _ in 0..<members {
                guard let value = reader.text(octets.span) else { return false }
                valueRanges.append(value)
            }
            claims.append(Claim(name: name, kind: kind, values: first..<valueRanges.count))
        }
        return true
    }

    private mutating func parseTokens(_ reader: inout PackedReader) -> Bool {
        guard let access = Self.token(&reader, octets.span),
            let refresh = Self.token(&reader, octets.span),
            let id = Self.token(&reader, octets.span)
        else { return false }
        packedAccessToken = access
        packedRefreshToken = refresh
        packedIDToken = id
        return true
    }

    private static func token(
        _ reader: inout PackedReader, _ octets: Span<UInt8>
    ) -> Range<Int>?? {
        switch reader.octet(octets) {
        case 0: return .some(nil)
        case 1:
            guard let range = PackedToken.skip(&reader, octets) else { return nil }
            return .some(range)
        default: return nil
        }
    }

    private static func time(_ seconds: Int64) -> UnixTime? {
        seconds == PackedReader.noTime ? nil : UnixTime(seconds: seconds)
    }
}

extension SessionView {
    /// The session as a value of its own; `nil` where a text is no UTF-8, which we never wrote.
    package func session() -> Session? {
        guard let subject = String(packed: octets.span, subject) else { return nil }
        var claims: [SessionClaim] = []
        for claim in self.claims {
            guard let name = String(packed: octets.span, claim.name), let value = value(of: claim)
            else { return nil }
            claims.append(SessionClaim(name: name, value: value))
        }
        var session = Session(
            id: [UInt8](octets.span.extracting(id)), generation: generation,
            binding: [UInt8](octets.span.extracting(binding)),
            subject: subject, claims: claims, startedAt: startedAt, sealedAt: sealedAt,
            authenticatedAt: authenticatedAt, expires: expires,
            accessToken: token(packedAccessToken), accessTokenExpires: accessTokenExpires,
            resourceTokens: resourceTokens.compactMap { token in
                String(packed: octets.span, token.audience).map {
                    ResourceToken(audience: $0, text: self.token(token.packed))
                }
            },
            refreshToken: token(packedRefreshToken), idToken: token(packedIDToken),
            providerSessionID: providerSessionID.flatMap { String(packed: octets.span, $0) },
            scope: scope.flatMap { String(packed: octets.span, $0) },
            authenticationContext: authenticationContext.flatMap { String(packed: octets.span, $0) }
        )
        session.handle = handle
        return session
    }

    private func value(of claim: Claim) -> SessionClaim.Value? {
        var texts: [String] = []
        for range in valueRanges[claim.values] {
            guard let text = String(packed: octets.span, range) else { return nil }
            texts.append(text)
        }
        return switch claim.kind {
        case .text: texts.first.map { .text($0) }
        case .list: .list(texts)
        case .number: texts.first.map { .number($0) }
        case .bool: texts.first.map { .bool($0 == "true") }
        }
    }

    private func token(_ packed: Range<Int>?) -> String? {
        guard let packed else { return nil }
        var text = OctetWriter()
        PackedToken.unpack(packed, of: octets.span, to: &text)
        return OctetText.string(text.span)
    }
}

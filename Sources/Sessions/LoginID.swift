// The name of one login in progress.
//
// It stands in the name of the login's cookie and, sealed, in `state`. Its first eight characters
// are the time, so that the oldest of several logins is known without opening any; the rest are 128
// random bits. A browser may lie about its own logins, and gains nothing.

package import Values

package struct LoginID: Hashable, Comparable, Sendable {
    package let text: String

    static let textOctets = 8 + 22

    package init(at now: UnixTime, using generator: inout some RandomNumberGenerator) {
        let seconds = UInt32(clamping: now.seconds)
        var octets: [UInt8] = []
        for shift in stride(from: UInt32(24), through: 0, by: -8) {
            octets.append(UInt8(truncatingIfNeeded: seconds >> shift))
        }
        let random = [UInt8](randomCount: 16, using: &generator)
        text = Hex.encode(octets.span) + Base64URL.encode(random.span)
    }

    /// `nil` for what this type does not write.
    package init?(_ text: String) {
        let octets = Array(text.utf8)
        guard octets.count == Self.textOctets,
            octets[..<8].allSatisfy({
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }), Base64URL.decode(octets.span.extracting(8..<octets.count)) != nil
        else { return nil }
        self.text = text
    }

    /// The older login is the lesser. Of two of one second the order is any, but always the same.
    package static func < (a: LoginID, b: LoginID) -> Bool { a.text < b.text }
}

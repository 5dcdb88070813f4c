// The cookies that carry a session: their names, and how a sealed text that does not fit one is
// cut.
//
// A browser keeps at most 4096 octets of name, value and attributes (RFC 6265bis §5.6), so a longer
// text stands in `NAME`, `NAME.1`, `NAME.2` … in order. How many there are is sealed with it
// (`Sealer`), so a missing, swapped or foreign piece makes the whole one that does not open. What a
// larger, older session has left behind is deleted. Finding the pieces in a request is
// `SessionReader`'s.

package import HTTP

package struct SessionCookies: Sendable {
    /// As sent: without the `__Host-` prefix where cookies cannot be `Secure`.
    package let name: String
    package let isSecure: Bool
    package let sameSite: SetCookie.SameSite
    let nameOctets: [UInt8]

    package static let cookieOctetsMax = 4096
    package static let piecesMax = 8
    /// How many cookies of one name are tried (a sibling host can plant some, RFC 6265bis §8.6).
    package static let duplicatesMax = 4
    /// Room for the attributes of the longest field we write.
    static let attributeOctetsMax = 64

    /// - Parameters:
    ///   - configured: the session cookie's name as configured, with its prefix.
    ///   - provider: an entry of `providers`; empty for the only one.
    ///   - isSecure: whether the external URL is https. On a loopback http one browsers would refuse
    ///     the prefix and, some of them, `Secure`.
    package init(
        named configured: String, provider: String = "", isSecure: Bool,
        sameSite: SetCookie.SameSite = .lax
    ) {
        let base = Self.sentName(configured, isSecure: isSecure)
        name = provider.isEmpty ? base : base + "." + provider
        self.isSecure = isSecure
        self.sameSite = sameSite
        nameOctets = Array(name.utf8)
    }

    static func sentName(_ configured: String, isSecure: Bool) -> String {
        guard !isSecure else { return configured }
        for prefix in ["__Host-", "__Secure-"] where configured.hasPrefix(prefix) {
            return String(configured.dropFirst(prefix.count))
        }
        return configured
    }

    /// Which of a session's cookies there are: bit 0 for `NAME`, bit 1 for `NAME.1` ….
    package struct Pieces: OptionSet, Sendable {
        package var rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static func piece(_ index: Int) -> Pieces { Pieces(rawValue: 1 << UInt8(index)) }
    }

    /// `NAME`, `NAME.1` ….
    package func pieceName(_ index: Int) -> String { index == 0 ? name : "\(name).\(index)" }
}

extension SessionCookies {
    /// The most of a value that one cookie takes: the same for every piece, so that the number of
    /// pieces follows from the text's length and the name's alone.
    static func valueOctetsMax(named name: String) -> Int {
        let rest = cookieOctetsMax - attributeOctetsMax - name.utf8.count - ".0=".utf8.count
        return max(rest, 1024)  // a name of 3 KB is refused in the configuration
    }

    /// At least one; an exact multiple has no empty last piece.
    static func pieceCount(textOctets: Int, named name: String) -> Int {
        let most = valueOctetsMax(named: name)
        return max(1, (textOctets + most - 1) / most)
    }

    /// What a browser sends back for a session of this many octets of plaintext: names and values.
    package func octets(forPlaintext count: Int) -> Int {
        let text = Layout.textOctets(count, for: .session)
        let pieces = Self.pieceCount(textOctets: text, named: name)
        return text + (0..<pieces).reduce(0) { $0 + pieceName($1).utf8.count + "=; ".utf8.count }
    }

    /// Whether cookies can hold such a session; one that does not fit is kept on the server side.
    package func fits(plaintext count: Int, budget: Int) -> Bool {
        let text = Layout.textOctets(count, for: .session)
        return Self.pieceCount(textOctets: text, named: name) <= Self.piecesMax
            && octets(forPlaintext: count) <= budget
    }

    /// The Set-Cookie fields of a sealed text, in order. A text that `fits` refused is a mistake of
    /// ours.
    package func split(_ text: [UInt8]) -> [SetCookie] {
        let most = Self.valueOctetsMax(named: name)
        let count = Self.pieceCount(textOctets: text.count, named: name)
        precondition(count <= Self.piecesMax, "the session was not checked against the budget")
        return (0..<count).map { index in
            let piece = text[index * most..<min((index + 1) * most, text.count)]
            return cookie(index, value: String(decoding: piece, as: UTF8.self), maxAge: nil)
        }
    }

    /// The same, and deletions of those cookies of an earlier, larger session that the request
    /// brought.
    package func setCookies(_ text: [UInt8], replacing present: Pieces) -> [SetCookie] {
        let set = split(text)
        let kept = (0..<set.count).reduce(into: Pieces()) { $0.insert(.piece($1)) }
        return set + deletions(of: present.subtracting(kept))
    }

    /// Ends the session in the browser.
    package func deletions(of present: Pieces) -> [SetCookie] {
        (0..<Self.piecesMax).filter { present.contains(.piece($0)) }
            .map { cookie($0, value: "", maxAge: 0) }
    }

    /// A cookie without Max-Age ends with the browser's session; how long ours lives is inside it.
    private func cookie(_ index: Int, value: String, maxAge: Int?) -> SetCookie {
        SetCookie(
            name: pieceName(index), value: value, maxAge: maxAge, secure: isSecure, httpOnly: true,
            sameSite: sameSite, path: "/")
    }
}

// Our cookies are between the browser and us: no upstream sees one, and none sets one.
//
// A name is its octets (RFC 6265 §4.2): nothing is folded or unquoted. Everything in the space of
// the configured name is ours, under either prefix and none, for every provider, also for those
// that were configured yesterday: a sealed session of theirs is nothing an upstream should hold.

internal import Configuration
internal import HTTP
internal import Values

struct CookieNames: Sendable {
    /// The configured name without its prefix.
    private let base: [UInt8]
    private let first: UInt8

    init(_ configuration: Configuration) {
        var name = configuration.session.cookie.name[...]
        for prefix in ["__Host-", "__Secure-"] where name.hasPrefix(prefix) {
            name = name.dropFirst(prefix.count)
        }
        base = Array(name.utf8)
        // The configuration refuses an empty name.
        first = base.first ?? UInt8(ascii: "_")
    }

    /// `NAME`, `NAME.…` (pieces and providers) and `NAME-login.…`, under either prefix and none.
    func areOurs(_ name: Span<UInt8>) -> Bool {
        // Nearly every foreign name is told by its first octet.
        guard !name.isEmpty, name[0] == first || name[0] == UInt8(ascii: "_") else { return false }
        return isOurs(name, behind: "") || isOurs(name, behind: "__Host-")
            || isOurs(name, behind: "__Secure-")
    }

    private func isOurs(_ name: Span<UInt8>, behind prefix: StaticString) -> Bool {
        let start = prefix.utf8CodeUnitCount
        let end = start + base.count
        guard name.count >= end,
            OctetText.equals(name.extracting(start..<end), base.span),
            OctetText.equals(name.extracting(0..<start), prefix)
        else { return false }
        let tail = name.extracting(end..<name.count)
        if tail.isEmpty || tail[0] == UInt8(ascii: ".") { return true }
        return OctetText.hasPrefix(tail, "-login")
            && (tail.count == 6 || tail[6] == UInt8(ascii: "."))
    }

    /// What a Cookie line is without ours: the others octet for octet and in order.
    enum Remainder { case all, none, some }

    /// Writes a line with the pairs that stay where only some of them do.
    /// - Parameter pairs: those of the line, counted from the start of `octets`.
    func appendOthers(
        of pairs: Span<RequestCookies.Pair>, _ octets: Span<UInt8>, to out: inout OctetWriter
    ) -> Remainder {
        let count = pairs.count
        var index = 0
        while index < count, !areOurs(pairs[index], octets) { index += 1 }
        let firstOfOurs = index
        guard firstOfOurs < count else { return .all }
        var hasOthers = false
        index = 0
        while index < count {
            let pair = pairs[index]
            if index < firstOfOurs || !areOurs(pair, octets) {
                if hasOthers { out.append("; ") } else { out.append("Cookie: ") }
                hasOthers = true
                out.append(contentsOf: octets.extracting(pair.whole.range))
            }
            index += 1
        }
        guard hasOthers else { return .none }
        out.append("\r\n")
        return .some
    }

    private func areOurs(_ pair: RequestCookies.Pair, _ octets: Span<UInt8>) -> Bool {
        let name =
            pair.name.isEmpty
            ? Self.nameSentBack(octets, in: pair.whole.range) : pair.name.range
        return areOurs(octets.extracting(name))
    }

    /// Whether a Set-Cookie line of an upstream names one of ours (RFC 6265 §5.2: the name ends at
    /// the first `=`, which stands before the first `;`), or will have one of ours when it is sent.
    func namesOurs(setCookie value: Span<UInt8>) -> Bool {
        let end = OctetText.index(of: UInt8(ascii: ";"), in: value) ?? value.count
        return areOurs(value.extracting(Self.nameSentBack(value, in: 0..<end)))
    }

    /// The name in what a browser makes of this pair. One without a name is kept, and sent back as
    /// its value alone: of `=NAME=x` it is `NAME=x` (RFC 6265bis §5.7, §5.8.3).
    private static func nameSentBack(_ value: Span<UInt8>, in pair: Range<Int>) -> Range<Int> {
        var name = OctetText.trimmedRange(value, in: pair)
        while !name.isEmpty, value[name.lowerBound] == UInt8(ascii: "=") {
            name = OctetText.trimmedRange(value, in: name.lowerBound + 1..<name.upperBound)
        }
        let octets = value.extracting(0..<name.upperBound)
        let end = OctetText.index(of: UInt8(ascii: "="), in: octets, from: name.lowerBound)
        return OctetText.trimmedRange(value, in: name.lowerBound..<(end ?? name.upperBound))
    }
}

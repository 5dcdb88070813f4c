// Text from a provider, or from whoever wrote a callback's URL: compared exactly, and made fit to
// be read by people or in the log.

extension String {
    /// Octet for octet. `==` takes canonically equivalent texts for equal (the Kelvin sign is a K),
    /// and then two names of ours would be one to us and two to the provider.
    func isExactly(_ other: String) -> Bool { utf8.elementsEqual(other.utf8) }

    /// At most `count` characters of printable text: what it says, without what it could do to a
    /// terminal or a log line.
    func readable(_ count: Int = 200) -> String {
        let kept = unicodeScalars.prefix(count).map { scalar -> Character in
            let isPlain =
                scalar.properties.generalCategory != .control
                && scalar.properties.generalCategory != .format
            return isPlain ? Character(scalar) : " "
        }
        return String(kept)
    }

    /// RFC 6749 App. A: `error` values are of these characters; whatever else comes is not
    /// repeated.
    var isErrorCode: Bool {
        (1...64).contains(utf8.count)
            && utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != 0x22 && $0 != 0x5c }
    }

    /// VSCHAR without the space: what a token is made of, and what may stand in an Authorization
    /// field.
    var isVisibleASCII: Bool { !isEmpty && utf8.allSatisfy { (0x21...0x7e).contains($0) } }
}

extension Sequence<String> {
    func containsExactly(_ text: String) -> Bool { contains { $0.isExactly(text) } }
}

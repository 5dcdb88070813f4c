// Base64 with the standard alphabet and padding: Basic credentials, key files, PEM-like text.
//
// RFC 4648 §4, and as strict as Base64URL: exact padding, no white space, spare bits zero.

package enum Base64 {
    package static func encode(_ octets: Span<UInt8>) -> String {
        var text: [UInt8] = []
        append(octets, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    package static func append(_ octets: Span<UInt8>, to text: inout [UInt8]) {
        let alphabet = Base64Digits.standard
        Base64Digits.append(octets, to: &text, alphabet: alphabet.span)
        let rest = octets.count % 3
        if rest > 0 { text.append(contentsOf: repeatElement(padding, count: 3 - rest)) }
    }

    /// `nil` when the text is not the one that `encode` gives for some octets.
    package static func decode(_ text: Span<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var end = text.count
        while end > 0, text.count - end < 2, text[end - 1] == padding { end -= 1 }
        var octets: [UInt8] = []
        let digits = text.extracting(..<end)
        let isCanonical = Base64Digits.decode(
            digits, appendingTo: &octets, table: Base64Digits.standardTable)
        return isCanonical ? octets : nil
    }

    package static func decode(_ text: String) -> [UInt8]? { decode(Array(text.utf8).span) }
}

private let padding = UInt8(ascii: "=")

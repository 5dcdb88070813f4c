// An application/x-www-form-urlencoded document: a form's content, or the query of a URL.
//
// WHATWG URL §5.1 with two differences, both refusals: a broken escape or invalid UTF-8 refuses the
// whole, and so do more pairs than the bound. Order and repetition are kept, because an
// authorization response with two `state`s must be seen to have two.

/// Name and value pairs in the order they came.
package struct Form: Equatable, Sendable {
    package var pairs: [(name: String, value: String)] = []

    package init() {}

    package init(_ pairs: [(name: String, value: String)]) { self.pairs = pairs }

    /// `nil` on a broken escape, on invalid UTF-8 and past `pairsMax`. Empty parts between two `&`
    /// are skipped; a part without `=` has an empty value.
    package init?(parsing text: Span<UInt8>, pairsMax: Int = 100) {
        var start = 0
        while start < text.count {
            let end = OctetText.index(of: UInt8(ascii: "&"), in: text, from: start) ?? text.count
            let part = text.extracting(start..<end)
            start = end + 1
            if part.isEmpty { continue }
            guard pairs.count < pairsMax else { return nil }
            let equals = OctetText.index(of: UInt8(ascii: "="), in: part) ?? part.count
            let rest = part.extracting(min(equals + 1, part.count)...)
            guard let name = PercentEncoding.decodeForm(part.extracting(..<equals)),
                let value = PercentEncoding.decodeForm(rest)
            else { return nil }
            pairs.append((name, value))
        }
    }

    package init?(parsing text: String, pairsMax: Int = 100) {
        self.init(parsing: Array(text.utf8).span, pairsMax: pairsMax)
    }

    package mutating func append(_ name: String, _ value: String) {
        pairs.append((name, value))
    }

    /// The first value under the name. Where a second would be an attack, ask `count(of:)` too.
    package func first(_ name: String) -> String? {
        pairs.first { $0.name == name }?.value
    }

    package func count(of name: String) -> Int {
        pairs.reduce(0) { $1.name == name ? $0 + 1 : $0 }
    }

    package var encoded: String {
        var text: [UInt8] = []
        for (name, value) in pairs {
            if !text.isEmpty { text.append(UInt8(ascii: "&")) }
            PercentEncoding.appendForm(name, to: &text)
            text.append(UInt8(ascii: "="))
            PercentEncoding.appendForm(value, to: &text)
        }
        return String(decoding: text, as: UTF8.self)
    }

    package static func == (a: Form, b: Form) -> Bool {
        a.pairs.elementsEqual(b.pairs, by: ==)
    }
}

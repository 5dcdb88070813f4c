// The types a value can have: how each is read, written and described.
//
// A kind refuses what it cannot read, with what was expected and what to write instead; a value it
// hands out is checked. Kinds compose: a list of durations, a mapping of names to upstreams.

internal import JSON
internal import YAML

struct Kind<Value: Sendable>: Sendable {
    /// In words, for the reference page.
    let name: String
    let schema: JSON
    var children: [Declaration] = []
    var shape = Declaration.Shape.value
    /// As it would be written in the file.
    let text: @Sendable (Value) -> String
    /// `nil`: refused, and the problem is in `reading`.
    let read: @Sendable (YAMLNode, _ key: String, inout Reading) -> Value?

    /// Reads a value that must be there.
    func value(_ node: YAMLNode, _ key: String, _ reading: inout Reading) -> Value? {
        guard !node.isNull else {
            reading.problem(
                key, "has no value", fix: "give it a value (\(name)), or leave the key out")
            return nil
        }
        return read(node, key, &reading)
    }

    /// What is read becomes something else, or is refused.
    func map<Other: Sendable>(
        name: String? = nil, schema: JSON? = nil, text: @escaping @Sendable (Other) -> String,
        _ transform: @escaping @Sendable (Value, _ key: String, inout Reading) -> Other?
    ) -> Kind<Other> {
        Kind<Other>(
            name: name ?? self.name, schema: schema ?? self.schema, children: children,
            shape: shape, text: text
        ) { node, key, reading in
            guard let value = read(node, key, &reading) else { return nil }
            return transform(value, key, &reading)
        }
    }
}

extension Kind {
    /// A value in one scalar, in a written form that `parse` knows. `fix` says what to write.
    static func scalar(
        _ name: String, schema: JSON, fix: String,
        text: @escaping @Sendable (Value) -> String,
        parse: @escaping @Sendable (String) -> Value?
    ) -> Kind {
        Kind(name: name, schema: schema, text: text) { node, key, reading in
            guard case .scalar(let written, _, _) = node else {
                reading.problem(key, "must be one value, not \(node.kindInWords)", fix: fix)
                return nil
            }
            guard let value = parse(written) else {
                reading.problem(key, "\(quoted(written)) is not \(article(name))", fix: fix)
                return nil
            }
            return value
        }
    }
}

extension Kind where Value == String {
    /// Text that is not empty and has no control character, which no key has a use for.
    static let text = text("text")

    static func text(
        _ name: String, fix: String = "write some text", pattern: String? = nil,
        _ accepts: @escaping @Sendable (String) -> Bool = { _ in true }
    ) -> Kind {
        var schema: JSON = ["type": ["string", "number", "boolean"], "minLength": 1]
        if let pattern { schema = ["type": "string", "pattern": .string(pattern)] }
        return .scalar(name, schema: schema, fix: fix, text: { $0 }) { written in
            let isPlain = !written.isEmpty && !written.unicodeScalars.contains { $0.isControl }
            return isPlain && accepts(written) ? written : nil
        }
    }
}

extension YAMLNode {
    /// What was found, in the middle of a sentence.
    var kindInWords: String {
        switch self {
        case .scalar(let text, _, _): isNull ? "nothing" : "\(quoted(text))"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}

extension Unicode.Scalar {
    /// C0, DEL and C1: what a terminal may obey.
    var isControl: Bool { value < 0x20 || (0x7F...0x9F).contains(value) }
}

extension JSON {
    /// The same, or `null`.
    var orNull: JSON { ["anyOf": [self, ["type": "null"]]] }
}

/// What a file says, in a message: in quotes, its controls escaped, not endlessly, and without the
/// password that a URL may carry.
func quoted(_ text: String) -> String {
    var shown = text
    if let scheme = text.firstRange(of: "://"), let at = text.lastIndex(of: "@"),
        scheme.upperBound <= at
    {
        shown.replaceSubrange(scheme.upperBound..<at, with: "…")
    }
    let escaped = escaped(shown.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))
    return "\"\(escaped)\""
}

/// One line of at most a hundred characters, whatever the text.
func escaped(_ text: String) -> String {
    let shown = text.unicodeScalars.prefix(100).reduce(into: "") { shown, scalar in
        if scalar.isControl {
            shown += "\\u{\(String(scalar.value, radix: 16))}"
        } else {
            shown.unicodeScalars.append(scalar)
        }
    }
    return text.unicodeScalars.count > 100 ? shown + "…" : shown
}

/// `a duration`, `an address`; a name that is a phrase of its own stays as it is.
func article(_ name: String) -> String {
    guard let first = name.first, !name.contains(" or "), name != "text" else { return name }
    return ("aeiou".contains(first) ? "an " : "a ") + name
}

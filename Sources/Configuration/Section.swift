// A mapping with known keys: the table that declares them is the table that reads them.
//
// Each row binds a key to a property of a draft. What is read is therefore declared, and what is
// declared is read. The draft's initial values are the defaults.

internal import JSON
internal import YAML

struct Section<Draft: Sendable>: Sendable {
    let initial: Draft
    let fields: [Field<Draft>]

    /// `fields` is given the initial draft, whose values are the defaults they state.
    init(_ initial: Draft, _ fields: [(Draft) -> Field<Draft>]) {
        self.initial = initial
        self.fields = fields.map { $0(initial) }
    }

    var declarations: [Declaration] { fields.map(\.declaration) }

    /// Reads a mapping; every problem in it is in `reading` afterwards. `nil` only where it is no
    /// mapping at all.
    func read(_ node: YAMLNode, _ key: String, _ reading: inout Reading) -> Written<Draft>? {
        guard case .mapping(let entries, _) = node else {
            reading.problem(
                key, "must be a mapping of keys, not \(node.kindInWords)",
                fix:
                    "write one or more of: \(fields.map(\.declaration.name).joined(separator: ", "))"
            )
            return nil
        }
        var written = Written(value: initial, names: [])
        for entry in entries {
            let path = key.below(entry.key)
            guard let field = fields.first(where: { $0.declaration.name == entry.key }) else {
                reportUnknown(entry.key, path, &reading)
                continue
            }
            written.names.insert(entry.key)
            field.read(entry.value, path, &written.value, &reading)
        }
        for field in fields where field.declaration.standard == .required {
            let declaration = field.declaration
            guard !written.names.contains(declaration.name) else { continue }
            reading.problem(
                key.below(declaration.name), "is required",
                fix: "add `\(declaration.name): \(declaration.example)` "
                    + "(\(declaration.sentence.firstAsPhrase))")
        }
        return written
    }

    /// What was written, over another draft: a route's limits over those of the file.
    func overlay(_ written: Written<Draft>?, on base: Draft) -> Draft {
        guard let written else { return base }
        var result = base
        for field in fields where written.names.contains(field.declaration.name) {
            field.copy(written.value, &result)
        }
        return result
    }

    private func reportUnknown(_ name: String, _ path: String, _ reading: inout Reading) {
        let known = fields.map(\.declaration.name)
        let fix =
            if let near = nearest(to: name, among: known) {
                "did you mean `\(near)`?"
            } else if let home = RootTable.homes(of: name).first {
                "`\(name)` belongs under `\(home)`"
            } else {
                "the keys here are: \(known.joined(separator: ", "))"
            }
        reading.keyProblem(path, "is not a known key", fix: fix)
    }
}

/// A draft and the names of the keys that were written for it.
struct Written<Draft: Sendable>: Sendable {
    var value: Draft
    var names: Set<String>
}

/// A row of a table.
struct Field<Draft: Sendable>: Sendable {
    let declaration: Declaration
    let read: @Sendable (YAMLNode, String, inout Draft, inout Reading) -> Void
    let copy: @Sendable (Draft, inout Draft) -> Void
}

/// A key whose default, where it is not required, is the property's initial value.
func key<Draft, Value>(
    _ name: String, _ property: any WritableKeyPath<Draft, Value> & Sendable, _ kind: Kind<Value>,
    _ sentence: String, example: String,
    isRequired: Bool = false, otherwise: String? = nil
) -> (Draft) -> Field<Draft> {
    { initial in
        let standard = kind.text(initial[keyPath: property])
        return Field(
            declaration: Declaration(
                name: name, type: kind.name,
                standard: isRequired
                    ? .required : otherwise.map { .depends($0) } ?? .value(standard),
                sentence: sentence, example: example,
                schema: kind.schema, children: kind.children, shape: kind.shape),
            read: { node, key, draft, reading in
                guard let value = kind.value(node, key, &reading) else { return }
                draft[keyPath: property] = value
            },
            copy: { $1[keyPath: property] = $0[keyPath: property] })
    }
}

/// A key that may be left out or be `null`: then the property is `nil`, and `otherwise` says in words
/// what that means. A required key is never `nil` in a file without problems.
func key<Draft, Value>(
    _ name: String, _ property: any WritableKeyPath<Draft, Value?> & Sendable, _ kind: Kind<Value>,
    _ sentence: String, example: String,
    isRequired: Bool = false, otherwise: String? = nil
) -> (Draft) -> Field<Draft> {
    { _ in
        Field(
            declaration: Declaration(
                name: name, type: kind.name,
                standard: isRequired
                    ? .required : otherwise.map { .depends($0) } ?? .value("null"),
                sentence: sentence, example: example,
                schema: isRequired ? kind.schema : kind.schema.orNull,
                children: kind.children, shape: kind.shape),
            read: { node, key, draft, reading in
                guard isRequired || !node.isNull else { return }
                draft[keyPath: property] = kind.value(node, key, &reading)
            },
            copy: { $1[keyPath: property] = $0[keyPath: property] })
    }
}

extension String {
    /// The first sentence, in the middle of another: without its capital and its full stop.
    fileprivate var firstAsPhrase: String {
        var phrase = self[..<(firstRange(of: ". ")?.lowerBound ?? endIndex)]
        if phrase.hasSuffix(".") { phrase.removeLast() }
        // `PEM` and `GraphQL` keep theirs.
        let isWord = phrase.dropFirst().first?.isLowercase ?? false
        return isWord ? phrase.prefix(1).lowercased() + phrase.dropFirst() : String(phrase)
    }
}

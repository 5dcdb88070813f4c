// Lists, sections, and mappings from names.

internal import JSON
internal import YAML

extension Kind {
    /// A mapping with known keys; `finish` makes the value of what was read.
    static func section<Draft>(
        _ section: Section<Draft>,
        finish: @escaping @Sendable (Written<Draft>, _ key: String, inout Reading) -> Value?
    ) -> Kind {
        Kind(
            name: "mapping", schema: section.schema, children: section.declarations,
            shape: .section, text: { _ in "see below" }
        ) { node, key, reading in
            section.read(node, key, &reading).flatMap { finish($0, key, &reading) }
        }
    }

    static func section(_ section: Section<Value>) -> Kind {
        .section(section) { written, _, _ in written.value }
    }

    static func list<Element>(
        _ element: Kind<Element>, atLeast: Int = 0
    ) -> Kind where Value == [Element] {
        Kind(
            name: "list of \(element.plural)",
            schema: [
                "type": "array", "items": element.schema, "minItems": .number("\(atLeast)"),
            ],
            children: element.children, shape: .list,
            text: { "[" + $0.map(element.text).joined(separator: ", ") + "]" }
        ) { node, key, reading in
            guard case .sequence(let nodes, _) = node else {
                reading.problem(
                    key, "must be a list, not \(node.kindInWords)",
                    fix: "write it in brackets, [a, b], or one `- ` line for each member")
                return nil
            }
            if nodes.count < atLeast {
                reading.problem(key, "is an empty list", fix: "add at least one member")
            }
            return nodes.enumerated().compactMap { index, node in
                element.value(node, "\(key)[\(index)]", &reading)
            }
        }
    }

    /// A mapping whose keys are names of the operator's choice, in the order written. A name is
    /// shown in messages and paths of keys, so `accepts` keeps it to plain characters.
    static func named<Element>(
        _ element: Kind<Element>, names: String, fix: String,
        accepts: @escaping @Sendable (String) -> Bool
    ) -> Kind where Value == [(name: String, value: Element)] {
        Kind(
            name: "mapping of \(names) to \(element.plural)",
            schema: ["type": "object", "additionalProperties": element.schema],
            children: element.children, shape: .named,
            text: { pairs in
                let listed = pairs.map { "\($0.name): \(element.text($0.value))" }
                return listed.isEmpty ? "{}" : "{ \(listed.joined(separator: ", ")) }"
            }
        ) { node, key, reading in
            guard case .mapping(let entries, _) = node else {
                reading.problem(
                    key, "must be a mapping of \(names) to values, not \(node.kindInWords)",
                    fix: "write `NAME: value` lines below it")
                return nil
            }
            return entries.compactMap { entry in
                let path = key.below(entry.key)
                if !accepts(entry.key) {
                    reading.keyProblem(path, "\(quoted(entry.key)) cannot be a name here", fix: fix)
                }
                return element.value(entry.value, path, &reading).map { (entry.key, $0) }
            }
        }
    }
}

extension Kind {
    /// Its name behind "list of".
    fileprivate var plural: String { shape == .section ? name + "s" : name }
}

extension Section {
    var schema: JSON {
        var properties = JSONObject()
        for field in fields { properties[field.declaration.name] = field.declaration.described }
        let required = declarations.filter { $0.standard == .required }.map(\.name)
        return [
            "type": "object", "properties": .object(properties),
            "required": .array(required.map { .string($0) }), "additionalProperties": false,
        ]
    }
}

extension Declaration {
    /// The schema with the sentence and the example that editors show.
    fileprivate var described: JSON {
        var sentences = sentence
        if case .depends(let standard) = self.standard { sentences += " Default: \(standard)." }
        return ["description": .string(sentences), "allOf": [schema]]
    }
}

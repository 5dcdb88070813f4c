// The reference page (Markdown) and the schema (JSON Schema 2020-12), both printed from the tables.

internal import JSON

extension Configuration {
    /// Every key with type, default, sentence and example, grouped by section.
    package static func reference() -> String {
        var page = """
            # Configuration reference

            One YAML file. Unknown keys are problems. A duration is a whole number with its unit: \
            `500ms`, `30s`, `15m`, `8h`, `30d`; a size is a number of octets, or has a unit: \
            `16KiB`, `1MiB`, `2GiB`. A relative path is relative to the file. A secret is \
            `{ file: PATH }`, `{ env: NAME }` or, with a warning, the text itself. `gatehouse check` \
            reports every problem of a file.

            """
        var printed: [(names: [String], path: String)] = []
        page += table(RootTable.root.declarations, titled: "The file", path: "", &printed)
        return page
    }

    /// A section and those below it. One that was printed at another path is not printed again.
    private static func table(
        _ declarations: [Declaration], titled title: String, path: String,
        _ printed: inout [(names: [String], path: String)]
    ) -> String {
        var text = "\n## \(title)\n\n"
        let names = declarations.map(\.name)
        if let first = printed.first(where: { $0.names == names }) {
            return text + "The keys are those of `\(first.path)`.\n"
        }
        printed.append((names, path))
        text += "| Key | Type | Default | What it says | Example |\n|---|---|---|---|---|\n"
        for declaration in declarations {
            let cells = [
                "`\(path.below(declaration.name))`", declaration.type, declaration.standardInWords,
                declaration.sentence, "`\(declaration.example)`",
            ]
            // A bar would end the cell.
            let row = cells.map { $0.split(separator: "|").joined(separator: "\\|") }
            text += "| \(row.joined(separator: " | ")) |\n"
        }
        for declaration in declarations where !declaration.children.isEmpty {
            let below = path.below(declaration.name) + declaration.shape.step
            text += table(declaration.children, titled: "`\(below)`", path: below, &printed)
        }
        return text
    }

    /// The schema of the file, for editors.
    package static func schema() -> String {
        guard case .object(var schema) = RootTable.root.schema else { return "{}" }
        schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        schema["title"] = "Gatehouse configuration"
        schema["oneOf"] = [["required": ["provider"]], ["required": ["providers"]]]
        return JSON.object(schema).serialized()
    }
}

extension Declaration {
    fileprivate var standardInWords: String {
        switch standard {
        case .required: "required"
        case .value(let value): "`\(value)`"
        case .depends(let words): words
        }
    }
}

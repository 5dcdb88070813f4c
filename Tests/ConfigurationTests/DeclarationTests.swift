// What is declared is read, what is read is declared, and both pages print all of it.

import JSON
import Testing

@testable import Configuration

/// A key and the way to it: `routes[]`, `limits`, `request_body`.
struct DeclaredKey: Sendable, CustomTestStringConvertible {
    let declaration: Declaration
    let ancestors: [Declaration]
    var testDescription: String { path(listed: "[]", named: ".NAME") }

    func path(listed: String, named: String) -> String {
        ancestors.reduce("") { path, step in
            switch step.shape {
            case .list: path.below(step.name) + listed
            case .named: path.below(step.name) + named
            case .section, .value: path.below(step.name)
            }
        }.below(declaration.name)
    }

    /// A file in which this key has that value.
    func file(_ value: String) -> String {
        ancestors.reversed().reduce("{ \(declaration.name): \(value) }") { inner, step in
            switch step.shape {
            case .list: "{ \(step.name): [\(inner)] }"
            case .named: "{ \(step.name): { x: \(inner) } }"
            case .section, .value: "{ \(step.name): \(inner) }"
            }
        } + "\n"
    }

    static let all = keys(RootTable.root.declarations, [])

    private static func keys(_ declarations: [Declaration], _ ancestors: [Declaration])
        -> [DeclaredKey]
    {
        declarations.flatMap { declaration in
            [DeclaredKey(declaration: declaration, ancestors: ancestors)]
                + keys(declaration.children, ancestors + [declaration])
        }
    }
}

@Suite struct `Declarations` {
    @Test(arguments: DeclaredKey.all)
    func `a declared key is read`(_ key: DeclaredKey) {
        // No type takes a list of lists, so who reads the key complains about its value there.
        let path = key.path(listed: "[0]", named: ".x")
        let found = load(key.file("[[x]]")).problems.filter { $0.key.hasPrefix(path) }
        #expect(!found.isEmpty)
        #expect(!found.contains { $0.what.contains("known key") })
    }

    @Test(arguments: DeclaredKey.all)
    func `a key beside it is not`(_ key: DeclaredKey) {
        let path = key.path(listed: "[0]", named: ".x")
        let other = path.dropLast(key.declaration.name.count) + "undeclared"
        let file = key.file("1").replacing(
            "{ \(key.declaration.name): 1 }", with: "{ undeclared: 1 }")
        let found = load(file).problems.filter { $0.key == other }
        #expect(found.map(\.what) == ["is not a known key"])
    }

    @Test(arguments: DeclaredKey.all)
    func `an example is a value that would be accepted`(_ key: DeclaredKey) {
        let path = key.path(listed: "[0]", named: ".x")
        let found = load(key.file(key.declaration.example)).problems.filter { problem in
            // What it names, or goes with, is not there in a test.
            !problem.isWarning && problem.key.hasPrefix(path)
                && ![
                    "cannot be read", "is not set", "there is no", "is required", "none is sent",
                ].contains { problem.what.contains($0) }
        }
        #expect(found == [])
    }

    @Test(arguments: DeclaredKey.all)
    func `a default is a value that would be accepted`(_ key: DeclaredKey) {
        guard case .value(let standard) = key.declaration.standard else { return }
        let path = key.path(listed: "[0]", named: ".x")
        let found = load(key.file(standard)).problems
            .filter { !$0.isWarning && $0.key.hasPrefix(path) }
        #expect(found == [])
    }

    @Test(arguments: DeclaredKey.all)
    func `a sentence is one, and says so`(_ key: DeclaredKey) {
        #expect(key.declaration.sentence.hasSuffix("."))
        #expect(!key.declaration.example.isEmpty)
    }

    @Test(arguments: DeclaredKey.all)
    func `the reference has each key with its type, default and sentence`(_ key: DeclaredKey) {
        let path = key.path(listed: "[]", named: ".NAME")
        let page = Configuration.reference()
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `\(path)` |") }
        if let row = rows.first {
            #expect(rows.count == 1)
            #expect(row.contains(key.declaration.type.replacing("|", with: "\\|")))
            #expect(row.contains(key.declaration.sentence))
            if case .value(let standard) = key.declaration.standard {
                #expect(row.contains("| `\(standard)` |"))
            }
        } else {
            // A section that was printed at another path is named there.
            let section = path.dropLast(key.declaration.name.count + 1)
            #expect(page.contains("\n## `\(section)`\n\nThe keys are those of `"))
        }
    }

    @Test func `the schema is JSON that knows each key and no other`() throws {
        let schema = try JSON(parsing: Array(Configuration.schema().utf8))
        #expect(schema["$schema"] == "https://json-schema.org/draft/2020-12/schema")
        for key in DeclaredKey.all {
            var place: JSON? = schema
            for step in key.ancestors + [key.declaration] {
                #expect(place?["additionalProperties"] == false)
                place = below(place?["properties"]?[step.name], step.shape)
            }
            #expect(place != nil, "\(key.testDescription)")
        }
    }

    /// The schema of what is under a key: of the members of a list or a mapping of names.
    private func below(_ schema: JSON?, _ shape: Declaration.Shape) -> JSON? {
        var place = schema
        while let inner = first(of: place?["allOf"]) ?? first(of: place?["anyOf"]) { place = inner }
        let member: JSON? =
            switch shape {
            case .list: place?["items"]
            case .named: place?["additionalProperties"]
            case .section, .value: place
            }
        return member
    }

    private func first(of schemas: JSON?) -> JSON? {
        guard case .array(let schemas)? = schemas else { return nil }
        return schemas.first
    }
}

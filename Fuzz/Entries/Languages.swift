// Documents of other languages: GraphQL from clients, YAML from whoever writes the configuration.
import Configuration
import GraphQL
import Sessions
import YAML

extension Entry {
    static let graphQL = Entry("graphql") { octets in
        guard let document = try? GraphQLDocument(parsing: octets.span) else { return }
        try hold(!document.operations.isEmpty || !document.fragments.isEmpty, "empty")
        for operation in document.operations {
            guard let name = operation.name else { continue }
            try hold(document.kind(named: name) != nil || isRepeated(name, document), name)
        }
    }

    static let yaml = Entry("yaml") { octets in
        let document = YAML.read(octets)
        let isWhole = document.root != nil && document.faults.isEmpty
        try hold(((try? YAML.parse(octets)) != nil) == isWhole, "parsed with \(document.faults)")
        try check(document.root)
        for fault in document.faults {
            try hold(fault.mark.line >= 1 && fault.mark.column >= 1, "\(fault)")
        }
    }

    /// A configuration is given out exactly where no error was found.
    static let configuration = Entry("configuration", octetsMax: 8192) { octets in
        let source = ConfigurationSource(
            file: "/gatehouse.yaml",
            read: { path in
                path == "/gatehouse.yaml" ? .success(octets) : .failure(SourceFailure("no file"))
            }, environment: { _ in nil })
        let loaded = Loaded.load(source)
        let errors = loaded.problems.filter { !$0.isWarning }
        try hold((loaded.configuration == nil) == !errors.isEmpty, "\(errors)")
        try hold(!errors.contains { $0.what.contains("failed to find") }, "\(errors)")
        if let configuration = loaded.configuration {
            _ = House.snapshot(of: configuration)
            _ = configuration.redirectURIs
        }
    }

    private static func isRepeated(_ name: String, _ document: GraphQLDocument) -> Bool {
        document.operations.filter { $0.name == name }.count > 1
    }

    private static func check(_ node: YAMLNode?) throws {
        guard let node else { return }
        try hold(node.mark.line >= 1 && node.mark.column >= 1, "\(node)")
        switch node {
        case .scalar: break
        case .sequence(let members, _): for member in members { try check(member) }
        case .mapping(let entries, _): for entry in entries { try check(entry.value) }
        }
    }
}

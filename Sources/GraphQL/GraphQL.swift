// What a GraphQL call is: the executable half of the language, read in full.
//
// The gateway asks one question of it, whether a call sent by GET would change anything, and an
// executor can run what it reads. Reading is strict, because a document that the API reads
// otherwise than we do is how a mutation would pass for a query. Type systems are not read: a
// document with a definition of one is refused. The standard is the GraphQL specification (October
// 2021) with what September 2025 added for requests: `\u{…}` in strings, descriptions before
// operations.

/// A document of operations and fragments.
package struct GraphQLDocument: Sendable, Equatable {
    package var operations: [GraphQLOperation]
    package var fragments: [GraphQLFragment]

    /// Reads the whole document, or says where it stops being one.
    package init(
        parsing octets: Span<UInt8>, within limits: GraphQLLimits = GraphQLLimits()
    ) throws(GraphQLSyntaxFault) {
        var copy: [UInt8] = []
        copy.reserveCapacity(octets.count)
        for index in octets.indices { copy.append(octets[index]) }
        self = try GraphQLParser.document(in: copy, within: limits)
    }

    package init(
        parsing text: String, within limits: GraphQLLimits = GraphQLLimits()
    ) throws(GraphQLSyntaxFault) {
        self = try GraphQLParser.document(in: Array(text.utf8), within: limits)
    }

    init(operations: [GraphQLOperation], fragments: [GraphQLFragment]) {
        self.operations = operations
        self.fragments = fragments
    }

    /// The operation a request means: the one of that name, or the only one where no name is given.
    /// `nil` where the name is unknown or none is given and there are several, since then a server
    /// has to refuse too (§6.1).
    package func operation(named name: String?) -> GraphQLOperation? {
        let candidates =
            if let name, !name.isEmpty { operations.filter { $0.name == name } } else { operations }
        return candidates.count == 1 ? candidates[0] : nil
    }

    /// The kind of the operation a request means; `nil` as for `operation(named:)`.
    package func kind(named name: String?) -> GraphQLOperationKind? {
        operation(named: name)?.kind
    }

    package func fragment(named name: String) -> GraphQLFragment? {
        fragments.first { $0.name == name }
    }
}

/// What a document may cost to read. Each is a limit on work, so that a short text cannot nest or
/// repeat without end.
package struct GraphQLLimits: Sendable {
    package var tokensMax: Int
    /// Of selection sets, values and types within one another.
    package var depthMax: Int

    package init(tokensMax: Int = 20_000, depthMax: Int = 64) {
        self.tokensMax = tokensMax
        self.depthMax = depthMax
    }
}

/// A place in a document: both count from 1, columns in code points.
package struct GraphQLLocation: Sendable, Equatable {
    package var line: Int
    package var column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}

/// Where a text stops being a document, and what stood there. The client's fault.
package struct GraphQLSyntaxFault: Error, Sendable, Equatable, CustomStringConvertible {
    package var line: Int
    package var column: Int
    package var what: String

    package var description: String { "\(line):\(column): \(what)" }
}

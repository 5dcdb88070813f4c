// The parts of an executable document (§2.3 to §2.12), as an executor needs them.
//
// Order is kept everywhere, because responses follow the order of the selection. Whether names
// exist, fragments end or types fit is validation (§5), which needs a schema and belongs to the
// API.

package enum GraphQLOperationKind: String, Sendable { case query, mutation, subscription }

package struct GraphQLOperation: Sendable, Equatable {
    package var kind: GraphQLOperationKind
    package var name: String?
    package var variables: [GraphQLVariable]
    package var directives: [GraphQLDirective]
    package var selections: [GraphQLSelection]
    package var location: GraphQLLocation
}

package struct GraphQLFragment: Sendable, Equatable {
    package var name: String
    package var typeCondition: String
    package var directives: [GraphQLDirective]
    package var selections: [GraphQLSelection]
    package var location: GraphQLLocation
}

package struct GraphQLVariable: Sendable, Equatable {
    package var name: String
    package var type: GraphQLType
    /// `nil` is no default at all; `.null` is one.
    package var defaultValue: GraphQLValue?
    package var directives: [GraphQLDirective]
}

package indirect enum GraphQLType: Sendable, Equatable {
    case named(String)
    case list(GraphQLType)
    case nonNull(GraphQLType)

    package var isNonNull: Bool { if case .nonNull = self { true } else { false } }
}

package enum GraphQLSelection: Sendable, Equatable {
    case field(GraphQLField)
    case fragmentSpread(name: String, directives: [GraphQLDirective], location: GraphQLLocation)
    /// Without a type condition it applies to every type.
    case inlineFragment(
        typeCondition: String?, directives: [GraphQLDirective], selections: [GraphQLSelection])
}

package struct GraphQLField: Sendable, Equatable {
    package var alias: String?
    package var name: String
    package var arguments: [GraphQLArgument]
    package var directives: [GraphQLDirective]
    /// Empty for a leaf.
    package var selections: [GraphQLSelection]
    package var location: GraphQLLocation

    /// The name under which the result stands in the response (§2.7).
    package var responseName: String { alias ?? name }

    package func argument(_ name: String) -> GraphQLValue? {
        arguments.first { $0.name == name }?.value
    }
}

package struct GraphQLArgument: Sendable, Equatable {
    package var name: String
    package var value: GraphQLValue

    package init(name: String, value: GraphQLValue) {
        self.name = name
        self.value = value
    }
}

package struct GraphQLDirective: Sendable, Equatable {
    package var name: String
    package var arguments: [GraphQLArgument]
}

package indirect enum GraphQLValue: Sendable, Equatable {
    case variable(String)
    /// Its text, since the language sets no range.
    case int(String)
    case float(String)
    case string(String)
    case boolean(Bool)
    case null
    case `enum`(String)
    case list([GraphQLValue])
    case object([GraphQLArgument])
}

extension [GraphQLDirective] {
    /// Whether `@skip` and `@include` (§3.13) leave what they stand on in the response. `variable`
    /// gives the Boolean a variable stands for; `nil` where it has none.
    package func include(_ variable: (String) -> Bool?) -> Bool {
        func condition(of name: String) -> Bool? {
            guard let directive = first(where: { $0.name == name }) else { return nil }
            return switch directive.arguments.first(where: { $0.name == "if" })?.value {
            case .boolean(let flag)?: flag
            case .variable(let name)?: variable(name)
            default: nil
            }
        }
        return condition(of: "skip") != true && condition(of: "include") != false
    }
}

// Whether a query fits the schema: validation (§5), every fault it finds, before anything is executed.
//
// How much is looked at has an end, because fragments that open others twice each, or themselves,
// make much of a short text.

import GraphQL
import JSON

struct QueryCheck {
    let types: [String: ObjectType]
    let document: GraphQLDocument
    let operation: GraphQLOperation
    private(set) var faults: [ExecutionFault] = []

    private let variables: [String: GraphQLVariable]
    private var selectionsSeen = 0

    private static let depthMax = 24
    private static let selectionsMax = 2_000
    private static let faultsMax = 20

    init(types: [String: ObjectType], document: GraphQLDocument, operation: GraphQLOperation) {
        self.types = types
        self.document = document
        self.operation = operation
        variables = Dictionary(
            operation.variables.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    mutating func check(from root: String) {
        for variable in operation.variables where variable.leaf == nil {
            refuse("Variable \"$\(variable.name)\" has a type that no argument has.")
        }
        if variables.count < operation.variables.count { refuse("A variable is declared twice.") }
        check(operation.selections, on: root, depth: 0)
    }

    /// Variables by name (§6.1.2): given, else the default, else absent; a required one must be there,
    /// and each must be of its type.
    func coerce(_ given: JSONObject) throws(ExecutionFault) -> [String: JSON] {
        var values: [String: JSON] = [:]
        for variable in operation.variables {
            let value = given[variable.name] ?? variable.defaultValue?.json(with: [:]) ?? .null
            if variable.type.isNonNull, value == .null {
                throw ExecutionFault(
                    message: "Variable \"$\(variable.name)\" is required.",
                    location: operation.location)
            }
            if let leaf = variable.leaf, !leaf.accepts(value) {
                throw ExecutionFault(
                    message: "Variable \"$\(variable.name)\" must be \(leaf.text).",
                    location: operation.location)
            }
            values[variable.name] = value
        }
        return values
    }

    // MARK: Selections

    /// What stands under each response name of one selection set, its fragments' included.
    private typealias Names = [String: GraphQLField]

    private mutating func check(
        _ selections: [GraphQLSelection], on typeName: String, depth: Int
    ) {
        var names: Names = [:]
        check(selections, on: typeName, depth: depth, &names)
    }

    private mutating func check(
        _ selections: [GraphQLSelection], on typeName: String, depth: Int, _ names: inout Names
    ) {
        guard let type = types[typeName] else { return }
        guard depth <= Self.depthMax else {
            return refuse(
                "The query is deeper than \(Self.depthMax) levels, or a fragment contains itself.")
        }
        for selection in selections {
            selectionsSeen += 1
            guard selectionsSeen <= Self.selectionsMax else {
                if selectionsSeen == Self.selectionsMax + 1 {
                    refuse("The query has more than \(Self.selectionsMax) fields.")
                }
                return
            }
            switch selection {
            case .field(let field):
                check(field.directives, field.location)
                check(field, on: type, depth: depth)
                check(field, against: &names)
            case .fragmentSpread(let name, let directives, let location):
                check(directives, location)
                guard let fragment = document.fragment(named: name) else {
                    refuse("Unknown fragment \"\(name)\".", location)
                    continue
                }
                check(
                    fragment.selections, condition: fragment.typeCondition, on: typeName,
                    depth: depth, location, &names)
            case .inlineFragment(let condition, let directives, let selections):
                check(directives, nil)
                check(selections, condition: condition, on: typeName, depth: depth, nil, &names)
            }
        }
    }

    private mutating func check(
        _ selections: [GraphQLSelection], condition: String?, on typeName: String, depth: Int,
        _ location: GraphQLLocation?, _ names: inout Names
    ) {
        if let condition, condition != typeName {
            return refuse(
                types[condition] == nil
                    ? "Unknown type \"\(condition)\"."
                    : "A fragment on \"\(condition)\" cannot apply to \"\(typeName)\".", location)
        }
        check(selections, on: typeName, depth: depth + 1, &names)
    }

    /// §5.3.2: one name in the response is one field, asked for in one way.
    private mutating func check(_ field: GraphQLField, against names: inout Names) {
        guard let first = names[field.responseName] else {
            names[field.responseName] = field
            return
        }
        if first.name != field.name || first.arguments != field.arguments {
            refuse("Two different fields are named \"\(field.responseName)\".", field.location)
        }
    }

    // MARK: Fields, arguments, directives

    private mutating func check(_ field: GraphQLField, on type: ObjectType, depth: Int) {
        let definition =
            field.name == "__typename" ? FieldDefinition.typeName : type.fields[field.name]
        guard let definition else {
            return refuse(
                "Cannot query field \"\(field.name)\" on type \"\(type.name)\".", field.location)
        }
        for argument in field.arguments {
            guard let expected = definition.arguments[argument.name] else {
                refuse(
                    "Unknown argument \"\(argument.name)\" on field "
                        + "\"\(type.name).\(field.name)\".", field.location)
                continue
            }
            check(argument, expected, of: "\"\(field.name)\"", field.location)
        }
        switch (definition.object, field.selections.isEmpty) {
        case (nil, true): break
        case (nil, false):
            refuse("Field \"\(field.name)\" has no fields of its own.", field.location)
        case (.some, true):
            refuse("Field \"\(field.name)\" needs a selection of fields.", field.location)
        case (let object?, false):
            check(field.selections, on: object, depth: depth + 1)
        }
    }

    /// A variable counts by its type, anything else by its value.
    private mutating func check(
        _ argument: GraphQLArgument, _ expected: ArgumentType, of place: String,
        _ location: GraphQLLocation?
    ) {
        if case .variable(let name) = argument.value {
            guard let variable = variables[name] else {
                return refuse("Variable \"$\(name)\" is not defined.", location)
            }
            if let leaf = variable.leaf, leaf != expected {
                refuse(
                    "Variable \"$\(name)\" is no \(expected.name), as \"\(argument.name)\" of "
                        + "\(place) is.", location)
            }
        } else if !expected.accepts(argument.value) {
            refuse("Argument \"\(argument.name)\" of \(place) must be \(expected.text).", location)
        }
    }

    /// `@include` and `@skip` are all there are (§3.13), each with its `if`.
    private mutating func check(_ directives: [GraphQLDirective], _ location: GraphQLLocation?) {
        for directive in directives {
            guard ["include", "skip"].contains(directive.name) else {
                refuse("Unknown directive \"@\(directive.name)\".", location)
                continue
            }
            guard directive.arguments.count == 1, let condition = directive.arguments.first,
                condition.name == "if", condition.value != .null
            else {
                refuse("Directive \"@\(directive.name)\" needs its \"if\".", location)
                continue
            }
            check(condition, .boolean, of: "\"@\(directive.name)\"", location)
        }
    }

    private mutating func refuse(_ message: String, _ location: GraphQLLocation? = nil) {
        guard faults.count < Self.faultsMax else { return }
        faults.append(ExecutionFault(message: message, location: location))
    }
}

extension FieldDefinition {
    /// Every type has it (§4.4); the executor answers it by itself.
    fileprivate static let typeName = FieldDefinition.leaf { _, _ in .null }
}

extension GraphQLVariable {
    /// What kind of argument it can be; `nil` for a type this API does not have.
    fileprivate var leaf: ArgumentType? {
        switch type {
        case .named(let name), .nonNull(.named(let name)): ArgumentType.named(name)
        case .list, .nonNull: nil
        }
    }
}

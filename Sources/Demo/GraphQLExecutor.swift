// Answers a query by walking it: fields in the order asked for, under their aliases, with arguments
// and variables, fragments opened where they stand (§6).
//
// `QueryCheck` comes first, and only a document without a fault is executed; so names, arguments and
// types are not looked at again here.

import GraphQL
import JSON

struct GraphQLExecutor {
    let types: [String: ObjectType]
    let root: String

    /// - Returns: `data` and `errors`, or only `errors` when the request was not fit to execute.
    func answer(
        _ document: GraphQLDocument, operationName: String?, variables: JSONObject, source: Source
    ) -> (data: JSON?, errors: [ExecutionFault]) {
        guard let operation = document.operation(named: operationName) else {
            let asked = operationName.map { "operation \"\($0)\"" } ?? "which operation is meant"
            return (nil, [ExecutionFault(message: "The document does not say \(asked).")])
        }
        guard operation.kind == .query else {
            let message = "This API has no \(operation.kind.rawValue)s."
            return (nil, [ExecutionFault(message: message, location: operation.location)])
        }
        var check = QueryCheck(types: types, document: document, operation: operation)
        check.check(from: root)
        guard check.faults.isEmpty else { return (nil, check.faults) }
        do throws(ExecutionFault) {
            let values = try check.coerce(variables)
            var walk = Walk(types: types, document: document, variables: values)
            let data = walk.execute(operation.selections, on: root, source, path: [])
            return (data, walk.faults)
        } catch {
            return (nil, [error])
        }
    }
}

/// One execution: what could not be resolved so far, and what it looks things up in.
private struct Walk {
    let types: [String: ObjectType]
    let document: GraphQLDocument
    let variables: [String: JSON]
    var faults: [ExecutionFault] = []

    mutating func execute(
        _ selections: [GraphQLSelection], on typeName: String, _ source: Source, path: [JSON]
    ) -> JSON {
        var result = JSONObject()
        collect(selections, on: typeName, source, path: path, into: &result)
        return .object(result)
    }

    private mutating func collect(
        _ selections: [GraphQLSelection], on typeName: String, _ source: Source, path: [JSON],
        into result: inout JSONObject
    ) {
        for selection in selections {
            switch selection {
            case .field(let field) where includes(field.directives):
                let place = path + [.string(field.responseName)]
                let value = resolve(field, on: typeName, source, path: place)
                // A field asked for twice is one field whose selections are joined (§6.3.2).
                result[field.responseName] =
                    result[field.responseName].map { $0.merged(with: value) } ?? value
            case .fragmentSpread(let name, let directives, _) where includes(directives):
                guard let fragment = document.fragment(named: name) else { continue }
                collect(fragment.selections, on: typeName, source, path: path, into: &result)
            case .inlineFragment(_, let directives, let selections) where includes(directives):
                collect(selections, on: typeName, source, path: path, into: &result)
            case .field, .fragmentSpread, .inlineFragment:
                continue  // @skip, or @include(if: false)
            }
        }
    }

    private func includes(_ directives: [GraphQLDirective]) -> Bool {
        directives.include { variables[$0]?.bool }
    }

    private mutating func resolve(
        _ field: GraphQLField, on typeName: String, _ source: Source, path: [JSON]
    ) -> JSON {
        guard field.name != "__typename" else { return .string(typeName) }
        guard let definition = types[typeName]?.fields[field.name] else { return .null }
        var arguments: [String: JSON] = [:]
        for argument in field.arguments {
            let value = argument.value.json(with: variables)
            if value != .null { arguments[argument.name] = value }
        }
        do throws(ExecutionFault) {
            let resolved = try definition.resolve(source, Arguments(values: arguments))
            return complete(resolved, field, definition.object, path: path)
        } catch {
            faults.append(
                ExecutionFault(message: error.message, location: field.location, path: path))
            return .null
        }
    }

    private mutating func complete(
        _ resolved: Resolved, _ field: GraphQLField, _ object: String?, path: [JSON]
    ) -> JSON {
        switch resolved {
        case .leaf(let value): return value
        case .object(let source):
            guard let object else { return .null }
            return execute(field.selections, on: object, source, path: path)
        case .list(let members):
            var values: [JSON] = []
            for (index, member) in members.enumerated() {
                values.append(
                    complete(member, field, object, path: path + [.number("\(index)")]))
            }
            return .array(values)
        }
    }
}

extension GraphQLValue {
    /// The value as JSON, variables put in; an enum's value is its name.
    func json(with variables: [String: JSON]) -> JSON {
        switch self {
        case .variable(let name): return variables[name] ?? .null
        case .int(let text), .float(let text): return .number(text)
        case .string(let text), .enum(let text): return .string(text)
        case .boolean(let flag): return .bool(flag)
        case .null: return .null
        case .list(let members): return .array(members.map { $0.json(with: variables) })
        case .object(let members):
            var object = JSONObject()
            for member in members { object[member.name] = member.value.json(with: variables) }
            return .object(object)
        }
    }
}

extension JSON {
    /// Two results of one field: objects and lists of objects are joined member by member.
    fileprivate func merged(with other: JSON) -> JSON {
        switch (self, other) {
        case (.object(var own), .object(let others)):
            for (name, value) in others.members {
                own[name] = own[name].map { $0.merged(with: value) } ?? value
            }
            return .object(own)
        case (.array(let own), .array(let others)) where own.count == others.count:
            return .array(zip(own, others).map { $0.merged(with: $1) })
        default: return other
        }
    }
}

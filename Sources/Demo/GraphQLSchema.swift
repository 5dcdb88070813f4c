// Types and their resolvers, as tables: what a query may ask for, and where the answer comes from.
//
// Only what the demonstration API needs of GraphQL's type system (§3): objects, lists, non-null, leaves
// and arguments. No interfaces, unions or introspection; asking for them is an unknown field.

import GraphQL
import JSON

/// An object type: its fields by name.
struct ObjectType: Sendable {
    let name: String
    let fields: [String: FieldDefinition]

    init(_ name: String, _ fields: [String: FieldDefinition]) {
        self.name = name
        self.fields = fields
    }
}

struct FieldDefinition: Sendable {
    /// The object type a selection on this field applies to; `nil` for a leaf.
    let object: String?
    let arguments: [String: ArgumentType]
    /// Refuses with a sentence for the caller.
    let resolve: @Sendable (Source, Arguments) throws(ExecutionFault) -> Resolved

    static func leaf(
        _ arguments: [String: ArgumentType] = [:],
        _ resolve: @escaping @Sendable (Source, Arguments) throws(ExecutionFault) -> JSON
    ) -> FieldDefinition {
        FieldDefinition(object: nil, arguments: arguments) {
            source, arguments throws(ExecutionFault) in
            .leaf(try resolve(source, arguments))
        }
    }

    static func object(
        _ type: String, _ arguments: [String: ArgumentType] = [:],
        _ resolve: @escaping @Sendable (Source, Arguments) throws(ExecutionFault) -> Resolved
    ) -> FieldDefinition {
        FieldDefinition(object: type, arguments: arguments, resolve: resolve)
    }
}

/// What an argument may be. All are optional here; `nil` in `Arguments` is "not given".
enum ArgumentType: Sendable, Equatable {
    case int
    case string
    case boolean
    case resolution

    /// The one enum there is.
    static let resolutions = ["MONTH", "DAY"]

    static func named(_ name: String) -> ArgumentType? {
        switch name {
        case "Int": .int
        case "String": .string
        case "Boolean": .boolean
        case "Resolution": .resolution
        default: nil
        }
    }

    var name: String {
        switch self {
        case .int: "Int"
        case .string: "String"
        case .boolean: "Boolean"
        case .resolution: "Resolution"
        }
    }

    /// What it must be, for a sentence.
    var text: String {
        switch self {
        case .int, .string, .boolean: "a value of type \(name)"
        case .resolution: "one of \(Self.resolutions.joined(separator: ", "))"
        }
    }

    /// Whether a variable's value is of the type (§3.5, §3.9: a variable gives an enum as text).
    func accepts(_ value: JSON) -> Bool {
        switch (self, value) {
        case (_, .null): true
        case (.int, .number): value.integer.map { Int32(exactly: $0) != nil } ?? false
        case (.string, .string), (.boolean, .bool): true
        case (.resolution, .string(let name)): Self.resolutions.contains(name)
        case (.int, _), (.string, _), (.boolean, _), (.resolution, _): false
        }
    }

    /// Whether a value in the document is: an enum's is no text there, and a whole number no fraction.
    func accepts(_ value: GraphQLValue) -> Bool {
        switch (self, value) {
        case (_, .null): true
        case (.int, .int(let text)): accepts(JSON.number(text))
        case (.string, .string), (.boolean, .boolean): true
        case (.resolution, .enum(let name)): Self.resolutions.contains(name)
        case (.int, _), (.string, _), (.boolean, _), (.resolution, _): false
        }
    }
}

/// Arguments after coercion (§6.4.1): null is as if not given.
struct Arguments: Sendable {
    let values: [String: JSON]

    func int(_ name: String) -> Int? { values[name]?.integer.map { Int($0) } }
    func string(_ name: String) -> String? { values[name]?.string }
    func bool(_ name: String) -> Bool? { values[name]?.bool }
}

/// What a resolver reads from: the records of the demonstration.
enum Source: Sendable {
    case visitor(Visitor)
    case accounts(Page<BillingAccount>)
    case edge(BillingAccount)
    case pageInfo(Page<BillingAccount>)
    case account(BillingAccount)
    case read(IntervalRead)
    case amount(Amount)
}

indirect enum Resolved: Sendable {
    case leaf(JSON)
    case object(Source)
    case list([Resolved])
}

struct Amount: Sendable {
    let value: Double
    let unit: String
}

/// A field could not be resolved (§6.4.4), or the document does not fit the schema (§5).
struct ExecutionFault: Error {
    let message: String
    var location: GraphQLLocation?
    var path: [JSON] = []

    var json: JSON {
        var error = JSONObject()
        error["message"] = .string(message)
        if let location {
            error["locations"] = [
                [
                    "line": .number("\(location.line)"), "column": .number("\(location.column)"),
                ]
            ]
        }
        if !path.isEmpty { error["path"] = .array(path) }
        return .object(error)
    }
}

// Tokens to a document (§2.2 to §2.12), by descent with a bounded depth.
//
// What the grammar calls Const (defaults, directives on variables) takes no variables. What two
// servers could take differently is refused here although the grammar lets it pass: two operations
// or fragments of one name, an unnamed operation beside another, an argument given twice (§5.2.1,
// §5.2.2, §5.4.2, §5.5.1).

struct GraphQLParser {
    private var lexer: Lexer
    private var token: Token
    private var depthLeft: Int

    static func document(
        in octets: [UInt8], within limits: GraphQLLimits
    ) throws(GraphQLSyntaxFault) -> GraphQLDocument {
        var parser = try GraphQLParser(octets, limits)
        return try parser.document()
    }

    private init(_ octets: [UInt8], _ limits: GraphQLLimits) throws(GraphQLSyntaxFault) {
        lexer = Lexer(octets, tokensMax: limits.tokensMax)
        token = try lexer.next()
        depthLeft = limits.depthMax
    }

    // MARK: Definitions

    private mutating func document() throws(GraphQLSyntaxFault) -> GraphQLDocument {
        var document = GraphQLDocument(operations: [], fragments: [])
        repeat { try definition(into: &document) } while token.kind != .end
        return document
    }

    private mutating func definition(
        into document: inout GraphQLDocument
    ) throws(GraphQLSyntaxFault) {
        let location = token.location
        if token.kind == .punctuator(UInt8(ascii: "{")) {
            guard document.operations.isEmpty else { throw unnamedBesideAnother() }
            document.operations.append(
                GraphQLOperation(
                    kind: .query, name: nil, variables: [], directives: [],
                    selections: try selectionSet(), location: location))
            return
        }
        // A description says nothing to us, but may not stand before the shorthand form.
        if case .string = token.kind { try advance() }
        guard case .name(let keyword) = token.kind else {
            throw unexpected("an operation or a fragment")
        }
        if keyword == "fragment" {
            let fragment = try fragment(at: location)
            guard document.fragment(named: fragment.name) == nil else {
                throw fault("a second fragment \"\(fragment.name)\"", at: location)
            }
            document.fragments.append(fragment)
        } else if let kind = GraphQLOperationKind(rawValue: keyword) {
            let operation = try operation(kind, at: location)
            let names = document.operations.map(\.name)
            guard names.isEmpty || (operation.name != nil && !names.contains(nil)) else {
                throw unnamedBesideAnother()
            }
            guard !names.contains(operation.name) else {
                throw fault("a second operation \"\(operation.name ?? "")\"", at: location)
            }
            document.operations.append(operation)
        } else {
            throw unexpected("an operation or a fragment")
        }
    }

    private mutating func operation(
        _ kind: GraphQLOperationKind, at location: GraphQLLocation
    ) throws(GraphQLSyntaxFault) -> GraphQLOperation {
        try advance()
        var operationName: String?
        if case .name(let text) = token.kind {
            operationName = text
            try advance()
        }
        return GraphQLOperation(
            kind: kind, name: operationName, variables: try variables(),
            directives: try directives(isConst: false), selections: try selectionSet(),
            location: location)
    }

    private mutating func fragment(
        at location: GraphQLLocation
    ) throws(GraphQLSyntaxFault) -> GraphQLFragment {
        try advance()
        let name = try name("a fragment's name")
        guard name != "on" else { throw fault("a fragment named \"on\"", at: location) }
        guard token.kind == .name("on") else { throw unexpected("\"on\"") }
        try advance()
        return GraphQLFragment(
            name: name, typeCondition: try self.name("a type"),
            directives: try directives(isConst: false), selections: try selectionSet(),
            location: location)
    }

    // MARK: Variables and types

    private mutating func variables() throws(GraphQLSyntaxFault) -> [GraphQLVariable] {
        guard try accept("(") else { return [] }
        var variables: [GraphQLVariable] = []
        repeat {
            if case .string = token.kind { try advance() }
            try expect("$")
            let location = token.location
            let name = try name("a variable's name")
            guard !variables.contains(where: { $0.name == name }) else {
                throw fault("a second variable \"\(name)\"", at: location)
            }
            try expect(":")
            let type = try type()
            let defaultValue = try accept("=") ? try value(isConst: true) : nil
            variables.append(
                GraphQLVariable(
                    name: name, type: type, defaultValue: defaultValue,
                    directives: try directives(isConst: true)))
        } while try !accept(")")
        return variables
    }

    private mutating func type() throws(GraphQLSyntaxFault) -> GraphQLType {
        try enter()
        defer { depthLeft += 1 }
        let inner: GraphQLType
        if try accept("[") {
            inner = .list(try type())
            try expect("]")
        } else {
            inner = .named(try name("a type"))
        }
        return try accept("!") ? .nonNull(inner) : inner
    }

    // MARK: Selections

    private mutating func selectionSet() throws(GraphQLSyntaxFault) -> [GraphQLSelection] {
        try enter()
        defer { depthLeft += 1 }
        try expect("{")
        var selections: [GraphQLSelection] = []
        repeat { selections.append(try selection()) } while try !accept("}")
        return selections
    }

    private mutating func selection() throws(GraphQLSyntaxFault) -> GraphQLSelection {
        let location = token.location
        guard token.kind == .spread else { return .field(try field(at: location)) }
        try advance()
        guard case .name(let word) = token.kind, word != "on" else {
            var condition: String?
            if token.kind == .name("on") {
                try advance()
                condition = try name("a type")
            }
            return .inlineFragment(
                typeCondition: condition, directives: try directives(isConst: false),
                selections: try selectionSet())
        }
        try advance()
        return .fragmentSpread(
            name: word, directives: try directives(isConst: false), location: location)
    }

    private mutating func field(
        at location: GraphQLLocation
    ) throws(GraphQLSyntaxFault) -> GraphQLField {
        let first = try name("a field")
        let second = try accept(":") ? try name("a field") : nil
        return GraphQLField(
            alias: second == nil ? nil : first, name: second ?? first,
            arguments: try arguments(isConst: false), directives: try directives(isConst: false),
            selections: token.kind == .punctuator(UInt8(ascii: "{")) ? try selectionSet() : [],
            location: location)
    }

    private mutating func arguments(
        isConst: Bool
    ) throws(GraphQLSyntaxFault) -> [GraphQLArgument] {
        guard try accept("(") else { return [] }
        var arguments: [GraphQLArgument] = []
        repeat { try argument(into: &arguments, isConst: isConst) } while try !accept(")")
        return arguments
    }

    private mutating func argument(
        into arguments: inout [GraphQLArgument], isConst: Bool
    ) throws(GraphQLSyntaxFault) {
        let location = token.location
        let name = try name("a name")
        guard !arguments.contains(where: { $0.name == name }) else {
            throw fault("\"\(name)\" is given twice", at: location)
        }
        try expect(":")
        arguments.append(GraphQLArgument(name: name, value: try value(isConst: isConst)))
    }

    private mutating func directives(
        isConst: Bool
    ) throws(GraphQLSyntaxFault) -> [GraphQLDirective] {
        var directives: [GraphQLDirective] = []
        while try accept("@") {
            let name = try name("a directive's name")
            directives.append(
                GraphQLDirective(name: name, arguments: try arguments(isConst: isConst)))
        }
        return directives
    }

    // MARK: Values

    private mutating func value(isConst: Bool) throws(GraphQLSyntaxFault) -> GraphQLValue {
        try enter()
        defer { depthLeft += 1 }
        switch token.kind {
        case .punctuator(UInt8(ascii: "$")) where !isConst:
            try advance()
            return .variable(try name("a variable's name"))
        case .punctuator(UInt8(ascii: "[")):
            try advance()
            var members: [GraphQLValue] = []
            while try !accept("]") { members.append(try value(isConst: isConst)) }
            return .list(members)
        case .punctuator(UInt8(ascii: "{")):
            try advance()
            var members: [GraphQLArgument] = []
            while try !accept("}") { try argument(into: &members, isConst: isConst) }
            return .object(members)
        case .int(let text):
            try advance()
            return .int(text)
        case .float(let text):
            try advance()
            return .float(text)
        case .string(let text):
            try advance()
            return .string(text)
        case .name(let word):
            try advance()
            return switch word {
            case "true": .boolean(true)
            case "false": .boolean(false)
            case "null": .null
            default: .enum(word)
            }
        case .end, .punctuator, .spread:
            throw unexpected(isConst ? "a value without variables" : "a value")
        }
    }

    // MARK: Small parts

    private mutating func advance() throws(GraphQLSyntaxFault) { token = try lexer.next() }

    /// Goes one level deeper; the caller comes back up with `depthLeft += 1`.
    private mutating func enter() throws(GraphQLSyntaxFault) {
        guard depthLeft > 0 else { throw fault("nested too deeply", at: token.location) }
        depthLeft -= 1
    }

    private mutating func accept(_ punctuator: Unicode.Scalar) throws(GraphQLSyntaxFault) -> Bool {
        guard token.kind == .punctuator(UInt8(ascii: punctuator)) else { return false }
        try advance()
        return true
    }

    private mutating func expect(_ punctuator: Unicode.Scalar) throws(GraphQLSyntaxFault) {
        guard try accept(punctuator) else { throw unexpected("\"\(punctuator)\"") }
    }

    private mutating func name(_ what: String) throws(GraphQLSyntaxFault) -> String {
        guard case .name(let text) = token.kind else { throw unexpected(what) }
        try advance()
        return text
    }

    private func unexpected(_ expected: String) -> GraphQLSyntaxFault {
        fault("\(expected) was expected", at: token.location)
    }

    private func unnamedBesideAnother() -> GraphQLSyntaxFault {
        fault("an operation without a name beside another", at: token.location)
    }

    private func fault(_ what: String, at place: GraphQLLocation) -> GraphQLSyntaxFault {
        GraphQLSyntaxFault(line: place.line, column: place.column, what: what)
    }
}

import GraphQL
import Testing

@Suite struct `GraphQL documents` {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let text: String
        var testDescription: String { name }
        init(_ name: String, _ text: String) {
            self.name = name
            self.text = text
        }
    }

    static let accepted: [Row] = [
        Row("the shorthand", "{ a }"),
        Row("an anonymous query", "query { a }"),
        Row(
            "a named query with everything",
            #"""
            query Q($a: [Int!]! = [1, 2] @d, $b: T = {x: null}) @live {
              first: f(a: $a, s: "x\u0041\u{1F600}\uD83D\uDE00", n: -1.5e+3, e: RED, o: {k: [true]}) {
                ...F @include(if: $b)
                ... on T @skip(if: true) { x }
                ... { y }
                ... @live { z }
              }
            }
            fragment F on T { a, b ,, c }
            """#),
        Row("comments, commas and a byte order mark", "\u{FEFF}# c\r\n,{a,#x\n b}"),
        Row("a block string", "{ a(s: \"\"\"x \\\"\"\" y\"\"\") }"),
        Row("several named operations", "query A { a } mutation B { b } subscription C { c }"),
        Row(
            "descriptions",
            "\"says\" query A(\"why\" $v: Int) { a } \"\"\"more\"\"\" fragment F on T { a }"),
        Row("keywords as names", "{ query mutation fragment on: type true null }"),
    ]

    @Test(arguments: accepted) func `a lawful document is read`(_ row: Row) throws {
        _ = try GraphQLDocument(parsing: row.text)
    }

    static let refused: [Row] = [
        Row("nothing", ""), Row("only a comment", "# x"), Row("an empty selection", "{ }"),
        Row("an end missing", "{ a { b }"), Row("an end too many", "{ a } }"),
        Row("a type definition", "type T { a: Int }"), Row("a schema", "schema { query: Q }"),
        Row("a description before the shorthand", "\"d\" { a }"),
        Row("an unknown keyword", "quary { a }"), Row("a lone dot", "{ a . }"),
        Row("two dots", "{ ..F }"), Row("empty arguments", "{ a() }"),
        Row("an argument twice", "{ a(x: 1, x: 2) }"),
        Row("a member twice", "{ a(o: {x: 1, x: 2}) }"),
        Row("a variable twice", "query($a: Int, $a: Int) { a }"),
        Row("a variable in a default", "query($a: Int = $b) { a }"),
        Row("no variables in the brackets", "query() { a }"),
        Row("a fragment named on", "fragment on on T { a }"),
        Row("two operations of one name", "query A { a } mutation A { b }"),
        Row("an unnamed one first", "{ a } query B { b }"),
        Row("an unnamed one second", "query B { b } { a }"),
        Row("an unnamed mutation second", "query B { b } mutation { a }"),
        Row("two fragments of one name", "{ a } fragment F on T { a } fragment F on T { b }"),
        Row("a leading zero", "{ a(n: 01) }"), Row("a number into a name", "{ a(n: 0xF1) }"),
        Row("two points", "{ a(n: 1.2.3) }"), Row("a point alone", "{ a(n: 1.) }"),
        Row("a plus", "{ a(n: +1) }"), Row("a minus alone", "{ a(n: -) }"),
        Row("a string over a line", "{ a(s: \"x\ny\") }"),
        Row("a string without end", "{ a(s: \"x) }"),
        Row("an unknown escape", #"{ a(s: "\x") }"#), Row("a short escape", #"{ a(s: "\u00") }"#),
        Row("half a pair", #"{ a(s: "\uD83D") }"#), Row("the other half", #"{ a(s: "\uDE00") }"#),
        Row("a braced surrogate", #"{ a(s: "\u{D800}") }"#),
        Row("a braced giant", #"{ a(s: "\u{110000}") }"#),
        Row("empty braces", #"{ a(s: "\u{}") }"#),
        Row("a control", "{ a\u{1} }"), Row("a control in a comment", "{ a #\u{0}\n }"),
        Row("a control in a string", "{ a(s: \"\u{7}\") }"), Row("a letter outside ASCII", "{ é }"),
        Row("a semicolon", "{ a; }"), Row("a question mark", "{ a? }"),
    ]

    @Test(arguments: refused) func `what is no document is refused`(_ row: Row) {
        #expect(throws: GraphQLSyntaxFault.self) { try GraphQLDocument(parsing: row.text) }
    }

    @Test func `text that is not UTF-8 is refused`() {
        for octets: [UInt8] in [
            Array("{ a(s: \"".utf8) + [0xC0, 0xAF] + Array("\") }".utf8),
            Array("{ a #".utf8) + [0xFF] + Array("\n }".utf8),
        ] {
            #expect(throws: GraphQLSyntaxFault.self) { try GraphQLDocument(parsing: octets.span) }
        }
    }

    @Test func `every proper beginning of a document is refused`() throws {
        let text = Array(
            #"query Q($a: Int = 1) { f: g(a: $a, s: "x") { ...F } } fragment F on T { x }"#.utf8)
        let whole = try GraphQLDocument(parsing: text.span)
        #expect(whole.operations.count == 1 && whole.fragments.count == 1)
        for end in 0..<text.count {
            let part = Array(text[..<end])
            // The first definition alone is a document too.
            guard let document = try? GraphQLDocument(parsing: part.span) else { continue }
            #expect(document.fragments.isEmpty && document.operations == whole.operations)
        }
    }

    static let kinds: [(text: String, name: String?, kind: GraphQLOperationKind?)] = [
        ("{ a }", nil, .query), ("{ a }", "", .query), ("{ a }", "A", nil),
        ("mutation { a }", nil, .mutation), ("mutation A { a }", nil, .mutation),
        ("query A { a } mutation B { b }", "A", .query),
        ("query A { a } mutation B { b }", "B", .mutation),
        ("query A { a } mutation B { b }", nil, nil), ("subscription S { s }", "S", .subscription),
        ("{ mutation }", nil, .query), ("# mutation\n{ a }", nil, .query),
        ("fragment F on T { a }", nil, nil),
    ]

    @Test(arguments: kinds) func `the operation a request means has one kind`(
        _ row: (text: String, name: String?, kind: GraphQLOperationKind?)
    ) throws {
        #expect(try GraphQLDocument(parsing: row.text).kind(named: row.name) == row.kind)
    }

    @Test func `a fault says where`() {
        let fault = #expect(throws: GraphQLSyntaxFault.self) {
            try GraphQLDocument(parsing: "{\n  é(s: \"é\")\n  b(")
        }
        #expect(fault?.line == 2 && fault?.column == 3)
        let end = #expect(throws: GraphQLSyntaxFault.self) {
            try GraphQLDocument(parsing: "{\r\n\ra(s: \"é\") ?")
        }
        #expect(end?.line == 3 && end?.column == 11)
    }

    @Test func `depth and tokens end where they say`() {
        func nested(_ depth: Int) -> String {
            String(repeating: "{a", count: depth) + String(repeating: "}", count: depth)
        }
        let limits = GraphQLLimits(tokensMax: 30, depthMax: 8)
        for (depth, isRead) in [(7, true), (8, true), (9, false)] {
            #expect(
                ((try? GraphQLDocument(parsing: nested(depth), within: limits)) != nil) == isRead)
        }
        for (fields, isRead) in [(27, true), (28, true), (29, false)] {
            let text = "{" + String(repeating: "a ", count: fields) + "}"
            #expect(((try? GraphQLDocument(parsing: text, within: limits)) != nil) == isRead)
        }
        let lists = "{a(x:" + String(repeating: "[", count: 100_000)
        #expect(throws: GraphQLSyntaxFault.self) { try GraphQLDocument(parsing: lists) }
        let types = "query($a:" + String(repeating: "[", count: 10_000)
        #expect(throws: GraphQLSyntaxFault.self) { try GraphQLDocument(parsing: types) }
    }
}

@Suite struct `GraphQL values` {
    func value(_ text: String) throws -> GraphQLValue? {
        guard
            case .field(let field)? = try GraphQLDocument(parsing: "{ a(v: \(text)) }")
                .operations.first?.selections.first
        else { return nil }
        return field.argument("v")
    }

    @Test func `each form has its value`() throws {
        let rows: [(String, GraphQLValue)] = [
            ("1", .int("1")), ("-0", .int("-0")), ("1.50", .float("1.50")), ("1e9", .float("1e9")),
            (#""a\n\"\/\\b""#, .string("a\n\"/\\b")), (#""\u00e9\u{e9}""#, .string("éé")),
            (#""\uD83D\uDE00""#, .string("😀")), ("true", .boolean(true)), ("null", .null),
            ("RED", .enum("RED")), ("$x", .variable("x")), ("[]", .list([])), ("{}", .object([])),
            ("[1 [2]]", .list([.int("1"), .list([.int("2")])])),
            ("{k: $v}", .object([GraphQLArgument(name: "k", value: .variable("v"))])),
        ]
        for (text, expected) in rows { #expect(try value(text) == expected) }
    }

    @Test func `a block string loses its common indentation and blank ends`() throws {
        let rows = [
            (
                "\"\"\"\n\n    Hello,\n      World!\n\n    Yours,\n  \"\"\"",
                "Hello,\n  World!\n\nYours,"
            ),
            ("\"\"\"a\r\n  b\"\"\"", "a\nb"), ("\"\"\"\"\"\"", ""), ("\"\"\" x \"\"\"", " x "),
            ("\"\"\"\\n \\\"\"\" é\"\"\"", "\\n \"\"\" é"),
        ]
        for (text, expected) in rows { #expect(try value(text) == .string(expected)) }
    }

    @Test func `aliases, directives and variables are kept for an executor`() throws {
        let document = try GraphQLDocument(
            parsing:
                "query Q($on: Boolean! = false, $l: [Int!]) { x: a @include(if: $on) b @skip(if: true) c }"
        )
        let operation = try #require(document.operation(named: "Q"))
        #expect(operation.variables.map(\.name) == ["on", "l"])
        #expect(operation.variables[0].type == .nonNull(.named("Boolean")))
        #expect(operation.variables[0].defaultValue == .boolean(false))
        #expect(operation.variables[1].type == .list(.nonNull(.named("Int"))))
        #expect(operation.variables[1].defaultValue == nil)
        var included: [String] = []
        for case .field(let field) in operation.selections
        where field.directives.include({ $0 == "on" ? false : nil }) {
            included.append(field.responseName)
        }
        #expect(included == ["c"])
    }
}

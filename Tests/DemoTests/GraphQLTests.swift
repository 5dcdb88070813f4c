import GraphQL
import JSON
import Testing
import Values

@testable import Demo

let noon = UnixTime(seconds: 1_795_000_000)

func parsed(_ text: String) throws -> JSON { try JSON(parsing: Array(text.utf8).span) }

@Suite struct `The demonstration API answers GraphQL` {
    private func run(
        _ query: String, _ variables: String = "{}", operation: String? = nil,
        as visitor: String = "alice"
    ) throws -> (data: JSON?, errors: [ExecutionFault]) {
        let document = try GraphQLDocument(parsing: query)
        return EnergySchema.executor(at: noon).answer(
            document, operationName: operation,
            variables: try #require(try parsed(variables).object),
            source: .visitor(try #require(Visitor.named(visitor))))
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let query: String
        let variables: String
        let expected: String

        /// - Parameter query: `accounts` stands for `billingAccountsConnection`.
        init(_ name: String, _ query: String, _ variables: String = "{}", gives expected: String) {
            testDescription = name
            self.query = query.replacing("accounts", by: "billingAccountsConnection")
            self.variables = variables
            self.expected = expected
        }
    }

    /// What they give stands in the connection.
    static let answers: [Row] = [
        Row("a field", "{ accounts { totalCount } }", gives: #"{"totalCount":2}"#),
        Row(
            "fields in the order asked for, under their aliases",
            "{ accounts { nodes { town: city street } n: totalCount } }",
            gives:
                #"{"nodes":[{"town":"Portland","street":"12 Harbor Lane"},{"town":"Hood River","street":"3 Orchard Row"}],"n":2}"#
        ),
        Row(
            "arguments", "{ accounts(onlyActive: true) { totalCount nodes { active } } }",
            gives: #"{"totalCount":1,"nodes":[{"active":true}]}"#),
        Row(
            "null is as if not given", "{ accounts(first: null) { nodes { city } } }",
            gives: #"{"nodes":[{"city":"Portland"},{"city":"Hood River"}]}"#),
        Row(
            "pages",
            "{ accounts(last: 1) { nodes { city } pageInfo { hasNextPage hasPreviousPage } } }",
            gives:
                #"{"nodes":[{"city":"Hood River"}],"pageInfo":{"hasNextPage":false,"hasPreviousPage":true}}"#
        ),
        Row(
            "an empty page", "{ accounts(first: 0) { nodes { city } pageInfo { endCursor } } }",
            gives: #"{"nodes":[],"pageInfo":{"endCursor":null}}"#),
        Row(
            "a variable", "query Q($n: Int!) { accounts(first: $n) { nodes { city } } }",
            #"{"n":1}"#, gives: #"{"nodes":[{"city":"Portland"}]}"#),
        Row(
            "a variable's default",
            "query Q($n: Int = 1) { accounts(first: $n) { nodes { city } } }",
            gives: #"{"nodes":[{"city":"Portland"}]}"#),
        Row(
            "a variable that is given before its default",
            "query Q($n: Int = 1) { accounts(first: $n) { nodes { city } } }", #"{"n":0}"#,
            gives: #"{"nodes":[]}"#),
        Row(
            "an enum, in the document and as a variable",
            """
            query Q($r: Resolution) { accounts(first: 1) { nodes {
              a: reads(resolution: DAY, last: 1) { label }
              b: reads(resolution: $r, last: 1) { label } } } }
            """, #"{"r":"MONTH"}"#,
            gives: #"{"nodes":[{"a":[{"label":"Nov 17"}],"b":[{"label":"Oct 2026"}]}]}"#
        ),
        Row(
            "fragments, named and inline",
            """
            { accounts(first: 1) { ...Page nodes { ... on BillingAccount { city } ... { street } } } }
            fragment Page on BillingAccountsConnection { totalCount ...Names }
            fragment Names on BillingAccountsConnection { nodes { accountNumber } }
            """,
            gives:
                #"{"totalCount":2,"nodes":[{"accountNumber":"4410-7720-01","city":"Portland","street":"12 Harbor Lane"}]}"#
        ),
        Row(
            "a field asked for twice is one", "{ accounts { totalCount totalCount } }",
            gives: #"{"totalCount":2}"#),
        Row(
            "include and skip",
            """
            query Q($yes: Boolean!, $no: Boolean = false) { accounts {
              a: totalCount @include(if: $yes) b: totalCount @include(if: $no)
              c: totalCount @skip(if: $yes) d: totalCount @skip(if: $no)
              ... @include(if: false) { e: totalCount } ...F @skip(if: true) } }
            fragment F on BillingAccountsConnection { f: totalCount }
            """, #"{"yes":true}"#, gives: #"{"a":2,"d":2}"#),
        Row(
            "type names", "{ accounts(first: 1) { __typename nodes { t: __typename } } }",
            gives: #"{"__typename":"BillingAccountsConnection","nodes":[{"t":"BillingAccount"}]}"#),
    ]

    @Test(arguments: answers) func `what a query asks for is what it gets`(_ row: Row) throws {
        let result = try run(row.query, row.variables)
        #expect(result.errors.map(\.message) == [])
        #expect(
            result.data?.serialized() == #"{"billingAccountsConnection":\#(row.expected)}"#)
    }

    @Test func `each person sees their own accounts`() throws {
        let query = "{ billingAccountsConnection { nodes { city } } }"
        #expect(
            try run(query, as: "bob").data?.serialized()
                == #"{"billingAccountsConnection":{"nodes":[{"city":"Phoenix"}]}}"#)
    }

    static let refused: [Row] = [
        Row(
            "an unknown field", "{ accounts {\n  colour } }",
            gives: "Cannot query field \"colour\" on type \"BillingAccountsConnection\". 2:3"),
        Row(
            "an unknown root field", "{ users }",
            gives: "Cannot query field \"users\" on type \"Query\". 1:3"),
        Row(
            "an unknown argument", "{ accounts(size: 1) { totalCount } }",
            gives: "Unknown argument \"size\" on field \"Query.billingAccountsConnection\". 1:3"),
        Row(
            "an argument of another type", "{ accounts(first: \"1\") { totalCount } }",
            gives:
                "Argument \"first\" of \"billingAccountsConnection\" must be a value of type Int. 1:3"
        ),
        Row(
            "a fraction for a whole number", "{ accounts(first: 1.0) { totalCount } }",
            gives:
                "Argument \"first\" of \"billingAccountsConnection\" must be a value of type Int. 1:3"
        ),
        Row(
            "a number past 32 bits", "{ accounts(first: 3000000000) { totalCount } }",
            gives:
                "Argument \"first\" of \"billingAccountsConnection\" must be a value of type Int. 1:3"
        ),
        Row(
            "a text for an enum", "{ accounts { nodes { reads(resolution: \"DAY\") { label } } } }",
            gives: "Argument \"resolution\" of \"reads\" must be one of MONTH, DAY. 1:39"),
        Row(
            "an unknown enum value", "{ accounts { nodes { reads(resolution: YEAR) { label } } } }",
            gives: "Argument \"resolution\" of \"reads\" must be one of MONTH, DAY. 1:39"),
        Row(
            "an undeclared variable", "{ accounts(first: $n) { totalCount } }",
            gives: "Variable \"$n\" is not defined. 1:3"),
        Row(
            "a variable of another type",
            "query Q($n: String) { accounts(first: $n) { totalCount } }",
            gives:
                "Variable \"$n\" is no Int, as \"first\" of \"billingAccountsConnection\" is. 1:23"),
        Row(
            "a variable of an unknown type", "query Q($n: Date) { accounts { totalCount } }",
            gives: "Variable \"$n\" has a type that no argument has."),
        Row(
            "a required variable that is absent",
            "query Q($n: Int!) { accounts(first: $n) { totalCount } }",
            gives: "Variable \"$n\" is required. 1:1"),
        Row(
            "a variable's value of another type",
            "query Q($n: Int) { accounts(first: $n) { totalCount } }", #"{"n":"x"}"#,
            gives: "Variable \"$n\" must be a value of type Int. 1:1"),
        Row(
            "a leaf with fields", "{ accounts { totalCount { x } } }",
            gives: "Field \"totalCount\" has no fields of its own. 1:31"),
        Row(
            "an object without fields", "{ accounts }",
            gives: "Field \"billingAccountsConnection\" needs a selection of fields. 1:3"),
        Row(
            "an unknown fragment", "{ accounts { ...Gone } }",
            gives: "Unknown fragment \"Gone\". 1:31"),
        Row(
            "a fragment of another type", "{ accounts { ...F } } fragment F on Query { x }",
            gives: "A fragment on \"Query\" cannot apply to \"BillingAccountsConnection\". 1:31"),
        Row(
            "a fragment of an unknown type", "{ accounts { ...F } } fragment F on Nothing { x }",
            gives: "Unknown type \"Nothing\". 1:31"),
        Row(
            "one name for two fields", "{ accounts { nodes { a: city a: street } } }",
            gives: "Two different fields are named \"a\". 1:47"),
        Row(
            "one field with two arguments",
            "{ accounts(first: 1) { totalCount } accounts(first: 2) { totalCount } }",
            gives: "Two different fields are named \"billingAccountsConnection\". 1:54"),
        Row(
            "an unknown directive", "{ accounts { totalCount @live } }",
            gives: "Unknown directive \"@live\". 1:31"),
        Row(
            "a directive without its condition", "{ accounts { totalCount @skip } }",
            gives: "Directive \"@skip\" needs its \"if\". 1:31"),
        Row(
            "a condition that is no Boolean", "{ accounts { totalCount @skip(if: 1) } }",
            gives: "Argument \"if\" of \"@skip\" must be a value of type Boolean. 1:31"),
        Row("a mutation", "mutation { pay }", gives: "This API has no mutations. 1:1"),
        Row(
            "a fragment that contains itself", "{ ...F } fragment F on Query { ...F }",
            gives: "The query is deeper than 24 levels, or a fragment contains itself."),
    ]

    @Test(arguments: refused) func `what does not fit the schema is refused, and says where`(
        _ row: Row
    ) throws {
        let result = try run(row.query, row.variables)
        #expect(result.data == nil)
        let found = try #require(result.errors.first)
        let place = found.location.map { " \($0.line):\($0.column)" } ?? ""
        #expect(found.message + place == row.expected)
    }

    @Test func `fragments that open others twice each end before they are large`() throws {
        var query = "{ ...F0 ...F0 }"
        for level in 0..<22 {
            query += " fragment F\(level) on Query { ...F\(level + 1) ...F\(level + 1) }"
        }
        query += " fragment F22 on Query { __typename }"
        let result = try run(query)
        #expect(result.data == nil)
        #expect(result.errors.map(\.message) == ["The query has more than 2000 fields."])
    }

    @Test func `every fault is reported, up to a bound`() throws {
        let result = try run("{ a b c }")
        #expect(result.errors.count == 3)
        let many = try run("{ " + (0..<100).map { "f\($0)" }.joined(separator: " ") + " }")
        #expect(many.errors.count == 20)
    }

    @Test(arguments: [("Two", true), (nil, false), ("Three", false)] as [(String?, Bool)])
    func `of several operations the one that is named is run`(
        _ name: String?, _ isRun: Bool
    ) throws {
        let query = "query One { __typename } query Two { t: __typename }"
        let data = try run(query, operation: name).data
        #expect(data?.serialized() == (isRun ? #"{"t":"Query"}"# : nil))
    }

    @Test(arguments: [
        ("first: -1", "\"first\" must not be negative."),
        ("after: \"x\"", "\"after\" is no cursor of this connection."),
    ]) func `a field that cannot be resolved is null, and the error says where`(
        _ argument: String, _ message: String
    ) throws {
        let result = try run(
            "{ ok: __typename bad: billingAccountsConnection(\(argument)) { totalCount } }")
        #expect(result.data?.serialized() == #"{"ok":"Query","bad":null}"#)
        #expect(
            result.errors.map { $0.json.serialized() } == [
                JSON.object([
                    "message": .string(message), "locations": [["line": 1, "column": 18]],
                    "path": ["bad"],
                ]).serialized()
            ])
    }
}

extension String {
    func replacing(_ part: String, by other: String) -> String {
        split(separator: part, omittingEmptySubsequences: false).joined(separator: other)
    }
}

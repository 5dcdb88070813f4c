// A JSON value: what tokens, keys, discovery documents and answers of a GraphQL API are made of.
//
// RFC 8259, as I-JSON (RFC 7493) reads it. A number keeps its text, so that an identity value is sent
// as its provider wrote it and no large integer is rounded. Names and strings are compared octet by
// octet: Swift's `==` on strings takes canonically equivalent ones for equal, and a claim must not.
// Reading is in JSONParser.swift, writing in JSONWriter.swift, numbers in JSONNumber.swift.

package indirect enum JSON: Sendable {
    case null
    case bool(Bool)
    /// The text of the number, which is one by RFC 8259 §6.
    case number(String)
    case string(String)
    case array([JSON])
    case object(JSONObject)

    /// The member of an object; `nil` when it is absent or this is no object.
    package subscript(_ name: String) -> JSON? {
        guard case .object(let object) = self else { return nil }
        return object[name]
    }

    package var isNull: Bool {
        if case .null = self { true } else { false }
    }

    package var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    package var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The number when it is integral and fits, however it is written: `1.7e9` is one. Never rounded.
    package var integer: Int64? {
        if case .number(let text) = self { JSONNumber.integer(text) } else { nil }
    }

    /// The nearest double; `nil` beyond the largest.
    package var double: Double? {
        if case .number(let text) = self { JSONNumber.double(text) } else { nil }
    }

    package var array: [JSON]? {
        if case .array(let values) = self { values } else { nil }
    }

    package var object: JSONObject? {
        if case .object(let object) = self { object } else { nil }
    }

    /// A string, or the strings of a list that holds nothing else: `aud` and its like.
    package var strings: [String]? {
        switch self {
        case .string(let value): return [value]
        case .array(let values):
            var strings: [String] = []
            for value in values {
                guard let string = value.string else { return nil }
                strings.append(string)
            }
            return strings
        case .null, .bool, .number, .object: return nil
        }
    }
}

extension JSON: Equatable {
    /// Numbers by their text, strings by their octets, objects without regard to order.
    package static func == (a: JSON, b: JSON) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.number(let a), .number(let b)), (.string(let a), .string(let b)):
            a.isSameOctets(as: b)
        case (.array(let a), .array(let b)): a == b
        case (.object(let a), .object(let b)): a == b
        case (.null, _), (.bool, _), (.number, _), (.string, _), (.array, _), (.object, _): false
        }
    }
}

extension JSON: ExpressibleByNilLiteral, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(nilLiteral: ()) { self = .null }
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .number(String(value)) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSON)...) {
        var object = JSONObject()
        for (name, value) in elements { object[name] = value }
        self = .object(object)
    }

    package init(_ value: some BinaryInteger) { self = .number(String(value)) }
}

extension String {
    /// The same octets, not only canonically equivalent characters.
    func isSameOctets(as other: String) -> Bool {
        utf8.elementsEqual(other.utf8)
    }
}

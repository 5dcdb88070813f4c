import JSON
import Testing

/// The value written again, or the reason of the refusal.
func outcome(_ text: [UInt8], depthMax: Int = 32, octetsMax: Int = 1 << 20) -> String {
    do {
        return try JSON(parsing: text, depthMax: depthMax, octetsMax: octetsMax).serialized()
    } catch { return "\(error.reason)" }
}

func outcome(_ text: String, depthMax: Int = 32) -> String {
    outcome(Array(text.utf8), depthMax: depthMax)
}

@Suite struct `Reading JSON, RFC 8259` {
    static let valid: [(String, String)] = [
        ("null", "null"), (" true ", "true"), ("\t\r\n false", "false"), ("0", "0"), ("-0", "-0"),
        ("10", "10"), ("-1.50", "-1.50"), ("1e5", "1e5"), ("1E+05", "1E+05"), ("1.5e-9", "1.5e-9"),
        ("9007199254740993", "9007199254740993"), ("\"\"", "\"\""), ("\"a\"", "\"a\""),
        ("\"\\u0041\\n\\/\\\"\\\\\\b\\f\\r\\t\"", "\"A\\n/\\\"\\\\\\u0008\\u000c\\r\\t\""),
        ("\"\u{e9}\u{1F600}\"", "\"\u{e9}\u{1F600}\""), ("\"\\ud83d\\ude00\"", "\"\u{1F600}\""),
        ("\"\\u0000\"", "\"\\u0000\""), ("\"\u{7f}\"", "\"\\u007f\""),
        ("[]", "[]"), ("[ ]", "[]"), ("[1, 2 ,3]", "[1,2,3]"), ("{}", "{}"), ("{ }", "{}"),
        ("{\"a\":1, \"b\" : [null]}", "{\"a\":1,\"b\":[null]}"),
        ("{\"\":{}}", "{\"\":{}}"), ("[[[]]]", "[[[]]]"),
    ]
    @Test(arguments: valid) func `a text has one value`(_ text: String, _ written: String) {
        #expect(outcome(text) == written)
        #expect(outcome(written) == written)
    }

    static let refused: [(String, JSONFault.Reason)] = [
        ("", .ended), (" ", .ended), ("nul", .ended), ("nulL", .unexpected), ("True", .unexpected),
        ("NaN", .unexpected), ("Infinity", .unexpected), ("-Infinity", .numberInvalid),
        ("+1", .unexpected), ("01", .numberInvalid), ("-", .numberInvalid), ("-01", .numberInvalid),
        ("1.", .numberInvalid), (".5", .unexpected), ("1e", .numberInvalid),
        ("1e+", .numberInvalid), ("0x1", .trailing), ("1 2", .trailing), ("{}x", .trailing),
        ("[]\0", .trailing), ("\u{feff}{}", .byteOrderMark), ("'a'", .unexpected),
        ("[1,]", .unexpected), ("[,1]", .unexpected), ("[1 2]", .unexpected), ("[1", .ended),
        ("[", .ended), ("]", .unexpected), ("{", .ended), ("{\"a\"}", .unexpected),
        ("{\"a\":}", .unexpected), ("{\"a\":1,}", .unexpected), ("{a:1}", .unexpected),
        ("{\"a\" 1}", .unexpected), ("{\"a\":1", .ended), ("{1:2}", .unexpected),
        ("\"", .ended), ("\"a", .ended), ("\"\\", .ended), ("\"\\x\"", .escapeInvalid),
        ("\"\\u12\"", .escapeInvalid), ("\"\\u12G4\"", .escapeInvalid),
        ("\"\\u+123\"", .escapeInvalid),
        ("\"\n\"", .controlInString), ("\"\0\"", .controlInString),
        ("\"\\ud800\"", .surrogateAlone), ("\"\\udc00\"", .surrogateAlone),
        ("\"\\ud800x\"", .surrogateAlone), ("\"\\ud800\\n\"", .surrogateAlone),
        ("\"\\ud800\\ud800\"", .surrogateAlone), ("\"\\ud800\\u0041\"", .surrogateAlone),
        ("{\"a\":1,\"a\":1}", .duplicateMember),
        ("{\"iss\":1,\"b\":2,\"\\u0069ss\":3}", .duplicateMember),
        ("/**/1", .unexpected), ("1//", .trailing),
    ]
    @Test(arguments: refused) func `what is no JSON, or two readings of it, is refused`(
        _ text: String, _ reason: JSONFault.Reason
    ) { #expect(outcome(text) == "\(reason)") }

    @Test(
        arguments: [
            [0xff], [0xc0, 0xaf], [0xe0, 0x80, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80],
            [0xc3], [0x80], [0xf8, 0x88, 0x80, 0x80, 0x80],
        ] as [[UInt8]]) func `a string that is not UTF-8 is refused`(_ octets: [UInt8])
    {
        let quote = [UInt8(ascii: "\"")]
        #expect(outcome(quote + octets + quote) == "\(JSONFault.Reason.notUTF8)")
    }

    @Test func `nesting and length have limits`() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(outcome(nested(31)) == nested(31))
        #expect(outcome(nested(32)) == nested(32))
        #expect(outcome(nested(33)) == "\(JSONFault.Reason.tooDeep)")
        #expect(outcome(nested(100_000)) == "\(JSONFault.Reason.tooDeep)")
        #expect(
            outcome(String(repeating: "[{\"a\":", count: 50_000)) == "\(JSONFault.Reason.tooDeep)")
        #expect(
            outcome(nested(100_000), depthMax: .max) == "\(JSONFault.Reason.tooDeep)")
        #expect(outcome(nested(256), depthMax: 256) == nested(256))
        for (limit, expected) in [(5, "null"), (4, "null"), (3, "\(JSONFault.Reason.tooLong)")] {
            #expect(outcome(Array("null".utf8), octetsMax: limit) == expected)
        }
    }

    @Test func `every cut of a text is refused`() {
        let text = Array("{\"a\":[1.5e3,\"\\u00e9\u{1F600}\",true],\"b\":null}".utf8)
        for end in 0..<text.count {
            #expect(throws: JSONFault.self) { try JSON(parsing: Array(text[..<end])) }
        }
        #expect(throws: Never.self) { try JSON(parsing: text) }
    }

    @Test func `no octet changed makes it trap`() {
        let text = Array("{\"a\":[-1.5e+3,\"\\ud83d\\ude00\",true],\"b\":null}".utf8)
        for index in text.indices {
            for octet in UInt8.min...UInt8.max {
                var changed = text
                changed[index] = octet
                _ = outcome(changed)
            }
        }
    }

    @Test func `many members cost no more than they are`() throws {
        let members = (0..<20_000).map { "\"m\($0)\":\($0)" }.joined(separator: ",")
        let value = try JSON(parsing: Array("{\(members)}".utf8))
        #expect(value.object?.count == 20_000)
    }
}

@Suite struct `JSON values` {
    @Test func `numbers are exact or nothing`() {
        for (text, integer) in [
            ("0", 0), ("-0", 0), ("1700000000", 1_700_000_000), ("1.7e9", 1_700_000_000),
            ("1.70e9", 1_700_000_000), ("17e8", 1_700_000_000), ("1500e-2", 15), ("15.00", 15),
            ("1.5", nil), ("1e-1", nil), ("0e99999999999999999999", 0), ("0.000", 0),
            ("1e99999999999999999999", nil), ("1e-99999999999999999999", nil),
            ("1e18", 1_000_000_000_000_000_000),
            ("9223372036854775807", .max), ("9223372036854775808", nil),
            ("-9223372036854775808", .min), ("-9223372036854775809", nil),
            ("1e19", nil), ("10000000000000000000000e-22", 1), ("1e1000000000", nil),
        ] as [(String, Int64?)] {
            #expect(JSON.number(text).integer == integer, "\(text)")
        }
        #expect(JSON.number("1.5").double == 1.5)
        #expect(JSON.number("1e400").double == nil)
        #expect(JSON.string("1").integer == nil)
    }

    @Test func `members are found by the octets of their name`() throws {
        let value: JSON = ["a": 1, "b": [true, nil, "x"], "c": ["d": "e"]]
        #expect(value["a"]?.integer == 1)
        #expect(value["b"]?.array?.count == 3)
        #expect(value["c"]?["d"]?.string == "e")
        #expect(value["z"] == nil)
        #expect(value["a"]?["b"] == nil)
        // A Kelvin sign is canonically equivalent to K, and another name.
        let kelvin = try JSON(parsing: "{\"\u{212A}\":1,\"K\":2}")
        #expect(kelvin["K"]?.integer == 2)
        #expect(kelvin["\u{212A}"]?.integer == 1)
        #expect(JSON.string("\u{212A}") != JSON.string("K"))
    }

    @Test func `objects are equal in any order and hold a name once`() {
        var object = JSONObject()
        object["a"] = 1
        object["b"] = 2
        object["a"] = 3
        #expect(object.members.map(\.name) == ["a", "b"])
        #expect(JSON.object(object) == ["b": 2, "a": 3])
        #expect(JSON.object(object) != ["b": 2, "a": 4])
        object["a"] = nil
        #expect(JSON.object(object) == ["b": 2])
    }

    @Test func `strings are one or a list of nothing else`() {
        #expect(JSON.string("a").strings == ["a"])
        #expect((["a", "b"] as JSON).strings == ["a", "b"])
        #expect((["a", 1] as JSON).strings == nil)
        #expect((1 as JSON).strings == nil)
    }

    @Test func `what is written may stand in a page`() {
        let value: JSON = ["</script>": "<&>\u{2028}\u{2029}\u{1}"]
        #expect(
            value.serialized()
                == "{\"\\u003c/script\\u003e\":\"\\u003c\\u0026\\u003e\\u2028\\u2029\\u0001\"}")
        #expect(JSON.number("1,\"x\":2").serialized() == "null")
    }
}

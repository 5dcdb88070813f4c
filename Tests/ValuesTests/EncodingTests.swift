// Texts that stand for octets: each value has one text, and other texts are refused.
import Testing
import Values

@Suite struct `Base64, RFC 4648` {
    static let vectors: [(String, padded: String)] = [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ]

    @Test(arguments: vectors)
    func `the test vectors of section 10, with and without padding`(
        _ text: String, _ padded: String
    ) {
        let octets = [UInt8](utf8: text)
        let bare = padded.filter { $0 != "=" }
        #expect(Base64.encode(octets.span) == padded)
        #expect(Base64.decode(padded) == octets)
        #expect(Base64URL.encode(octets.span) == bare)
        #expect(Base64URL.decode(bare) == octets)
    }

    @Test func `the last two digits tell the alphabets apart`() {
        let octets: [UInt8] = [0xFB, 0xFF, 0xFE]
        #expect(Base64URL.encode(octets.span) == "-__-")
        #expect(Base64.encode(octets.span) == "+//+")
        #expect(Base64URL.decode("+//+") == nil)
        #expect(Base64.decode("-__-") == nil)
    }

    @Test func `any octets come back, and a changed digit never gives the same`() {
        var random = SystemRandomNumberGenerator()
        for count in 0..<200 {
            let octets = (0..<count).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
            var text = [UInt8](utf8: Base64URL.encode(octets.span))
            #expect(Base64URL.decode(text.span) == octets)
            let padded = Base64.encode(octets.span)
            #expect(Base64.decode(padded) == octets)
            // What is written a block at a time is what is written digit by digit.
            let told = padded.filter { $0 != "=" }.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }
            #expect(String(decoding: text, as: UTF8.self) == String(told))
            guard count > 0 else { continue }
            let position = Int.random(in: 0..<text.count, using: &random)
            let before = text[position]
            for octet in UInt8.min ... .max where octet != before {
                text[position] = octet
                #expect(Base64URL.decode(text.span) != octets)
            }
        }
    }

    @Test func `whatever is no digit is refused in every place of a long text`() {
        let octets = [UInt8](UInt8.min ... .max)
        let digits = Set([UInt8](utf8: Base64URL.encode(octets.span)) + [UInt8](utf8: "-_"))
        #expect(digits.count == 64)
        var text = [UInt8](repeating: UInt8(ascii: "A"), count: 100)
        for place in text.indices {
            for octet in UInt8.min ... .max where !digits.contains(octet) {
                text[place] = octet
                if Base64URL.decode(text.span) != nil {
                    Issue.record("\(octet) in place \(place) passes")
                }
            }
            text[place] = UInt8(ascii: "A")
        }
    }

    @Test func `four characters can be read out of a text`() {
        let text = [UInt8](utf8: "QUJDREVG")
        #expect(Base64URL.group(of: text.span, at: 0) == 0x414243)
        #expect(Base64URL.group(of: text.span, at: 4) == 0x444546)
        #expect(Base64URL.group(of: text.span, at: 5) == nil)
        let noDigit = [UInt8](utf8: "QU=D")
        #expect(Base64URL.group(of: noDigit.span, at: 0) == nil)
    }

    @Test(arguments: [
        "A", "AAAAA", "Zg==", "Zh", "Zm9", "Zm-", "Zg ", " Zg", "Zm9v\n", "Zm9\u{E9}", "Zm.v",
        "Zm9vA", "=", "Z=g", "\0\0\0\0",
    ])
    func `unpadded text that is not canonical is refused`(_ text: String) {
        var octets: [UInt8] = [9]
        #expect(Base64URL.decode(text) == nil)
        let isDecoded = Base64URL.decode([UInt8](utf8: text).span, appendingTo: &octets)
        #expect(!isDecoded)
        #expect(octets == [9])
    }

    @Test(arguments: [
        "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "====", "=", "A===", "Zg==Zg==", "Zm9vZ===",
        "Zm9v====",
    ])
    func `padded text that is not canonical is refused`(_ text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test func `appending leaves what is there`() {
        var text = [UInt8](utf8: "k=")
        Base64URL.append([1, 2, 3, 4].span, to: &text)
        #expect(text == [UInt8](utf8: "k=AQIDBA"))
        var octets: [UInt8] = [0]
        let isDecoded = Base64URL.decode([UInt8](utf8: "AQIDBA").span, appendingTo: &octets)
        #expect(isDecoded)
        #expect(octets == [0, 1, 2, 3, 4])
    }
}

@Suite struct `Hexadecimal` {
    @Test func `digits come back in either case, and only digits`() {
        #expect(Hex.encode([0x00, 0x7F, 0xAB].span) == "007fab")
        #expect(Hex.decode("007fAB") == [0x00, 0x7F, 0xAB])
        #expect(Hex.decode("") == [])
        for text in ["0", "0g", "0x12", " 12", "1 ", "+1", "\u{FF11}\u{FF12}"] {
            #expect(Hex.decode(text) == nil, "\(text)")
        }
    }
}

@Suite struct `Percent-encoding` {
    @Test func `a component keeps the unreserved alone`() {
        #expect(PercentEncoding.encodeComponent("aZ9-._~ /+*%") == "aZ9-._~%20%2F%2B%2A%25")
        #expect(PercentEncoding.encodeComponent("\u{E9}") == "%C3%A9")
    }

    @Test func `a form has plus for space, keeps the star and escapes the tilde`() {
        // RFC 6749 Appendix B's own example.
        #expect(PercentEncoding.encodeForm(" %&+\u{A3}\u{20AC}") == "+%25%26%2B%C2%A3%E2%82%AC")
        #expect(PercentEncoding.encodeForm("*-._~") == "*-._%7E")
    }

    @Test(arguments: [
        ("a+b", "a b"), ("a%20b", "a b"), ("%2b", "+"), ("%C3%A9", "\u{E9}"), ("", ""),
        ("%00", "\0"),
    ])
    func `a form's text is read back`(_ text: String, _ expected: String) {
        #expect(PercentEncoding.decodeForm([UInt8](utf8: text).span) == expected)
    }

    @Test(arguments: ["%", "%2", "%g0", "%0g", "a%", "%+1", "%C3", "%FF", "%ED%A0%80"])
    func `a broken escape or text that is no UTF-8 is refused`(_ text: String) {
        #expect(PercentEncoding.decodeForm([UInt8](utf8: text).span) == nil)
    }

    @Test func `octets keep their plus`() {
        #expect(PercentEncoding.decode([UInt8](utf8: "a+%ff").span) == [0x61, 0x2B, 0xFF])
    }
}

@Suite struct `Forms` {
    static let rows: [(String, [[String]])] = [
        ("", []), ("&&", []), ("a=1", [["a", "1"]]), ("a", [["a", ""]]), ("a=", [["a", ""]]),
        ("=1", [["", "1"]]), ("a=1=2", [["a", "1=2"]]),
        ("a=1&b=2&a=3", [["a", "1"], ["b", "2"], ["a", "3"]]),
        ("a+b=c%26d&", [["a b", "c&d"]]),
    ]

    @Test(arguments: rows)
    func `pairs come in order, repeated ones too`(_ text: String, _ pairs: [[String]]) throws {
        let form = try #require(Form(parsing: text))
        #expect(form.pairs.map { [$0.name, $0.value] } == pairs)
        #expect(Form(parsing: form.encoded) == form)
    }

    @Test func `the bound on pairs holds at, below and above it`() {
        #expect(Form(parsing: "a&b", pairsMax: 3)?.pairs.count == 2)
        #expect(Form(parsing: "a&b&&c", pairsMax: 3)?.pairs.count == 3)
        #expect(Form(parsing: "a&b&c&d", pairsMax: 3) == nil)
        #expect(Form(parsing: "a=%") == nil)
        #expect(Form(parsing: "%=a") == nil)
    }

    @Test func `questions about a name`() {
        var form = Form()
        form.append("state", "one")
        form.append("state", "two")
        #expect(form.first("state") == "one")
        #expect(form.count(of: "state") == 2)
        #expect(form.first("code") == nil)
        #expect(form.encoded == "state=one&state=two")
    }
}

@Suite struct `Octets as text` {
    static let comparisons: [(String, StaticString, equal: Bool, folded: Bool, prefix: Bool)] = [
        ("Content-Length", "Content-Length", true, true, true),
        ("Content-Length", "cONTENT-lENGTH", false, true, false),
        ("Content-Length", "Content-Lengt", false, false, true),
        ("Content-Length", "Content-Length-", false, false, false),
        ("@[", "`{", false, false, false),
        ("", "", true, true, true),
        ("", "a", false, false, false),
        ("\u{C9}", "\u{E9}", false, false, false),
    ]

    @Test(arguments: comparisons)
    func `comparison is exact, or folds ASCII letters alone`(
        _ text: String, _ other: StaticString, _ equal: Bool, _ folded: Bool, _ prefix: Bool
    ) {
        let octets = [UInt8](utf8: text)
        #expect(OctetText.equals(octets.span, other) == equal)
        #expect(OctetText.equalsIgnoringASCIICase(octets.span, other) == folded)
        #expect(OctetText.hasPrefix(octets.span, other) == prefix)
    }

    @Test(arguments: [
        ("", 0..<0), (" \t", 2..<2), ("a", 0..<1), (" a b\t", 1..<4), ("\u{A0}", 0..<2),
    ])
    func `only spaces and tabs are trimmed`(_ text: String, _ range: Range<Int>) {
        #expect(OctetText.trimmedRange([UInt8](utf8: text).span) == range)
    }

    @Test(
        arguments: [
            ("0", 0), ("18446744073709551615", UInt64.max), ("007", 7),
            ("18446744073709551616", nil),
            ("99999999999999999999", nil), ("", nil), ("+5", nil), ("-5", nil), ("5 ", nil),
            ("0x5", nil),
        ] as [(String, UInt64?)])
    func `a decimal is digits alone, within 64 bits`(_ text: String, _ value: UInt64?) {
        #expect(OctetText.decimal([UInt8](utf8: text).span) == value)
    }

    @Test func `an octet is found at or after the start`() {
        let octets = [UInt8](utf8: "a=b=c")
        let equals = UInt8(ascii: "=")
        #expect(OctetText.index(of: equals, in: octets.span) == 1)
        #expect(OctetText.index(of: equals, in: octets.span, from: 2) == 3)
        #expect(OctetText.index(of: equals, in: octets.span, from: 4) == nil)
        #expect(OctetText.index(of: equals, in: octets.span, from: 9) == nil)
    }

    @Test func `text that is no UTF-8 is nil`() {
        #expect(OctetText.string([0xC3, 0xA9].span) == "\u{E9}")
        #expect(OctetText.string([0xC3].span) == nil)
    }
}

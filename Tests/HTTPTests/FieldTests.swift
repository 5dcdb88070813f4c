import HTTP
import Testing
import Values

@Suite struct `Known fields` {
    @Test func `each name is known in any case, and no name like it`() {
        var names: Set<String> = []
        for field in KnownField.allCases where field != .other {
            #expect(names.insert(field.name).inserted)
            #expect(KnownField.of(octets(field.name).span) == field)
            #expect(KnownField.of(octets(field.name.uppercased()).span) == field)
            #expect(KnownField.of(octets(field.name + "x").span) == .other)
            #expect(KnownField.of(octets(String(field.name.dropLast())).span) != field)
            // Any one octet changed, case apart, makes another name.
            for (index, octet) in octets(field.name).enumerated() {
                for mask in [0x01, 0x10, 0x20, 0x40, 0x80] as [UInt8] {
                    var name = octets(field.name)
                    name[index] ^= mask
                    let isSame = mask == 0x20 && octet.isASCIILetter
                    #expect((KnownField.of(name.span) == field) == isSame)
                }
            }
        }
        #expect(KnownField.of(octets("Transfer_Encoding").span) == .other)
        #expect(KnownField.of(octets("").span) == .other)
    }

    @Test func `the set of fields holds each of them`() {
        for field in KnownField.allCases {
            var set = KnownFields()
            set.insert(field)
            #expect(KnownField.allCases.filter(set.contains) == [field])
        }
    }
}

@Suite struct `Loosely matching names` {
    @Test func `case and punctuation do not tell names apart`() {
        for name in [
            "X-Forwarded-User", "x_forwarded_user", "X.Forwarded.User", "X-FORWARDED_USER",
            "x!forwarded~user",
        ] {
            #expect(fieldNameMatchesLoosely(octets(name).span, "x-forwarded-user") == true)
        }
        for name in ["X-Forwarded-Users", "XForwardedUser", "X-Forwarded-Use", ""] {
            #expect(fieldNameMatchesLoosely(octets(name).span, "x-forwarded-user") == false)
        }
        #expect(fieldNameBeginsLoosely(octets("X_SSL_Client").span, "x-ssl-") == true)
        #expect(fieldNameBeginsLoosely(octets("X_SS").span, "x-ssl-") == false)
    }

    @Test func `a set of names finds each by its index`() {
        let names = LooseNames(["X-Forwarded-User", "X_Groups", "X-Forwarded-User"])
        #expect(names.index(of: octets("x.forwarded-USER").span) == 0)
        #expect(names.index(of: octets("X-Groups").span) == 1)
        #expect(names.index(of: octets("X-Groupz").span) == nil)
        #expect(names.contains(octets(String(repeating: "x", count: 99)).span) == false)
        #expect(names.contains(octets("").span) == false)
    }
}

@Suite struct `Comma-separated lists` {
    static let rows: [(String, [String])] = [
        ("", []), ("a", ["a"]), (" a , b ", ["a", "b"]), (",,a,,b,,", ["a", "b"]),
        ("a;q=\"x,y\", b", ["a;q=\"x,y\"", "b"]), ("\"a\\\",b\", c", ["\"a\\\",b\"", "c"]),
        ("\"open, b", ["\"open, b"]), ("a\\", ["a\\"]), ("\"\\", ["\"\\"]), (" \t,\t ", []),
    ]
    @Test(arguments: rows) func `members stand between commas`(
        _ value: String, _ expected: [String]
    ) {
        let value = octets(value)
        var members: [String] = []
        forEachMember(of: value.span) { members.append(text(value, $0)) }
        #expect(members == expected)
    }
}

@Suite struct `Cookie and Set-Cookie` {
    static let rows: [(String, [String])] = [
        ("", []), (";;;", []), ("=", ["[]=[]"]), ("a", ["[]=[a]"]), ("a=b", ["[a]=[b]"]),
        ("a=b; c=d", ["[a]=[b]", "[c]=[d]"]), ("a=b;c=d;", ["[a]=[b]", "[c]=[d]"]),
        ("a=b=c", ["[a]=[b=c]"]), ("a=\"b c\"", ["[a]=[\"b c\"]"]),
        ("a=1; a=2", ["[a]=[1]", "[a]=[2]"]), ("__Host-s =x", ["[__Host-s ]=[x]"]),
        ("=__Host-s=x", ["[]=[__Host-s=x]"]), ("$Version=1; a=b", ["[$Version]=[1]", "[a]=[b]"]),
        ("__%48ost-s=x", ["[__%48ost-s]=[x]"]), ("\u{2000}__Host-s=x", ["[\u{2000}__Host-s]=[x]"]),
        (" \ta=b\t ; c", ["[a]=[b]", "[]=[c]"]), ("a= b", ["[a]=[ b]"]), ("a= ", ["[a]=[]"]),
        ("a=b,c=d", ["[a]=[b,c=d]"]),
    ]
    @Test(arguments: rows) func `pairs are the octets that were sent`(
        _ value: String, _ expected: [String]
    ) {
        let value = octets(value)
        var pairs: [String] = []
        CookiePairs.forEach(of: value.span) { pair in
            pairs.append("[\(text(value, pair.name))]=[\(text(value, pair.value))]")
            #expect(pair.whole.lowerBound <= pair.name.lowerBound)
            #expect(pair.whole.upperBound >= pair.value.upperBound)
        }
        #expect(pairs == expected)
    }

    @Test func `ten thousand pairs are read one by one`() {
        let value = octets(String(repeating: "a=b; ", count: 10_000))
        var pairs = CookiePairs()
        var count = 0
        while pairs.next(in: value.span) != nil { count += 1 }
        #expect(count == 10_000)
    }

    @Test func `a cookie is written with all its attributes, and deleted with the same`() {
        let cookie = SetCookie(name: "__Host-gatehouse", value: "abc", maxAge: 60)
        #expect(
            cookie.field
                == "__Host-gatehouse=abc; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax")
        #expect(
            cookie.deletion.field
                == "__Host-gatehouse=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax")
        let plain = SetCookie(
            name: "g", value: "v", secure: false, httpOnly: false, sameSite: .strict, path: "/x")
        #expect(plain.field == "g=v; Path=/x; SameSite=Strict")
    }
}

@Suite struct `The Accept field, RFC 9110 section 12.5.1` {
    static let rows: [(String, Int, Int)] = [
        ("", 0, 0), ("*/*", 1000, 0), ("text/html", 1000, 1000), ("TEXT/HTML", 1000, 1000),
        ("text/*", 1000, 0), ("text/*;q=0.5", 500, 0), ("text/html;q=0", 0, 0),
        ("text/html;q=0, */*", 0, 0), ("text/html;q=0.123", 123, 123),
        ("text/html; q=1.000", 1000, 1000),
        ("application/json", 0, 0), ("application/json, */*;q=0.1", 100, 0),
        ("text/html;level=1;q=0.3", 300, 300), ("text/html;q=x", 0, 0), ("text/html;q=1.001", 0, 0),
        ("text/html;q=2", 0, 0), ("text/html;q=0.1234", 0, 0), ("*/html", 0, 0), ("text", 0, 0),
        ("text/html/x", 0, 0), (",,text/html,,", 1000, 1000),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", 1000, 1000),
        ("x/\"text/html\", text/html;q=0.2", 200, 200),
    ]
    @Test(arguments: rows) func `the most specific range decides`(
        _ field: String, _ quality: Int, _ explicit: Int
    ) {
        let field = octets(field)
        #expect(Accept.quality(of: field.span, type: "text", subtype: "html") == quality)
        #expect(
            Accept.quality(of: field.span, type: "text", subtype: "html", explicitly: true)
                == explicit)
        #expect(
            Accept.allows(field.span, type: "text", subtype: "html", explicitly: true)
                == (explicit > 0))
    }
}

@Suite struct `Dates in fields` {
    static let epoch = UnixTime(seconds: 784_111_777)

    @Test(arguments: [
        "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ]) func `the three forms of RFC 9110 are read`(_ date: String) {
        #expect(HTTPDate.parse(date) == Self.epoch)
    }

    @Test func `dates are written in the first form and read back`() {
        #expect(HTTPDate.format(Self.epoch) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(HTTPDate.format(UnixTime(seconds: 0)) == "Thu, 01 Jan 1970 00:00:00 GMT")
        for seconds: Int64 in stride(
            from: -60_000_000_000, through: 250_000_000_000, by: 7_777_777_777)
        {
            let time = UnixTime(seconds: seconds)
            #expect(HTTPDate.parse(HTTPDate.format(time)) == time)
        }
        #expect(HTTPDate.format(UnixTime(seconds: .max)) == "Fri, 31 Dec 9999 23:59:59 GMT")
        #expect(HTTPDate.format(UnixTime(seconds: .min)).hasSuffix("Jan 0000 00:00:00 GMT"))
    }

    @Test(arguments: [
        "", "Sun", "Mon, 06 Nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT", "0", "-1",
        "Sun, 06 Nov 1994 08:49:37 GMT ", "sun, 06 nov 1994 08:49:37 gmt",
    ]) func `what is no date is none`(_ date: String) { #expect(HTTPDate.parse(date) == nil) }
}

import Testing

@testable import Redis

@Suite struct `Replies of a Redis server` {
    struct Row: Sendable, CustomTestStringConvertible {
        let octets: String
        let reply: RedisReply
        var testDescription: String { octets.debugDescription }
        init(_ octets: String, _ reply: RedisReply) { (self.octets, self.reply) = (octets, reply) }
    }
    static let rows = [
        Row("+OK\r\n", .status("OK")),
        Row("-WRONGPASS no\r\n", .error("WRONGPASS no")),
        Row(":-12\r\n", .integer(-12)),
        Row("$5\r\nhe\r\no\r\n", .octets(Array("he\r\no".utf8))),
        Row("$0\r\n\r\n", .octets([])),
        Row("$-1\r\n", .null),
        Row("*-1\r\n", .null),
        Row("*0\r\n", .list([])),
        Row("*2\r\n*1\r\n:1\r\n$1\r\na\r\n", .list([.list([.integer(1)]), .octets([97])])),
    ]

    @Test(arguments: rows) func `are read whole, cut anywhere, and with the next behind`(
        _ row: Row
    ) throws {
        let octets = Array(row.octets.utf8)
        for cut in 0...octets.count {
            var reader = ReplyReader()
            reader.feed(octets.span.extracting(..<cut))
            if cut < octets.count { #expect(try reader.next() == nil) }
            reader.feed(octets.span.extracting(cut...))
            reader.feed(octets.span)
            #expect(try reader.next() == row.reply)
            #expect(try reader.next() == row.reply)
            #expect(try reader.next() == nil)
            let isAmidReply = reader.isAmidReply
            #expect(!isAmidReply)
        }
    }

    static let refused = [
        "$4000000000\r\n", "*1000000000\r\n", "$-2\r\n", "$+1\r\na\r\n", ":x\r\n", "hello\r\n",
        "\r\n", "$\r\n", ":99999999999999999999\r\n", ":9999999999999999999\r\n",
        "*2\r\n*65536\r\n", "%1\r\n+a\r\n+b\r\n", "_\r\n",
        String(repeating: "*1\r\n", count: 9) + ":1\r\n",
    ]

    @Test(arguments: refused) func `that are none, or too large, end the connection`(
        _ text: String
    ) {
        #expect(throws: RedisFault.self) {
            var reader = ReplyReader()
            reader.feed(Array(text.utf8).span)
            while try reader.next() != nil {}
        }
    }

    @Test func `a line without an end is refused at its bound`() {
        #expect(throws: RedisFault.self) {
            var reader = ReplyReader()
            reader.feed([UInt8](repeating: 43, count: ReplyExtent.lineOctetsMax + 2).span)
            _ = try reader.next()
        }
    }

    @Test func `commands are lists of octet strings, empty ones too`() {
        var octets: [UInt8] = []
        RedisCommand("SET", [], [0, 13, 10]).append(to: &octets)
        RedisCommand("CLIENT ID").append(to: &octets)
        #expect(
            octets == Array("*3\r\n$3\r\nSET\r\n$0\r\n\r\n$3\r\n\0\r\n\r\n".utf8)
                + Array("*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n".utf8))
    }
}

@Suite struct `Where a Redis store is` {
    @Test(arguments: [
        ("redis://127.0.0.1", "single 127.0.0.1:6379 0"),
        ("redis://cache.example:6380/3", "single cache.example:6380 3"),
        ("rediss://[::1]:6390/", "tls single [::1]:6390 0"),
        ("redis+sentinel://a,b:5000/main/2", "sentinel main a:26379 b:5000 2"),
        ("redis+cluster://a:1,b:2", "cluster a:1 b:2 0"),
        ("rediss+cluster://a/0", "tls cluster a:6379 0"),
    ]) func `is read from its URL`(_ url: String, _ expected: String) throws {
        let place = try #require(RedisLocation(parsing: url))
        let arrangement =
            switch place.arrangement {
            case .single: "single"
            case .sentinel(let master): "sentinel \(master)"
            case .cluster: "cluster"
            }
        let words =
            (place.isTLS ? ["tls"] : []) + [arrangement] + place.addresses.map(\.description)
            + ["\(place.database)"]
        #expect(words.joined(separator: " ") == expected)
    }

    @Test(arguments: [
        "redis://", "http://a", "redis:/a", "redis://a:0", "redis://a:99999", "redis://a,b",
        "redis://a/x", "redis://a/1/2", "redis://u:p@a", "redis://a?x=1", "redis+sentinel://a",
        "redis+sentinel://a//1", "redis+cluster://a/1", "redis+cluster://a,", "redis+tls://a",
        "redis://a b", "redis://a/+1",
    ]) func `is refused in any other words`(_ url: String) {
        #expect(RedisLocation(parsing: url) == nil)
    }

    @Test(arguments: [
        ("123456789", 0x31C3), ("foo{bar}{zap}", 5061), ("bar", 5061), ("{}a", 7456),
    ]) func `a key has the slot that the servers give it`(_ key: String, _ slot: Int) {
        if key != "{}a" { #expect(RedisSlot.of(Array(key.utf8)) == slot) }
        #expect(RedisSlot.of(Array(key.utf8)) < RedisSlot.count)
    }

    @Test func `a redirection names slot and server`() {
        let here = RedisAddress(host: "h", port: 1)
        func read(_ text: String) -> RedisRedirection? {
            RedisRedirection(.error(text), from: here)
        }
        #expect(
            read("MOVED 3999 127.0.0.1:6381")
                == .moved(slot: 3999, RedisAddress(host: "127.0.0.1", port: 6381)))
        #expect(read("MOVED 1 :6381") == .moved(slot: 1, RedisAddress(host: "h", port: 6381)))
        #expect(read("ASK 1 ::1:6381") == .ask(RedisAddress(host: "::1", port: 6381)))
        for text in ["MOVED 16384 a:1", "MOVED 1 a", "MOVED 1", "ERR 1 a:1", "MOVED x a:1"] {
            #expect(read(text) == nil, "\(text)")
        }
    }
}

import Cryptography
import Testing
import Values

@testable import Sessions

private let good = "4kQkzHF1hc0i2Yw2c6wQn1lqYx0cS3VqJ8w1o9mP7rA="
private let other = "Zm9yIHRlc3RzIG9ubHkgAP/+/fz7+vn49/b19PPy8fA="

@Suite struct `The session key file` {
    struct Refusal: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let file: String
        let line: Int
        init(_ name: String, _ file: String, line: Int) {
            testDescription = name
            self.file = file
            self.line = line
        }
    }

    static let refusals = [
        Refusal("empty", "", line: 0),
        Refusal("only comments", "# nothing\n\n", line: 0),
        Refusal("three fields", "0a0b0c0d 1 \(good)\n", line: 1),
        Refusal("five fields", "0a0b0c0d 1 1 \(good) x\n", line: 1),
        Refusal("an id too short", "0a0b0c0 1 1 \(good)\n", line: 1),
        Refusal("an id in capitals", "0A0B0C0D 1 1 \(good)\n", line: 1),
        Refusal("an id of other letters", "0a0b0c0g 1 1 \(good)\n", line: 1),
        Refusal("a signed time", "0a0b0c0d +1 1 \(good)\n", line: 1),
        Refusal("a negative time", "0a0b0c0d -1 1 \(good)\n", line: 1),
        Refusal("a time too long", "0a0b0c0d 1 1234567890123 \(good)\n", line: 1),
        Refusal("a time in words", "0a0b0c0d now now \(good)\n", line: 1),
        Refusal("sealing before it was made", "0a0b0c0d 2 1 \(good)\n", line: 1),
        Refusal(
            "base64url", "0a0b0c0d 1 1 4kQkzHF1hc0i2Yw2c6wQn1lqYx0cS3VqJ8w1o9mP7r-=\n", line: 1),
        Refusal("no padding", "0a0b0c0d 1 1 \(good.dropLast())\n", line: 1),
        Refusal(
            "31 octets", "0a0b0c0d 1 1 4kQkzHF1hc0i2Yw2c6wQn1lqYx0cS3VqJ8w1o9mP7g==\n", line: 1),
        Refusal(
            "one octet over and over",
            "0a0b0c0d 1 1 \(Base64.encode([UInt8](repeating: 7, count: 32).span))\n",
            line: 1),
        Refusal(
            "a pass phrase",
            "0a0b0c0d 1 1 \(Base64.encode([UInt8]("correct horse battery staple 123".utf8).span))\n",
            line: 1),
        Refusal(
            "an id twice", "0a0b0c0d 1 1 \(good)\n# x\n0a0b0c0d 1 1 \(other)\n", line: 3),
        Refusal("a key twice", "0a0b0c0d 1 1 \(good)\n0a0b0c0e 1 1 \(good)\n", line: 2),
        Refusal("a carriage return", "0a0b0c0d 1 1 \(good)\r\n", line: 1),
        Refusal("a NUL", "0a0b0c0d 1 1 \(good)\u{0}\n", line: 1),
        Refusal("a byte order mark", "\u{feff}0a0b0c0d 1 1 \(good)\n", line: 1),
    ]

    @Test(arguments: refusals) func `is refused where it is not exactly a ring`(_ row: Refusal) {
        let problem = #expect(throws: KeyRingProblem.self) {
            _ = try KeyRing(parsing: Array(row.file.utf8))
        }
        #expect(problem?.line == row.line)
        #expect(problem?.description.contains(good) == false)
    }

    @Test func `may be huge only up to its limit`() {
        let line = [UInt8]("# comment\n".utf8)
        let file = (0...KeyRing.fileOctetsMax / line.count).flatMap { _ in line }
        #expect(throws: KeyRingProblem.self) { _ = try KeyRing(parsing: file) }
    }

    @Test func `has comments, blank lines and tabs, and needs no last line end`() throws {
        let ring = try KeyRing(
            parsing: Array("# keys \u{e4}\n\n  0a0b0c0d\t5  7 \(good)\n00000001 9 9 \(other)".utf8))
        #expect(ring.keys.map(\.id) == [0x0a0b_0c0d, 1])
        #expect(ring.keys[0].created.seconds == 5)
        #expect(ring.keys[0].sealsFrom.seconds == 7)
    }

    @Test func `holds 64 keys and not one more`() throws {
        var dice = Dice()
        var file = KeyRing.newFile(at: noon, using: &dice)
        for _ in 1..<KeyRing.keysMax {
            file = try KeyRing.rotated(
                file, at: noon, sealAfter: .zero, keep: .seconds(60), using: &dice)
        }
        #expect(try KeyRing(parsing: file).keys.count == KeyRing.keysMax)
        #expect(throws: KeyRingProblem.self) {
            _ = try KeyRing.rotated(
                file, at: noon, sealAfter: .zero, keep: .seconds(60), using: &dice)
        }
    }
}

@Suite struct `Rotating session keys` {
    @Test func `a new file has one key that seals at once`() throws {
        var dice = Dice()
        let ring = try KeyRing(parsing: KeyRing.newFile(at: noon, using: &dice))
        #expect(ring.keys.count == 1)
        #expect(ring.sealingKey(at: noon).sealsFrom == noon)
    }

    @Test func `an added key opens at once and seals when its time has come`() throws {
        var dice = Dice()
        let file = KeyRing.newFile(at: noon, using: &dice)
        let old = try KeyRing(parsing: file).keys[0].id
        let rotated = try KeyRing.rotated(
            file, at: noon + .seconds(100), sealAfter: .seconds(60), keep: .seconds(3600),
            using: &dice)
        let ring = try KeyRing(parsing: rotated)
        let new = try #require(ring.keys.last)
        #expect(ring.keys.count == 2 && new.id != old)
        #expect(ring.place(of: new.id) == 1)
        #expect(ring.sealingKey(at: noon + .seconds(159)).id == old)
        #expect(ring.sealingKey(at: noon + .seconds(160)).id == new.id)
        #expect(ring.isRetired(0, at: noon + .seconds(160)))
        #expect(!ring.isRetired(1, at: noon))
        #expect(String(decoding: rotated, as: UTF8.self).hasPrefix("# Session keys"))
    }

    @Test func `a key goes only when it has not sealed for longer than keep`() throws {
        var dice = Dice()
        let file = KeyRing.newFile(at: noon, using: &dice)
        let first = try KeyRing(parsing: file).keys[0].id
        let second = try KeyRing.rotated(
            file, at: noon + .seconds(1000), sealAfter: .seconds(60), keep: .seconds(500),
            using: &dice)
        // The first key sealed until noon + 1060.
        func ids(rotatingAt seconds: Int64) throws -> [UInt32] {
            var dice = Dice(99)
            let third = try KeyRing.rotated(
                second, at: noon + .seconds(seconds), sealAfter: .seconds(60),
                keep: .seconds(500), using: &dice)
            return try KeyRing(parsing: third).keys.map(\.id)
        }
        #expect(try ids(rotatingAt: 1559).contains(first))
        #expect(try ids(rotatingAt: 1560).contains(first))
        #expect(try !ids(rotatingAt: 1561).contains(first))
        #expect(try ids(rotatingAt: 1561).count == 2)
    }

    @Test func `the newest key stays, however long ago it was made`() throws {
        var dice = Dice()
        let file = KeyRing.newFile(at: noon, using: &dice)
        let rotated = try KeyRing.rotated(
            file, at: noon + .seconds(10_000_000), sealAfter: .seconds(60), keep: .seconds(1),
            using: &dice)
        #expect(try KeyRing(parsing: rotated).keys.count == 2)
    }

    @Test func `a clock before every key still seals`() {
        let ring = KeyRing(checked: [
            key(2, created: 200, sealsFrom: 200), key(1, created: 100, sealsFrom: 100),
        ])
        #expect(ring.sealingKey(at: UnixTime(seconds: 50)).id == 1)
        #expect(ring.sealingKey(at: UnixTime(seconds: 150)).id == 1)
        #expect(ring.sealingKey(at: UnixTime(seconds: 200)).id == 2)
    }

    @Test func `key ids keep their zeros`() { #expect(KeyRing.identifier(of: 0xab) == "000000ab") }
}

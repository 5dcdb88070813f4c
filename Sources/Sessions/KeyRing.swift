// The keys that seal sessions, read from the session key file.
//
// A key opens from the moment it is read and seals from its own time on, so that every process of a
// fleet has read it before the first cookie under it appears. The file is read strictly: a ring
// that is not exactly what `gatehouse keys` writes might be a truncated copy, a template, or a pass
// phrase. How the file is written and rotated is in `KeyRingFile`.

package import Cryptography
package import Values

package struct KeyRing: Sendable {
    /// One line of the file.
    package struct Key: Sendable {
        /// What stands in front of everything this key sealed; 8 hexadecimal digits in the file.
        package let id: UInt32
        package let created: UnixTime
        package let sealsFrom: UnixTime
        /// 32 random octets. Nothing is sealed with them: each purpose derives its own from them.
        package let secret: Secret
    }

    /// In the order in which they seal; equal times in the order of the file.
    package let keys: [Key]
    /// Of `keys`, in the same places: looking for one then touches no secret and counts no reference.
    private let ids: [UInt32]
    private let sealsFrom: [UnixTime]

    package static let keyOctets = 32
    /// Bounds what an unknown key id costs, and what a forgotten cron job makes of the file.
    package static let keysMax = 64
    package static let fileOctetsMax = 65_536

    init(checked keys: [Key]) {
        precondition(!keys.isEmpty, "a ring without a key seals nothing")
        // Sorting by offset too makes the order of equal times the file's: Swift's sort is stable
        // today, but does not promise it.
        self.keys = keys.enumerated().sorted {
            ($0.element.sealsFrom, $0.offset) < ($1.element.sealsFrom, $1.offset)
        }.map(\.element)
        ids = self.keys.map(\.id)
        sealsFrom = self.keys.map(\.sealsFrom)
    }

    /// A ring for one process: sessions end with it.
    package static func ephemeral(using generator: inout some RandomNumberGenerator) -> KeyRing {
        let start = UnixTime(seconds: 0)
        return KeyRing(checked: [
            Key(
                id: UInt32.random(in: .min ... .max, using: &generator), created: start,
                sealsFrom: start,
                secret: Secret([UInt8](randomCount: keyOctets, using: &generator)))
        ])
    }

    /// The newest key whose time has come. A clock that stands before every key's time must not
    /// stop logins: then it is the first that will seal.
    package func sealingKey(at now: UnixTime) -> Key { keys[sealingPlace(at: now)] }

    /// Where in `keys` the key of this id is. At most `keysMax` comparisons of integers, whatever an
    /// attacker writes there.
    func place(of id: UInt32) -> Int? {
        for place in ids.indices where ids[place] == id { return place }
        return nil
    }

    /// Whether what the key in this place sealed should be sealed again. A key that does not seal yet
    /// is not retired: a process whose clock is ahead may have used it.
    func isRetired(_ place: Int, at now: UnixTime) -> Bool {
        // By place, not by time: two keys may seal from the same second, and the later one does.
        place < sealingPlace(at: now)
    }

    private func sealingPlace(at now: UnixTime) -> Int {
        var place = sealsFrom.count - 1
        while place > 0, sealsFrom[place] > now { place -= 1 }
        return place
    }
}

/// What is wrong with a session key file, for the person who wrote it. Key material is never in it.
package struct KeyRingProblem: Error, Equatable, Sendable, CustomStringConvertible {
    /// 1-based; 0 for the file as a whole.
    package let line: Int
    package let what: String

    package init(line: Int, what: String) {
        self.line = line
        self.what = what
    }

    package var description: String { line == 0 ? what : "line \(line): \(what)" }
}

extension KeyRing {
    /// Reads a session key file: a line a key, `id created seals-from base64key`; `#` opens a
    /// comment line. Refuses weak, short and repeated keys.
    package init(parsing file: [UInt8]) throws(KeyRingProblem) {
        self.init(checked: try Self.lines(of: file).compactMap(\.key))
    }

    /// One line of the file, kept as it was written.
    struct Line {
        let octets: [UInt8]
        /// `nil` for a comment or an empty line.
        let key: Key?
    }

    static func lines(of file: [UInt8]) throws(KeyRingProblem) -> [Line] {
        guard file.count <= fileOctetsMax else {
            throw KeyRingProblem(line: 0, what: "more than \(fileOctetsMax) octets are no key file")
        }
        var lines: [Line] = []
        var number = 0
        for part in file.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            let octets = Array(part)
            let key = try self.key(inLine: octets, number: number)
            if let key { try check(key, against: lines.compactMap(\.key), number: number) }
            lines.append(Line(octets: octets, key: key))
        }
        if lines.last?.octets.isEmpty == true { lines.removeLast() }  // behind the last line's end
        guard lines.contains(where: { $0.key != nil }) else {
            throw KeyRingProblem(
                line: 0, what: "no key; make a file with `gatehouse keys new FILE`")
        }
        return lines
    }

    private static func key(
        inLine line: [UInt8], number: Int
    ) throws(KeyRingProblem) -> Key? {
        func problem(_ what: String) -> KeyRingProblem { KeyRingProblem(line: number, what: what) }
        guard
            line.allSatisfy({ $0 == 0x20 || (0x21...0x7e).contains($0) || $0 == 0x09 })
                || line.first == UInt8(ascii: "#")
        else { throw problem("a control character, or one outside ASCII") }
        let fields = line.split { $0 == 0x20 || $0 == 0x09 }.map { Array($0) }
        guard let first = fields.first, first[0] != UInt8(ascii: "#") else { return nil }
        guard fields.count == 4 else {
            throw problem("\(fields.count) fields, where 4 are expected: id created seals-from key")
        }
        guard let id = identifier(fields[0]) else {
            throw problem("the id is not 8 hexadecimal digits in lower case")
        }
        guard let created = seconds(fields[1]), let sealsFrom = seconds(fields[2]) else {
            throw problem("a time is not a plain number of seconds since 1970")
        }
        guard created <= sealsFrom else {
            throw problem("the key seals from a time before it was made")
        }
        let text = fields[3]
        guard let octets = Base64.decode(text.span) else {
            throw problem("the key is not base64")
        }
        guard octets.count == keyOctets else {
            throw problem("the key has \(octets.count) octets, where \(keyOctets) are expected")
        }
        guard looksRandom(octets) else {
            throw problem("the key does not look random; never write one by hand")
        }
        return Key(
            id: id, created: UnixTime(seconds: created), sealsFrom: UnixTime(seconds: sealsFrom),
            secret: Secret(octets))
    }

    private static func check(
        _ key: Key, against earlier: [Key], number: Int
    ) throws(KeyRingProblem) {
        guard !earlier.contains(where: { $0.id == key.id }) else {
            throw KeyRingProblem(line: number, what: "an id that an earlier line has too")
        }
        guard !earlier.contains(where: { $0.secret == key.secret }) else {
            throw KeyRingProblem(line: number, what: "a key that an earlier line has too")
        }
        guard earlier.count < keysMax else {
            throw KeyRingProblem(line: number, what: "more than \(keysMax) keys")
        }
    }

    private static func identifier(_ text: [UInt8]) -> UInt32? {
        guard text.count == 8 else { return nil }
        var value: UInt32 = 0
        for octet in text {
            switch octet {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                value = value << 4 | UInt32(octet - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"):
                value = value << 4 | UInt32(octet - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }

    /// Twelve digits reach past the year 30000, and cannot overflow.
    private static func seconds(_ text: [UInt8]) -> Int64? {
        guard (1...12).contains(text.count) else { return nil }
        var value: Int64 = 0
        for octet in text {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet) else { return nil }
            value = value * 10 + Int64(octet - UInt8(ascii: "0"))
        }
        return value
    }

    /// Catches what people write: a pattern has few distinct octets, a phrase or hexadecimal text
    /// only printable ones. Of random keys fewer than one in 10^13 is refused.
    private static func looksRandom(_ key: [UInt8]) -> Bool {
        Set(key).count >= 16 && !key.allSatisfy { (0x20...0x7e).contains($0) }
    }
}

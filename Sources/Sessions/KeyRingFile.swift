// What `gatehouse keys new` and `gatehouse keys rotate` write.
//
// Both make the whole file's octets; writing it, with which mode and never over an old one, is the
// command's. Comments and the lines of kept keys stay as they are.

package import Values

extension KeyRing {
    /// A new file with one key, which seals at once.
    package static func newFile(
        at now: UnixTime, using generator: inout some RandomNumberGenerator
    ) -> [UInt8] {
        let heading = """
            # Session keys of Gatehouse. Keep this file secret, and the same on every node.
            # A line a key: id, made at, seals from (seconds since 1970), key in base64.
            # `gatehouse keys rotate` adds a key and drops those no session needs any more.

            """
        return Array(heading.utf8)
            + newLine(at: now, sealsFrom: now, avoiding: [], using: &generator)
    }

    /// The file with one key more, which opens at once and seals from `now + sealAfter` on, and
    /// without those that have not sealed for longer than `keep`: whatever they sealed has ended by
    /// then.
    package static func rotated(
        _ file: [UInt8], at now: UnixTime, sealAfter: Duration, keep: Duration,
        using generator: inout some RandomNumberGenerator
    ) throws(KeyRingProblem) -> [UInt8] {
        let lines = try lines(of: file)
        let ring = KeyRing(checked: lines.compactMap(\.key))
        let dropped = Set(
            ring.keys.indices.filter { index in
                // A key stops sealing when the next in order begins; the last one has not stopped,
                // and the key about to be added begins too late to change that.
                let next = index + 1
                guard next < ring.keys.count else { return false }
                return ring.keys[next].sealsFrom.advanced(by: keep) < now
            }.map { ring.keys[$0].id })
        guard ring.keys.count - dropped.count < keysMax else {
            throw KeyRingProblem(
                line: 0, what: "\(keysMax) keys already, all sealed with within the time to keep")
        }
        var rotated: [UInt8] = []
        for line in lines where !(line.key.map { dropped.contains($0.id) } ?? false) {
            rotated += line.octets + [UInt8(ascii: "\n")]
        }
        return rotated
            + newLine(
                at: now, sealsFrom: max(now, now.advanced(by: sealAfter)),
                avoiding: Set(ring.keys.map(\.id)), using: &generator)
    }

    private static func newLine(
        at now: UnixTime, sealsFrom: UnixTime, avoiding taken: Set<UInt32>,
        using generator: inout some RandomNumberGenerator
    ) -> [UInt8] {
        var id: UInt32
        repeat { id = UInt32.random(in: .min ... .max, using: &generator) } while taken.contains(id)
        let key = [UInt8](randomCount: keyOctets, using: &generator)
        let line = [
            identifier(of: id), String(now.seconds), String(sealsFrom.seconds),
            Base64.encode(key.span),
        ].joined(separator: " ")
        return Array(line.utf8) + [UInt8(ascii: "\n")]
    }

    /// As the file spells it.
    package static func identifier(of id: UInt32) -> String {
        let digits = String(id, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}

// What has to outlive a restart, in octets: sessions that ended, and refresh tokens that were spent.
//
// A file of such records is only ever added to. Each has the same size and a checksum, so that a write
// that was cut loses itself alone, and what is damaged is seen. Nothing in one tells who somebody is:
// sessions and tokens stand there by random numbers and digests.

internal import Cryptography
internal import Gateway
internal import Sessions
package import Values

package enum StateRecord: Equatable, Sendable {
    case ended(EndedSession)
    /// A refresh token, by the first 16 octets of its SHA-256, until its session's end. One that turned
    /// out not to be spent is written again with a time that has passed.
    case spentToken([UInt8], until: UnixTime)

    package static let octetCount = 48
    /// What the file begins with.
    package static let preamble = Array("gatehouse state1".utf8)

    /// From then on nobody asks for it.
    package var until: UnixTime {
        switch self {
        case .ended(let session): session.until
        case .spentToken(_, let until): until
        }
    }
}

extension StateRecord {
    private enum Kind: UInt8 { case session = 1, group, everybody, spentToken }

    /// Kind, three octets for later, a hint, 16 octets of a name, two times, eight of a checksum.
    package var encoded: [UInt8] {
        let kind: Kind
        var hint: UInt32 = 0
        var name = [UInt8](repeating: 0, count: 16)
        var from = UnixTime(seconds: 0)
        switch self {
        case .ended(let session):
            from = session.from
            switch session.scope {
            case .session(let id): (kind, name) = (.session, id)
            case .group(let group):
                (kind, hint) = (.group, group.hint)
                name = Self.octets(group.high) + Self.octets(group.low)
            case .everybody: kind = .everybody
            }
        case .spentToken(let digest, _): (kind, name) = (.spentToken, digest)
        }
        var octets = [kind.rawValue, 0, 0, 0] + Self.octets(UInt64(hint)).suffix(4)
        octets += name.prefix(16) + Self.octets(UInt64(bitPattern: from.seconds))
        octets += Self.octets(UInt64(bitPattern: until.seconds))
        return octets + SHA256.digest(octets.span).prefix(8)
    }

    /// `nil` for octets that are damaged, or of a kind that this version does not know.
    package init?(decoding octets: some Collection<UInt8>) {
        let octets = Array(octets)
        guard octets.count == Self.octetCount,
            Array(SHA256.digest(octets.span.extracting(0..<40)).prefix(8)) == Array(octets[40...]),
            let kind = Kind(rawValue: octets[0])
        else { return nil }
        let name = Array(octets[8..<24])
        let from = UnixTime(seconds: Int64(bitPattern: Self.number(octets[24..<32])))
        let until = UnixTime(seconds: Int64(bitPattern: Self.number(octets[32..<40])))
        switch kind {
        case .session: self = .ended(EndedSession(.session(name), from: from, until: until))
        case .group:
            let hint = UInt32(truncatingIfNeeded: Self.number(octets[4..<8]))
            self = .ended(
                EndedSession(
                    .group(SessionGroup(octets: name, hint: hint)), from: from, until: until))
        case .everybody: self = .ended(EndedSession(.everybody, from: from, until: until))
        case .spentToken: self = .spentToken(name, until: until)
        }
    }

    private static func octets(_ number: UInt64) -> [UInt8] {
        stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> $0) }
    }

    private static func number(_ octets: ArraySlice<UInt8>) -> UInt64 {
        octets.reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Reads records, one behind the other, without the preamble.
    /// - Returns: those that are good, and how many were not, a part of one at the end included.
    package static func read(_ octets: ArraySlice<UInt8>) -> (records: [StateRecord], damaged: Int)
    {
        var records: [StateRecord] = []
        var damaged = 0
        var start = octets.startIndex
        while start < octets.endIndex {
            let end = min(octets.endIndex, start + octetCount)
            if let record = StateRecord(decoding: octets[start..<end]) {
                records.append(record)
            } else {
                damaged += 1
            }
            start = end
        }
        return (records, damaged)
    }
}

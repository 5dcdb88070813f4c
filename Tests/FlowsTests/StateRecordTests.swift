import Gateway
import Sessions
import Testing
import Values

@testable import Flows

@Suite struct `Records of the state file` {
    static let records: [StateRecord] = [
        .ended(EndedSession(.session(Array(1...16)), from: noon, until: noon + .seconds(60))),
        .ended(
            EndedSession(
                .group(
                    SessionGroup(
                        .subject, "alice", of: SessionRealm(issuer: issuer, clientID: "portal"))),
                from: noon, until: noon + .seconds(60))),
        .ended(EndedSession(.everybody, from: noon, until: UnixTime(seconds: .max))),
        .spentToken(Array(16...31), until: UnixTime(seconds: 0)),
    ]

    @Test(arguments: records) func `reading is the inverse of writing`(_ record: StateRecord) {
        let octets = record.encoded
        #expect(octets.count == StateRecord.octetCount)
        #expect(StateRecord(decoding: octets) == record)
    }

    @Test(arguments: records) func `no octet changes unnoticed`(_ record: StateRecord) {
        for index in 0..<StateRecord.octetCount {
            var octets = record.encoded
            octets[index] ^= 0x10
            #expect(StateRecord(decoding: octets) == nil, "octet \(index)")
        }
    }

    @Test func `what is damaged or cut loses itself alone`() {
        var octets = Self.records.flatMap(\.encoded)
        octets[48 + 9] ^= 1
        for end in (3 * 48)..<(4 * 48) {
            let (records, damaged) = StateRecord.read(octets[..<end])
            #expect(records == [Self.records[0], Self.records[2]])
            #expect(damaged == (end == 3 * 48 ? 1 : 2))
        }
        let (records, damaged) = StateRecord.read(octets[...])
        #expect(records.count == 3 && damaged == 1)
    }

    @Test func `a record takes the digest of a name, and no name`() {
        let realm = SessionRealm(issuer: issuer, clientID: "portal")
        let group = SessionGroup(.subject, "alice", of: realm)
        #expect(group == SessionGroup(.subject, "alice", of: realm))
        for other in [
            SessionGroup(.providerSession, "alice", of: realm),
            SessionGroup(.subject, "alicE", of: realm),
            SessionGroup(
                .subject, "alice", of: SessionRealm(issuer: issuer, clientID: "portal2")),
        ] {
            #expect(group != other)
        }
    }
}

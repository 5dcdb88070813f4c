import Gateway
import Sessions
import Testing
import Values

@testable import Flows

@Suite struct `An operator ends sessions` {
    static let orders: [(String, SessionsToEnd?)] = [
        (#"{"subject": "alice"}"#, .subject("alice")), (#"{"all": true}"#, .everybody),
        (#"{"all": false}"#, nil), (#"{"subject": ""}"#, nil), (#"{"subject": 5}"#, nil),
        (#"{"subject": "a", "all": true}"#, nil), (#"{"all": "true"}"#, nil), ("{}", nil),
        ("[]", nil), ("", nil), (#"{"all": true"#, nil), (#"{"all": true, "all": true}"#, nil),
    ]

    @Test(arguments: orders.indices) func `an order is one of two, whole`(_ index: Int) {
        let (text, order) = Self.orders[index]
        #expect(SessionsToEnd(parsing: Array(text.utf8)) == order, "\(text)")
        if let order { #expect(SessionsToEnd(parsing: order.content) == order) }
    }

    @Test func `a user's sessions end at every provider`() async throws {
        let house = try House()
        await house.flows.end(.subject("alice"), house.snapshot.configuration, at: noon)
        #expect(
            house.announced.all == [
                EndedSession(
                    .group(SessionGroup(.subject, "alice", of: house.snapshot.realms[0])),
                    from: noon, until: noon + .seconds(8 * 3600))
            ])
        await house.flows.end(.everybody, house.snapshot.configuration, at: noon)
        #expect(house.announced.all.last?.scope == .everybody)
    }
}

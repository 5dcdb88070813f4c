import Testing

@testable import Gateway

/// Cookie mode keeps no session, only which have ended or been refreshed, in every loop.
@Suite struct `What a loop remembers of sessions in cookies` {
    @Test(arguments: [EndedSessions.octetsOfEntry, RefreshedSessions.octetsOfEntry])
    func `takes under 64 octets of each`(_ octets: Int) {
        // Half way between the emptiest that a table is after it has grown, and the fullest.
        #expect(octets * 16 / 9 < 64)
    }
}

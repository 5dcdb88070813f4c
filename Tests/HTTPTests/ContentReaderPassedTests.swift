import Testing

@testable import HTTP

@Suite struct `Content of known length that goes by unread` {
    @Test func `it is counted to its end`() {
        var reader = ContentReader(ResponseFraming.length(10))
        #expect(reader.octetsToCome == 10)
        reader.passed(4)
        #expect(reader.octetsToCome == 6)
        let isWhole = reader.ended()
        #expect(!isWhole)
        let octets: [UInt8] = [1, 2]
        let piece = reader.next(octets.span)
        #expect(piece == .content(0..<2, consumed: 2))
        reader.passed(4)
        #expect(reader.isFinished)
        #expect(reader.octetsToCome == nil)
        #expect(reader.contentOctets == 10)
    }

    @Test(arguments: [ResponseFraming.chunked, .untilClose, .none, .length(0)])
    func `where the end is found by reading there is nothing to pass`(_ framing: ResponseFraming) {
        #expect(ContentReader(framing).octetsToCome == nil)
    }
}

import HTTP
import Testing

@Suite struct `WebSocket frames, RFC 6455 section 5.2` {
    struct Row: Sendable {
        let name: String
        let frame: [UInt8]
        init(_ name: String, _ frame: [UInt8]) {
            self.name = name
            self.frame = frame
        }
    }

    static let frames = [
        Row("an empty frame", [0x81, 0x00]),
        Row("an empty masked frame", [0x81, 0x80, 1, 2, 3, 4]),
        Row("a short text", [0x81, 0x02, 0x68, 0x69]),
        Row("a masked short text", [0x81, 0x82, 1, 2, 3, 4, 0x69, 0x6B]),
        Row("the longest short frame", [0x82, 0x7D] + .init(repeating: 7, count: 125)),
        Row("a length in two octets", [0x82, 0x7E, 0x01, 0x00] + .init(repeating: 7, count: 256)),
        Row(
            "a length in eight octets",
            [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0] + .init(repeating: 7, count: 65_536)),
        Row("a close frame of ours", WebSocketFrames.close(code: 1008)),
    ]

    @Test(arguments: frames) func `a frame ends where its length says`(_ row: Row) {
        var follower = WebSocketFrames()
        follower.follow(row.frame.span.extracting(0..<row.frame.count - 1))
        #expect(!follower.isBetweenFrames)
        follower.follow(row.frame.span.extracting(row.frame.count - 1..<row.frame.count))
        #expect(follower.isBetweenFrames)
    }

    @Test func `where octets were split never shows`() {
        let stream = Self.frames.filter { $0.frame.count < 300 }.flatMap(\.frame)
        var boundaries: Set<Int> = []
        var end = 0
        for row in Self.frames where row.frame.count < 300 {
            end += row.frame.count
            boundaries.insert(end)
        }
        for size in [1, 2, 3, 7, 64, stream.count] {
            var follower = WebSocketFrames()
            var position = 0
            while position < stream.count {
                let next = min(position + size, stream.count)
                follower.follow(stream.span.extracting(position..<next))
                position = next
                #expect(
                    follower.isBetweenFrames == boundaries.contains(position), "\(size) \(position)"
                )
            }
        }
    }

    @Test func `following to the boundary stops behind the frame in hand`() {
        var follower = WebSocketFrames()
        let stream: [UInt8] = [0x81, 0x02, 0x68, 0x69, 0x81, 0x01, 0x21]
        follower.follow(stream.span.extracting(0..<1))
        #expect(follower.followToBoundary(stream.span.extracting(1..<stream.count)) == 3)
        #expect(follower.isBetweenFrames)
        #expect(follower.followToBoundary(stream.span.extracting(4..<stream.count)) == 0)
    }

    @Test func `a length past every bound never looks like a boundary`() {
        var follower = WebSocketFrames()
        follower.follow(([0x82, 0xFF] + [UInt8](repeating: 0xFF, count: 8)).span)
        follower.follow([UInt8](repeating: 0, count: 100_000).span)
        #expect(!follower.isBetweenFrames)
    }
}

// What a Redis server answers: where it was cut does not show, and no length is believed past a bound.
import Redis

extension Entry {
    static let replies = Entry("replies") { octets in
        let whole = Self.read(octets, cutAt: octets.count)
        for cut in cuts(of: octets) {
            try hold(Self.read(octets, cutAt: cut) == whole, "cut at \(cut) it reads otherwise")
        }
        if let text = String(validating: octets, as: UTF8.self) {
            let here = RedisAddress(host: "here", port: 1)
            _ = RedisRedirection(.error(text), from: here)
            if let place = RedisLocation(parsing: text) {
                try hold(!place.addresses.isEmpty, "a place without a server")
            }
        }
        try hold(RedisSlot.of(octets) < RedisSlot.count, "a slot past the last")
    }

    private static func read(_ octets: [UInt8], cutAt cut: Int) -> [RedisReply] {
        var reader = ReplyReader()
        var replies: [RedisReply] = []
        for part in [octets[..<cut], octets[cut...]] {
            reader.feed(Array(part).span)
            do {
                while let reply = try reader.next() { replies.append(reply) }
            } catch { return replies }
        }
        return replies
    }
}

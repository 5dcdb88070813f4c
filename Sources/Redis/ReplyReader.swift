// Octets to replies, wherever they were cut: hiredis reads one whole reply at a time.

internal import CHiredis

package struct ReplyReader: ~Copyable {
    private var octets: [UInt8] = []
    /// Where in `octets` the next reply begins.
    private var start = 0
    private var extent = ReplyExtent()

    package init() {}

    /// Whether a part of a reply has come, and not its end.
    package var isAmidReply: Bool { start < octets.count }

    package mutating func feed(_ received: Span<UInt8>) {
        if start == octets.count || start > 65_536 {
            octets.removeFirst(start)
            start = 0
        }
        octets.append(addingCapacity: received.count) { output in
            for index in received.indices { output.append(received[index]) }
        }
    }

    /// The next reply, `nil` until it is whole. After a fault there is no next.
    package mutating func next() throws(RedisFault) -> RedisReply? {
        guard start < octets.count else { return nil }
        var extent = extent
        guard let count = try extent.end(in: octets.span.extracting(start...)) else {
            self.extent = extent
            return nil
        }
        defer {
            start += count
            self.extent = ReplyExtent()
        }
        return try Self.read(octets[start..<start + count])
    }

    private static func read(_ octets: ArraySlice<UInt8>) throws(RedisFault) -> RedisReply {
        guard let reader = redisReaderCreate() else { throw RedisFault("no memory for a reply") }
        defer { redisReaderFree(reader) }
        // SAFETY: the octets are copied by the call. What comes back is a tree of hiredis' own, read
        // here and freed before the reader is.
        var tree: UnsafeMutableRawPointer?
        let result = octets.withUnsafeBytes { octets in
            redisReaderFeed(
                reader, octets.baseAddress?.assumingMemoryBound(to: CChar.self), octets.count)
        }
        guard result == REDIS_OK, redisReaderGetReply(reader, &tree) == REDIS_OK, let tree else {
            throw RedisFault("hiredis cannot read it")
        }
        defer { freeReplyObject(tree) }
        return try reply(tree.assumingMemoryBound(to: redisReply.self).pointee)
    }

    private static func reply(_ raw: redisReply) throws(RedisFault) -> RedisReply {
        switch raw.type {
        case REDIS_REPLY_STATUS: return .status(String(decoding: octets(raw), as: UTF8.self))
        case REDIS_REPLY_ERROR: return .error(String(decoding: octets(raw), as: UTF8.self))
        case REDIS_REPLY_INTEGER: return .integer(raw.integer)
        case REDIS_REPLY_STRING: return .octets(octets(raw))
        case REDIS_REPLY_NIL: return .null
        case REDIS_REPLY_ARRAY:
            var members: [RedisReply] = []
            for index in 0..<Int(raw.elements) {
                guard let member = raw.element?[index] else { throw RedisFault("a hollow list") }
                members.append(try reply(member.pointee))
            }
            return .list(members)
        default: throw RedisFault("a reply of another version of the protocol")
        }
    }

    private static func octets(_ raw: redisReply) -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: raw.str, count: Int(raw.len)))
    }
}

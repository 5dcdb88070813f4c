// What one connection has still to send.
//
// Heads and small pieces gather here so that an event ends in one system call; a large piece goes out
// beside what has gathered, without being copied, and only what the kernel would not take stays.

struct Outbox {
    /// What has gathered; the first `sent` of them are gone already.
    var octets: [UInt8] = []
    private(set) var sent = 0

    var isEmpty: Bool { octets.count == sent }
    var count: Int { octets.count - sent }

    mutating func dropFirst(_ count: Int) { sent += count }

    mutating func removeAll() {
        octets.removeAll(keepingCapacity: true)
        sent = 0
    }
}

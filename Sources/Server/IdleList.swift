// Client connections that wait for their next request, the longest idle first: whom to close when
// others need the room, and all of whom to close when the gateway drains.
//
// Linked through the connections themselves, because an entry comes and goes with every request.

/// SAFETY of the `unowned(unsafe)` links: a connection leaves the list before it closes, and the
/// worker holds each until it has closed; so every link in the list is to a live connection.
struct IdleList {
    private(set) unowned(unsafe) var first: ClientConnection?
    private unowned(unsafe) var last: ClientConnection?
    private(set) var count = 0

    /// The first whose end makes room: the admin's connections take none.
    var firstCounted: ClientConnection? {
        var connection = first
        while let here = connection, !here.listener.isCounted { connection = here.idleAfter }
        return connection
    }

    mutating func append(_ connection: ClientConnection) {
        guard !connection.isListedIdle else { return }
        connection.isListedIdle = true
        connection.idleBefore = last
        connection.idleAfter = nil
        if let last { last.idleAfter = connection } else { first = connection }
        last = connection
        count += 1
    }

    mutating func remove(_ connection: ClientConnection) {
        guard connection.isListedIdle else { return }
        connection.isListedIdle = false
        if let before = connection.idleBefore {
            before.idleAfter = connection.idleAfter
        } else {
            first = connection.idleAfter
        }
        if let after = connection.idleAfter {
            after.idleBefore = connection.idleBefore
        } else {
            last = connection.idleBefore
        }
        connection.idleBefore = nil
        connection.idleAfter = nil
        count -= 1
    }
}

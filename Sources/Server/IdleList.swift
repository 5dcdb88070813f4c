// Client connections that wait for their next request, the longest idle first: whom to close when
// others need the room, and all of whom to close when the gateway drains.
//
// Linked through the connections themselves, because an entry comes and goes with every request.

/// A connection leaves the list before it closes, and the worker holds each until it has closed.
struct IdleList {
    private(set) var first: Link<ClientConnection>?
    private var last: Link<ClientConnection>?
    private(set) var count = 0

    /// The first whose end makes room: the admin's connections take none.
    var firstCounted: Link<ClientConnection>? {
        var connection = first
        while let here = connection, !here.isCounted { connection = here.idleAfter }
        return connection
    }

    mutating func append(_ connection: ClientConnection) {
        guard !connection.isListedIdle else { return }
        connection.isListedIdle = true
        connection.idleBefore = last
        connection.idleAfter = nil
        let link = Link(connection)
        if let last { last { $0.idleAfter = link } } else { first = link }
        last = link
        count += 1
    }

    mutating func remove(_ connection: ClientConnection) {
        guard connection.isListedIdle else { return }
        connection.isListedIdle = false
        let (before, after) = (connection.idleBefore, connection.idleAfter)
        if let before { before { $0.idleAfter = after } } else { first = after }
        if let after { after { $0.idleBefore = before } } else { last = before }
        connection.idleBefore = nil
        connection.idleAfter = nil
        count -= 1
    }
}

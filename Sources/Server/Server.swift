// The front of the room that acts: listeners, client and upstream connections, pools.
//
// A process has one `Worker` for each event loop. It owns everything on that loop and shares nothing
// with the others but what `Surroundings` names. Whoever starts the process makes listening
// descriptors, workers and their loops' threads; a reload calls `adopt` on each loop; an end calls
// `startDraining` and waits until no connection is left. What requests mean is Gateway's; what waits
// is Flows'.
//
//     Listener → ClientConnection → Exchange → (verdict) → Relay → UpstreamConnection
//                                      └→ own answer        └ UpstreamPool, Lease
//                                      └→ suspended: Flows, through LoopClient

package import Flows
package import Platform
package import Telemetry

/// What all workers of a process share.
package struct Surroundings: Sendable {
    package let flows: Flows
    package let resolver: Resolver
    package let log: Log
    package let connections: ConnectionCount
    package let servers: ServerDesk
    package let seen = SeenSessions()
    package let memory = MemoryTotal()

    package init(flows: Flows, resolver: Resolver, log: Log, connections: ConnectionCount) {
        self.flows = flows
        self.resolver = resolver
        self.log = log
        self.connections = connections
        servers = ServerDesk(log)
    }
}

/// A value of one loop's that travels through async code of the same loop.
///
/// SAFETY: it is opened on the loop it came from alone. Flows run there because `EventLoop.start`
/// prefers the loop as their executor, and what uses this checks it in debug builds.
struct OnLoop<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}

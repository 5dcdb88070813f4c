// Who waits while another dials: where one connection may do for many, only one is made at first.
//
// Until the first connection to a server is there nobody knows whether it speaks HTTP/2, and until its
// settings have come nobody knows how many streams it takes. Those that come meanwhile wait; should it
// speak HTTP/1.1, each makes its own, and nobody waits again.

import Values

struct SharedDials {
    /// By server, as the next two.
    fileprivate var dialling: [Int: Link<UpstreamConnection>] = [:]
    fileprivate var settling: [Int: UpstreamMultiplex] = [:]
    fileprivate var waiting: [Int: [Link<UpstreamConnection>]] = [:]
    /// Servers known to speak HTTP/1.1 alone.
    fileprivate var alone: Set<Int> = []
}

/// How a dial ended that others wait for.
enum DialEnd {
    /// HTTP/1.1: for one exchange at a time.
    case alone
    case failed(ExchangeFailure)
    /// Nobody waited for it any more.
    case abandoned
}

extension UpstreamPool {
    /// Whether the connection is to wait for one that is being made.
    func waitForDial(_ connection: UpstreamConnection) -> Bool {
        let server = connection.server
        guard target.isH2C || target.offersHTTP2, !dials.alone.contains(server) else {
            return false
        }
        guard dials.dialling[server] != nil || dials.settling[server] != nil else {
            dials.dialling[server] = Link(connection)
            return false
        }
        dials.waiting[server, default: []].append(Link(connection))
        return true
    }

    func dialEnded(_ connection: UpstreamConnection, _ end: DialEnd) {
        guard target.isH2C || target.offersHTTP2 else { return }
        if case .alone = end { dials.alone.insert(connection.server) }
        guard let server = serverOfDial(by: connection) else {
            for server in dials.waiting.keys {
                dials.waiting[server]?.removeAll { $0.leads(to: connection) }
            }
            return
        }
        dials.dialling[server] = nil
        for link in takeWaiting(server) {
            link { waiting in
                switch end {
                case .alone, .abandoned: waiting.waitedInVain()
                case .failed(let failure): waiting.dialFailed(failure)
                }
            }
        }
    }

    /// The connection that was made is one for many, once its settings have come.
    func dialled(_ connection: UpstreamConnection, _ multiplex: UpstreamMultiplex) {
        guard let server = serverOfDial(by: connection) else { return }
        dials.dialling[server] = nil
        dials.settling[server] = multiplex
        if multiplex.isSettled || multiplex.isClosed { settled(multiplex) }
    }

    /// It is known how many streams it takes, or that it takes none.
    func settled(_ multiplex: UpstreamMultiplex) {
        guard let server = dials.settling.first(where: { $0.value === multiplex })?.key else {
            return
        }
        dials.settling[server] = nil
        for link in takeWaiting(server) {
            link { waiting in
                if multiplex.hasRoom { waiting.waited(multiplex) } else { waiting.waitedInVain() }
            }
        }
    }

    /// A dial may have gone on to another server than the one it began with.
    private func serverOfDial(by connection: UpstreamConnection) -> Int? {
        dials.dialling.first { $0.value.leads(to: connection) }?.key
    }

    private func takeWaiting(_ server: Int) -> [Link<UpstreamConnection>] {
        dials.waiting.removeValue(forKey: server) ?? []
    }
}

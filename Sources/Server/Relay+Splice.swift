// Long content downward, moved by the kernel from the upstream's socket to the client's.
//
// Of an answer whose length is known nothing has to be read but how much of it there is: so where both
// sides are plain the octets go through a pipe and are never copied (measured: three quarters of what
// copying them costs). The pipe is filled only when it is empty and emptied before anything else, so
// that what is in flight stays bounded by it, and a client that does not read stops the upstream as
// ever. Whatever is not that simple goes through the buffer.

import HTTP
import Platform
import Values

extension Relay {
    /// Below this, two more system calls cost more than the copies that they save.
    static let splicedOctetsMin: UInt64 = 32_768

    /// Takes a pipe where the rest of the answer may go through one.
    func trySplicing() {
        guard pipe == nil, let rest = content.octetsToCome, rest >= Self.splicedOctetsMin,
            upstream({ $0.wire.isPlain }) ?? false, exchange.takesPipe
        else { return }
        pipe = worker.pipes.take()
    }

    var isSplicing: Bool { pipe != nil }

    /// Whether the pipe holds octets that the client could take.
    var hasPiped: Bool { pipe.map { !$0.isEmpty } ?? false }

    /// One step: fills the pipe if it is empty, and empties it as far as the client takes it.
    func splice(_ upstream: UpstreamConnection) {
        guard let pipe, let rest = content.octetsToCome ?? (pipe.isEmpty ? nil : 0) else { return }
        if pipe.isEmpty {
            switch upstream.receive(into: pipe, atMost: Int(clamping: rest)) {
            case .octets: passed(pipe.count)
            case .nothing: return
            case .end: return upstreamEnded(isGenuine: true)
            case .failed(let words): return upstreamFailed(words)
            }
        }
        exchange { $0.respondContent(pipe) }
        guard phase == .content else { return }
        if !pipe.isEmpty {
            // The client is gone: what comes is dropped until it is told of.
            if exchange.clientHasRoomNow { stopSplicing() }
        } else if content.isFinished {
            stopSplicing()
            ended(isClean: true)
        }
    }

    /// What the connection may learn from this answer about the next.
    func noteLength(_ upstream: UpstreamConnection) {
        upstream.hadLongAnswer = content.contentOctets >= Self.splicedOctetsMin
    }

    func stopSplicing() {
        guard let pipe else { return }
        self.pipe = nil
        worker.give(pipe)
    }
}

// What nodes tell each other through redis, for as long as the process lives: which sessions have ended,
// and when those were seen that something long goes on under.

import Flows
import Platform
import Server

extension Fleet {
    func shareWithOtherNodes() {
        let (worker, flows) = (workers[0], flows)
        again(after: SharedEndings.pause, on: worker) { environment in
            let ended = await flows.sharedEndings.exchange(worker.snapshot, environment)
            if !ended.isEmpty { await self.refuse(ended) }
        }
        again(after: SharedSightings.pause, on: worker) { environment in
            let seen = worker.surroundings.seen
            let others = await flows.sharedSightings.exchange(
                seen.sightings, worker.snapshot, environment)
            if let others { seen.take(others) }
        }
    }

    /// One turn after the other, each a little after the one before has ended.
    private func again(
        after pause: Duration, on worker: Worker,
        _ turn: @escaping @Sendable (FlowEnvironment) async -> Void
    ) {
        let loop = worker.loop
        loop.post {
            loop.start {
                while true {
                    await turn(
                        FlowEnvironment(
                            client: worker.client, redis: worker.redis, now: { Clock.wall() },
                            start: { loop.start($0) }, pause: { await loop.sleep(for: $0) }))
                    await loop.sleep(for: pause)
                }
            }
        }
    }
}

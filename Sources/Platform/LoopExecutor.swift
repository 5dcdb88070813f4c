// The loop as the place where async code runs.
//
// Cold work (a login, a refresh) is ordinary async code whose every part runs on the loop that has
// the connection. That holds only for tasks that prefer the loop as their executor: a bare `Task {}`,
// `Task.detached` and `Task.sleep` leave it for threads of their own (measured), so
// `start` is the only place that makes a task.

extension EventLoop {
    /// Runs the operation as a task on this loop: at once and up to its first suspension when called
    /// on the loop, else as soon as the loop gets to it.
    package func start(_ operation: @escaping @Sendable () async -> Void) {
        if isOnLoop {
            Task.immediate(executorPreference: self) { await operation() }
        } else {
            post { self.start(operation) }
        }
    }

    nonisolated package func enqueue(_ job: consuming ExecutorJob) { push(UnownedJob(job)) }

    nonisolated package func enqueue(_ job: UnownedJob) { push(job) }

    nonisolated package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(complexEquality: self)
    }

    nonisolated package func isSameExclusiveExecutionContext(other: EventLoop) -> Bool {
        self === other
    }

    nonisolated package func checkIsolated() {
        precondition(isOnLoop, "this belongs to loop \(index)")
    }

    nonisolated package func isIsolatingCurrentContext() -> Bool? { isOnLoop }

    func run(_ job: UnownedJob) {
        job.runSynchronously(
            isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
    }
}

// LoopTaskExecutor.swift
//
// One event loop as the executor of the endpoint's tasks.

import NIOCore

/// Runs tasks on the endpoint's own loop, so that it answers while all other threads are busy.
final class LoopTaskExecutor: TaskExecutor {
    private let eventLoop: any EventLoop

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.eventLoop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

// LoopWatchdog.swift
//
// Names a handler that blocks a loop, and tells the service manager that the loops turn.

import QPActors
import QPHooks
import Synchronization

/// Looks at every loop once a second.
final class LoopWatchdog: Sendable {
    /// A loop that has not turned for this long is stuck.
    private static let patience: Int64 = 5_000_000_000

    private let server: RunningServer
    private let notify: SystemdNotify?
    private let log: LogRouter
    private let isStopping = Atomic<Bool>(false)

    init(_ server: RunningServer, _ notify: SystemdNotify?, _ log: LogRouter) {
        self.server = server
        self.notify = notify
        self.log = log
    }

    func start() {
        let cores = self.server.cores
        let turned = LoopTurns(cores.count)
        do {
            try WorkerThread.start("watchdog") { self.run(cores, turned) }
        } catch {
            self.log.write(.warning, "no watchdog: \(error)")
        }
    }

    func stop() { self.isStopping.store(true, ordering: .relaxed) }

    private func run(_ cores: [LoopCore], _ turns: LoopTurns) {
        let interval = min(self.notify?.watchdogInterval ?? .seconds(1), .seconds(1))
        var complained = Set<Int>()
        while !self.isStopping.load(ordering: .relaxed) {
            var isWell = true
            for core in cores {
                let late = turns.lateness(core)
                if late > Self.patience {
                    isWell = false
                    if complained.insert(core.number).inserted {
                        self.log.write(.critical, "event loop \(core.number) is stuck: \(core.whatRuns)")
                    }
                } else {
                    complained.remove(core.number)
                }
            }
            if isWell { self.notify?.watchdog() }
            SystemCall.pause(interval)
        }
    }
}

/// When each loop turned last.
private final class LoopTurns: Sendable {
    private let turns: Mutex<[Int64?]>

    init(_ count: Int) {
        self.turns = Mutex(Array(repeating: nil, count: count))
    }

    /// How long ago the loop was asked to turn and has not; 0 if it has.
    func lateness(_ core: LoopCore) -> Int64 {
        let now = SystemCall.monotonic
        let asked = self.turns.withLock { turns in
            let asked = turns[core.number]
            if asked == nil { turns[core.number] = now }
            return asked
        }
        if let asked { return now - asked }
        core.loop.execute { self.turns.withLock { $0[core.number] = nil } }
        return 0
    }
}

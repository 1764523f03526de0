// SignalWaiter.swift
//
// Signals as calls on a thread of their own.

import CLinuxShims
import Glibc
import Synchronization

/// Hands signals to a closure.
package final class SignalWaiter: Sendable {
    /// What operators and supervisors send.
    package enum Signal: Sendable, Hashable, CaseIterable {
        case terminate, interrupt, hangup, user1

        var number: Int32 {
            switch self {
            case .terminate: SIGTERM
            case .interrupt: SIGINT
            case .hangup: SIGHUP
            case .user1: SIGUSR1
            }
        }
    }

    private let stopping: WakeUp
    private let isStopping = Atomic<Bool>(false)

    /// Blocks the signals in the calling thread and all that it starts, and lets broken pipes be errors. Called before
    /// there are threads; a thread that is older would still be interrupted, and the process ended.
    package static func block() {
        var set = Self.set
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
    }

    /// Waits for signals on a thread; `block` comes first.
    package init(_ handler: @escaping @Sendable (Signal) -> Void) throws(StartError) {
        self.stopping = try WakeUp()
        var set = Self.set
        let descriptor = qp_signalfd(&set)
        guard descriptor >= 0 else { throw StartError("signalfd", errno: errno) }
        do throws(StartError) {
            try WorkerThread.start("signals") { self.run(descriptor, handler) }
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// Ends the thread; signals stay blocked.
    package func stop() {
        self.isStopping.store(true, ordering: .releasing)
        self.stopping.wake()
    }

    private static var set: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in Signal.allCases { sigaddset(&set, signal.number) }
        return set
    }

    private func run(_ descriptor: Int32, _ handler: @Sendable (Signal) -> Void) {
        defer { close(descriptor) }
        var waits = [
            pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: self.stopping.descriptor.number, events: Int16(POLLIN), revents: 0),
        ]
        while !self.isStopping.load(ordering: .acquiring) {
            _ = poll(&waits, 2, -1)
            while true {
                let number = qp_signalfd_next(descriptor)
                guard number > 0 else { break }
                if let signal = Signal.allCases.first(where: { $0.number == number }) { handler(signal) }
            }
        }
    }
}

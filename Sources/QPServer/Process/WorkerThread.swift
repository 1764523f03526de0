// WorkerThread.swift
//
// Threads for what blocks by nature: the log's writer, the resolver, signals.

import CLinuxShims
import Glibc

/// Starts threads.
enum WorkerThread {
    private final class Body: Sendable {
        let name: String
        let run: @Sendable () -> Void
        init(_ name: String, _ run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Runs a body on a thread of its own, which ends with the body.
    static func start(_ name: String, _ run: @escaping @Sendable () -> Void) throws(StartError) {
        let body = Unmanaged.passRetained(Body(name, run))
        let error = qp_start_thread(
            { argument in
                guard let argument else { return nil }
                let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                qp_name_thread(body.name)
                body.run()
                return nil
            }, body.toOpaque())
        guard error == 0 else {
            body.release()
            throw StartError("thread \(name)", errno: error)
        }
    }
}

/// Wakes a thread that polls.
struct WakeUp: ~Copyable, Sendable {
    let descriptor: OwnedDescriptor

    init() throws(StartError) {
        self.descriptor = OwnedDescriptor(qp_eventfd())
        guard self.descriptor.isOpen else { throw StartError("eventfd", errno: errno) }
    }

    func wake() {
        var one: UInt64 = 1
        _ = SystemCall.retry { write(self.descriptor.number, &one, 8) }
    }

    /// Forgets wake-ups so far.
    func clear() {
        var count: UInt64 = 0
        _ = SystemCall.retry { read(self.descriptor.number, &count, 8) }
    }

    /// Waits for a wake-up.
    func wait(milliseconds: Int32 = -1) {
        var wait = pollfd(fd: self.descriptor.number, events: Int16(POLLIN), revents: 0)
        _ = poll(&wait, 1, milliseconds)
        self.clear()
    }
}

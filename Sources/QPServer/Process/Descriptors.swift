// Descriptors.swift
//
// Enough descriptors for every session, and a few in reserve.

import Glibc
import QPTelemetry
import Synchronization

/// The process's limit on descriptors.
package enum Descriptors {
    /// Raises the limit as far as the system lets a process.
    /// - Returns: how many descriptors there may be now.
    @discardableResult
    package static func raiseLimit() throws(StartError) -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            throw StartError("limit on open files", errno: errno)
        }
        if limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max
            guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
                throw StartError("limit on open files", errno: errno)
            }
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// Opens the null device for standard streams that are closed: their numbers would go to sockets otherwise, and
    /// what anybody prints to clients.
    package static func openStandardStreams() {
        for stream: Int32 in 0...2 where fcntl(stream, F_GETFD) == -1 {
            // The lowest free number is taken, which is this stream's.
            _ = open("/dev/null", O_RDWR)
        }
    }
}

/// Descriptors set aside, so that the server can still accept, refuse and log when all others are taken.
package final class DescriptorReserve: Sendable {
    private let count: Int
    private let held = Mutex<[Int32]>([])

    package init(_ count: Int) {
        self.count = max(0, count)
        self.refill()
    }

    /// Gives all back to the process, for as long as it is short.
    package func release() {
        self.held.withLock { held in
            for descriptor in held { close(descriptor) }
            held = []
        }
    }

    /// Sets them aside again.
    /// - Returns: whether all are.
    @discardableResult
    package func refill() -> Bool {
        self.held.withLock { held in
            while held.count < self.count {
                let descriptor = OwnedDescriptor(opening: "/dev/null", O_RDONLY)
                guard descriptor.isOpen else { return false }
                held.append(descriptor.release())
            }
            return true
        }
    }

    deinit {
        self.release()
    }
}

/// Descriptors that the admin endpoint alone can give up, so that it answers when sessions hold all others.
package final class SpareDescriptors: DescriptorSpare {
    private let count: Int
    private let held = Mutex<[Int32]>([])

    /// Sets descriptors aside.
    package init(_ count: Int = 8) {
        self.count = max(0, count)
        self.refill()
    }

    /// How many are set aside now.
    package var remaining: Int { self.held.withLock(\.count) }

    package func release() -> Bool {
        self.held.withLock { held in
            guard let last = held.popLast() else { return false }
            close(last)
            return true
        }
    }

    package func refill() {
        self.held.withLock { held in
            while held.count < self.count {
                let descriptor = OwnedDescriptor(opening: "/dev/null", O_RDONLY)
                guard descriptor.isOpen else { return }
                held.append(descriptor.release())
            }
        }
    }

    deinit {
        self.held.withLock { held in
            for descriptor in held { close(descriptor) }
        }
    }
}

// TerminalEvents.swift
//
// What the main thread waits for: keys, signals, and word from other threads.

import CLinuxShims
import Glibc

/// Wakes the main thread, from any other.
final class Waker: Sendable {
    let descriptor: Int32

    init() throws(TerminalError) {
        self.descriptor = qp_eventfd()
        guard self.descriptor >= 0 else { throw TerminalError("eventfd: \(String(cString: qp_error_text(errno)))") }
    }

    deinit { close(self.descriptor) }

    func wake() {
        var one: UInt64 = 1
        // Full means that it is awake already.
        while write(self.descriptor, &one, 8) < 0, errno == EINTR {}
    }

    /// Forgets wake-ups so far.
    fileprivate func clear() {
        var count: UInt64 = 0
        while read(self.descriptor, &count, 8) < 0, errno == EINTR {}
    }
}

/// Waits for what happens to a terminal.
final class TerminalEvents {
    enum Event: Hashable, Sendable {
        /// There are keys to be read.
        case input
        case woken
        case signal(Int32)
        /// The terminal is gone.
        case hangUp
    }

    private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH]
    /// Times that a terminal may be readable with nothing to read before it counts as gone.
    private static let patience = 3

    let waker: Waker
    private let signals: Int32
    private var emptyReads = 0

    /// Blocks the signals in the calling thread and all that it starts. Called before there are threads: one that is
    /// older would still be interrupted.
    static func block() {
        var set = Self.set(Self.signals)
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
    }

    /// Waits for the signals that `block` blocked.
    init() throws(TerminalError) {
        self.waker = try Waker()
        var set = Self.set(Self.signals)
        self.signals = qp_signalfd(&set)
        guard self.signals >= 0 else { throw TerminalError("signalfd: \(String(cString: qp_error_text(errno)))") }
    }

    deinit { close(self.signals) }

    /// Waits until something happens, at most so many seconds.
    func wait(seconds: Double) -> [Event] {
        var waits = [
            pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
            pollfd(fd: self.signals, events: Int16(POLLIN), revents: 0),
            pollfd(fd: self.waker.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        let bounded = seconds.isFinite ? min(max(seconds, 0), 3600) : 3600
        // Rounded up: a wait that ends too early is followed by others of no length.
        guard poll(&waits, nfds_t(waits.count), Int32((bounded * 1000).rounded(.up))) > 0 else { return [] }
        var events: [Event] = []
        if waits[1].revents != 0 {
            while case let number = qp_signalfd_next(self.signals), number > 0 { events.append(.signal(number)) }
        }
        if let event = self.terminal(Int32(waits[0].revents)) { events.append(event) }
        if waits[2].revents != 0 {
            self.waker.clear()
            events.append(.woken)
        }
        return events
    }

    private func terminal(_ result: Int32) -> Event? {
        guard result & (POLLHUP | POLLERR | POLLNVAL) == 0 else { return .hangUp }
        guard result & POLLIN != 0 else {
            self.emptyReads = 0
            return nil
        }
        // The end of a file is readable for ever.
        self.emptyReads = qp_readable_octets(STDIN_FILENO) == 0 ? self.emptyReads + 1 : 0
        return self.emptyReads < Self.patience ? .input : .hangUp
    }

    /// Stops the process and its group as ^Z does, and returns when they go on. Somebody else has to be there to let
    /// them: without a shell nothing stops.
    func suspendProcess() {
        var set = Self.set([SIGTSTP])
        let before = signal(SIGTSTP, SIG_DFL)
        kill(0, SIGTSTP)
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
        // Here it stands still.
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGTSTP, before)
    }

    private static func set(_ signals: [Int32]) -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal) }
        return set
    }
}

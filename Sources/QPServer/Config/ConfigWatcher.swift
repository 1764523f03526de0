// ConfigWatcher.swift
//
// Tells when files of the configuration change: inotify on their directories, or a look every second without it.

import Glibc
import Synchronization

/// Watches the directories of a set of files on a thread of its own.
package final class ConfigWatcher: Sendable {
    /// What happened.
    package struct Change: Sendable, Hashable {
        /// The paths that were written, moved or removed.
        package let paths: Set<String>
        /// False: just now. True: the same again, when nothing more has happened for a moment, so that several files which
        /// belong together can be taken together.
        package let isSettled: Bool
    }

    /// One end of a socket pair: when it is closed, the thread ends.
    private let wakeUp: CInt
    private let thread: Mutex<pthread_t?>

    /// Starts watching; `nil` when the system gives no thread or descriptor.
    /// - Parameters:
    ///   - usesNotification: false: only look every `interval`.
    ///   - interval: how often to look when inotify is not there, or a directory is gone.
    ///   - settling: how long nothing must happen before a change counts as settled.
    ///   - sources: what to watch, asked again after each change.
    ///   - onChange: called on the watcher's thread.
    package init?(
        usesNotification: Bool = true, interval: Duration = .seconds(1), settling: Duration = .milliseconds(50),
        sources: @escaping @Sendable () -> [ConfigFileSource], onChange: @escaping @Sendable (Change) -> Void
    ) {
        var ends: [CInt] = [-1, -1]
        let kind = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { return nil }
        let job = ConfigWatchJob(
            wakeUp: ends[0], usesNotification: usesNotification, interval: interval, settling: settling,
            sources: sources, onChange: onChange)
        let box = Unmanaged.passRetained(job)
        var thread = pthread_t()
        let failure = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let job = Unmanaged<ConfigWatchJob>.fromOpaque(argument).takeRetainedValue()
                var loop = ConfigWatchLoop(job)
                loop.run()
                return nil
            }, box.toOpaque())
        guard failure == 0 else {
            box.release()
            close(ends[1])
            return nil
        }
        self.wakeUp = ends[1]
        self.thread = Mutex(thread)
    }

    /// Ends the thread and waits for it; from within `onChange`, without waiting.
    package func stop() {
        guard let thread = self.thread.withLock({ $0.take() }) else { return }
        close(self.wakeUp)
        if pthread_equal(thread, pthread_self()) != 0 {
            pthread_detach(thread)
        } else {
            pthread_join(thread, nil)
        }
    }

    deinit { self.stop() }
}

/// What the thread is given.
final class ConfigWatchJob: Sendable {
    let wakeUp: CInt
    let usesNotification: Bool
    let interval: Duration
    let settling: Duration
    let sources: @Sendable () -> [ConfigFileSource]
    let onChange: @Sendable (ConfigWatcher.Change) -> Void

    init(
        wakeUp: CInt, usesNotification: Bool, interval: Duration, settling: Duration,
        sources: @escaping @Sendable () -> [ConfigFileSource],
        onChange: @escaping @Sendable (ConfigWatcher.Change) -> Void
    ) {
        self.wakeUp = wakeUp
        self.usesNotification = usesNotification
        self.interval = interval
        self.settling = settling
        self.sources = sources
        self.onChange = onChange
    }

    deinit { close(self.wakeUp) }
}

// ConfigWatchLoop.swift
//
// The watcher's thread.

import Glibc

/// Waits, collects what changed, tells it at once and again when it has settled.
struct ConfigWatchLoop: ~Copyable {
    private let job: ConfigWatchJob
    private let notifier: CInt
    /// Directories by their watch.
    private var watches: [CInt: String] = [:]
    /// Directories that were watched and are gone; they are looked for until they are back.
    private var lost: Set<String> = []
    private var pending: Set<String> = []
    private var settlesAt: ContinuousClock.Instant?
    private var looksAt: ContinuousClock.Instant
    /// The states that were told of, so that a change is told once even if nobody reads the file again.
    private var told: [String: ConfigFileStamp?] = [:]

    init(_ job: ConfigWatchJob) {
        self.job = job
        self.notifier =
            job.usesNotification ? inotify_init1(CInt(IN_NONBLOCK | IN_CLOEXEC)) : -1
        self.looksAt = .now + job.interval
    }

    deinit {
        if self.notifier >= 0 { close(self.notifier) }
    }

    mutating func run() {
        self.watch()
        // What changed before the watches were there.
        self.tell(self.changedSources())
        while self.wait() {
            var paths = self.notifications()
            if self.mustLook, .now >= self.looksAt {
                paths.formUnion(self.changedSources())
                self.looksAt = .now + self.job.interval
            }
            self.tell(paths)
            if let settlesAt = self.settlesAt, .now >= settlesAt {
                self.settlesAt = nil
                let paths = self.pending
                self.pending = []
                self.job.onChange(ConfigWatcher.Change(paths: paths, isSettled: true))
                self.watch()
            }
        }
    }

    private var mustLook: Bool { self.notifier < 0 || !self.lost.isEmpty || self.watches.isEmpty }

    private mutating func tell(_ paths: Set<String>) {
        guard !paths.isEmpty else { return }
        self.pending.formUnion(paths)
        self.settlesAt = .now + self.job.settling
        self.job.onChange(ConfigWatcher.Change(paths: paths, isSettled: false))
        self.watch()
    }

    /// False: it is time to end.
    private func wait() -> Bool {
        var wanted = [
            pollfd(fd: self.job.wakeUp, events: Int16(POLLIN), revents: 0),
            pollfd(fd: self.notifier, events: Int16(POLLIN), revents: 0),
        ]
        var until = self.settlesAt
        if self.mustLook { until = min(until ?? self.looksAt, self.looksAt) }
        // A negative descriptor is passed over by poll.
        _ = poll(&wanted, 2, until.map(Self.milliseconds) ?? -1)
        return wanted[0].revents == 0
    }

    private static func milliseconds(until instant: ContinuousClock.Instant) -> CInt {
        let (seconds, atto) = ContinuousClock.now.duration(to: instant).components
        guard seconds >= 0, atto >= 0 else { return 0 }
        return CInt(min(seconds, 3600) * 1000 + atto / 1_000_000_000_000_000 + 1)
    }

    /// Sources that are not as they were read, nor as they were told of.
    private mutating func changedSources() -> Set<String> {
        var paths: Set<String> = []
        for source in self.job.sources() {
            let now = ConfigFileStamp.now(source.path)
            guard now != source.stamp else {
                self.told[source.path] = nil
                continue
            }
            if self.told[source.path] == .some(now) { continue }
            self.told[source.path] = .some(now)
            paths.insert(source.path)
        }
        return paths
    }

    // MARK: inotify

    /// Watches the directories of all sources, and those that symbolic links lead to.
    private mutating func watch() {
        guard self.notifier >= 0 else { return }
        let mask = UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE) | UInt32(IN_ONLYDIR)
        for directory in self.directories() {
            let watch = inotify_add_watch(self.notifier, directory, mask)
            guard watch >= 0 else { continue }
            // A watch holds on to what a path led to; when a link on it has been turned, the path leads elsewhere now.
            for (old, path) in self.watches where path == directory && old != watch {
                inotify_rm_watch(self.notifier, old)
                self.watches[old] = nil
            }
            // Two paths to one directory share a watch; the first stays.
            if self.watches[watch] == nil { self.watches[watch] = directory }
            if self.lost.remove(directory) != nil { self.looksAt = .now }
        }
    }

    private func directories() -> Set<String> {
        var found: Set<String> = []
        for source in self.job.sources() {
            let directory = Self.parent(of: source.path)
            found.insert(directory)
            if Self.isLink(directory) { found.insert(Self.parent(of: directory)) }
            if ConfigFileReader.isDirectory(source.path) { found.insert(source.path) }
            if Self.isLink(source.path), let target = realpath(source.path, nil) {
                found.insert(Self.parent(of: String(cString: target)))
                free(target)
            }
        }
        return found
    }

    private mutating func notifications() -> Set<String> {
        guard self.notifier >= 0 else { return [] }
        var paths: Set<String> = []
        var block = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = block.withUnsafeMutableBytes { read(self.notifier, $0.baseAddress, $0.count) }
            guard count > 0 else { return paths }
            var start = 0
            while start + 16 <= count {
                let size = self.take(block[start..<count], &paths)
                start += 16 + size
            }
        }
    }

    /// One event: watch, mask, cookie, size of the name, the name with zeros after it. Gives the name's size.
    private mutating func take(_ event: ArraySlice<UInt8>, _ paths: inout Set<String>) -> Int {
        let (watch, mask, size) = event.withUnsafeBytes {
            (
                $0.loadUnaligned(fromByteOffset: 0, as: CInt.self),
                $0.loadUnaligned(fromByteOffset: 4, as: UInt32.self),
                Int($0.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
            )
        }
        if mask & UInt32(IN_Q_OVERFLOW) != 0 { paths.formUnion(self.job.sources().map(\.path)) }
        guard let directory = self.watches[watch] else { return size }
        if mask & UInt32(IN_IGNORED) != 0 {
            self.watches[watch] = nil
            self.lost.insert(directory)
            paths.insert(directory)
            return size
        }
        let name = event.dropFirst(16).prefix(size).prefix { $0 != 0 }
        if !name.isEmpty { paths.insert("\(directory)/\(String(decoding: name, as: UTF8.self))") }
        return size
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func isLink(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }
}

// LogQueue.swift
//
// Between whoever logs, who never waits, and the thread that writes, which may.

import Glibc
import QPHooks
import Synchronization

/// Lines on their way to the outputs: bounded, counted beyond.
final class LogQueue: Sendable {
    enum Item: Sendable {
        /// A line, and a bit for each output that wants it.
        case event(LoggingEvent, outputs: UInt32)
        case line(PluginLine)
        case reopen
    }

    private struct State {
        var items: [Item] = []
        var octets = 0
        /// Whether the thread will look again by itself.
        var isAwake = false
        var isStarted = false
        var isStopping = false
        var taken: UInt64 = 0
        var written: UInt64 = 0
    }

    private struct Outputs {
        var devices: [any LogDevice]
        var files = LineFiles()
        var formatter = LogFormatter()
    }

    private static let maxItems = 16384
    private static let maxOctets = 16 << 20

    private let state = Mutex(State())
    private let outputs: Mutex<Outputs>
    private let wakeUp: WakeUp
    /// Lines that were not written: the queue was full, or an output failed.
    let dropped = Atomic<UInt64>(0)
    private let reported = Atomic<UInt64>(0)

    init(_ devices: [any LogDevice]) throws(StartError) {
        self.outputs = Mutex(Outputs(devices: devices))
        self.wakeUp = try WakeUp()
    }

    /// Takes an item. Until the thread is started it is written at once: what is said at start-up is seen, and a
    /// process that still has to fork may have no thread.
    func push(_ item: Item, octets: Int) {
        enum Way { case queued, wake, direct, dropped }
        let way = self.state.withLock { state -> Way in
            guard state.isStarted else { return state.isStopping ? .dropped : .direct }
            guard state.items.count < Self.maxItems, state.octets + octets <= Self.maxOctets else { return .dropped }
            state.items.append(item)
            state.octets += octets
            state.taken += 1
            if state.isAwake { return .queued }
            state.isAwake = true
            return .wake
        }
        switch way {
        case .queued: break
        case .wake: self.wakeUp.wake()
        case .direct: self.write([item])
        case .dropped: self.dropped.wrappingAdd(1, ordering: .relaxed)
        }
    }

    func start() throws(StartError) {
        let wasStarted = self.state.withLock { state in
            defer { state.isStarted = true }
            return state.isStarted
        }
        guard !wasStarted else { return }
        do throws(StartError) {
            try WorkerThread.start("log") { self.run() }
        } catch {
            self.state.withLock { $0.isStarted = false }
            throw error
        }
    }

    /// Waits until all that was taken so far is written. Blocks: for the end of the process, and tests.
    /// - Returns: whether that happened in time.
    @discardableResult
    func flush(timeout: Duration) -> Bool {
        let deadline = MonotonicTime(nanoseconds: SystemCall.monotonic).advanced(by: timeout).nanoseconds
        let goal = self.state.withLock { $0.taken }
        while self.state.withLock({ $0.written < goal }) {
            guard SystemCall.monotonic < deadline else { return false }
            usleep(1000)
        }
        return true
    }

    /// Writes what is there and ends the thread. Lines that come later are written at once, unless time ran out: then
    /// an output hangs, and they are dropped.
    @discardableResult
    func stop(timeout: Duration) -> Bool {
        let isInTime = self.flush(timeout: timeout)
        self.state.withLock { state in
            state.isStarted = false
            state.isStopping = !isInTime
            state.isAwake = true
        }
        self.wakeUp.wake()
        return isInTime
    }

    // MARK: The thread

    private func run() {
        while true {
            self.wakeUp.wait()
            while true {
                let (items, isStarted) = self.state.withLock { state in
                    let items = state.items
                    state.items = []
                    state.octets = 0
                    if items.isEmpty { state.isAwake = false }
                    return (items, state.isStarted)
                }
                if !items.isEmpty {
                    self.write(items)
                    self.state.withLock { $0.written += UInt64(items.count) }
                }
                guard isStarted else { return }
                if items.isEmpty { break }
                // Lines come in bunches: those of the next moment need no wake-up.
                usleep(2000)
            }
        }
    }

    private func write(_ items: [Item]) {
        self.outputs.withLock { outputs in
            for item in items {
                switch item {
                case .event(let event, let mask): Self.write(event, mask, &outputs)
                case .line(let line): outputs.files.write(line)
                case .reopen: Self.reopen(&outputs)
                }
            }
            var lost = outputs.files.flush()
            for index in outputs.devices.indices { lost += outputs.devices[index].flush() }
            if lost > 0 { self.dropped.wrappingAdd(UInt64(lost), ordering: .relaxed) }
            self.report(&outputs)
        }
    }

    private static func write(_ event: LoggingEvent, _ mask: UInt32, _ outputs: inout Outputs) {
        for index in outputs.devices.indices where mask & (1 << UInt32(index)) != 0 {
            outputs.devices[index].write(event, &outputs.formatter)
        }
    }

    private static func reopen(_ outputs: inout Outputs) {
        outputs.files.reopen()
        for index in outputs.devices.indices {
            _ = outputs.devices[index].flush()
            if let problem = outputs.devices[index].reopen() {
                Self.write(Self.event("cannot reopen: \(problem)"), .max, &outputs)
            }
        }
    }

    private func report(_ outputs: inout Outputs) {
        let dropped = self.dropped.load(ordering: .relaxed)
        let before = self.reported.exchange(dropped, ordering: .relaxed)
        guard dropped > before else { return }
        Self.write(Self.event("\(dropped - before) log lines were not written"), .max, &outputs)
        for index in outputs.devices.indices { _ = outputs.devices[index].flush() }
    }

    private static func event(_ text: String) -> LoggingEvent {
        LoggingEvent(
            level: .warning, hook: nil, plugin: nil, session: nil, sessionNumber: 0, transaction: 0, text: text,
            wallTime: SystemCall.wall)
    }
}

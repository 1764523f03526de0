// LogRouter.swift
//
// The server's log: levels, the logging hook, the outputs.

import Glibc
package import QPHooks
import Synchronization

/// Takes every line of the server and its plugins, on any thread, without ever waiting.
///
/// A line is offered to the `logging` hook first. Once there is one, the outputs write only if the operator configured
/// them (config/log).
package final class LogRouter: LogSink {
    package static let maxTargets = 16

    private struct State {
        var targets: [LogTarget]
        var isExplicit: Bool
        var pluginLevels: [String: LogLevel] = [:]
        var hook: (@Sendable (LoggingEvent) -> Bool)?
        var hookLevel = LogLevel.debug
    }

    private let state: Mutex<State>
    private let queue: LogQueue
    /// The least serious level that anybody wants; nothing else is looked at for other lines.
    private let threshold: Atomic<UInt8>
    private let hasPluginLevels = Atomic<Bool>(false)

    /// Opens the outputs, in the order that `setLevel` counts them by; `isExplicit`: the operator configured them.
    package init(_ targets: [LogTarget], isExplicit: Bool) throws(StartError) {
        let targets = Array(targets.prefix(Self.maxTargets))
        var devices: [any LogDevice] = []
        for target in targets { devices.append(try Self.device(target)) }
        self.queue = try LogQueue(devices)
        self.state = Mutex(State(targets: targets, isExplicit: isExplicit))
        self.threshold = Atomic(0)
        self.state.withLock { self.updateThreshold($0) }
    }

    private static func device(_ target: LogTarget) throws(StartError) -> any LogDevice {
        switch target.destination {
        case .standardError: StreamDevice(format: target.format)
        case .file(let path): try StreamDevice(path: path, format: target.format)
        case .syslog(let facility): SyslogDevice(facility: facility, format: target.format)
        case .journald(let path): JournalDevice(socketPath: path)
        }
    }

    // MARK: Life

    /// Starts the thread that writes. Before, lines are written at once by whoever logs them.
    package func start() throws(StartError) { try self.queue.start() }

    /// Opens files again, after all lines so far: log rotation.
    package func reopen() { self.queue.push(.reopen, octets: 0) }

    /// Waits until all lines so far are written. Blocks.
    @discardableResult
    package func flush(timeout: Duration = .seconds(2)) -> Bool { self.queue.flush(timeout: timeout) }

    /// Writes all lines so far and ends the thread; later lines are written at once. Blocks.
    @discardableResult
    package func shutdown(timeout: Duration = .seconds(2)) -> Bool { self.queue.stop(timeout: timeout) }

    /// Lines that were not written.
    package var dropped: UInt64 { self.queue.dropped.load(ordering: .relaxed) }

    // MARK: Levels and hook

    /// What runs the `logging` hook: true when a plugin dealt with the line. Lines that are logged while it runs are not
    /// offered to it.
    package var hook: (@Sendable (LoggingEvent) -> Bool)? {
        get { self.state.withLock { $0.hook } }
        set { self.setHook(newValue) }
    }

    /// Sets or removes the hook, and the least serious level it is offered.
    package func setHook(_ hook: (@Sendable (LoggingEvent) -> Bool)?, level: LogLevel = .debug) {
        self.change {
            $0.hook = hook
            $0.hookLevel = level
        }
    }

    /// The outputs as they are now.
    package var targets: [LogTarget] { self.state.withLock { $0.targets } }

    /// Sets the level of an output, by its place in `targets`; of all without one.
    package func setLevel(_ level: LogLevel, output: Int? = nil) {
        self.change { state in
            for index in state.targets.indices where output == nil || output == index {
                state.targets[index].level = level
            }
        }
    }

    /// Sets the level of one plugin's lines in place of the outputs'; nil: theirs again.
    package func setLevel(_ level: LogLevel?, plugin: String) {
        self.change { $0.pluginLevels[plugin] = level }
    }

    private func change(_ body: (inout State) -> Void) {
        self.state.withLock { state in
            body(&state)
            self.updateThreshold(state)
        }
    }

    private func updateThreshold(_ state: borrowing State) {
        var highest: LogLevel?
        if state.hook != nil { highest = state.hookLevel }
        if state.hook == nil || state.isExplicit {
            for target in state.targets { highest = max(highest ?? target.level, target.level) }
            for level in state.pluginLevels.values { highest = max(highest ?? level, level) }
        }
        // One more than the level, so that 0 is "nothing at all".
        self.threshold.store(highest.map { $0.rawValue + 1 } ?? 0, ordering: .relaxed)
        self.hasPluginLevels.store(!state.pluginLevels.isEmpty, ordering: .relaxed)
    }

    // MARK: Lines

    package func accepts(_ level: LogLevel, plugin: String?) -> Bool {
        guard level.rawValue < self.threshold.load(ordering: .relaxed) else { return false }
        guard self.hasPluginLevels.load(ordering: .relaxed) else { return true }
        return self.state.withLock { state in
            if state.hook != nil, level <= state.hookLevel { return true }
            return Self.outputs(level, plugin, state) != 0
        }
    }

    package func log(_ event: LoggingEvent) {
        guard event.level.rawValue < self.threshold.load(ordering: .relaxed) else { return }
        let (hook, outputs) = self.state.withLock { state in
            (
                event.level <= state.hookLevel ? state.hook : nil,
                state.hook == nil || state.isExplicit ? Self.outputs(event.level, event.plugin, state) : 0
            )
        }
        if let hook, InsideHook.enter() {
            defer { InsideHook.leave() }
            if hook(event) { return }
        }
        guard outputs != 0 else { return }
        self.queue.push(.event(event, outputs: outputs), octets: event.octets)
    }

    private static func outputs(_ level: LogLevel, _ plugin: String?, _ state: borrowing State) -> UInt32 {
        let own = plugin.flatMap { state.pluginLevels[$0] }
        var mask: UInt32 = 0
        for (index, target) in state.targets.enumerated() where level <= own ?? target.level {
            mask |= 1 << UInt32(index)
        }
        return mask
    }

    /// Writes a line of the server itself.
    package func write(_ level: LogLevel, _ text: String, fields: [(name: String, value: String)] = []) {
        guard self.accepts(level, plugin: nil) else { return }
        self.log(
            LoggingEvent(
                level: level, hook: nil, plugin: nil, session: nil, sessionNumber: 0, transaction: 0, text: text,
                fields: fields, wallTime: SystemCall.wall))
    }

    /// Where a logging plugin writes.
    package func lineOutput(_ target: LineTarget) -> any LineOutput { RouterLineOutput(router: self, target: target) }

    func write(_ line: PluginLine) {
        self.queue.push(.line(line), octets: line.text.utf8.count + 64)
    }
}

extension LoggingEvent {
    /// What it takes in the queue.
    fileprivate var octets: Int {
        self.fields.reduce(self.text.utf8.count + 128) { $0 + $1.name.utf8.count + $1.value.utf8.count + 32 }
    }
}

/// Whether the calling thread runs the logging hook.
private enum InsideHook {
    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        return key
    }()

    static func enter() -> Bool {
        guard pthread_getspecific(self.key) == nil else { return false }
        pthread_setspecific(self.key, UnsafeRawPointer(bitPattern: 1))
        return true
    }

    static func leave() {
        pthread_setspecific(self.key, nil)
    }
}

// LogRouter.swift
//
// The server's log: levels, the logging hook, the outputs.

import Glibc
package import QPHooks
package import QPTelemetry
import Synchronization

/// Takes every line of the server and its plugins, on any thread, without ever waiting.
///
/// A line is offered to the `logging` hook first. Once there is one, the outputs write only if the operator configured
/// them (config/log).
package final class LogRouter: LogSink {
    package static let maxTargets = 16

    private struct State {
        var rules: LogRules
        var table: LogTable
        var hook: (@Sendable (LoggingEvent) -> Bool)?
    }

    /// Where a line goes.
    private struct Way {
        var hook: (@Sendable (LoggingEvent) -> Bool)?
        var outputs: UInt32
        var isOrdinary: Bool
        var isKept: Bool
    }

    private let state: Mutex<State>
    private let queue: LogQueue
    let ring: LogRing
    /// `LogGates` of the table: for most lines nothing else is looked at.
    private let gates: Atomic<UInt32>
    private let losses = Atomic<UInt64>(0)

    /// Opens the outputs, in the order that `setLevel` counts them by; `isExplicit`: the operator configured them.
    package convenience init(
        _ targets: [LogTarget], isExplicit: Bool, lines: Int = LogRing.maxLines
    ) throws(StartError) {
        try self.init(targets, isExplicit: isExplicit, ring: LogRing(maxLines: lines))
    }

    init(_ targets: [LogTarget], isExplicit: Bool, ring: LogRing) throws(StartError) {
        let rules = LogRules(Array(targets.prefix(Self.maxTargets)), isExplicit: isExplicit)
        let table = LogTable(rules)
        var devices: [any LogDevice] = []
        for target in rules.targets { devices.append(try Self.device(target)) }
        self.queue = try LogQueue(devices)
        self.ring = ring
        self.gates = Atomic(table.gates.bits)
        self.state = Mutex(State(rules: rules, table: table))
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

    /// What runs the `logging` hook: true when a plugin dealt with the line. Lines that are logged while it runs are
    /// not offered to it.
    package var hook: (@Sendable (LoggingEvent) -> Bool)? {
        get { self.state.withLock { $0.hook } }
        set { self.setHook(newValue) }
    }

    /// Sets or removes the hook, and the least serious level it is offered.
    package func setHook(_ hook: (@Sendable (LoggingEvent) -> Bool)?, level: LogLevel = .debug) {
        self.change {
            $0.hook = hook
            $0.rules.hookLevel = hook == nil ? nil : level
        }
    }

    /// The outputs as they are now.
    package var targets: [LogTarget] { self.state.withLock { $0.rules.targets } }

    /// Sets the level of an output, by its place in `targets`; of all without one.
    package func setLevel(_ level: LogLevel, output: Int? = nil) {
        self.change { state in
            for index in state.rules.targets.indices where output == nil || output == index {
                state.rules.targets[index].level = level
            }
        }
    }

    /// Sets the level of one plugin's lines in place of the outputs'; nil: theirs again. Any of its names will do.
    package func setLevel(_ level: LogLevel?, plugin: String) {
        let plugin = PluginNames.canonical(plugin)
        self.change { $0.rules.pluginLevels[plugin] = level }
    }

    /// The level of one plugin's lines, if it is not the outputs'.
    package func level(plugin: String) -> LogLevel? {
        let plugin = PluginNames.canonical(plugin)
        return self.state.withLock { $0.rules.pluginLevels[plugin] }
    }

    private func change(_ body: (inout State) -> Void) {
        self.state.withLock { state in
            body(&state)
            state.table = LogTable(state.rules)
            self.gates.store(state.table.gates.bits, ordering: .relaxed)
        }
    }

    // MARK: Watchers

    /// Lets somebody watch. Lines that only watchers want go to them alone, and to the hook if its level takes them.
    ///
    /// `transform` makes of a line what the reader may see; of that, `predicate` tells what it wants to see.
    package func watch(
        _ watch: LogWatch, transform: (@Sendable (LogRow) -> LogRow)? = nil,
        where predicate: (@Sendable (LogRow) -> Bool)? = nil
    ) -> LogWatcher {
        self.watch(watch, transform: transform, where: predicate, pace: LogWatcher.Pace())
    }

    func watch(
        _ watch: LogWatch, transform: (@Sendable (LogRow) -> LogRow)? = nil,
        where predicate: (@Sendable (LogRow) -> Bool)? = nil, pace: LogWatcher.Pace
    ) -> LogWatcher {
        let watch = watch.canonical
        let member = self.ring.join(byPlugin: !watch.names.isEmpty)
        if watch.follows { self.change { $0.rules.watches[member.id] = watch } }
        return LogWatcher(self, member, watch, transform: transform, predicate: predicate, pace: pace)
    }

    func remove(_ watcher: UInt64) {
        self.change { $0.rules.watches[watcher] = nil }
        self.ring.leave(watcher)
    }

    func lost(_ lines: UInt64) {
        if lines > 0 { self.losses.wrappingAdd(lines, ordering: .relaxed) }
    }

    /// How many watch and wait for further lines.
    package var watchers: Int { self.state.withLock { $0.rules.watches.count } }
    /// Lines that watchers missed because they were slow; a line counts for each of them.
    package var watchersLost: UInt64 { self.losses.load(ordering: .relaxed) }
    /// The number of the last line that watchers can get; 0 before the first.
    package var lastSequence: UInt64 { self.ring.sequences.upperBound - 1 }

    // MARK: Lines

    package func accepts(_ level: LogLevel, plugin: String?) -> Bool {
        let gates = LogGates(bits: self.gates.load(ordering: .relaxed))
        guard level.rawValue < gates.highest else { return false }
        guard level.rawValue >= gates.lowest else { return true }
        guard let plugin else { return level.rawValue < gates.server }
        return self.state.withLock { level.rawValue < $0.table.reach(of: plugin).bound }
    }

    package func log(_ event: LoggingEvent) {
        guard event.level.rawValue < LogGates(bits: self.gates.load(ordering: .relaxed)).highest else { return }
        let way = self.state.withLock { Self.way(of: event, &$0) }
        let octets = way.isKept || way.outputs != 0 ? event.octets : 0
        // First of all: a line that the hook logs comes behind the one that it is about.
        if way.isKept { self.ring.append(event, octets: octets, isOrdinary: way.isOrdinary) }
        if let hook = way.hook, InsideHook.enter() {
            defer { InsideHook.leave() }
            if hook(event) { return }
        }
        guard way.outputs != 0 else { return }
        self.queue.push(.event(event, outputs: way.outputs), octets: octets)
    }

    private static func way(of event: LoggingEvent, _ state: inout State) -> Way {
        let reach = state.table.reach(of: event.plugin)
        let outputs = reach.outputs(at: event.level)
        let isOffered = state.rules.hookLevel.map { event.level <= $0 } ?? false
        // Without watchers, what nobody would have taken is not kept either.
        let isKept = event.level.rawValue < (outputs != 0 ? reach.bound : reach.watchBound)
        return Way(
            hook: isOffered ? state.hook : nil, outputs: state.rules.outputsWrite ? outputs : 0,
            isOrdinary: outputs != 0, isKept: isKept)
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

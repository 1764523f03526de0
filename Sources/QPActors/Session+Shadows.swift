// Session+Shadows.swift
//
// Plugins in shadow mode: run beside, counted, timed and compared, never applied.

import QPHooks
import QPTelemetry

extension Session {
    /// Runs a handler beside: on a private copy, counted and timed, its answer compared, never applied.
    func runShadow<Event, Value>(
        _ hook: HookID, _ slot: PluginSlot, _ runtime: PluginRuntime, _ handler: Handler<Event, Value>,
        _ event: Event, _ mark: inout Int64
    ) {
        let context = self.shadowContext(hook, slot)
        var code = ReturnCode.declined
        var flags: HookRecord.Flags = .shadow
        do {
            code = try handler(event, context).code
        } catch {
            flags.insert(.threw)
        }
        let run = ShadowRun(hook, slot, mark)
        self.shadowEnded(run, code, flags)
        self.keepOverlay(of: slot, context)
        mark = self.core.now
    }

    /// A context whose changes only this shadow sees.
    func shadowContext(_ hook: HookID, _ slot: PluginSlot) -> SessionContext {
        let state = self.state.copy()
        if let overlay = self.shadows?.overlays[slot] {
            for change in overlay.changes { state.apply(change) }
            state.storage.merge(overlay.storage) { _, mine in mine }
        }
        state.keepsChanges = true
        let context = self.context.fork(state: state)
        context.seams = self.context.seams.shadowed(
            pure: self.generation.plugins[Int(slot)].declarations.isPure, seed: self.state.id.bits)
        context.backend = nil
        context.pluginSlot = slot
        context.hook = hook
        return context
    }

    /// Keeps what a shadow changed, for its own later runs.
    func keepOverlay(of slot: PluginSlot, _ context: SessionContext) {
        guard !context.state.changes.isEmpty || !context.state.storedKeys.isEmpty else { return }
        var shadows = self.shadows ?? ShadowRuns()
        shadows.overlays[slot, default: .init()].changes += context.state.changes.map(\.change)
        for key in context.state.storedKeys {
            shadows.overlays[slot, default: .init()].storage[key] = context.state.storage[key]
        }
        self.shadows = shadows
    }

    /// Counts a shadow's run; its answer is compared when its chain has one.
    func shadowEnded(_ run: ShadowRun, _ code: ReturnCode, _ flags: HookRecord.Flags) {
        let now = self.core.now
        let nanoseconds = UInt64(clamping: now &- run.startedAt)
        self.trail.append(
            HookRecord(
                hook: run.hook, plugin: run.slot, verdict: code, flags: flags, text: 0,
                offset: UInt32(clamping: (now &- self.startedAt) >> 10), nanoseconds: UInt32(clamping: nanoseconds),
                bucket: LatencyScale.bucket(of: nanoseconds)))
        let cell = self.runtimes[Int(run.slot)].cell + Int(run.hook.rawValue)
        self.core.counters.count(cell, .shadowRuns)
        if flags.contains(.threw) { self.core.counters.count(cell, .errors) }
        if flags.contains(.timedOut) { self.core.counters.count(cell, .timeouts) }
        run.answer = code
        if run.chainAnswer != nil {
            self.compare(run)
        } else if code != .declined {
            var shadows = self.shadows ?? ShadowRuns()
            shadows.open.append(run)
            self.shadows = shadows
        }
    }

    /// A chain has come to an answer: shadows that would have decided otherwise are counted.
    func shadowsLearn(_ hook: HookID, _ code: ReturnCode) {
        guard var shadows = self.shadows else { return }
        let asked = (shadows.open + shadows.waiting.values).filter { $0.hook == hook && $0.chainAnswer == nil }
        shadows.open.removeAll { $0.hook == hook }
        self.shadows = shadows
        for run in asked {
            run.chainAnswer = code
            if run.answer != nil { self.compare(run) }
        }
    }

    private func compare(_ run: ShadowRun) {
        guard let answer = run.answer, answer != .declined, answer != run.chainAnswer else { return }
        self.core.counters.count(self.runtimes[Int(run.slot)].cell + Int(run.hook.rawValue), .shadowDifferences)
    }

    // MARK: Shadows that wait

    /// Puts a waiting shadow on the list, with its time limit; what it was asked for ends without it.
    func began(_ run: ShadowRun) -> UInt32 {
        var shadows = self.shadows ?? ShadowRuns()
        shadows.begun &+= 1
        run.number = shadows.begun
        shadows.waiting[run.number] = run
        self.shadows = shadows
        run.session = self
        let limit = run.startedAt &+ self.runtimes[Int(run.slot)].timeout.clampedNanoseconds
        self.core.setDeadline(run.node, to: limit, for: run)
        return run.number
    }

    func shadowRanOutOfTime(_ number: UInt32) {
        guard let run = self.shadows?.waiting[number] else { return }
        run.task?.cancel()
        self.finished(run, .declined, [.shadow, .timedOut])
    }

    /// A waiting shadow answered, or ran out of time; only the first of both counts.
    func finished(_ run: ShadowRun, _ code: ReturnCode, _ flags: HookRecord.Flags) {
        guard !run.isOver else { return }
        run.isOver = true
        self.core.removeDeadline(run.node)
        self.shadows?.waiting[run.number] = nil
        self.shadowEnded(run, code, flags)
    }

    /// The session is over: nobody waits for its shadows.
    func endShadows() {
        for run in self.shadows?.waiting.values.map({ $0 }) ?? [] {
            run.isOver = true
            run.task?.cancel()
            self.core.removeDeadline(run.node)
        }
        self.shadows = nil
    }

    /// The mail is over: so are the shadows' views of it.
    func shadowsForgetTransaction() {
        guard var shadows = self.shadows else { return }
        for slot in shadows.overlays.keys { shadows.overlays[slot]?.changes.removeAll { !$0.outlivesTransaction } }
        self.shadows = shadows
    }

    // MARK: Shadows that wait

    func startShadow<Event: Sendable, Value>(
        _ hook: HookID, _ slot: PluginSlot, _ handler: @escaping WaitingHandler<Event, Value>, _ event: Event
    ) {
        let number = self.began(ShadowRun(hook, slot, self.core.now, self.shadowContext(hook, slot)))
        let task = Task(executorPreference: self.executor) { await self.runShadow(number, handler, event) }
        self.shadows?.waiting[number]?.task = task
    }

    private func runShadow<Event: Sendable, Value>(
        _ number: UInt32, _ handler: @escaping WaitingHandler<Event, Value>, _ event: Event
    ) async {
        guard let run = self.shadows?.waiting[number], let context = run.context else { return }
        var code = ReturnCode.declined
        var flags = HookRecord.Flags.shadow
        do {
            code = try await handler(event, context).code
        } catch {
            flags.insert(.threw)
        }
        guard !run.isOver else { return }
        self.keepOverlay(of: run.slot, context)
        self.finished(run, code, flags)
    }
}

/// One run of a shadow. Touched on its session's loop only.
final class ShadowRun: DeadlineTarget {
    let hook: HookID
    let slot: PluginSlot
    let startedAt: Int64
    let node = WheelNode()
    var answer: ReturnCode?
    var chainAnswer: ReturnCode?
    var isOver = false
    let context: SessionContext?
    var number: UInt32 = 0
    var task: Task<Void, Never>?
    weak var session: Session?

    init(_ hook: HookID, _ slot: PluginSlot, _ startedAt: Int64, _ context: SessionContext? = nil) {
        self.hook = hook
        self.slot = slot
        self.startedAt = startedAt
        self.context = context
    }

    func deadlinePassed() {
        let number = self.number
        self.session?.assumeIsolated { $0.shadowRanOutOfTime(number) }
    }
}

/// What shadows changed, and what they would have answered.
struct ShadowRuns {
    struct Overlay {
        var changes: [Change] = []
        var storage: [String: any Sendable] = [:]
    }
    var overlays: [PluginSlot: Overlay] = [:]
    /// Answered; their chain has not.
    var open: [ShadowRun] = []
    /// Not answered yet.
    var waiting: [UInt32: ShadowRun] = [:]
    var begun: UInt32 = 0
}

extension Change {
    /// Whether it is about the connection.
    var outlivesTransaction: Bool {
        switch self {
        case .note(.connection, _, _), .relayClient, .remoteHost, .authenticated: true
        case .note(.transaction, _, _), .sender, .addRecipient, .removeRecipient, .addHeader, .replaceHeader,
            .removeHeader, .replaceBody, .responded:
            false
        }
    }
}

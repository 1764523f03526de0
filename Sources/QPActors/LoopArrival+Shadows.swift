// LoopArrival+Shadows.swift
//
// Plugins in shadow mode while a client arrives: run beside, never applied.

import QPHooks
import QPTelemetry

extension LoopArrival {
    /// Runs a handler beside, on a private copy; one that waits is counted when it comes back in time.
    func runShadow(
        _ body: ArrivalChain.Body, _ event: ArrivalEvent, _ slot: PluginSlot, _ runtime: PluginRuntime
    ) {
        let context = self.context.fork(state: self.context.state.copy())
        for change in self.shadowChanges[slot] ?? [] { context.state.apply(change) }
        context.state.keepsChanges = true
        context.seams = context.seams.shadowed(
            pure: self.admission.generation.plugins[Int(slot)].declarations.isPure, seed: context.id.bits)
        context.pluginSlot = slot
        let arrival = ArrivalContext(session: context)
        switch body {
        case .sync(let handler):
            let result = Result { try handler(event, arrival) }
            self.shadowEnded(slot, runtime, try? result.get().code, context)
        case .waiting(let handler):
            let watch = ShadowWatch()
            self.core.setDeadline(watch.node, to: self.core.now &+ runtime.timeout.clampedNanoseconds, for: watch)
            watch.task = Task(executorPreference: self.core.executor) {
                let code = try? await handler(event, arrival).code
                self.core.removeDeadline(watch.node)
                self.shadowEnded(slot, runtime, code, context)
            }
        }
    }

    /// Cancels a shadow that waits too long.
    private final class ShadowWatch: DeadlineTarget, @unchecked Sendable {
        // Invariant: touched on the loop only.
        let node = WheelNode()
        var task: Task<Void, Never>?

        func deadlinePassed() { self.task?.cancel() }
    }

    private func shadowEnded(
        _ slot: PluginSlot, _ runtime: PluginRuntime, _ code: ReturnCode?, _ context: SessionContext
    ) {
        let now = self.core.now
        let nanoseconds = UInt64(clamping: now &- self.mark)
        let cell = runtime.cell + Int(HookID.preConnection.rawValue)
        self.core.counters.count(cell, .shadowRuns)
        if code == nil { self.core.counters.count(cell, .errors) }
        // Whatever decides otherwise would be the only one to refuse.
        if code?.isRefusal == true { self.core.counters.count(cell, .shadowDifferences) }
        self.trail.append(
            HookRecord(
                hook: .preConnection, plugin: slot, verdict: code ?? .declined,
                flags: code == nil ? [.shadow, .threw] : .shadow, text: 0,
                offset: UInt32(clamping: (now &- self.startedAt) >> 10), nanoseconds: UInt32(clamping: nanoseconds),
                bucket: LatencyScale.bucket(of: nanoseconds)))
        self.shadowChanges[slot, default: []] += context.state.changes.map(\.change)
    }
}

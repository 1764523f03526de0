// Session+Hooks.swift
//
// Asking a chain: in place as far as nobody waits.

import QPHooks
import QPTelemetry

/// What happens with a chain's answer.
typealias Continuation<Event, Value: Sendable> = @Sendable (isolated Session, Event, Verdict<Value>) -> Void

extension Session {
    /// Asks a chain; `then` gets the answer, at once or later.
    func ask<Event, Value>(
        _ hook: HookID, _ chain: Chain<Event, Value>, _ event: Event, then: @escaping Continuation<Event, Value>
    ) {
        if chain.isEmpty { return then(self, event, .declined) }
        if self.answersMayWait, !hook.isTelling {
            return self.suspend(ChainRun(hook, chain, event, index: 0, then: then))
        }
        var last = Verdict<Value>.declined
        var mark = self.core.now
        var index = 0
        let count = chain.elements.count
        while index < count {
            guard case .sync(let handler) = chain.elements[index].body else {
                let run = ChainRun(hook, chain, event, index: index, then: then)
                run.last = last
                return self.suspend(run)
            }
            if let verdict = self.runInPlace(hook, chain.elements[index].slot, handler, event, &mark) {
                last = verdict
                if self.answersExist { self.tell(hook, chain.elements[index].slot, verdict.code, verdict.text) }
                if verdict.code != .declined { break }
            }
            index += 1
        }
        self.chainEnded(hook, last.code)
        then(self, event, last)
    }

    /// Runs one handler that answers at once; `nil`: it has no say (off or shadow).
    @inline(__always)
    func runInPlace<Event, Value>(
        _ hook: HookID, _ slot: PluginSlot, _ handler: Handler<Event, Value>, _ event: Event, _ mark: inout Int64
    ) -> Verdict<Value>? {
        let runtime = self.runtimes[Int(slot)]
        guard runtime.mode == .on, runtime.mayRun(at: MonotonicTime(nanoseconds: mark)) else {
            return self.runUnusually(hook, slot, runtime, handler, event, &mark)
        }
        self.context.pluginSlot = slot
        self.context.hook = hook
        do {
            let verdict = try handler(event, self.context)
            self.record(hook, slot, runtime, verdict, [], &mark)
            runtime.succeeded()
            return verdict
        } catch {
            return self.failed(hook, slot, runtime, .threw, "\(error)", &mark)
        }
    }

    @inline(never)
    private func runUnusually<Event, Value>(
        _ hook: HookID, _ slot: PluginSlot, _ runtime: PluginRuntime, _ handler: Handler<Event, Value>,
        _ event: Event, _ mark: inout Int64
    ) -> Verdict<Value>? {
        switch runtime.mode {
        case .off:
            return nil
        case .on:
            return self.failed(hook, slot, runtime, .breaker, "breaker open", &mark)
        case .shadow:
            self.runShadow(hook, slot, runtime, handler, event, &mark)
            return nil
        }
    }

    /// Leaves a record of a run and counts it.
    @inline(__always)
    func record<Value>(
        _ hook: HookID, _ slot: PluginSlot, _ runtime: PluginRuntime, _ verdict: Verdict<Value>,
        _ flags: HookRecord.Flags, _ mark: inout Int64
    ) {
        let now = self.core.now
        let nanoseconds = UInt64(clamping: now &- mark)
        let bucket = LatencyScale.bucket(of: nanoseconds)
        var flags = flags
        var text: UInt16 = 0
        let code = verdict.code
        if code != .declined {
            flags.insert(.decided)
            text = self.trail.keep(verdict.text)
        }
        self.trail.append(
            HookRecord(
                hook: hook, plugin: slot, verdict: code, flags: flags, text: text,
                offset: UInt32(clamping: (now &- self.startedAt) >> 10), nanoseconds: UInt32(clamping: nanoseconds),
                bucket: bucket))
        self.core.counters.ran(
            runtime.cell &+ Int(hook.rawValue), code, nanoseconds: nanoseconds, bucket: bucket)
        mark = now
    }

    /// A handler threw, ran out of time, or was not asked because its breaker is open: its failure policy answers.
    func failed<Value>(
        _ hook: HookID, _ slot: PluginSlot, _ runtime: PluginRuntime, _ why: HookRecord.Flags, _ text: String,
        _ mark: inout Int64
    ) -> Verdict<Value> {
        let cell = runtime.cell + Int(hook.rawValue)
        let verdict: Verdict<Value>
        switch hook.isTelling ? .declined : runtime.failurePolicy.code(at: hook) {
        case .denysoft: verdict = .denysoft("", .otherSystem)
        default: verdict = .declined
        }
        if why.contains(.breaker) {
            self.core.counters.count(cell, .brokenOff)
        } else {
            self.core.counters.count(cell, why.contains(.timedOut) ? .timeouts : .errors)
            self.logFor(slot, hook, .critical, "plugin failed: \(text)")
            let network = self.state.connection.remoteAddress.accountingPrefix
            if runtime.failed(from: network, at: MonotonicTime(nanoseconds: self.core.now)) {
                self.logFor(slot, hook, .error, "breaker opened: the failure policy answers for the plugin")
            }
        }
        self.record(hook, slot, runtime, verdict, why, &mark)
        return verdict
    }

    func logFor(_ slot: PluginSlot, _ hook: HookID, _ level: LogLevel, _ text: String) {
        let name = self.generation.names[Int(slot)]
        guard self.context.seams.log.accepts(level, plugin: name) else { return }
        self.context.seams.log.log(
            LoggingEvent(
                level: level, hook: hook, plugin: name, session: self.state.id, sessionNumber: self.state.number,
                transaction: self.state.transaction.number, text: text, wallTime: self.core.loop.wallNow()))
    }

    // MARK: deny and ok

    var answersExist: Bool { !self.generation.chains.deny.isEmpty || !self.generation.chains.ok.isEmpty }

    var answersMayWait: Bool { self.generation.chains.deny.mayWait || self.generation.chains.ok.mayWait }

    /// Tells deny or ok handlers of an answer; only those that answer at once.
    func tell(_ hook: HookID, _ slot: PluginSlot, _ code: ReturnCode, _ text: String) {
        guard !hook.isTelling else { return }
        let answered = code.isRefusal ? HookID.deny : .ok
        let chain = code.isRefusal ? self.generation.chains.deny : self.generation.chains.ok
        let event = AnswerEvent(plugin: self.generation.names[Int(slot)], hook: hook, code: code, text: text)
        var mark = self.core.now
        for element in chain.elements {
            guard case .sync(let handler) = element.body else { continue }
            let verdict = self.runInPlace(answered, element.slot, handler, event, &mark)
            if let verdict, verdict.code != .declined { break }
        }
    }

    // MARK: Shadows

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
            self.core.counters.count(runtime.cell + Int(hook.rawValue), .errors)
        }
        self.shadowEnded(hook, slot, code, flags, context, &mark)
    }

    /// A context whose changes only this shadow sees.
    func shadowContext(_ hook: HookID, _ slot: PluginSlot) -> SessionContext {
        let state = self.state.copy()
        for change in self.shadows?.overlays[slot] ?? [] { state.apply(change) }
        state.keepsChanges = true
        let context = self.context.fork(state: state)
        context.seams = self.context.seams.shadowed(
            pure: self.generation.plugins[Int(slot)].declarations.isPure)
        context.backend = nil
        context.pluginSlot = slot
        context.hook = hook
        return context
    }

    func shadowEnded(
        _ hook: HookID, _ slot: PluginSlot, _ code: ReturnCode, _ flags: HookRecord.Flags,
        _ context: SessionContext, _ mark: inout Int64
    ) {
        let now = self.core.now
        let nanoseconds = UInt64(clamping: now &- mark)
        self.trail.append(
            HookRecord(
                hook: hook, plugin: slot, verdict: code, flags: flags, text: 0,
                offset: UInt32(clamping: (now &- self.startedAt) >> 10), nanoseconds: UInt32(clamping: nanoseconds),
                bucket: LatencyScale.bucket(of: nanoseconds)))
        mark = now
        self.core.counters.count(self.runtimes[Int(slot)].cell + Int(hook.rawValue), .shadowRuns)
        var shadows = self.shadows ?? ShadowRuns()
        shadows.overlays[slot, default: []] += context.state.changes.map(\.change)
        shadows.answers.append((hook, slot, code))
        self.shadows = shadows
    }

    /// The chain has come to an answer: shadows that would have decided otherwise are counted.
    func chainEnded(_ hook: HookID, _ code: ReturnCode) {
        if !self.state.responses.isEmpty { self.flushPluginResponses() }
        guard var shadows = self.shadows, !shadows.answers.isEmpty else { return }
        for answer in shadows.answers where answer.hook == hook && answer.code != .declined && answer.code != code {
            self.core.counters.count(self.runtimes[Int(answer.slot)].cell + Int(hook.rawValue), .shadowDifferences)
        }
        shadows.answers.removeAll { $0.hook == hook }
        self.shadows = shadows
    }

    /// The mail is over: so are the shadows' views of it.
    func shadowsForgetTransaction() {
        guard var shadows = self.shadows else { return }
        for slot in shadows.overlays.keys {
            shadows.overlays[slot]?.removeAll { change in
                if case .note(.connection, _, _) = change { false } else { true }
            }
        }
        self.shadows = shadows
    }
}

/// What shadows changed, and what they would have answered.
struct ShadowRuns: Sendable {
    var overlays: [PluginSlot: [Change]] = [:]
    var answers: [(hook: HookID, slot: PluginSlot, code: ReturnCode)] = []
}

extension HookID {
    /// Hooks that only tell: their answer stops the chain and does nothing else.
    var isTelling: Bool {
        switch self {
        case .deny, .ok, .logging, .config, .userConfig, .postFork: true
        default: false
        }
    }
}

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
        if self.answersExist || PluginRuntime.anyUnusual || chain.mayWait {
            return self.askCarefully(hook, chain, event, then: then)
        }

        // The straight way: nobody listens to answers, nobody waits, every plugin is on. Records go to the loop's
        // scratch.
        let storage = chain.storage
        let context = self.context
        let core = self.core
        let counters = core.counters
        let scratch = core.scratch
        let place = Int(hook.rawValue)
        let startedAt = self.startedAt
        let session = self.state.id
        var mark = core.stamp
        var index = 0
        var kept = 0
        while index < chain.count {
            let slot = storage.slots[index]
            let cell = self.cells[Int(slot)] &+ place
            context.enter(slot, hook)
            core.runs(cell, session)
            do {
                let verdict = try Unmanaged.passUnretained(storage.handlers[index])._withUnsafeGuaranteedRef {
                    try $0.call(event, context)
                }
                if case .declined = verdict {
                    let now = core.stamp
                    let nanoseconds = UInt64(bitPattern: now &- mark)
                    let bucket = LatencyScale.bucket(of: nanoseconds)
                    (scratch + kept).initialize(
                        to: HookRecord(
                            hook: hook, plugin: slot, verdict: .declined, flags: [], text: 0,
                            offset: UInt32(truncatingIfNeeded: (now &- startedAt) >> 10),
                            nanoseconds: UInt32(truncatingIfNeeded: min(nanoseconds, 0xffff_ffff)), bucket: bucket))
                    counters.ran(cell, .declined, nanoseconds: nanoseconds, bucket: bucket)
                    mark = now
                    kept &+= 1
                    if kept == LoopCore.scratchCount {
                        self.trail.append(scratch, kept)
                        kept = 0
                    }
                    index &+= 1
                    continue
                }
                self.trail.append(scratch, kept)
                kept = 0
                self.record(hook, slot, cell, verdict, [], &mark)
                if verdict.code == .declined, index + 1 < chain.count {
                    index &+= 1
                    continue
                }
                self.chainEnded(hook, verdict.code)
                return then(self, event, verdict)
            } catch {
                self.trail.append(scratch, kept)
                kept = 0
                let verdict: Verdict<Value> = self.failed(
                    hook, slot, self.runtimes[Int(slot)], .threw, "\(error)", &mark)
                if verdict.code == .declined {
                    index &+= 1
                    continue
                }
                self.chainEnded(hook, verdict.code)
                return then(self, event, verdict)
            }
        }
        self.trail.append(scratch, kept)
        self.chainEnded(hook, .declined)
        then(self, event, .declined)
    }

    /// The same with deny and ok handlers, or with plugins that are off, in shadow, or failing.
    private func askCarefully<Event, Value>(
        _ hook: HookID, _ chain: Chain<Event, Value>, _ event: Event, then: @escaping Continuation<Event, Value>
    ) {
        if self.answersMayWait, !hook.isTelling {
            return self.suspend(ChainRun(hook, chain, event, index: 0, then: then))
        }
        var last = Verdict<Value>.declined
        var mark = self.core.stamp
        var index = 0
        while index < chain.count {
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
        if PluginRuntime.anyUnusual { return self.runCarefully(hook, slot, handler, event, &mark) }
        let cell = self.cells[Int(slot)] &+ Int(hook.rawValue)
        let context = self.context
        context.enter(slot, hook)
        self.core.runs(cell, self.state.id)
        do {
            let verdict = try handler(event, context)
            self.record(hook, slot, cell, verdict, [], &mark)
            return verdict
        } catch {
            return self.failed(hook, slot, self.runtimes[Int(slot)], .threw, "\(error)", &mark)
        }
    }

    /// The same while some plugin is off, in shadow, or has failed lately.
    @inline(never)
    private func runCarefully<Event, Value>(
        _ hook: HookID, _ slot: PluginSlot, _ handler: Handler<Event, Value>, _ event: Event, _ mark: inout Int64
    ) -> Verdict<Value>? {
        let runtime = self.runtimes[Int(slot)]
        guard runtime.mode == .on, runtime.mayRun(at: MonotonicTime(nanoseconds: mark)) else {
            return self.runUnusually(hook, slot, runtime, handler, event, &mark)
        }
        let cell = runtime.cell &+ Int(hook.rawValue)
        let context = self.context
        context.enter(slot, hook)
        self.core.runs(cell, self.state.id)
        do {
            let verdict = try handler(event, context)
            self.record(hook, slot, cell, verdict, [], &mark)
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
        _ hook: HookID, _ slot: PluginSlot, _ cell: Int, _ verdict: Verdict<Value>,
        _ flags: HookRecord.Flags, _ mark: inout Int64
    ) {
        let now = self.core.stamp
        let nanoseconds = UInt64(clamping: now &- mark)
        let bucket = LatencyScale.bucket(of: nanoseconds)
        var flags = flags
        var text: UInt16 = 0
        let code = verdict.code
        if code != .declined {
            flags.insert(.decided)
            text = self.trail.keep(verdict.trailText)
        }
        self.trail.append(
            HookRecord(
                hook: hook, plugin: slot, verdict: code, flags: flags, text: text,
                offset: UInt32(clamping: (now &- self.startedAt) >> 10), nanoseconds: UInt32(clamping: nanoseconds),
                bucket: bucket))
        self.core.counters.ran(cell, code, nanoseconds: nanoseconds, bucket: bucket)
        mark = now
    }

    /// A handler threw, ran out of time, or was not asked because its breaker is open: its failure policy answers.
    func failed<Value>(
        _ hook: HookID, _ slot: PluginSlot, _ runtime: PluginRuntime, _ why: HookRecord.Flags, _ text: String,
        _ mark: inout Int64
    ) -> Verdict<Value> {
        let cell = runtime.cell + Int(hook.rawValue)
        self.failedRuns &+= 1
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
        self.record(hook, slot, cell, verdict, why, &mark)
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

    /// The chain has come to an answer.
    func chainEnded(_ hook: HookID, _ code: ReturnCode) {
        if self.state.hasResponses { self.flushPluginResponses() }
        if self.shadows != nil { self.shadowsLearn(hook, code) }
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
        var mark = self.core.stamp
        for element in chain.elements {
            guard case .sync(let handler) = element.body else { continue }
            let verdict = self.runInPlace(answered, element.slot, handler, event, &mark)
            if let verdict, verdict.code != .declined { break }
        }
    }
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

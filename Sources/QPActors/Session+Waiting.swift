// Session+Waiting.swift
//
// Handlers that wait: the only place of the engine that makes tasks.

import QPHooks
import QPTelemetry

/// Work that may wait; what a session does when it cannot go on in place.
protocol PendingRun: AnyObject {
    func resume(in session: isolated Session) async
    /// Its running handler has run out of time (or its client has gone): the chain goes on without it.
    func abandoned(_ failure: Failure)
}

/// Why a handler's answer is not awaited any more.
struct Failure {
    let slot: PluginSlot
    let flags: HookRecord.Flags
    let text: String
    /// Whether the whole chain ends with it (its budget is spent).
    let endsChain: Bool
}

/// The handler that runs now, and until when it may.
final class RunningHandler {
    let hook: HookID
    let slot: PluginSlot
    let startedAt: Int64
    let limit: Int64
    let chainLimit: Int64
    let run: any PendingRun

    init(
        hook: HookID, slot: PluginSlot, startedAt: Int64, limit: Int64, chainLimit: Int64, run: any PendingRun
    ) {
        self.hook = hook
        self.slot = slot
        self.startedAt = startedAt
        self.limit = limit
        self.chainLimit = chainLimit
        self.run = run
    }
}

/// A chain on its way.
final class ChainRun<Event: Sendable, Value: Sendable>: PendingRun {
    let hook: HookID
    let chain: Chain<Event, Value>
    let event: Event
    let then: Continuation<Event, Value>
    var index: Int
    var last = Verdict<Value>.declined
    private var failure: Failure?
    private var startedAt: Int64?
    /// The answer that ended the chain is there; only those who are told of it may still wait.
    private var isDecided = false

    init(
        _ hook: HookID, _ chain: Chain<Event, Value>, _ event: Event, index: Int,
        then: @escaping Continuation<Event, Value>
    ) {
        self.hook = hook
        self.chain = chain
        self.event = event
        self.index = index
        self.then = then
    }

    func abandoned(_ failure: Failure) { self.failure = failure }

    func resume(in session: isolated Session) async {
        let token = session.token
        var mark = session.core.now
        let startedAt = self.startedAt ?? mark
        self.startedAt = startedAt
        let chainLimit = startedAt &+ session.budget(of: self.hook).clampedNanoseconds

        while !self.isDecided, self.index < self.chain.elements.count {
            let element = self.chain.elements[self.index]
            let answer: Verdict<Value>?
            var told: [Told] = []
            var endsChain = false
            if let failure = self.failure {
                self.failure = nil
                endsChain = failure.endsChain
                let verdict: Verdict<Value> = session.failed(
                    self.hook, failure.slot, session.runtimes[Int(failure.slot)], failure.flags, failure.text, &mark)
                told = [Told(slot: failure.slot, code: verdict.code, text: verdict.text)]
                answer = verdict
            } else {
                switch element.body {
                case .sync(let handler):
                    answer = session.runInPlace(self.hook, element.slot, handler, self.event, &mark)
                case .waiting(let handler):
                    answer = await session.runWaiting(
                        self, self.hook, element.slot, handler, self.event, chainLimit, &mark)
                case .group(let host, let entries):
                    answer = await session.runGroup(
                        self, self.hook, host, entries, self.event, chainLimit, &mark, &told)
                }
                guard session.token == token else { return }
            }
            self.index += 1
            guard let answer else { continue }
            self.last = answer
            self.isDecided = answer.code != .declined || endsChain
            if endsChain, answer.code == .declined, self.index < self.chain.elements.count {
                self.last = self.cutShort
            }
            if session.answersExist {
                if told.isEmpty { told = [Told(slot: element.slot, code: answer.code, text: answer.text)] }
                for answer in told {
                    await session.tellWaiting(self, self.hook, answer)
                    guard session.token == token else { return }
                }
            }
        }
        session.isDeciding = false
        session.chainEnded(self.hook, self.last.code)
        self.then(session, self.event, self.last)
    }

    /// What stands for the plugins that were not asked because the chain's time was spent.
    private var cutShort: Verdict<Value> {
        FailurePolicy.standard.code(at: self.hook) == .denysoft ? .denysoft("", .otherSystem) : self.last
    }
}

/// An answer that deny and ok handlers learn of.
struct Told {
    let slot: PluginSlot
    let code: ReturnCode
    let text: String
}

/// Any other work that waits.
final class FunctionRun: PendingRun {
    private let work: @Sendable (isolated Session) async -> Void

    init(_ work: @escaping @Sendable (isolated Session) async -> Void) {
        self.work = work
    }

    func abandoned(_ failure: Failure) {}

    func resume(in session: isolated Session) async { await self.work(session) }
}

extension Session {
    /// How long a chain may take in all, now: farewell hooks get 5 s each.
    func budget(of hook: HookID) -> Duration {
        self.phase == .leaving ? .seconds(5) : hook.chainBudget
    }

    /// A decision took its time, which is not the client's.
    private func restartTimers() {
        switch self.phase {
        case .command: self.startCommandTimer()
        case .data, .chunk: self.startDataTimer()
        case .opening, .handshake, .leaving, .gone: break
        }
    }
}

extension HookID {
    /// How long a chain may take in all (RFC 5321 §4.5.3.2: within the client's own limits of 5 min for commands,
    /// 2 min for DATA, 10 min after the final dot).
    var chainBudget: Duration {
        switch self {
        case .data: .seconds(100)
        case .dataPostHeaders, .receivedLine, .dataPost, .queuePre: .seconds(540)
        case .queue: .seconds(600)
        case .disconnect, .postConnection: .seconds(5)
        default: .seconds(240)
        }
    }
}

extension Session {
    /// Puts a run aside for the session's task, and makes the task if there is none.
    func suspend(_ run: any PendingRun) {
        self.isDeciding = true
        self.nextRun = run
        guard !self.isWorking else { return }
        self.isWorking = true
        let token = self.token
        self.task = Task(executorPreference: self.executor) { await self.work(token) }
    }

    /// Finishes the batch: runs, then input that waits, until nothing waits any more.
    private func work(_ token: UInt32) async {
        while self.token == token, let run = self.nextRun {
            self.nextRun = nil
            await run.resume(in: self)
            guard self.token == token else { return }
            self.restartTimers()
            if self.nextRun == nil { self.proceed() }
            self.settle()
        }
        guard self.token == token else { return }
        self.isWorking = false
        self.task = nil
        self.transport.outputPending()
    }

    /// Runs one handler that may wait; `nil`: it has no say. The caller looks at `token` before it believes the answer.
    func runWaiting<Event: Sendable, Value>(
        _ run: any PendingRun, _ hook: HookID, _ slot: PluginSlot, _ handler: @escaping WaitingHandler<Event, Value>,
        _ event: Event, _ chainLimit: Int64, _ mark: inout Int64
    ) async -> Verdict<Value>? {
        let runtime = self.runtimes[Int(slot)]
        switch runtime.mode {
        case .off: return nil
        case .shadow:
            self.startShadow(hook, slot, handler, event)
            return nil
        case .on: break
        }
        guard runtime.mayRun(at: MonotonicTime(nanoseconds: mark)) else {
            return self.failed(hook, slot, runtime, .breaker, "breaker open", &mark)
        }

        let token = self.token
        self.begin(run, hook, slot, runtime, chainLimit, mark)
        let context = self.context
        let result: Result<Verdict<Value>, any Error>
        do {
            result = .success(try await handler(event, context))
        } catch {
            result = .failure(error)
        }
        guard self.token == token else {
            runtime.cameBack()
            return nil
        }
        self.running = nil
        switch result {
        case .success(let verdict):
            self.record(hook, slot, runtime.cell + Int(hook.rawValue), verdict, [], &mark)
            runtime.succeeded()
            return verdict
        case .failure(let error):
            return self.failed(hook, slot, runtime, .threw, "\(error)", &mark)
        }
    }

    /// Asks a host for its entries' answer.
    func runGroup<Event: Sendable, Value>(
        _ run: any PendingRun, _ hook: HookID, _ host: any HookHost, _ entries: [HostEntry], _ event: Event,
        _ chainLimit: Int64, _ mark: inout Int64, _ told: inout [Told]
    ) async -> Verdict<Value>? {
        let asked = entries.filter { self.runtimes[Int($0.slot)].mode == .on }
        guard let first = asked.first else { return nil }
        let runtime = self.runtimes[Int(first.slot)]
        guard runtime.mayRun(at: MonotonicTime(nanoseconds: mark)) else {
            return self.failed(hook, first.slot, runtime, .breaker, "breaker open", &mark)
        }
        let token = self.token
        self.begin(run, hook, first.slot, runtime, chainLimit, mark)
        let changes = self.state.changes.map(\.change)
        self.state.changes = []
        self.state.keepsChanges = true
        let request = HostRequest(
            session: self.state.id, hook: hook, entries: asked, arguments: HookArguments.of(event), changes: changes)
        let result: Result<HostAnswer, any Error>
        do {
            result = .success(try await host.answer(request))
        } catch {
            result = .failure(error)
        }
        guard self.token == token else {
            runtime.cameBack()
            return nil
        }
        self.running = nil
        switch result {
        case .failure(let error):
            let culprit = (error as? HostFailure).flatMap { asked.indices.contains($0.index) ? asked[$0.index] : nil }
            let slot = culprit?.slot ?? first.slot
            let verdict: Verdict<Value> = self.failed(
                hook, slot, self.runtimes[Int(slot)], .threw, "\(error)", &mark)
            told = [Told(slot: slot, code: verdict.code, text: verdict.text)]
            return verdict
        case .success(let answer):
            for change in answer.changes { self.state.apply(change) }
            var verdict = Verdict<Value>.declined
            for step in answer.trail where asked.indices.contains(step.index) {
                let slot = asked[step.index].slot
                verdict = HookArguments.verdict(step, answer.values)
                mark = self.core.now &- Int64(step.microseconds) &* 1000
                self.record(hook, slot, self.runtimes[Int(slot)].cell + Int(hook.rawValue), verdict, [], &mark)
                self.runtimes[Int(slot)].succeeded()
                told.append(Told(slot: slot, code: verdict.code, text: verdict.text))
            }
            return verdict
        }
    }

    private func begin(
        _ run: any PendingRun, _ hook: HookID, _ slot: PluginSlot, _ runtime: PluginRuntime, _ chainLimit: Int64,
        _ mark: Int64
    ) {
        self.context.pluginSlot = slot
        self.context.hook = hook
        self.core.runs(runtime.cell + Int(hook.rawValue), self.state.id)
        // RFC 1047: a queue handler that is cut off between its work and our answer makes duplicates.
        let limit = hook == .queue ? chainLimit : mark &+ runtime.timeout.clampedNanoseconds
        self.running = RunningHandler(
            hook: hook, slot: slot, startedAt: mark, limit: min(limit, chainLimit), chainLimit: chainLimit, run: run)
        self.updateDeadline()
        self.transport.outputPending()
    }

    /// deny and ok with handlers that may wait.
    func tellWaiting(_ run: any PendingRun, _ hook: HookID, _ answer: Told) async {
        let (slot, code, text) = (answer.slot, answer.code, answer.text)
        guard self.answersMayWait else { return self.tell(hook, slot, code, text) }
        guard !hook.isTelling else { return }
        let chain = code.isRefusal ? self.generation.chains.deny : self.generation.chains.ok
        let answered = code.isRefusal ? HookID.deny : .ok
        let event = AnswerEvent(plugin: self.generation.names[Int(slot)], hook: hook, code: code, text: text)
        let token = self.token
        var mark = self.core.now
        let limit = mark &+ self.budget(of: answered).clampedNanoseconds
        for element in chain.elements {
            let verdict: Verdict<Void>?
            var told: [Told] = []
            switch element.body {
            case .sync(let handler):
                verdict = self.runInPlace(answered, element.slot, handler, event, &mark)
            case .waiting(let handler):
                verdict = await self.runWaiting(TellRun(run), answered, element.slot, handler, event, limit, &mark)
            case .group(let host, let entries):
                verdict = await self.runGroup(TellRun(run), answered, host, entries, event, limit, &mark, &told)
            }
            guard self.token == token else { return }
            if let verdict, verdict.code != .declined { return }
        }
    }

    // MARK: Leaving a handler behind

    /// The running handler has had its time: it is cancelled and left behind with a private copy of the session; the
    /// chain goes on in a fresh task.
    func runOutOfTime(_ running: RunningHandler, at now: Int64) {
        let endsChain = now >= running.chainLimit
        self.leaveBehind(running)
        self.core.counters.count(
            self.runtimes[Int(running.slot)].cell + Int(running.hook.rawValue), .stragglers)
        if running.hook == .deny || running.hook == .ok {
            var mark = running.startedAt
            let _: Verdict<Void> = self.failed(
                running.hook, running.slot, self.runtimes[Int(running.slot)], .timedOut, "ran out of time", &mark)
        }
        running.run.abandoned(
            Failure(slot: running.slot, flags: .timedOut, text: "ran out of time", endsChain: endsChain))
        self.suspend(running.run)
    }

    /// Nobody waits for the running work any more.
    func abandonRun() {
        if let running = self.running {
            self.leaveBehind(running)
        } else if self.isWorking {
            self.token &+= 1
            self.task?.cancel()
            self.task = nil
            self.isWorking = false
        }
        self.nextRun = nil
        self.isDeciding = false
    }

    private func leaveBehind(_ running: RunningHandler) {
        self.token &+= 1
        self.running = nil
        let straggler = self.context
        self.context = straggler.fork(state: self.state)
        straggler.state = self.state.copy()
        straggler.backend = nil
        self.runtimes[Int(running.slot)].leftBehind()
        // Also a queue handler: the client is told to try again, so the mail had better not be delivered after all.
        self.task?.cancel()
        self.task = nil
        self.isWorking = false
        self.wakeInputWaiter()
    }
}

/// A deny or ok handler that waits: when it is left behind, the chain it was told of goes on.
private final class TellRun: PendingRun {
    private let run: any PendingRun

    init(_ run: any PendingRun) {
        self.run = run
    }

    func resume(in session: isolated Session) async { await self.run.resume(in: session) }
    func abandoned(_ failure: Failure) {}
}

// LoopArrival.swift
//
// A client between accept and session: the pre-connection chain, on the client's own loop.

public import QPHooks
import QPTelemetry

/// What the arrival left for the session.
public struct ArrivalResult: Sendable {
    public let id: SessionID
    package let number: UInt64
    package let generation: Generation
    public let connection: Connection
    package let notes: [String: NoteValue]
    package let trail: Trail
    package let tables: ConfigSnapshot
    package let calls: CallCounter.SharedCount
    package let startedAt: Int64
    /// What shadows changed, by plugin: only they see it.
    package let shadowChanges: [PluginSlot: [Change]]
}

/// What becomes of an arriving client.
public enum ArrivalOutcome: Sendable {
    /// A session may begin.
    case welcome(ArrivalResult)
    /// The reply to send before the connection is closed; the place is held until it is.
    case refused([UInt8])
}

/// One arriving client. Loop-local; a slow handler delays only its own client.
public final class LoopArrival: DeadlineTarget, @unchecked Sendable {
    // Invariant: everything that changes is touched on the loop only.
    let core: LoopCore
    private let supervisor: Supervisor
    let admission: Supervisor.Admission
    let context: SessionContext
    private let calls: CallCounter.SharedCount
    let startedAt: Int64
    private let completion: @Sendable (ArrivalOutcome) -> Void
    private let setup: SessionSetup
    private let node = WheelNode()
    private var arrival: ArrivalContext
    var trail = Trail()
    private var index = 0
    var mark: Int64
    private var task: Task<Void, Never>?
    private var turn: UInt32 = 0
    private var isOver = false
    var shadowChanges: [PluginSlot: [Change]] = [:]

    /// How long the whole chain may take: clients wait 5 min for a greeting (RFC 5321 §4.5.3.2.1).
    private var chainLimit: Int64 { self.startedAt &+ HookID.preConnection.chainBudget.clampedNanoseconds }

    /// Admits a client, or gives the reply that turns it away. `completion` is called once, on the loop, at once or
    /// later; not at all after `abandon`. `nil`: it was called already.
    public static func begin(
        _ connection: Connection, setup: SessionSetup, completion: @escaping @Sendable (ArrivalOutcome) -> Void
    ) -> Result<LoopArrival?, TurnedAway> {
        let (core, seams) = (setup.core, setup.seams)
        switch setup.supervisor.admit(connection.remoteAddress) {
        case .failure(let refused):
            let id = Self.newID(seams)
            Self.turnedAway(refused, connection, id, setup)
            var bytes: [UInt8] = []
            refused.reply.encode(into: &bytes, id: id.description)
            return .failure(TurnedAway(reply: bytes))
        case .success(let admission):
            let generation = admission.generation
            if generation.arrival.elements.isEmpty {
                // Nobody asks: no views of the client are made for a chain that does not run.
                completion(
                    .welcome(
                        ArrivalResult(
                            id: Self.newID(seams), number: admission.number, generation: generation,
                            connection: connection, notes: [:], trail: Trail(), tables: generation.snapshot,
                            calls: CallCounter.SharedCount(), startedAt: core.now, shadowChanges: [:])))
                return .success(nil)
            }
            return .success(LoopArrival(connection, setup, admission, completion))
        }
    }

    /// Counts a client that may not even arrive, and leaves its record.
    private static func turnedAway(
        _ refused: ConnectionRefused, _ connection: Connection, _ id: SessionID, _ setup: SessionSetup
    ) {
        let counters = setup.core.counters
        switch refused.reason {
        case .total:
            counters.server.refusedTotal &+= 1
            setup.listener.count(.total)
        case .address:
            counters.server.refusedAddress &+= 1
            setup.listener.count(.address)
        case .draining:
            counters.server.refusedDrain &+= 1
            setup.listener.count(.draining)
        case .resources:
            counters.server.refusedResources &+= 1
            setup.listener.count(.resources)
        case .banned:
            counters.server.refusedBanned &+= 1
            setup.listener.count(.banned)
        }
        counters.replied(refused.reply.code)
        setup.journal?.append(
            .refused(
                id, 0, connection, refused.generation, at: setup.core.loop.wallNow(), duration: 0, refused.reply,
                decidedBy: nil, trail: .empty),
            refused.generation)
    }

    private static func newID(_ seams: Seams) -> SessionID {
        SessionID(bits: seams.random.next(origin: EffectOrigin(session: nil, plugin: "", hook: nil, call: 0)))
    }

    private init(
        _ connection: Connection, _ setup: SessionSetup, _ admission: Supervisor.Admission,
        _ completion: @escaping @Sendable (ArrivalOutcome) -> Void
    ) {
        let (core, seams) = (setup.core, setup.seams)
        self.core = core
        self.supervisor = setup.supervisor
        self.setup = setup
        self.admission = admission
        self.completion = completion
        self.startedAt = core.now
        self.mark = self.startedAt
        self.calls = CallCounter.SharedCount()
        let state = SessionState(id: Self.newID(seams), number: admission.number, connection: connection)
        self.context = SessionContext(
            state: state, seams: seams, clock: core.clock, calls: self.calls, tables: admission.generation.snapshot)
        self.context.names = admission.generation.names
        self.context.logAdjustments = admission.generation.logAdjustments
        self.context.hook = .preConnection
        self.arrival = ArrivalContext(session: self.context)
    }

    /// Runs the chain.
    public func start() { self.go() }

    /// The client has gone before it was welcome.
    public func abandon() {
        guard !self.isOver else { return }
        self.isOver = true
        self.task?.cancel()
        self.core.removeDeadline(self.node)
        self.core.counters.server.abandoned &+= 1
        self.setup.listener.count(.abandoned)
        self.journalRefused(Reply(421, .badConnection, "client left before the greeting"), by: .client)
        self.supervisor.release(self.context.connection.remoteAddress)
    }

    /// The connection of a refused client is closed: its place is free.
    public func refusedClientClosed() {
        self.supervisor.release(self.context.connection.remoteAddress)
    }

    private func go() {
        let generation = self.admission.generation
        let event = ArrivalEvent(
            maxConnectionsPerAddress: generation.settings.limits.maxConnectionsPerAddress,
            liveAddresses: self.admission.live)
        while !self.isOver, self.index < generation.arrival.elements.count {
            let element = generation.arrival.elements[self.index]
            let runtime = generation.runtimes[Int(element.slot)]
            guard runtime.mode == .on else {
                if runtime.mode == .shadow { self.runShadow(element.body, event, element.slot, runtime) }
                self.index += 1
                continue
            }
            guard self.mark < self.chainLimit else { break }
            guard runtime.mayRun(at: MonotonicTime(nanoseconds: self.mark)) else {
                self.core.counters.count(runtime.cell + Int(HookID.preConnection.rawValue), .brokenOff)
                if self.answered(element.slot, self.failureVerdict(runtime), .breaker) { return }
                continue
            }
            self.context.pluginSlot = element.slot
            self.core.runs(runtime.cell + Int(HookID.preConnection.rawValue), self.context.id)
            switch element.body {
            case .sync(let handler):
                do {
                    let verdict = try handler(event, self.arrival)
                    runtime.succeeded()
                    if self.answered(element.slot, verdict, []) { return }
                } catch {
                    if self.failed(element.slot, "\(error)", .threw) { return }
                }
            case .waiting(let handler):
                self.wait(handler, event, element.slot, runtime)
                return
            }
        }
        self.welcome()
    }

    private func wait(
        _ handler: @escaping WaitingArrivalHandler, _ event: ArrivalEvent, _ slot: PluginSlot,
        _ runtime: PluginRuntime
    ) {
        self.turn &+= 1
        let turn = self.turn
        let limit = min(self.core.now &+ runtime.timeout.clampedNanoseconds, self.chainLimit)
        self.core.setDeadline(self.node, to: limit, for: self)
        self.task = Task(executorPreference: self.core.executor) {
            let result: Result<Verdict<Void>, any Error>
            do {
                result = .success(try await handler(event, self.arrival))
            } catch {
                result = .failure(error)
            }
            self.core.loop.execute { self.came(back: result, turn, slot) }
        }
    }

    private func came(back result: Result<Verdict<Void>, any Error>, _ turn: UInt32, _ slot: PluginSlot) {
        let runtime = self.admission.generation.runtimes[Int(slot)]
        guard turn == self.turn else { return runtime.cameBack() }
        guard !self.isOver else { return }
        self.core.removeDeadline(self.node)
        self.task = nil
        switch result {
        case .success(let verdict):
            runtime.succeeded()
            if self.answered(slot, verdict, []) { return }
        case .failure(let error):
            if self.failed(slot, "\(error)", .threw) { return }
        }
        self.go()
    }

    /// The running handler has had its time.
    public func deadlinePassed() {
        guard !self.isOver, let task = self.task else { return }
        task.cancel()
        self.task = nil
        self.turn &+= 1
        let slot = self.admission.generation.arrival.elements[self.index].slot
        // The straggler keeps its own view of the client.
        let state = self.context.state
        self.arrival = ArrivalContext(session: self.context.fork(state: state.copy()))
        let runtime = self.admission.generation.runtimes[Int(slot)]
        runtime.leftBehind()
        self.core.counters.count(runtime.cell + Int(HookID.preConnection.rawValue), .stragglers)
        if !self.failed(slot, "ran out of time", .timedOut) { self.go() }
    }

    private func failureVerdict(_ runtime: PluginRuntime) -> Verdict<Void> {
        runtime.failurePolicy.code(at: .preConnection) == .denysoft ? .denysoft("", .otherSystem) : .declined
    }

    private func failed(_ slot: PluginSlot, _ text: String, _ why: HookRecord.Flags) -> Bool {
        let runtime = self.admission.generation.runtimes[Int(slot)]
        let cell = runtime.cell + Int(HookID.preConnection.rawValue)
        self.core.counters.count(cell, why.contains(.timedOut) ? .timeouts : .errors)
        self.context.log.error("plugin failed: \(text)")
        let network = self.context.connection.remoteAddress.accountingPrefix
        if runtime.failed(from: network, at: MonotonicTime(nanoseconds: self.core.now)) {
            self.context.log.error("breaker opened: the failure policy answers for the plugin")
        }
        return self.answered(slot, self.failureVerdict(runtime), why)
    }

    /// Takes an answer; true when the chain is over.
    private func answered(_ slot: PluginSlot, _ verdict: Verdict<Void>, _ flags: HookRecord.Flags) -> Bool {
        let runtime = self.admission.generation.runtimes[Int(slot)]
        let now = self.core.now
        let nanoseconds = UInt64(clamping: now &- self.mark)
        let bucket = LatencyScale.bucket(of: nanoseconds)
        let text = verdict.code == .declined ? 0 : self.trail.keep(verdict.trailText)
        self.trail.append(
            HookRecord(
                hook: .preConnection, plugin: slot, verdict: verdict.code,
                flags: verdict.code == .declined ? flags : flags.union(.decided), text: text,
                offset: UInt32(clamping: (now &- self.startedAt) >> 10), nanoseconds: UInt32(clamping: nanoseconds),
                bucket: bucket))
        self.core.counters.ran(
            runtime.cell + Int(HookID.preConnection.rawValue), verdict.code, nanoseconds: nanoseconds, bucket: bucket)
        self.mark = now
        self.index += 1
        self.tellAnswer(slot, verdict)
        switch verdict {
        case .declined, .declinedSaying: return false
        case .refused(let denial):
            self.refuse(denial)
            return true
        case .done, .ok, .okSaying:
            self.welcome()
            return true
        }
    }

    // MARK: Answers

    /// deny and ok handlers that answer at once learn of arrivals too.
    private func tellAnswer(_ slot: PluginSlot, _ verdict: Verdict<Void>) {
        let generation = self.admission.generation
        let chain = verdict.code.isRefusal ? generation.chains.deny : generation.chains.ok
        guard !chain.isEmpty else { return }
        let hook = verdict.code.isRefusal ? HookID.deny : .ok
        let event = AnswerEvent(
            plugin: generation.names[Int(slot)], hook: .preConnection, code: verdict.code, text: verdict.text)
        let context = self.context
        for element in chain.elements {
            guard case .sync(let handler) = element.body else { continue }
            context.pluginSlot = element.slot
            context.hook = hook
            let answer = try? handler(event, context)
            let cell = generation.runtimes[Int(element.slot)].cell + Int(hook.rawValue)
            if answer == nil { self.core.counters.count(cell, .errors) }
            self.told(hook, element.slot, cell, answer)
            if let answer, answer.code != .declined { break }
        }
        context.hook = .preConnection
    }

    /// Leaves a record of a run of deny or ok and counts it; `nil`: it threw.
    private func told(_ hook: HookID, _ slot: PluginSlot, _ cell: Int, _ answer: Verdict<Void>?) {
        let now = self.core.now
        let nanoseconds = UInt64(clamping: now &- self.mark)
        let bucket = LatencyScale.bucket(of: nanoseconds)
        let code = answer?.code ?? .declined
        self.trail.append(
            HookRecord(
                hook: hook, plugin: slot, verdict: code,
                flags: answer == nil ? .threw : code == .declined ? [] : .decided, text: 0,
                offset: UInt32(clamping: (now &- self.startedAt) >> 10), nanoseconds: UInt32(clamping: nanoseconds),
                bucket: bucket))
        self.core.counters.ran(cell, code, nanoseconds: nanoseconds, bucket: bucket)
        self.mark = now
    }

    private func refuse(_ denial: Denial) {
        self.isOver = true
        self.core.counters.server.refusedPlugin &+= 1
        self.setup.listener.count(.plugin)
        let reply = ReplyPolicy.reply(to: denial, at: .preConnection) ?? Reply(451, .securityPolicy, "try again later")
        let sent = self.supervisor.isSoftBouncing ? ReplyPolicy.softened(reply) : reply
        self.core.counters.replied(sent.code)
        var bytes: [UInt8] = []
        sent.encode(into: &bytes, id: self.context.id.description)
        self.journalRefused(sent)
        self.completion(.refused(bytes))
    }

    private func journalRefused(_ reply: Reply, by end: SessionEnd = .server) {
        guard let journal = self.setup.journal else { return }
        let generation = self.admission.generation
        let decider = self.trail.records.last {
            $0.hook == .preConnection && $0.flags.contains(.decided) && $0.verdict.isRefusal
        }
        journal.append(
            .refused(
                self.context.id, self.admission.number, self.context.connection, generation,
                at: self.core.loop.wallNow(), duration: UInt64(clamping: self.core.now &- self.startedAt), reply,
                decidedBy: decider.map { generation.names[Int($0.plugin)] }, trail: TrailPart(self.trail), by: end),
            generation)
    }

    private func welcome() {
        guard !self.isOver else { return }
        self.isOver = true
        self.core.counters.admitted(nanoseconds: UInt64(clamping: self.core.now &- self.startedAt))
        let state = self.context.state
        self.completion(
            .welcome(
                ArrivalResult(
                    id: state.id, number: state.number, generation: self.admission.generation,
                    connection: state.connection, notes: state.connectionNotes, trail: self.trail,
                    tables: self.context.tables, calls: self.calls, startedAt: self.startedAt,
                    shadowChanges: self.shadowChanges)))
    }
}

/// A client that may not even arrive.
public struct TurnedAway: Error, Sendable {
    /// The reply, in wire form.
    public let reply: [UInt8]
}

// Session.swift
//
// One connection: bytes in, hooks asked, replies and effects out. No task at rest.

public import QPHooks
import QPTelemetry

/// What the sessions of a loop and a listener share; each of them holds one reference to it.
public final class SessionSetup: Sendable {
    /// The loop it lives on.
    public let core: LoopCore
    /// Who keeps its place.
    public let supervisor: Supervisor
    /// Everything outside.
    public let seams: Seams
    /// Where large messages go.
    package let spool: any Spool
    /// Whether memory and disk are there.
    public let gauge: any ResourceGauge
    /// Where its records go.
    public let journal: LoopJournal?
    /// What its listener counts.
    public let listener: ListenerCounters
    /// How its listener takes clients.
    public let options: ListenerOptions

    /// Puts a session's surroundings together.
    package init(
        core: LoopCore, supervisor: Supervisor, seams: Seams, spool: any Spool, gauge: any ResourceGauge,
        journal: LoopJournal? = nil, listener: ListenerCounters = ListenerCounters(), options: ListenerOptions = []
    ) {
        self.core = core
        self.supervisor = supervisor
        self.seams = seams
        self.spool = spool
        self.gauge = gauge
        self.journal = journal
        self.listener = listener
        self.options = options
    }
}

/// One connection. Entered synchronously from its loop (`assumeIsolated`) for each input; never calls the transport's
/// channel: it leaves output and effects, which the rim takes afterwards.
public actor Session {
    enum Phase: Sendable, Equatable {
        /// Before the greeting.
        case opening
        /// Between commands.
        case command
        /// A TLS handshake goes on; in clear, nothing may come.
        case handshake
        /// Inside a message after DATA.
        case data
        /// Inside a chunk after BDAT.
        case chunk
        /// Farewell hooks run; nothing is read any more.
        case leaving
        /// All is done.
        case gone
    }

    nonisolated let executor: LoopExecutor
    nonisolated let core: LoopCore
    nonisolated let transport: any SessionTransport
    nonisolated let setup: SessionSetup
    nonisolated let generation: Generation
    nonisolated let runtimes: [PluginRuntime]
    nonisolated let cells: [Int]
    let recorder: (any SessionRecorder)?
    let startedAt: Int64

    // Exclusivity of the hot fields is not checked at run time: the actor is entered by one caller at a time, no field is
    // lent while a handler runs, and a check costs as much as half a handler.
    @exclusivity(unchecked) var state: SessionState
    @exclusivity(unchecked) var context: SessionContext
    @exclusivity(unchecked) var trail: Trail
    @exclusivity(unchecked) var machine: MailTransactionMachine
    @exclusivity(unchecked) var framer = LineFramer()
    /// Whether an input is being worked on whose output is taken right after it.
    @exclusivity(unchecked) var isEntered = false
    @exclusivity(unchecked) var phase = Phase.opening
    @exclusivity(unchecked) var receiver: MessageReceiver?
    @exclusivity(unchecked) private var optionsBox: MailOptionsBox?
    /// What the parameters of MAIL say; most say nothing.
    var mailOptions: MailOptions {
        get { self.optionsBox?.options ?? MailOptions() }
        set { self.optionsBox = newValue == MailOptions() ? nil : MailOptionsBox(newValue) }
    }

    /// Input that waits behind a hook, or the beginning of a line.
    @exclusivity(unchecked) var pending: [UInt8] = []
    /// Octets behind the command that is answered in place.
    @exclusivity(unchecked) var inHand = 0
    @exclusivity(unchecked) var output: [UInt8] = []
    @exclusivity(unchecked) var effects: SessionEffects = []
    @exclusivity(unchecked) package var isPaused = false
    @exclusivity(unchecked) var isWritable = true
    @exclusivity(unchecked) var inputHasEnded = false
    @exclusivity(unchecked) var isConnected = true
    @exclusivity(unchecked) var hasSpoken = false
    var isReleased = false
    var saidQuit = false
    var endAfterQueue: SessionEnd?
    /// From the queue hook's beginning until its answer is sent.
    var isQueueing = false
    var endedBy = SessionEnd.client
    /// How far it had come when it ended.
    var lastPhase = SessionPhase.connect
    /// Octets received.
    @exclusivity(unchecked) var octets: UInt64 = 0
    var memory: SessionMemory?
    /// The number of the last mail, in replies and Received.
    @exclusivity(unchecked) var mailNumber: UInt32 = 0
    var receivedHead: ReceivedField.Head?
    var receivedHeadIsUTF8 = false
    var cachedReplyID = ""
    var replyIDNumber: UInt32 = 0
    @exclusivity(unchecked) var swallowed: SwallowedChunk?
    /// LMTP: the recipients of the mail in hand, as they were accepted.
    @exclusivity(unchecked) var toAnswer: [Mailbox] = []

    // AUTH (Session+Auth.swift)
    @exclusivity(unchecked) var exchange: AuthExchange?
    var authErrors: UInt16 = 0
    var failedMechanism: SASLMechanism?
    var beforeAuth: BeforeAuth?
    /// Whether lines that are no commands may be an exchange whose beginning was refused.
    var expectsStrayLines = false
    /// Runs of plugins that failed.
    var failedRuns: UInt32 = 0

    // Waiting (Session+Waiting.swift)
    @exclusivity(unchecked) var nextRun: (any PendingRun)?
    @exclusivity(unchecked) var isDeciding = false
    var isWorking = false
    var token: UInt32 = 0
    @exclusivity(unchecked) var running: RunningHandler?
    var task: Task<Void, Never>?
    @exclusivity(unchecked) var shadows: ShadowRuns?
    var inputWaiter: CheckedContinuation<Void, Never>?
    @exclusivity(unchecked) var inputWaiterDeadline = Int64.max

    // Time
    @exclusivity(unchecked) var deadline = Int64.max
    @exclusivity(unchecked) var commandDeadline = Int64.max
    @exclusivity(unchecked) var rateWindowStart = Int64(0)
    @exclusivity(unchecked) var rateWindowBytes = 0
    var farewellDeadline = Int64.max

    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        self.executor.asUnownedSerialExecutor()
    }

    /// Makes a session for a client that was admitted; `arrival` is what pre-connection left.
    package init(
        _ setup: SessionSetup, transport: any SessionTransport, recorder: (any SessionRecorder)? = nil,
        _ arrival: ArrivalResult
    ) {
        self.setup = setup
        self.core = setup.core
        self.executor = setup.core.executor
        self.transport = transport
        self.generation = arrival.generation
        self.runtimes = arrival.generation.runtimes
        self.cells = arrival.generation.cells
        self.recorder = recorder
        self.startedAt = arrival.startedAt
        let state = SessionState(
            id: arrival.id, number: arrival.number, connection: arrival.connection, notes: arrival.notes)
        state.answersEachRecipient = setup.options.contains(.lmtp)
        self.state = state
        let context = SessionContext(
            state: state, seams: setup.seams, clock: setup.core.clock, calls: arrival.calls, tables: arrival.tables)
        context.names = arrival.generation.names
        context.logAdjustments = arrival.generation.logAdjustments
        context.userConfigHandlers = arrival.generation.userConfigHandlers
        self.context = context
        self.trail = arrival.trail
        if !arrival.shadowChanges.isEmpty {
            self.shadows = ShadowRuns(overlays: arrival.shadowChanges.mapValues { .init(changes: $0) })
        }
        let limits = arrival.generation.settings.limits
        self.machine = MailTransactionMachine(
            bounds: .init(
                recipients: limits.maxRecipients, transactions: limits.maxTransactions, errors: limits.maxErrors))
    }

    /// The name of the session.
    public var id: SessionID { self.state.id }

    nonisolated var supervisor: Supervisor { self.setup.supervisor }
    nonisolated var spool: any Spool { self.setup.spool }

    // MARK: Inputs

    /// The connection is there.
    public func opened() {
        self.recorder?.record(.opened, at: self.core.now)
        self.context.backend = self
        self.core.counters.server.accepted &+= 1
        self.setup.listener.count(.accepted)
        self.journalConnected()
        if self.setup.options.contains(.tls) { self.awaitHandshake() } else { self.begin() }
        self.updateDeadline()
    }

    /// Octets came.
    public func received(_ bytes: UnsafeRawBufferPointer) {
        if let recorder = self.recorder { recorder.record(.bytes([UInt8](bytes)), at: self.core.now) }
        guard self.phase != .leaving, self.phase != .gone else { return }
        self.octets &+= UInt64(truncatingIfNeeded: bytes.count)
        self.core.counters.server.receivedOctets &+= UInt64(truncatingIfNeeded: bytes.count)
        if self.phase == .data || self.phase == .chunk { self.rateWindowBytes &+= bytes.count }

        if self.isDeciding || !self.pending.isEmpty || self.phase == .opening || !self.isWritable {
            self.pending.append(contentsOf: bytes)
            self.wakeInputWaiter()
            if !self.isDeciding, self.phase != .opening, self.isWritable { self.proceed() }
        } else {
            let used = self.process(bytes)
            if used < bytes.count, self.phase != .leaving, self.phase != .gone {
                self.pending.append(contentsOf: bytes[used...])
            }
        }
        self.settle()
    }

    /// The client will send no more; complete commands are finished first.
    public func inputEnded() {
        self.recorder?.record(.endOfStream, at: self.core.now)
        self.inputHasEnded = true
        self.wakeInputWaiter()
        self.settle()
    }

    /// Whether output can leave.
    public func writabilityChanged(_ isWritable: Bool) {
        self.recorder?.record(.writable(isWritable), at: self.core.now)
        self.isWritable = isWritable
        if isWritable { self.proceed() }
        self.settle()
    }

    /// A later turn of the loop, asked for by `continueLater`.
    public func continued() {
        self.recorder?.record(.continued, at: self.core.now)
        self.proceed()
        self.settle()
    }

    /// The connection is gone.
    public func connectionClosed() {
        self.recorder?.record(.closed, at: self.core.now)
        guard self.isConnected else { return }
        self.isConnected = false
        self.isWritable = true
        self.pending = []
        self.wakeInputWaiter()
        if self.phase == .gone {
            self.release()
        } else if self.phase != .leaving {
            self.leave(.client)
        }
    }

    /// Octets came, all of a batch, and what they lead to is taken at once: the rim's hot way in. The caller is on the
    /// session's loop.
    public nonisolated func exchange(_ bytes: UnsafeRawBufferPointer) -> SessionOutput {
        self.assertIsolated()
        return Self.exchangeOnLoop(self, bytes)
    }

    /// `assumeIsolated` does the same, but allocates twice for its closure, each time: a tenth of what an exchange costs.
    private static let exchangeOnLoop: @Sendable (Session, UnsafeRawBufferPointer) -> SessionOutput = {
        let isolated: @Sendable (isolated Session, UnsafeRawBufferPointer) -> SessionOutput = { session, bytes in
            session.exchanged(bytes)
        }
        return unsafeBitCast(isolated, to: (@Sendable (Session, UnsafeRawBufferPointer) -> SessionOutput).self)
    }()

    private func exchanged(_ bytes: UnsafeRawBufferPointer) -> SessionOutput {
        self.isEntered = true
        self.received(bytes)
        self.isEntered = false
        return self.takeOutput()
    }

    // MARK: Processing

    /// Goes on with input that waits.
    func proceed() {
        guard !self.isDeciding, self.phase != .opening, self.phase != .leaving, self.phase != .gone, self.isWritable
        else { return }
        guard !self.pending.isEmpty else { return }
        let work = self.pending
        self.pending = []
        let used = work.withUnsafeBytes { self.process($0) }
        guard used < work.count, self.phase != .leaving, self.phase != .gone else { return }
        self.pending = used == 0 && self.pending.isEmpty ? work : Array(work[used...]) + self.pending
    }

    /// Commands in one turn before other sessions get theirs.
    private static let commandsPerTurn = 64

    /// Works through input as far as it goes; gives how much was used.
    private func process(_ input: UnsafeRawBufferPointer) -> Int {
        var offset = 0
        var budget = Self.commandsPerTurn
        defer { self.inHand = 0 }
        while offset < input.count, !self.isDeciding {
            switch self.phase {
            case .command:
                guard budget > 0 else {
                    self.effects.insert(.continueLater)
                    return offset
                }
                if !self.hasSpoken, self.isForeign(input) { return input.count }
                switch self.framer.next(in: input, from: offset) {
                case .incomplete:
                    return self.framer.isDiscarding ? input.count : offset
                case .tooLong(let next):
                    offset = next
                    if self.exchange != nil {
                        self.responseTooLong()
                    } else {
                        self.object(Reply(500, .syntaxError, "line too long"))
                    }
                case .line(let content, let next, let bareLF):
                    offset = next
                    self.hasSpoken = true
                    self.inHand = input.count &- next
                    let line = UnsafeRawBufferPointer(rebasing: input[content])
                    if self.exchange != nil {
                        self.heardResponse(line, bareLF: bareLF)
                    } else {
                        self.heard(line, bareLF: bareLF)
                    }
                }
                budget -= 1
                self.startCommandTimer()
            case .data, .chunk:
                offset = self.receive(input, from: offset)
            case .handshake:
                self.cameInClear(input.count &- offset)
                return input.count
            case .opening, .leaving, .gone:
                return offset
            }
        }
        return offset
    }

    /// HTTP and TLS on a plain port: one clear line, and the end.
    private func isForeign(_ input: UnsafeRawBufferPointer) -> Bool {
        guard let kind = ForeignProtocol.detect(input) else { return false }
        let name =
            switch kind {
            case .tls: "TLS"
            case .http: "HTTP"
            }
        self.log(.notice, "client speaks \(name)")
        self.send(Reply(421, .otherProtocol, "this is an SMTP port, not \(name)"))
        self.leave(.server)
        return true
    }

    /// After every input: end of stream, back-pressure, deadlines.
    func settle() {
        if self.inputHasEnded, !self.isDeciding, self.phase != .leaving, self.phase != .gone, self.phase != .opening,
            !self.effects.contains(.continueLater), self.isWritable
        {
            self.clientLeft()
        }
        let shouldPause = self.pending.count >= 65536 || !self.isWritable
        if shouldPause != self.isPaused {
            self.isPaused = shouldPause
            self.effects.remove(shouldPause ? .resume : .pause)
            self.effects.insert(shouldPause ? .pause : .resume)
        }
        self.updateDeadline()
    }
}

/// So that mails without parameters carry no more than their absence.
private final class MailOptionsBox: Sendable {
    let options: MailOptions

    init(_ options: MailOptions) {
        self.options = options
    }
}

extension Session {
    /// The runs so far.
    package var trailSoFar: Trail { self.trail }
}

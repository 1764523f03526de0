// EngineHarness.swift
//
// The whole engine without sockets: sessions on a manual loop, deterministic seams.

import Glibc
public import QPActors
public import QPHooks
import Synchronization

/// The engine on a manual loop.
public final class EngineHarness {
    /// A plugin of the harness.
    public struct Entry: Sendable {
        let name: String
        let plugin: any Plugin
        let policy: PluginPolicy
        let declarations: PluginDeclarations

        /// A plugin under a name.
        public init(
            _ name: String, _ plugin: any Plugin, policy: PluginPolicy = PluginPolicy(), pure: Bool = false,
            mechanisms: Set<SASLMechanism> = []
        ) {
            self.name = name
            self.plugin = plugin
            self.policy = policy
            var declarations = PluginDeclarations()
            declarations.isPure = pure
            declarations.mechanisms = mechanisms
            declarations.backend = .all
            self.declarations = declarations
        }

        /// A plugin out of a closure.
        public init(
            _ name: String, policy: PluginPolicy = PluginPolicy(), pure: Bool = false,
            mechanisms: Set<SASLMechanism> = [], _ table: @escaping @Sendable (inout HookTable) -> Void
        ) {
            self.init(name, ScriptedPlugin(table), policy: policy, pure: pure, mechanisms: mechanisms)
        }
    }

    /// The loop.
    public let loop: ManualLoop
    /// Its core.
    public let core: LoopCore
    /// Who may enter.
    public let supervisor: Supervisor
    /// The configuration.
    public let generation: Generation
    /// Everything outside.
    public let seams: Seams
    /// Whether memory and disk are there; tests may say no.
    public let gauge = TestGauge()
    /// Records every session.
    public let tapes: SessionTapes?
    /// What large messages become.
    public let spool: TestSpool
    let setup: SessionSetup

    /// Builds a configuration out of plugins.
    public convenience init(
        _ plugins: [Entry], settings: ServerSettings = EngineHarness.quietSettings, seams: Seams,
        loop: ManualLoop = ManualLoop(), tapes: SessionTapes? = nil, journal: LoopJournal? = nil,
        options: ListenerOptions = []
    ) {
        var loaded: [LoadedPlugin] = []
        var tables: [HookTable] = []
        for (slot, entry) in plugins.enumerated() {
            var table = HookTable(slot: PluginSlot(slot))
            entry.plugin.register(on: &table)
            tables.append(table)
            loaded.append(
                LoadedPlugin(
                    name: entry.name, arguments: [], place: "test:\(slot + 1)", hooks: table.hooks,
                    runtime: PluginRuntime(name: entry.name, policy: entry.policy), instance: entry.plugin,
                    declarations: entry.declarations))
        }
        self.init(
            Generation(number: 1, settings: settings, plugins: loaded, hookTables: tables, tables: .empty),
            seams: seams, loop: loop, tapes: tapes, journal: journal, options: options)
    }

    /// Takes a configuration as it is.
    public init(
        _ generation: Generation, seams: Seams, loop: ManualLoop = ManualLoop(), tapes: SessionTapes? = nil,
        journal: LoopJournal? = nil, options: ListenerOptions = []
    ) {
        self.loop = loop
        self.tapes = tapes
        self.core = LoopCore(self.loop, number: 0)
        self.seams = seams
        self.generation = generation
        self.supervisor = Supervisor(generation)
        self.spool = TestSpool()
        self.setup = SessionSetup(
            core: self.core, supervisor: self.supervisor, seams: seams, spool: self.spool, gauge: self.gauge,
            journal: journal, options: options)
    }

    /// Settings without lookups.
    public static var quietSettings: ServerSettings {
        var settings = ServerSettings()
        settings.me = "mx.test.example"
        settings.reverseDNS = nil
        settings.logLevel = .debug
        settings.authInClear = true
        return settings
    }

    /// Connects a client.
    public func connect(
        from address: String = "192.0.2.1", port: UInt16 = 40000, recorder: (any SessionRecorder)? = nil
    ) -> TestClient {
        let client = TestClient(harness: self, recorder: recorder)
        client.connect(address, port)
        return client
    }

    /// Lets time pass.
    public func advance(by duration: Duration) { self.loop.advance(by: duration, self.core) }

    /// Lets everything that waits run, also what other threads bring; at most a second.
    public func settle(until condition: () -> Bool) {
        for _ in 0..<1000 {
            self.loop.run()
            if condition() { return }
            Self.pause()
        }
    }

    private static func pause() {
        var time = timespec(tv_sec: 0, tv_nsec: 1_000_000)
        nanosleep(&time, nil)
    }
}

/// A client of the harness: what it sends, what it gets.
public final class TestClient: SessionTransport, DeadlineTarget, @unchecked Sendable {
    // Invariant: touched by the test's thread only, inside of `ManualLoop.run`.
    private let harness: EngineHarness
    private let recorder: (any SessionRecorder)?
    private var session: Session?
    private var arrival: LoopArrival?
    private let node = WheelNode()
    private var drainIsScheduled = false
    private var early: [UInt8] = []
    /// Everything the server sent.
    public private(set) var output: [UInt8] = []
    /// Whether the server closed.
    public private(set) var isClosed = false
    /// Whether the server stopped reading.
    public private(set) var isPaused = false
    private var read = 0

    init(harness: EngineHarness, recorder: (any SessionRecorder)?) {
        self.harness = harness
        self.recorder = recorder
    }

    func connect(_ address: String, _ port: UInt16) {
        self.harness.loop.run {
            guard let remote = IPAddress(address), let local = IPAddress("192.0.2.25") else { return }
            let connection = Connection(
                remoteAddress: remote, remotePort: port, localAddress: local, localPort: 25, listener: "test",
                acceptedAt: self.harness.loop.wallNow())
            let begun = LoopArrival.begin(connection, setup: self.harness.setup) { outcome in self.arrived(outcome) }
            switch begun {
            case .failure(let turnedAway):
                self.output += turnedAway.reply
                self.isClosed = true
            case .success(let arrival?):
                self.arrival = arrival
                arrival.start()
            case .success(nil):
                break
            }
        }
    }

    private func arrived(_ outcome: ArrivalOutcome) {
        let arrival = self.arrival
        self.arrival = nil
        switch outcome {
        case .refused(let reply):
            self.output += reply
            self.isClosed = true
            arrival?.refusedClientClosed()
        case .welcome(let result):
            let session = Session(
                self.harness.setup, transport: self, recorder: self.recorder ?? self.harness.tapes?.began(result),
                result)
            self.session = session
            session.assumeIsolated { session in
                session.opened()
                if !self.early.isEmpty { self.early.withUnsafeBytes { session.received($0) } }
            }
            self.drain()
        }
    }

    public func outputPending() {
        guard !self.drainIsScheduled else { return }
        self.drainIsScheduled = true
        self.harness.loop.execute {
            self.drainIsScheduled = false
            self.drain()
        }
    }

    public func deadlinePassed() {
        self.session?.assumeIsolated { $0.deadlinePassed() }
        self.drain()
    }

    private func drain() {
        guard let session = self.session else { return }
        let output = session.assumeIsolated { $0.takeOutput() }
        if !self.isClosed { self.output += output.bytes }
        if output.effects.contains(.pause) { self.isPaused = true }
        if output.effects.contains(.resume) { self.isPaused = false }
        if output.effects.contains(.continueLater) {
            self.harness.loop.execute {
                self.session?.assumeIsolated { $0.continued() }
                self.drain()
            }
        }
        if output.deadline == .max {
            self.harness.core.removeDeadline(self.node)
        } else {
            self.harness.core.setDeadline(self.node, to: output.deadline, for: self)
        }
        if output.effects.contains(.close) || output.effects.contains(.abort), !self.isClosed {
            self.isClosed = true
            session.assumeIsolated { $0.connectionClosed() }
            self.drain()
        }
    }

    // MARK: What a client does

    /// Sends octets in one piece.
    public func send(_ bytes: [UInt8]) {
        self.harness.loop.run {
            guard !self.isClosed else { return }
            if let session = self.session {
                session.assumeIsolated { session in bytes.withUnsafeBytes { session.received($0) } }
                self.drain()
            } else {
                self.early += bytes
            }
        }
    }

    /// Sends text in one piece; write line ends yourself.
    public func send(_ text: String) { self.send(Array(text.utf8)) }

    /// Sends a line and gives the lines that came back.
    @discardableResult
    public func say(_ line: String) -> [String] {
        self.send(line + "\r\n")
        return self.replies()
    }

    /// The lines that came since the last call.
    public func replies() -> [String] {
        let fresh = self.output[self.read...]
        self.read = self.output.count
        return String(decoding: fresh, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: true)
            .map(String.init)
    }

    /// The code of each reply since the last call (continuation lines count with their last).
    public func codes() -> [Int] {
        self.replies().filter { $0.utf8.count == 3 || $0.utf8.dropFirst(3).first == UInt8(ascii: " ") }
            .compactMap { Int($0.prefix(3)) }
    }

    /// Ends the client's side; the server may still answer.
    public func finish() {
        self.harness.loop.run {
            self.session?.assumeIsolated { $0.inputEnded() }
            self.drain()
        }
    }

    /// The connection is gone at once.
    public func vanish() {
        self.harness.loop.run {
            self.isClosed = true
            self.arrival?.abandon()
            self.arrival = nil
            self.session?.assumeIsolated { $0.connectionClosed() }
            self.drain()
        }
    }

    /// The server wants the session to end.
    public func shutDown() {
        self.harness.loop.run {
            self.session?.assumeIsolated { $0.shutDown() }
            self.drain()
        }
    }

    /// A TLS handshake is complete.
    public func startTLS(_ facts: TLSFacts) {
        self.harness.loop.run {
            self.session?.assumeIsolated { $0.tlsStarted(facts) }
            self.drain()
        }
    }

    /// A TLS handshake failed.
    public func failTLS(_ failure: TLSFailure, _ text: String) {
        self.harness.loop.run {
            self.session?.assumeIsolated { $0.tlsFailed(failure, text) }
            self.drain()
        }
    }

    /// Whether what the server sends can leave.
    public func setWritable(_ isWritable: Bool) {
        self.harness.loop.run {
            self.session?.assumeIsolated { $0.writabilityChanged(isWritable) }
            self.drain()
        }
    }

    /// The session as it was recorded, with what came of it.
    public var recording: SessionRecording? {
        guard let tapes = self.harness.tapes, let id = self.id else { return nil }
        var recording = tapes.tape(for: id).recording
        recording.endedAt = self.harness.loop.monotonicNow()
        recording.output = self.output
        recording.runs = SessionRecording.runs(self.trail, self.harness.generation.names)
        return recording
    }

    private var id: SessionID? {
        var id: SessionID?
        self.harness.loop.run { id = self.session?.assumeIsolated { $0.id } }
        return id
    }

    /// The trail so far.
    public var trail: Trail {
        var trail: Trail?
        self.harness.loop.run { trail = self.session?.assumeIsolated { $0.trailSoFar } }
        return trail ?? Trail()
    }
}

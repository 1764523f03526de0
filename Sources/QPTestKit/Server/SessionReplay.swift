// SessionReplay.swift
//
// Runs a recorded session again: its inputs at their times, its answers in their order, nothing outside.

public import QPActors
import QPCrypto
public import QPHooks
import Synchronization

/// A recorded session, run again.
public final class SessionReplay {
    /// What the server sent this time.
    public let output: [UInt8]
    /// What ran this time.
    public let runs: [SessionRecording.Run]
    /// Calls that the recording has no answer to: the plugins are not those of the recording.
    public let unknownCalls: Int

    /// Runs a recording against plugins and settings; time is that of the recording.
    public init(
        _ recording: SessionRecording, _ plugins: [EngineHarness.Entry],
        settings: ServerSettings = EngineHarness.quietSettings, log: any LogSink
    ) {
        let loop = ManualLoop(wallAhead: recording.wallAhead)
        let script = ReplayScript(recording, loop)
        let outside = ReplayOutside(script: script)
        let harness = EngineHarness(
            plugins, settings: settings,
            seams: Seams(
                resolver: outside, connector: outside, http: outside, store: outside, files: outside,
                random: outside, offloader: InlineOffloader(), log: log,
                secrets: SystemSecrets(offloader: InlineOffloader())), loop: loop)
        harness.advance(by: .nanoseconds(max(recording.startedAt &- loop.monotonicNow(), 0)))
        let client = harness.connect(from: recording.remoteAddress, port: recording.remotePort)
        while let event = script.current {
            harness.advance(by: .nanoseconds(max(event.at &- loop.monotonicNow(), 0)))
            // Time alone may have made a handler ask, and take the answer that stood there.
            guard script.current == event else { continue }
            script.step()
            if case .input(let input) = event.happening { Self.feed(input, client) }
            harness.loop.run()
        }
        harness.advance(by: .nanoseconds(max(recording.endedAt &- loop.monotonicNow(), 0)))
        self.output = client.output
        self.runs = SessionRecording.runs(client.trail, harness.generation.names)
        self.unknownCalls = script.unknownCalls
    }

    private static func feed(_ input: SessionInput, _ client: TestClient) {
        switch input {
        case .bytes(let bytes): client.send(bytes)
        case .endOfStream: client.finish()
        case .writable(let isWritable): client.setWritable(isWritable)
        case .shutdown: client.shutDown()
        case .tlsStarted(let facts): client.startTLS(facts)
        case .tlsFailed(let failure, let text): client.failTLS(failure, text)
        case .closed: if !client.isClosed { client.vanish() }
        // These the loop brings by itself, at the same times.
        case .opened, .deadline, .continued: break
        }
    }
}

/// The recording's place.
final class ReplayScript: Sendable {
    private struct State {
        var events: [SessionRecording.Event]
        var next = 0
        var released: [SessionRecording.Call: SessionRecording.Answer] = [:]
        var waiters: [SessionRecording.Call: CheckedContinuation<SessionRecording.Answer, Never>] = [:]
        var unknownCalls = 0
    }
    private let loop: ManualLoop
    private let state: Mutex<State>
    private let known: Set<SessionRecording.Call>
    let id: UInt64

    init(_ recording: SessionRecording, _ loop: ManualLoop) {
        self.loop = loop
        self.state = Mutex(State(events: recording.events))
        self.id = recording.id
        self.known = Set(
            recording.events.compactMap { if case .answer(let call, _) = $0.happening { call } else { nil } })
    }

    var current: SessionRecording.Event? {
        self.state.withLock { $0.next < $0.events.count ? $0.events[$0.next] : nil }
    }

    var unknownCalls: Int { self.state.withLock(\.unknownCalls) }

    /// Goes one event on; an answer is given to whoever waits for it, or kept until somebody asks.
    func step() {
        let release = self.state.withLock {
            state -> (CheckedContinuation<SessionRecording.Answer, Never>, SessionRecording.Answer)? in
            guard case .answer(let call, let answer) = state.events[state.next].happening else {
                state.next += 1
                return nil
            }
            state.next += 1
            if let waiter = state.waiters.removeValue(forKey: call) { return (waiter, answer) }
            state.released[call] = answer
            return nil
        }
        if let release { release.0.resume(returning: release.1) }
    }

    /// The answer to a call that does not wait; wherever it stands.
    func answerAtOnce(_ call: SessionRecording.Call) -> SessionRecording.Answer? {
        self.state.withLock { state in
            if let answer = state.released.removeValue(forKey: call) { return answer }
            for (index, event) in state.events[state.next...].enumerated() {
                guard case .answer(call, let answer) = event.happening else { continue }
                if index == 0 { state.next += 1 } else { state.events.remove(at: state.next + index) }
                return answer
            }
            state.unknownCalls += 1
            return nil
        }
    }

    /// The answer to a call, when the recording has come there; `nil`: it has none.
    func answer(_ call: SessionRecording.Call) async -> SessionRecording.Answer? {
        guard self.known.contains(call) else {
            self.state.withLock { $0.unknownCalls += 1 }
            return nil
        }
        let ready = self.state.withLock { state -> SessionRecording.Answer? in
            if let answer = state.released.removeValue(forKey: call) { return answer }
            guard state.next < state.events.count, state.events[state.next].at <= self.loop.monotonicNow(),
                case .answer(call, let answer) = state.events[state.next].happening
            else { return nil }
            state.next += 1
            return answer
        }
        if let ready { return ready }
        return await withCheckedContinuation { continuation in
            self.state.withLock { $0.waiters[call] = continuation }
        }
    }
}

/// Everything outside, out of a recording.
struct ReplayOutside: Resolver, KeyValueStore, RandomSource, HTTPFetcher, Connector, FileStore {
    let script: ReplayScript

    static func answer(
        _ script: ReplayScript, _ call: SessionRecording.Call
    ) async throws(EffectError) -> SessionRecording.Answer {
        switch await script.answer(call) {
        case .effectError(let error)?: throw error
        case let answer?: return answer
        case nil: throw .failed("not in the recording")
        }
    }

    private func answer(_ origin: EffectOrigin) async throws(EffectError) -> SessionRecording.Answer {
        try await Self.answer(self.script, .init(number: origin.call))
    }

    func resolve(
        _ question: DNSQuestion, timeout: Duration, origin: EffectOrigin
    ) async throws(DNSError) -> DNSAnswer {
        switch await self.script.answer(.init(number: origin.call)) {
        case .dns(let answer)?: return answer
        case .dnsError(let error)?: throw error
        default: throw .temporary("not in the recording")
        }
    }

    func next(origin: EffectOrigin) -> UInt64 {
        // Before there is a session: its name is drawn.
        guard origin.session != nil else { return self.script.id }
        if case .bits(let bits)? = self.script.answerAtOnce(.init(number: origin.call)) { return bits }
        return 0
    }

    func value(of key: String, in namespace: String, origin: EffectOrigin) async throws(EffectError) -> [UInt8]? {
        if case .bytes(let bytes) = try await self.answer(origin) { bytes } else { nil }
    }

    func set(
        _ key: String, to value: [UInt8]?, lifetime: Duration?, in namespace: String, origin: EffectOrigin
    ) async throws(EffectError) {
        _ = try await self.answer(origin)
    }

    func add(
        _ amount: Int64, to key: String, lifetime: Duration?, in namespace: String, origin: EffectOrigin
    ) async throws(EffectError) -> Int64 {
        if case .number(let number) = try await self.answer(origin) { number } else { 0 }
    }

    func fetch(
        _ request: HTTPRequest, limit: Int, timeout: Duration, origin: EffectOrigin
    ) async throws(EffectError) -> HTTPResponse {
        if case .response(let response) = try await self.answer(origin) { return response }
        throw .failed("not in the recording")
    }

    func connect(
        to destination: Destination, timeout: Duration, origin: EffectOrigin
    ) async throws(EffectError) -> any ByteStream {
        _ = try await self.answer(origin)
        return ReplayStream(self.script, origin.call)
    }

    func makeDirectory(_ path: String, mode: UInt32, origin: EffectOrigin) async throws(EffectError) {
        _ = try await self.answer(origin)
    }

    func publish(
        _ content: FileContent, temporary: String, final: String, mode: UInt32, origin: EffectOrigin
    ) async throws(EffectError) -> Int {
        if case .number(let number) = try await self.answer(origin) { Int(clamping: number) } else { 0 }
    }

    func read(_ path: String, limit: Int, origin: EffectOrigin) async throws(EffectError) -> [UInt8] {
        if case .bytes(let bytes?) = try await self.answer(origin) { bytes } else { [] }
    }

    func append(_ bytes: [UInt8], to path: String, mode: UInt32, origin: EffectOrigin) async throws(EffectError) {
        _ = try await self.answer(origin)
    }

    func remove(_ path: String, origin: EffectOrigin) async throws(EffectError) { _ = try await self.answer(origin) }

    func temporaryPath(directory: Bool, origin: EffectOrigin) async throws(EffectError) -> String {
        if case .text(let text) = try await self.answer(origin) { text } else { "" }
    }

    func run(
        _ program: [String], input: [UInt8], limit: Int, timeout: Duration, origin: EffectOrigin
    ) async throws(EffectError) -> ProgramResult {
        if case .program(let result) = try await self.answer(origin) { return result }
        throw .failed("not in the recording")
    }
}

/// A connection to another server, out of a recording.
final class ReplayStream: ByteStream {
    private let script: ReplayScript
    private let call: UInt32
    private let steps = Atomic<UInt32>(0)

    init(_ script: ReplayScript, _ call: UInt32) {
        self.script = script
        self.call = call
    }

    private func answer() async throws(EffectError) -> SessionRecording.Answer {
        let step = self.steps.wrappingAdd(1, ordering: .relaxed).newValue
        return try await ReplayOutside.answer(self.script, .init(number: self.call, step: step))
    }

    func read(atMost limit: Int, timeout: Duration) async throws(EffectError) -> [UInt8] {
        if case .bytes(let bytes?) = try await self.answer() { bytes } else { [] }
    }

    func write(_ bytes: [UInt8], timeout: Duration) async throws(EffectError) { _ = try await self.answer() }

    func closeOutput() async throws(EffectError) { _ = try await self.answer() }

    func close() async {}
}

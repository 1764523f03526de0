// SessionRecording.swift
//
// One session as its inputs and the numbered answers of everything outside: enough to run it again.

public import QPActors
public import QPHooks
import Synchronization

/// A session, recorded. Not in it: who else was connected (`liveAddresses`), the configuration, heavy work given away.
public struct SessionRecording: Sendable, Hashable, Codable {
    /// Names an effect of the session: the number of the call, and for a connection the number of its use.
    public struct Call: Sendable, Hashable, Codable {
        let number: UInt32
        var step: UInt32 = 0
    }

    /// What came back from outside.
    public enum Answer: Sendable, Hashable, Codable {
        case nothing
        case dns(DNSAnswer)
        case dnsError(DNSError)
        case effectError(EffectError)
        case bytes([UInt8]?)
        case number(Int64)
        case bits(UInt64)
        case text(String)
        case program(ProgramResult)
        case response(HTTPResponse)
    }

    /// An input or an answer.
    public enum Happening: Sendable, Hashable, Codable {
        case input(SessionInput)
        case answer(Call, Answer)
    }

    /// When it happened, in the loop's nanoseconds.
    public struct Event: Sendable, Hashable, Codable {
        public let at: Int64
        public let happening: Happening
    }

    /// One run of one handler.
    public struct Run: Sendable, Hashable, Codable, CustomStringConvertible {
        public let hook: HookID
        public let plugin: String
        public let verdict: ReturnCode
        public let text: String
        public let flags: UInt8
        public let nanoseconds: UInt32

        public var description: String {
            "\(self.hook) \(self.plugin) \(self.verdict.name) '\(self.text)' \(self.flags) \(self.nanoseconds)"
        }
    }

    /// The session's name.
    public var id: UInt64 = 0
    /// The peer.
    public var remoteAddress = "", remotePort: UInt16 = 0
    /// When the client arrived, in the loop's nanoseconds, and what the wall clock is ahead of those.
    public var startedAt: Int64 = 0, wallAhead: Int64 = 0
    /// When the recording ended: farewell hooks may have taken their time after the last event.
    public var endedAt: Int64 = 0
    /// Everything from outside, in order.
    public var events: [Event] = []
    /// What the server sent.
    public var output: [UInt8] = []
    /// What ran.
    public var runs: [Run] = []

    static func runs(_ trail: Trail, _ names: [String]) -> [Run] {
        trail.records.map { record in
            Run(
                hook: record.hook, plugin: names[Int(record.plugin)], verdict: record.verdict,
                text: trail.text(of: record), flags: record.flags.rawValue, nanoseconds: record.nanoseconds)
        }
    }
}

/// Records sessions: wraps everything outside and keeps the sessions' inputs.
public final class SessionTapes: Sendable {
    private let loop: ManualLoop
    private let tapes = Mutex<[SessionID: SessionTape]>([:])

    /// Records the sessions of a loop.
    public init(_ loop: ManualLoop) {
        self.loop = loop
    }

    /// The tape of a session.
    public func tape(for id: SessionID) -> SessionTape {
        self.tapes.withLock { tapes in
            if let tape = tapes[id] { return tape }
            let tape = SessionTape(id)
            tapes[id] = tape
            return tape
        }
    }

    func began(_ arrival: ArrivalResult) -> SessionTape {
        let tape = self.tape(for: arrival.id)
        tape.change { recording in
            recording.remoteAddress = arrival.connection.remoteAddress.description
            recording.remotePort = arrival.connection.remotePort
            recording.startedAt = arrival.startedAt
            recording.wallAhead = self.loop.wallNow() &- self.loop.monotonicNow()
        }
        return tape
    }

    func answered(_ origin: EffectOrigin, _ answer: SessionRecording.Answer, step: UInt32 = 0) {
        guard let id = origin.session else { return }
        let call = SessionRecording.Call(number: origin.call, step: step)
        self.tape(for: id).append(.answer(call, answer), at: self.loop.monotonicNow())
    }

    /// The same outside, with every answer written down.
    public func seams(around seams: Seams) -> Seams {
        let outside = RecordingOutside(seams: seams, tapes: self)
        return Seams(
            resolver: outside, connector: outside, http: outside, store: outside, files: outside, random: outside,
            offloader: seams.offloader, log: seams.log, secrets: seams.secrets, environment: seams.environment)
    }
}

/// What one session was told.
public final class SessionTape: SessionRecorder {
    private let kept: Mutex<SessionRecording>

    init(_ id: SessionID) {
        var recording = SessionRecording()
        recording.id = id.bits
        self.kept = Mutex(recording)
    }

    public func record(_ input: SessionInput, at nanoseconds: Int64) { self.append(.input(input), at: nanoseconds) }

    /// The recording so far.
    public var recording: SessionRecording { self.kept.withLock { $0 } }

    func append(_ happening: SessionRecording.Happening, at nanoseconds: Int64) {
        self.kept.withLock { $0.events.append(.init(at: nanoseconds, happening: happening)) }
    }

    func change(_ body: (inout SessionRecording) -> Void) { self.kept.withLock { body(&$0) } }
}

/// Everything outside, written down.
struct RecordingOutside: Resolver, KeyValueStore, RandomSource, HTTPFetcher, Connector, FileStore {
    let seams: Seams
    let tapes: SessionTapes

    private func keep<Result>(
        _ origin: EffectOrigin, _ answer: (Result) -> SessionRecording.Answer,
        _ body: () async throws(EffectError) -> Result
    ) async throws(EffectError) -> Result {
        do throws(EffectError) {
            let result = try await body()
            self.tapes.answered(origin, answer(result))
            return result
        } catch {
            self.tapes.answered(origin, .effectError(error))
            throw error
        }
    }

    func resolve(
        _ question: DNSQuestion, timeout: Duration, origin: EffectOrigin
    ) async throws(DNSError) -> DNSAnswer {
        do throws(DNSError) {
            let answer = try await self.seams.resolver.resolve(question, timeout: timeout, origin: origin)
            self.tapes.answered(origin, .dns(answer))
            return answer
        } catch {
            self.tapes.answered(origin, .dnsError(error))
            throw error
        }
    }

    func next(origin: EffectOrigin) -> UInt64 {
        let bits = self.seams.random.next(origin: origin)
        self.tapes.answered(origin, .bits(bits))
        return bits
    }

    func value(of key: String, in namespace: String, origin: EffectOrigin) async throws(EffectError) -> [UInt8]? {
        try await self.keep(origin, { .bytes($0) }) { () async throws(EffectError) in
            try await self.seams.store.value(of: key, in: namespace, origin: origin)
        }
    }

    func set(
        _ key: String, to value: [UInt8]?, lifetime: Duration?, in namespace: String, origin: EffectOrigin
    ) async throws(EffectError) {
        try await self.keep(origin, { .nothing }) { () async throws(EffectError) in
            try await self.seams.store.set(key, to: value, lifetime: lifetime, in: namespace, origin: origin)
        }
    }

    func add(
        _ amount: Int64, to key: String, lifetime: Duration?, in namespace: String, origin: EffectOrigin
    ) async throws(EffectError) -> Int64 {
        try await self.keep(origin, { .number($0) }) { () async throws(EffectError) in
            try await self.seams.store.add(amount, to: key, lifetime: lifetime, in: namespace, origin: origin)
        }
    }

    func fetch(
        _ request: HTTPRequest, limit: Int, timeout: Duration, origin: EffectOrigin
    ) async throws(EffectError) -> HTTPResponse {
        try await self.keep(origin, { .response($0) }) { () async throws(EffectError) in
            try await self.seams.http.fetch(request, limit: limit, timeout: timeout, origin: origin)
        }
    }

    func connect(
        to destination: Destination, timeout: Duration, origin: EffectOrigin
    ) async throws(EffectError) -> any ByteStream {
        let stream = try await self.keep(origin, { _ in .nothing }) { () async throws(EffectError) in
            try await self.seams.connector.connect(to: destination, timeout: timeout, origin: origin)
        }
        return RecordingStream(stream, origin, self.tapes)
    }

    func makeDirectory(_ path: String, mode: UInt32, origin: EffectOrigin) async throws(EffectError) {
        try await self.keep(origin, { .nothing }) { () async throws(EffectError) in
            try await self.seams.files.makeDirectory(path, mode: mode, origin: origin)
        }
    }

    func publish(
        _ content: FileContent, temporary: String, final: String, mode: UInt32, origin: EffectOrigin
    ) async throws(EffectError) -> Int {
        try await self.keep(origin, { .number(Int64($0)) }) { () async throws(EffectError) in
            try await self.seams.files.publish(content, temporary: temporary, final: final, mode: mode, origin: origin)
        }
    }

    func read(_ path: String, limit: Int, origin: EffectOrigin) async throws(EffectError) -> [UInt8] {
        try await self.keep(origin, { .bytes($0) }) { () async throws(EffectError) in
            try await self.seams.files.read(path, limit: limit, origin: origin)
        }
    }

    func append(_ bytes: [UInt8], to path: String, mode: UInt32, origin: EffectOrigin) async throws(EffectError) {
        try await self.keep(origin, { .nothing }) { () async throws(EffectError) in
            try await self.seams.files.append(bytes, to: path, mode: mode, origin: origin)
        }
    }

    func remove(_ path: String, origin: EffectOrigin) async throws(EffectError) {
        try await self.keep(origin, { .nothing }) { () async throws(EffectError) in
            try await self.seams.files.remove(path, origin: origin)
        }
    }

    func temporaryPath(directory: Bool, origin: EffectOrigin) async throws(EffectError) -> String {
        try await self.keep(origin, { .text($0) }) { () async throws(EffectError) in
            try await self.seams.files.temporaryPath(directory: directory, origin: origin)
        }
    }

    func transactionEnded(_ session: SessionID) { self.seams.files.transactionEnded(session) }

    func run(
        _ program: [String], input: [UInt8], limit: Int, timeout: Duration, origin: EffectOrigin
    ) async throws(EffectError) -> ProgramResult {
        try await self.keep(origin, { .program($0) }) { () async throws(EffectError) in
            try await self.seams.files.run(program, input: input, limit: limit, timeout: timeout, origin: origin)
        }
    }
}

/// A connection to another server, written down.
final class RecordingStream: ByteStream {
    private let stream: any ByteStream
    private let origin: EffectOrigin
    private let tapes: SessionTapes
    private let steps = Atomic<UInt32>(0)

    init(_ stream: any ByteStream, _ origin: EffectOrigin, _ tapes: SessionTapes) {
        self.stream = stream
        self.origin = origin
        self.tapes = tapes
    }

    private func keep<Result>(
        _ answer: (Result) -> SessionRecording.Answer, _ body: () async throws(EffectError) -> Result
    ) async throws(EffectError) -> Result {
        let step = self.steps.wrappingAdd(1, ordering: .relaxed).newValue
        do throws(EffectError) {
            let result = try await body()
            self.tapes.answered(self.origin, answer(result), step: step)
            return result
        } catch {
            self.tapes.answered(self.origin, .effectError(error), step: step)
            throw error
        }
    }

    func read(atMost limit: Int, timeout: Duration) async throws(EffectError) -> [UInt8] {
        try await self.keep({ .bytes($0) }) { () async throws(EffectError) in
            try await self.stream.read(atMost: limit, timeout: timeout)
        }
    }

    func write(_ bytes: [UInt8], timeout: Duration) async throws(EffectError) {
        try await self.keep({ .nothing }) { () async throws(EffectError) in
            try await self.stream.write(bytes, timeout: timeout)
        }
    }

    func closeOutput() async throws(EffectError) {
        try await self.keep({ .nothing }) { () async throws(EffectError) in try await self.stream.closeOutput() }
    }

    func close() async { await self.stream.close() }
}

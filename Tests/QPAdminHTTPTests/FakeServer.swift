// FakeServer.swift
//
// A server with scripted answers.

import QPTelemetry
import Synchronization

/// Answers with sample rows and remembers what it was asked.
final class FakeServer: TelemetrySource, ServerControl {
    struct State: Sendable {
        var alive: String?
        var ready: String?
        var error: ControlError?
        /// `refused kick abc by viewer`, ...
        var calls: [String] = []
        var logRequest: LogRequest?
        var eventRequest: EventRequest?
        var logs: FakeStream<LogRow>?
        var events: FakeStream<EventRow>?
    }

    let state = Mutex(State())

    func liveness() async -> String? { self.state.withLock { $0.alive } }
    func readiness() async -> String? { self.state.withLock { $0.ready } }
    func metrics() async -> MetricsSnapshot { MetricsSnapshot() }
    func overview() async -> Overview { Samples.overview }
    func rates(seconds: Int) async -> RateSeries {
        RateSeries(start: 1, series: ["connections": Array(repeating: 1, count: seconds)])
    }
    func sessions(_ request: SessionsRequest, for caller: Caller) async -> SessionPage {
        self.note("sessions \(request.state) \(request.sort) \(request.isDescending) \(request.limit)", caller)
        return Samples.page
    }
    func session(_ id: String, for caller: Caller) async -> SessionDetail? {
        id == "known" ? Samples.detail : nil
    }
    func explain(_ request: ExplainRequest, for caller: Caller) async throws(ControlError) -> [SessionDetail] {
        try self.fail()
        return [Samples.detail]
    }
    func plugins() async -> [PluginRow] {
        ["queue/maildir", "my_rcpt_check:0", "dnsbl"].map { PluginRow(name: $0) }
    }
    func plugin(_ name: String) async -> PluginDetail? {
        PluginDetail(plugin: PluginRow(name: name), manual: "manual of \(name)", hooks: [Samples.hook])
    }
    func hooks() async -> [HookRow] { [Samples.hook] }
    func bans(for caller: Caller) async -> [BanRow] { [Samples.ban] }
    func generations() async -> Generations { Samples.generations }
    func difference(from generation: Int?) async throws(ControlError) -> [FileDifference] {
        try self.fail()
        return [Samples.difference]
    }
    func backends() async -> [BackendRow] { [Samples.backend] }
    func top(_ field: TopField, _ request: SessionsRequest, for caller: Caller) async -> [TopRow] {
        [TopRow(value: field.rawValue, count: request.limit, session: "known")]
    }
    func audit(limit: Int) async -> [AuditRow] { [Samples.audit] }
    func logs(_ request: LogRequest, for caller: Caller) throws(ControlError) -> any TelemetryStream<LogRow> {
        try self.fail()
        return self.state.withLock { state in
            state.logRequest = request
            let stream = state.logs ?? FakeStream(rows: [Samples.log], follows: request.follows)
            state.logs = stream
            return stream
        }
    }
    func events(_ request: EventRequest, for caller: Caller) -> any TelemetryStream<EventRow> {
        self.state.withLock { state in
            state.eventRequest = request
            let stream = state.events ?? FakeStream(rows: [Samples.event], follows: request.follows)
            state.events = stream
            return stream
        }
    }

    func kick(_ id: String, by caller: Caller) async throws(ControlError) { try self.act("kick \(id)", caller) }
    func change(_ plugin: String, _ patch: PluginPatch, by caller: Caller) async throws(ControlError) -> PluginRow {
        guard (0.001...600).contains(patch.timeLimit ?? 1) else { throw .invalid("time_limit: 0.001 to 600 seconds") }
        guard ["on", "shadow", "off"].contains(patch.mode ?? "on") else { throw .invalid("mode") }
        try self.act("change \(plugin)", caller)
        return PluginRow(name: plugin)
    }
    func ban(_ request: BanRequest, by caller: Caller) async throws(ControlError) -> BanRow {
        try Self.check(request)
        try self.act("ban \(request.network)", caller)
        return Samples.ban
    }
    func previewBan(_ request: BanRequest, for caller: Caller) async throws(ControlError) -> BanPreview {
        try Self.check(request)
        try self.act("preview \(request.network)", caller)
        return Samples.preview
    }
    func liftBan(_ id: String, by caller: Caller) async throws(ControlError) { try self.act("unban \(id)", caller) }
    func reload(by caller: Caller) async throws(ControlError) -> Generations {
        try self.act("reload", caller)
        return Samples.generations
    }
    func goBack(by caller: Caller) async throws(ControlError) -> Generations {
        try self.act("go_back", caller)
        return Samples.generations
    }
    func setDraining(_ isOn: Bool, by caller: Caller) async { self.note("drain \(isOn)", caller) }
    func setSoftBounce(_ isOn: Bool, by caller: Caller) async { self.note("soft_bounce \(isOn)", caller) }
    func refused(_ action: String, _ subject: String, by caller: Caller) async {
        self.note("refused \(action) \(subject)", caller)
    }

    private static func check(_ request: BanRequest) throws(ControlError) {
        guard (1...31_536_000).contains(request.timeToLive ?? 1) else { throw .invalid("time_to_live") }
    }

    private func act(_ text: String, _ caller: Caller) throws(ControlError) {
        self.note(text, caller)
        try self.fail()
    }

    private func note(_ text: String, _ caller: Caller) {
        self.state.withLock { $0.calls.append("\(text) by \(caller.name)") }
    }

    private func fail() throws(ControlError) {
        if let error = self.state.withLock({ $0.error }) { throw error }
    }
}

/// A bounded stream that drops the oldest and counts.
final class FakeStream<Row: Sendable>: TelemetryStream {
    private struct State {
        var rows: [Row]
        var lost: UInt64 = 0
        var pulled = 0
        var isOver: Bool
        var readers: [CheckedContinuation<[StreamItem<Row>]?, Never>] = []
        var ended: [CheckedContinuation<Void, Never>] = []
        var isEnded = false
    }

    private let limit = 256
    private let state: Mutex<State>

    init(rows: [Row], follows: Bool) {
        self.state = Mutex(State(rows: rows, isOver: !follows))
    }

    func next() async -> [StreamItem<Row>]? {
        await withCheckedContinuation { (reader: CheckedContinuation<[StreamItem<Row>]?, Never>) in
            self.state.withLock { state in
                state.readers.append(reader)
                Self.serve(&state)
            }
        }
    }

    func offer(_ row: Row) {
        self.state.withLock { state in
            if state.rows.count >= self.limit {
                state.rows.removeFirst()
                state.lost += 1
            }
            state.rows.append(row)
            Self.serve(&state)
        }
    }

    func beat() {
        self.state.withLock { state in
            for reader in state.readers { reader.resume(returning: []) }
            state.readers = []
        }
    }

    func finish() {
        self.state.withLock { state in
            state.isOver = true
            Self.serve(&state)
        }
    }

    func end() {
        self.state.withLock { state in
            state.isEnded = true
            Self.serve(&state)
            for waiter in state.ended { waiter.resume() }
            state.ended = []
        }
    }

    /// Comes back when the watcher has gone.
    func ended() async {
        await withCheckedContinuation { (waiter: CheckedContinuation<Void, Never>) in
            self.state.withLock { state in
                if state.isEnded { waiter.resume() } else { state.ended.append(waiter) }
            }
        }
    }

    var pulled: Int { self.state.withLock { $0.pulled } }

    private static func serve(_ state: inout State) {
        if state.isEnded || state.isOver && state.rows.isEmpty {
            for reader in state.readers { reader.resume(returning: nil) }
            state.readers = []
        }
        guard !state.rows.isEmpty, let reader = state.readers.popLast() else { return }
        var items: [StreamItem<Row>] = state.lost > 0 ? [.lost(state.lost)] : []
        items += state.rows.map { .element($0) }
        state.pulled += state.rows.count
        state.lost = 0
        state.rows = []
        reader.resume(returning: items)
    }
}

/// Counts what it gives up.
final class FakeSpare: DescriptorSpare {
    let left: Mutex<Int>
    let refills = Mutex(0)

    init(_ left: Int) { self.left = Mutex(left) }

    func release() -> Bool {
        self.left.withLock { left in
            guard left > 0 else { return false }
            left -= 1
            return true
        }
    }

    func refill() { self.refills.withLock { $0 += 1 } }
}

// CountsTests.swift
//
// Every hook times every constant on one server: what is counted is what happened, and what the trails say.

import QPActors
import QPHooks
import QPTelemetry
import QPTestKit
import Synchronization
import Testing

@testable import QPServer

@Suite(.serialized)
struct CountsTests {
    /// Plugins that do what the row in hand asks for and write down what they did.
    private final class Players: Sendable {
        private struct State {
            var row: HookMatrix.Row?
            var runs: [String: UInt64] = [:]
            var errors: [String: UInt64] = [:]
        }
        private let state = Mutex(State())

        var runs: [String: UInt64] { self.state.withLock { $0.runs } }
        var errors: [String: UInt64] { self.state.withLock { $0.errors } }

        func play(_ row: HookMatrix.Row) { self.state.withLock { $0.row = row } }

        /// The failure policy: what refuses on the way to delivery defers, all else goes on.
        private static let deferring: Set<HookID> = [.rcpt, .data, .dataPost, .queue]

        private func answer(
            _ plugin: String, _ hook: HookID, _ body: (HookMatrix.Row) -> HookMatrix.Answer
        ) throws -> ReturnCode {
            try self.state.withLock { state in
                let answer = state.row.map(body) ?? .declined
                let code = answer.code ?? (Self.deferring.contains(hook) ? .denysoft : .declined)
                state.runs["\(plugin) \(hook.name) \(Self.name(code))", default: 0] += 1
                if answer == .thrown { state.errors["\(plugin) \(hook.name) error", default: 0] += 1 }
                guard let given = answer.code else { throw HookMatrix.Failure() }
                return given
            }
        }

        static func name(_ code: ReturnCode) -> String { HookRow.verdictNames[Int(code.rawValue)] }

        private static let hooks = Set(HookID.allCases).subtracting([.logging, .config, .userConfig, .postFork])

        var plugins: [(name: String, plugin: ScriptedPlugin)] {
            [
                (
                    "subject",
                    ScriptedPlugin { table in
                        for hook in Self.hooks {
                            table.answer(
                                hook,
                                .atOnce { _ in
                                    try self.answer("subject", hook) { $0.hook == hook ? $0.answer : .declined }
                                })
                        }
                    }
                ),
                (
                    "support",
                    ScriptedPlugin { table in
                        for hook in [HookID.rcpt, .queue] {
                            table.answer(
                                hook,
                                .atOnce { _ in
                                    try self.answer("support", hook) { $0.hook == hook ? .declined : .ok }
                                })
                        }
                        table.answer(
                            .auth,
                            .atOnce { _ in
                                try self.answer("support", .auth) { $0.hook == .authParse ? .ok : .declined }
                            })
                        table.answer(
                            .noop,
                            .atOnce { _ in
                                try self.answer("support", .noop) { row in
                                    row.hook == .deny ? .deny : row.hook == .ok ? .ok : .declined
                                }
                            })
                    }
                ),
            ]
        }
    }

    /// What the rows of the matrix add up to.
    private struct Expectation {
        var replies: [String: Double] = [:]
        var commands: [String: Double] = [:]
        var recipients: [String: Double] = [:]
        var messages: [String: Double] = [:]
        var connections: [String: Double] = [:]

        init(_ rows: [HookMatrix.Row]) {
            for row in rows {
                let isTurnedAway = row.hook == .preConnection && row.closes
                self.connections["smtp \(isTurnedAway ? "plugin" : "accepted")", default: 0] += 1
                for exchange in row.exchanges { self.add(exchange, row) }
                if !row.closes {
                    self.replies["221", default: 0] += 1
                    self.commands["quit", default: 0] += 1
                }
            }
        }

        private mutating func add(_ exchange: HookMatrix.Exchange, _ row: HookMatrix.Row) {
            for code in exchange.codes { self.replies[String(code), default: 0] += 1 }
            let word = exchange.send.prefix { $0.isLetter }.lowercased()
            switch word {
            case "", "subject": break
            // Answers to challenges of AUTH.
            case "yw", "ea": break
            case "bdat": self.commands["bdat", default: 0] += row.closes && exchange.codes.count < 2 ? 1 : 2
            case "xtest": self.commands["other", default: 0] += 1
            default: self.commands[word, default: 0] += 1
            }
            guard let last = exchange.codes.last else { return }
            let code = exchange.codes.first { $0 != 250 } ?? last
            if word == "rcpt", code != 503 { self.recipients[Self.result(code, "accepted"), default: 0] += 1 }
            if word == "subject" || word == "bdat" || word == "data" && code >= 400 && code != 503 {
                // DONE at the end of a message leaves its fate to the plugin.
                let isTaken = [HookID.data, .dataPost, .queuePre, .queue].contains(row.hook) && row.answer == .done
                guard !isTaken || code != 250 else { return }
                self.messages[Self.result(code, "queued"), default: 0] += 1
            }
        }

        private static func result(_ code: Int, _ accepted: String) -> String {
            code < 400 ? accepted : code < 500 ? "deferred" : "rejected"
        }
    }

    private static func play(_ row: HookMatrix.Row, _ client: SocketClient) throws -> [[Int]] {
        var codes: [[Int]] = []
        for exchange in row.exchanges {
            if !exchange.send.isEmpty { try client.send(exchange.send) }
            codes.append(try exchange.codes.map { _ in try client.answer().code })
        }
        if row.closes { _ = try client.isClosed() } else { codes.append([try client.say("QUIT").code]) }
        return codes
    }

    /// What the trails of all sessions that are over add up to, and their ends.
    private static func trails(
        of server: OperatedServer
    ) async -> (runs: [String: UInt64], ends: [String: Double], sessions: Int) {
        var runs: [String: UInt64] = [:]
        var ends: [String: Double] = [:]
        var sessions = 0
        for kind in [SessionKind.ended, .refused] {
            var request = SessionsRequest()
            request.state = kind
            request.limit = 1000
            for row in await server.telemetry.sessions(request, for: .tester).sessions {
                sessions += 1
                guard let detail = await server.telemetry.session(row.id, for: .tester) else { continue }
                #expect(detail.dropped == 0)
                for run in detail.trail {
                    runs["\(run.plugin) \(run.hook) \(run.verdict.lowercased())", default: 0] += 1
                }
                guard detail.lastHook == "post-connection" else { continue }
                ends["\(row.phase.rawValue) \(row.by ?? "?")", default: 0] += 1
            }
        }
        return (runs, ends, sessions)
    }

    private static func flat(_ hooks: [HookRow]) -> [String: UInt64] {
        var counts: [String: UInt64] = [:]
        for hook in hooks {
            for (verdict, count) in hook.verdicts where count > 0 {
                counts["\(hook.plugin) \(hook.hook) \(verdict)"] = count
            }
        }
        return counts
    }

    private static func numbers(_ numbers: [MetricsSnapshot.Labelled]) -> [String: Double] {
        Dictionary(numbers.map { ($0.labels.joined(separator: " "), $0.value) }, uniquingKeysWith: +)
    }

    /// What was added, without what was not.
    private static func growth(_ now: [String: Double], since before: [String: Double]) -> [String: Double] {
        now.merging(before) { $0 - $1 }.filter { $0.value != 0 }
    }

    /// What differs, in an order.
    private static func differences<Value: Equatable>(_ left: [String: Value], _ right: [String: Value]) -> [String] {
        Set(left.keys).union(right.keys).sorted().filter { left[$0] != right[$0] }.map { key in
            "\(key): \(left[key].map { "\($0)" } ?? "-") \(right[key].map { "\($0)" } ?? "-")"
        }
    }

    @Test func everythingIsCountedOnce() async throws {
        let players = Players()
        let rows = HookMatrix.rows
        try await OperatedServer.with(players.plugins) { server in
            var before = (recipients: [String: Double](), messages: [String: Double]())
            for row in rows {
                players.play(row)
                let port = server.port
                let codes = try await offPool { try Self.play(row, SocketClient(TestServer.v4, port: port)) }
                #expect(codes == row.exchanges.map(\.codes) + (row.closes ? [] : [[221]]), "\(row)")
                try #require(await server.isEmpty())
                let metrics = await server.telemetry.metrics()
                let expected = Expectation([row])
                let recipients = Self.numbers(metrics.recipients)
                let messages = Self.numbers(metrics.messages)
                #expect(Self.growth(recipients, since: before.recipients) == expected.recipients, "\(row)")
                #expect(Self.growth(messages, since: before.messages) == expected.messages, "\(row)")
                before = (recipients, messages)
            }

            let hooks = try await server.get([HookRow].self, "/api/v1/hooks")
            #expect(Self.differences(Self.flat(hooks), players.runs) == [])
            let metrics = await server.telemetry.metrics()
            let rowsOfMetrics = metrics.hooks.map { HookRow($0, configured: true, inFlight: 0) }
            #expect(Self.differences(Self.flat(rowsOfMetrics), players.runs) == [])
            let samples = try await server.samples()
            #expect(
                Self.differences(
                    server.family("qpserver_hook_runs_total", samples), players.runs.mapValues { Double($0) }) == [])
            #expect(
                Self.differences(
                    server.family("qpserver_hook_errors_total", samples), players.errors.mapValues { Double($0) }) == []
            )

            let trails = await Self.trails(of: server)
            #expect(trails.sessions == rows.count)
            #expect(Self.differences(trails.runs, players.runs) == [])
            #expect(Self.differences(server.family("qpserver_disconnects_total", samples), trails.ends) == [])

            let expected = Expectation(rows)
            #expect(Self.differences(server.family("qpserver_replies_total", samples), expected.replies) == [])
            #expect(Self.differences(server.family("qpserver_commands_total", samples), expected.commands) == [])
            #expect(Self.differences(server.family("qpserver_recipients_total", samples), expected.recipients) == [])
            #expect(Self.differences(server.family("qpserver_messages_total", samples), expected.messages) == [])
            #expect(Self.differences(server.family("qpserver_connections_total", samples), expected.connections) == [])
        }
    }
}

// RowTests.swift
//
// Rows as JSON: there and back, and as the OpenAPI document has them.

import FoundationEssentials
import NIOCore
import QPTelemetry
import Testing

@testable import QPAdminHTTP

struct RowTests {
    private func check<Row: Codable & Equatable>(_ rows: [Row], _ schema: String) throws {
        let form = try #require(RowSchema.all.first { $0.name == schema })
        for row in rows {
            let data = Data(try JSONText.encode(row).readableBytesView)
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            #expect(try decoder.decode(Row.self, from: data) == row)
            let json = try JSONDecoder().decode(AnyJSON.self, from: data)
            #expect(json.problems(.row(form.name)) == [])
        }
        // The first one has everything.
        let first = try JSONDecoder().decode(
            AnyJSON.self, from: Data(try JSONText.encode(try #require(rows.first)).readableBytesView))
        #expect(first.names == Set(form.fields.map(\.name)))
    }

    @Test func everyRow() throws {
        try self.check([Samples.session, SessionRow(id: "x")], "SessionRow")
        try self.check([Samples.page, SessionPage(sessions: [], total: nil, next: nil)], "SessionPage")
        try self.check([Samples.trail, TrailEntry(hook: "h", plugin: "p", verdict: "OK")], "TrailEntry")
        try self.check([RecipientRow(address: "a", code: 250)], "RecipientRow")
        try self.check([Samples.transaction, TransactionRow(id: "x.1", number: 1)], "TransactionRow")
        try self.check([try #require(Samples.detail.decision)], "Decision")
        try self.check([Samples.detail, SessionDetail(session: SessionRow(id: "x"))], "SessionDetail")
        try self.check([TopRow(value: "a", count: 1, session: "x")], "TopRow")
        try self.check([LiveChange(by: "a", at: 1, what: "x")], "LiveChange")
        try self.check([Samples.plugin, PluginRow(name: "x")], "PluginRow")
        try self.check(
            [PluginDetail(plugin: Samples.plugin, manual: "m", hooks: [Samples.hook])], "PluginDetail")
        try self.check(
            [Samples.hook, HookRow(HookStatistics(plugin: "p", hook: "h"), configured: false, inFlight: 0)], "HookRow")
        try self.check([Samples.overview, Overview()], "Overview")
        try self.check([Rates()], "Rates")
        try self.check(Samples.overview.loops, "LoopRow")
        try self.check([Alarm(kind: "a", text: "b")], "Alarm")
        try self.check([RateSeries(start: 1, series: ["latency_p95": [1.5]])], "RateSeries")
        try self.check([Samples.backend, BackendRow(kind: "dns", name: "r", state: "ok")], "BackendRow")
        try self.check(
            [
                Samples.ban,
                BanRow(id: "b", network: "n", reason: "", by: "a", createdAt: 1, expiresAt: nil, hits: 0),
            ], "BanRow")
        try self.check([Samples.preview], "BanPreview")
        try self.check([Samples.generations], "Generations")
        try self.check(Samples.generations.generations, "GenerationRow")
        try self.check([Samples.difference], "FileDifference")
        try self.check([Samples.audit], "AuditRow")
        try self.check([Samples.log, LogRow(sequence: 1, time: 1, level: "LOGINFO", text: "")], "LogRow")
        try self.check([Samples.event, EventRow(sequence: 1, time: 1, kind: "config")], "EventRow")
        try self.check([Whoami(name: "a", role: .operator_, source: "unix", hidesAddresses: true)], "Whoami")
        try self.check([PluginPatch(mode: "on", timeLimit: 1, logLevel: "default"), PluginPatch()], "PluginPatch")
        try self.check(
            [
                BanRequest(network: "n", timeToLive: 1, reason: "r", force: true, kick: false),
                BanRequest(network: "n"),
            ], "BanRequest")
        try self.check([Switch(enabled: true)], "Switch")
    }

    @Test func oddNumbersHideNothing() throws {
        var row = SessionRow(id: "x")
        row.rate = .infinity
        row.age = .nan
        #expect(String(buffer: try JSONText.encode(row)).contains(#""rate":"inf""#))
    }

    @Test func namesInDictionariesStay() throws {
        let text = String(buffer: try JSONText.encode(Samples.session))
        #expect(text.contains(#""camelCase":"kept""#))
        #expect(text.contains(#"\u001b[2J"#) || text.contains(#"\u001B[2J"#))
    }
}

/// JSON of any form.
enum AnyJSON: Decodable {
    case object([String: AnyJSON])
    case array([AnyJSON])
    case string(String)
    case number(Double)
    case boolean(Bool)
    case null

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let flag = try? container.decode(Bool.self) {
            self = .boolean(flag)
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else if let text = try? container.decode(String.self) {
            self = .string(text)
        } else if let elements = try? container.decode([AnyJSON].self) {
            self = .array(elements)
        } else {
            self = .object(try container.decode([String: AnyJSON].self))
        }
    }

    var names: Set<String> { if case .object(let members) = self { Set(members.keys) } else { [] } }

    subscript(_ name: String) -> AnyJSON? { if case .object(let members) = self { members[name] } else { nil } }

    /// Where it is not of a form.
    func problems(_ type: SchemaType, at place: String = "") -> [String] {
        switch (type, self) {
        case (.text, .string), (.number, .number), (.boolean, .boolean), (.bounded, .number): return []
        case (.integer, .number(let number)) where number == number.rounded(): return []
        case (.choice(let choices), .string(let text)) where choices.contains(text): return []
        case (.optional(let inner), _): return self.problems(inner, at: place)
        case (.list(let inner), .array(let elements)): return elements.flatMap { $0.problems(inner, at: place + "[]") }
        case (.map(let inner), .object(let members)): return members.flatMap { $1.problems(inner, at: place + ".*") }
        case (.row(let name), .object(let members)):
            guard let form = RowSchema.all.first(where: { $0.name == name }) else { return ["\(place): no \(name)"] }
            let known = Dictionary(form.fields.map { ($0.name, $0.type) }, uniquingKeysWith: { first, _ in first })
            return members.flatMap { member, value in
                known[member].map { value.problems($0, at: "\(place).\(member)") } ?? ["\(place).\(member): unknown"]
            }
                + form.fields.filter { !$0.type.isOptional && members[$0.name] == nil }
                .map { "\(place).\($0.name): missing" }
        default: return ["\(place): not \(type)"]
        }
    }
}

// Session+Row.swift
//
// A live session as an observer sees it; on its loop.

package import QPHooks
package import QPTelemetry

extension Session {
    /// How far it has come.
    package var shownPhase: SessionPhase {
        switch self.phase {
        case .opening: .connect
        case .handshake: self.hasSpoken ? (self.machine.isGreeted ? .idle : .helo) : .connect
        case .leaving, .gone: .leaving
        case .data, .chunk: .data
        case .command:
            if self.isQueueing || self.state.transaction.message != nil {
                .queue
            } else if self.machine.isInTransaction {
                self.state.transaction.recipients.isEmpty ? .mail : .rcpt
            } else {
                self.machine.isGreeted ? .idle : .helo
            }
        }
    }

    /// Its number since the server started.
    package var number: UInt64 { self.state.number }

    /// Its listener, for counting.
    package nonisolated var listener: ListenerCounters { self.setup.listener }

    /// The handler that waits now.
    package var waiting: (plugin: String, hook: HookID)? {
        self.running.map { (self.generation.names[Int($0.slot)], $0.hook) }
    }

    /// Its address.
    package var peer: IPAddress { self.state.connection.remoteAddress }

    /// The names of its generation's plugins.
    package nonisolated var pluginNames: [String] { self.generation.names }

    private func seconds(since start: Int64) -> Double { Double(self.core.now &- start) / 1e9 }

    /// Everything a list shows.
    package func row() -> SessionRow {
        var row = SessionRow(id: self.state.id.description)
        let connection = self.state.connection
        row.number = self.state.number
        row.startedAt = Double(connection.acceptedAt) / 1e9
        row.age = self.seconds(since: self.startedAt)
        row.peer = connection.remoteAddress.description
        row.peerPort = Int(connection.remotePort)
        if self.state.remoteHost != "Unknown" { row.remoteHost = self.state.remoteHost }
        row.listener = connection.listener
        row.helo = self.state.introduction?.host
        row.tls = self.state.tls?.summary
        row.phase = self.shownPhase
        row.user = self.state.user
        let mail = self.state.transaction
        if mail.number > 0 {
            row.sender = mail.sender?.address
            row.recipients = mail.recipients.prefix(JournalWriter.recipientLimit).map(\.mailbox.address)
            row.recipientCount = mail.recipients.count
        } else if let memory = self.memory {
            row.sender = memory.sender?.address
            row.recipients = memory.recipients.prefix(JournalWriter.recipientLimit).map(\.mailbox.address)
            row.recipientCount = memory.recipients.count
        }
        row.octets = self.octets
        row.rate = row.age > 0 ? Double(self.octets) / row.age : 0
        if let running = self.running {
            row.plugin = self.generation.names[Int(running.slot)]
            row.hook = running.hook.name
            row.running = self.seconds(since: running.startedAt)
        }
        row.notes = self.scores
        row.marks = self.shownMarks
        if let memory = self.memory {
            row.messages = Int(memory.messages)
            if memory.code > 0 {
                row.code = Int(memory.code)
                row.reason = memory.reason
            }
            row.decidedBy = memory.decidedBy
        }
        if let decider = self.trail.records.last(where: { $0.decidedRefusal }) {
            row.decidedBy = self.generation.names[Int(decider.plugin)]
        }
        row.generation = self.generation.number
        return row
    }

    private var shownMarks: [String: PluginMark] {
        var marks = self.memory?.marks ?? []
        if marks.isEmpty { marks = Array(repeating: 0, count: self.generation.names.count) }
        for record in self.trail.records where Int(record.plugin) < marks.count {
            let mark = UInt8(truncatingIfNeeded: PluginMark.of(record).strength + 1)
            marks[Int(record.plugin)] = max(marks[Int(record.plugin)], mark)
        }
        return PluginMark.named(marks, self.generation.names)
    }

    /// What it is sorted by: a number, or a text.
    package func sortKey(_ sort: SessionSort) -> SortKey {
        switch sort {
        case .age: .number(Double(self.core.now &- self.startedAt))
        case .started: .number(Double(self.startedAt))
        case .peer: .address(self.peer)
        case .helo: .text(self.state.introduction?.host ?? "")
        case .phase: .number(Double(SessionPhase.allCases.firstIndex(of: self.shownPhase) ?? 0))
        case .sender: .text((self.state.transaction.sender ?? self.memory?.sender)?.address ?? "")
        case .rcpts: .number(Double(self.state.transaction.recipients.count))
        case .messages: .number(Double(self.memory?.messages ?? 0))
        case .octets: .number(Double(self.octets))
        case .rate: .number(Double(self.octets) / max(1, Double(self.core.now &- self.startedAt)))
        case .running: .number(self.running.map { self.seconds(since: $0.startedAt) } ?? -1)
        }
    }

    /// All that is known, but for what its journal has already; on the loop.
    package func detail() -> (row: SessionRow, trail: TrailPart, transaction: UInt32, naughty: String?) {
        (self.row(), TrailPart(self.trail), self.state.transaction.number, self.naughty)
    }
}

/// What sessions are sorted by.
package enum SortKey: Sendable, Comparable {
    case number(Double)
    case address(IPAddress)
    case text(String)
}

extension PluginMark {
    /// Marks by plugin out of those by slot; plugins that did not run are left out.
    package static func named(_ marks: [UInt8], _ names: [String]) -> [String: PluginMark] {
        var named: [String: PluginMark] = [:]
        for (slot, byte) in marks.enumerated() where slot < names.count {
            if let mark = PluginMark(byte: byte) { named[names[slot]] = mark }
        }
        return named
    }
}

extension QueryValue {
    /// An address.
    package init(_ address: IPAddress) {
        self = .address(high: address.high, low: address.isIPv4 ? 0xFFFF_0000_0000 | address.low : address.low)
    }
}

extension HookRecord {
    /// Whether it ended a chain with a refusal; deny and ok handlers only learn of one.
    var decidedRefusal: Bool {
        self.flags.contains(.decided) && self.verdict.isRefusal && !self.hook.isTelling
    }
}

// QueryRows.swift
//
// What a query sees of each kind of row.

extension Query {
    /// Whether a session matches, looked at as a whole.
    public func matches(_ row: SessionRow) -> Bool { self.matches { row.queryValue($0) } }

    /// Whether a line of the log matches.
    public func matches(_ row: LogRow) -> Bool { self.matches { row.queryValue($0) } }

    /// Whether an event matches.
    public func matches(_ row: EventRow) -> Bool { self.matches { row.queryValue($0) } }
}

extension SessionRow {
    /// The value of a field. `plugin` is every plugin that ran, runs or decided, `verdict` every mark; `duration` is how
    /// long the running handler has taken so far.
    public func queryValue(_ field: QueryField) -> QueryValue {
        switch field {
        case .id: .text(self.id)
        case .state: .text(self.state.rawValue)
        case .ip: self.peer.isEmpty ? .missing : QueryValue(address: self.peer)
        case .port: self.peerPort > 0 ? .number(Double(self.peerPort)) : .missing
        case .host: QueryValue(self.remoteHost)
        case .listener: .text(self.listener)
        case .helo: QueryValue(self.helo)
        case .phase: .text(self.phase.rawValue)
        case .tls: QueryValue(self.tls)
        case .user: QueryValue(self.user)
        case .sender: QueryValue(self.sender)
        case .recipient: self.recipients.isEmpty ? .missing : .list(self.recipients)
        case .rcpts: .number(Double(self.recipientCount))
        case .messages: .number(Double(self.messages))
        case .bytes: .number(Double(self.octets))
        case .rate: .number(self.rate)
        case .age: .number(self.age)
        case .plugin: self.plugins
        case .hook: QueryValue(self.hook)
        case .verdict: self.marks.isEmpty ? .missing : .list(self.marks.values.map(\.rawValue))
        case .text, .reason: QueryValue(self.reason)
        case .by: QueryValue(self.by)
        case .code: QueryValue(self.code.map { Double($0) })
        case .generation: .number(Double(self.generation))
        case .duration: QueryValue(self.running)
        case .time: .number(self.startedAt)
        case .note(let name): QueryValue(self.notes[name])
        case .messageID, .size, .result, .level, .kind, .transaction: .missing
        }
    }

    private var plugins: QueryValue {
        let names = Array(self.marks.keys) + [self.plugin, self.decidedBy].compactMap(\.self)
        return names.isEmpty ? .missing : .list(names)
    }
}

extension TransactionRow {
    /// The value of a field. `id` is the session's, `transaction` the mail's own or its number.
    public func queryValue(_ field: QueryField) -> QueryValue {
        switch field {
        case .id: .text(self.id.lastIndex(of: ".").map { String(self.id[..<$0]) } ?? self.id)
        case .transaction: .list([self.id, String(self.number)])
        case .time: .number(self.endedAt)
        case .sender: QueryValue(self.sender)
        case .recipient: self.recipients.isEmpty ? .missing : .list(self.recipients.map(\.address))
        case .rcpts: .number(Double(self.recipientCount))
        case .messageID: QueryValue(self.messageId)
        case .bytes, .size: .number(Double(self.size))
        case .result: .text(self.result)
        case .code: QueryValue(self.code.map { Double($0) })
        case .text, .reason: .text(self.text)
        case .state, .ip, .port, .host, .listener, .helo, .phase, .tls, .user, .messages, .rate, .age, .plugin, .hook,
            .verdict, .by, .generation, .duration, .level, .kind, .note:
            .missing
        }
    }
}

extension TrailEntry {
    /// The value of a field: `hook`, `plugin`, `verdict`, `text`, `duration`, `transaction` (its number).
    public func queryValue(_ field: QueryField) -> QueryValue {
        switch field {
        case .hook: .text(self.hook)
        case .plugin: .text(self.plugin)
        case .verdict: .text(self.verdict)
        case .text, .reason: .text(self.text)
        case .duration: .number(self.microseconds / 1_000_000)
        case .transaction: self.transaction > 0 ? .text(String(self.transaction)) : .missing
        default: .missing
        }
    }
}

extension LogRow {
    /// The value of a field. `text` is also each fact beside the text; a fact that has a field's name is that field, and
    /// any fact is found as a note.
    public func queryValue(_ field: QueryField) -> QueryValue {
        switch field {
        case .time: .number(self.time)
        case .level: .text(self.level)
        case .plugin: QueryValue(self.plugin)
        case .hook: QueryValue(self.hook)
        case .id: QueryValue(self.session)
        case .transaction: self.transactionNames
        case .text: self.fields.isEmpty ? .text(self.text) : .list([self.text] + self.fields.values)
        case .ip: self.fields[field.name].map(QueryValue.init(address:)) ?? .missing
        case .note(let name): QueryValue(self.fields[name])
        default: QueryValue(self.fields[field.name])
        }
    }

    private var transactionNames: QueryValue {
        guard self.transaction > 0 else { return .missing }
        let number = String(self.transaction)
        return .list(self.session.map { ["\($0).\(number)", number] } ?? [number])
    }
}

extension EventRow {
    /// The value of a field: of the event itself, of its mail, or else of its session.
    public func queryValue(_ field: QueryField) -> QueryValue {
        switch field {
        case .kind: return .text(self.kind)
        case .time: return .number(self.time)
        case .id: return self.session.map { .text($0.id) } ?? self.transaction?.queryValue(.id) ?? .missing
        case .text:
            let texts = [self.text, self.transaction?.text, self.session?.reason].compactMap(\.self)
            return texts.isEmpty ? .missing : .list(texts)
        default:
            if let value = self.transaction?.queryValue(field), !value.isMissing { return value }
            return self.session?.queryValue(field) ?? .missing
        }
    }
}

// QueryField.swift
//
// What a query can ask about.

/// A fact about a session, a mail, a hook run, a log line or an event. Which of them has which: `docs/query.md`.
public enum QueryField: Sendable, Hashable {
    case id, state, ip, port, host, listener, helo, phase, tls, user, sender, recipient, rcpts, messages
    /// Octets, and octets a second.
    case bytes, rate
    /// Seconds since a session began.
    case age
    case plugin, hook, verdict, text, by, reason, code, generation
    /// Seconds that a hook run took.
    case duration
    case messageID, size, result, level, kind, transaction
    /// Seconds since 1970.
    case time
    /// A note by its name, written `note.karma`; its value may be a number or a text.
    case note(String)

    /// How queries write it.
    public var name: String {
        switch self {
        case .id: "id"
        case .state: "state"
        case .ip: "ip"
        case .port: "port"
        case .host: "host"
        case .listener: "listener"
        case .helo: "helo"
        case .phase: "phase"
        case .tls: "tls"
        case .user: "user"
        case .sender: "sender"
        case .recipient: "recipient"
        case .rcpts: "rcpts"
        case .messages: "messages"
        case .bytes: "bytes"
        case .rate: "rate"
        case .age: "age"
        case .plugin: "plugin"
        case .hook: "hook"
        case .verdict: "verdict"
        case .text: "text"
        case .by: "by"
        case .reason: "reason"
        case .code: "code"
        case .generation: "generation"
        case .duration: "duration"
        case .messageID: "message_id"
        case .size: "size"
        case .result: "result"
        case .level: "level"
        case .kind: "kind"
        case .transaction: "transaction"
        case .time: "time"
        case .note(let name): "note.\(name)"
        }
    }

    /// The field of a name in any case, also of another name it has (`peer`, `octets`, `recipients`, `to`, `from`).
    /// The name of a note is taken as it is written.
    public init?(name: String) {
        if name.utf8.count > 5, name.prefix(5).lowercased() == "note." {
            self = .note(String(name.dropFirst(5)))
        } else if let field = Self.byName[name.lowercased()] {
            self = field
        } else {
            return nil
        }
    }

    /// All but notes.
    static let known: [Self] = [
        .id, .state, .ip, .port, .host, .listener, .helo, .phase, .tls, .user, .sender, .recipient, .rcpts, .messages,
        .bytes, .rate, .age, .plugin, .hook, .verdict, .text, .by, .reason, .code, .generation, .duration, .messageID,
        .size, .result, .level, .kind, .transaction, .time,
    ]

    /// Those that a search for a text looks at.
    static let searched = Self.known.filter { $0.type.isText }

    static let byName: [String: Self] = {
        var names: [String: Self] = [
            "peer": .ip, "octets": .bytes, "recipients": .rcpts, "to": .recipient, "from": .sender,
        ]
        for field in Self.known { names[field.name] = field }
        return names
    }()
}

/// What kind of value a field has.
enum QueryType: Sendable, Hashable {
    case text, plugin, verdict, level, address
    /// A note: a number or a text.
    case open
    case number(QueryUnit)

    var isText: Bool {
        switch self {
        case .text, .plugin, .verdict, .level, .address: true
        case .open, .number: false
        }
    }
}

extension QueryField {
    var type: QueryType {
        switch self {
        case .plugin: .plugin
        case .verdict: .verdict
        case .level: .level
        case .ip: .address
        case .note: .open
        case .port, .rcpts, .messages, .code, .generation, .time: .number(.one)
        case .bytes, .rate, .size: .number(.octet)
        case .age, .duration: .number(.second)
        case .id, .state, .host, .listener, .helo, .phase, .tls, .user, .sender, .recipient, .hook, .text, .by,
            .reason, .messageID, .result, .kind, .transaction:
            .text
        }
    }
}

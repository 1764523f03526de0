// RejectPolicy.swift
//
// The arguments `reject` and `reject_type` that filters share.

/// What a filter does with a hit: refuse, only log, or leave it to the naughty plugin.
public struct RejectPolicy: Sendable, Hashable {
    /// What happens on a hit.
    public enum Mode: Sendable, Hashable {
        /// Refused at once.
        case refuse
        /// Logged.
        case tolerate
        /// Remembered: the naughty plugin refuses later.
        case naughty
    }

    /// What happens on a hit.
    public let mode: Mode
    /// How hard a refusal is.
    public let kind: Denial.Kind
    /// `reject_type` as it was given.
    public let type: String?

    /// Reads `reject` (0, 1, naughty) and `reject_type` (perm, temp, disconnect, temp_disconnect).
    /// - Throws: `PluginError` for any other `reject_type`.
    public init(
        reject: String?, type: String?, default mode: Mode = .refuse, defaultKind: Denial.Kind = .deny
    ) throws(PluginError) {
        switch reject {
        case nil: self.mode = mode
        case "0", "": self.mode = .tolerate
        case "naughty": self.mode = .naughty
        default: self.mode = .refuse
        }
        self.type = type
        switch type?.lowercased() {
        case nil: self.kind = defaultKind
        case "perm", "hard": self.kind = .deny
        case "temp", "soft": self.kind = .denysoft
        case "disconnect": self.kind = .denyDisconnect
        case "temp_disconnect": self.kind = .denysoftDisconnect
        case .some(let other):
            throw .argument("reject_type '\(other)' is none of perm, temp, disconnect, temp_disconnect")
        }
    }

    /// Answers a hit, with one log line.
    public func verdict<Value>(
        _ text: String, _ status: EnhancedStatus? = nil, in session: SessionContext, note: String = ""
    ) -> Verdict<Value> {
        let tail = note.isEmpty ? "" : ", \(note)"
        switch self.mode {
        case .tolerate:
            session.log.info("fail, tolerated\(tail)")
            return .declined
        case .naughty:
            session.log.info("fail, NAUGHTY\(tail)")
            let naughty = NoteKey<String>("naughty")
            let mine = "(\(session.pluginName)) \(text)"
            session.notes[naughty] = session.notes[naughty].map { $0 + "\n" + mine } ?? mine
            let typeKey = NoteKey<String>("naughty_reject_type")
            if session.notes[typeKey] == nil, let type = self.type { session.notes[typeKey] = type }
            return .declined
        case .refuse:
            session.log.info("fail\(tail)")
            return .refused(Denial(self.kind, text, status))
        }
    }
}

/// A plugin's arguments as `key value` pairs.
public struct KeyedArguments: Sendable {
    private let values: [String: [String]]

    /// Reads pairs, each key one of `allowed` or `repeatable`. `loglevel`, `reject` and `reject_type` must be allowed
    /// like any other.
    /// - Throws: `PluginError` for an unknown key, a key twice that is not `repeatable`, or a key without value.
    public init(_ words: [String], allowed: Set<String>, repeatable: Set<String> = []) throws(PluginError) {
        let known = allowed.union(repeatable)
        var values: [String: [String]] = [:]
        var rest = words[...]
        while let key = rest.popFirst() {
            guard known.contains(key) else {
                throw .argument("unknown argument '\(key)'; known: \(known.sorted().joined(separator: ", "))")
            }
            guard let value = rest.popFirst() else { throw .argument("'\(key)' needs a value") }
            guard values[key] == nil || repeatable.contains(key) else { throw .argument("'\(key)' is given twice") }
            values[key, default: []].append(value)
        }
        self.values = values
    }

    /// The value of a key, the first if there are several.
    public subscript(key: String) -> String? { self.values[key]?.first }

    /// All values of a key, in order.
    public func all(_ key: String) -> [String] { self.values[key] ?? [] }
}

// Notes.swift
//
// What plugins tell each other: plain values by name.

/// A plain value under a name: what a note holds, so that every plugin, in whatever language, can read it.
public enum NoteValue: Sendable, Hashable, Codable {
    case null
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case bytes([UInt8])
    case list([NoteValue])
    case map([String: NoteValue])
}

/// A type that a note can hold.
public protocol NoteConvertible: Sendable {
    /// The plain value.
    var noteValue: NoteValue { get }
    /// Reads a plain value; `nil` if it is of another kind.
    init?(_ note: NoteValue)
}

extension Bool: NoteConvertible {
    /// `bool`.
    public var noteValue: NoteValue { .bool(self) }
    /// A number is true unless it is 0, a text unless it is empty or `0`; `nil` for other kinds.
    public init?(_ note: NoteValue) {
        switch note {
        case .bool(let value): self = value
        case .int(let value): self = value != 0
        case .string(let value): self = !value.isEmpty && value != "0"
        case .null, .double, .bytes, .list, .map: return nil
        }
    }
}

extension Int: NoteConvertible {
    /// `int`.
    public var noteValue: NoteValue { .int(self) }
    /// Takes whole numbers in texts, 1 for true, a `double` without its fraction; `nil` for other kinds.
    public init?(_ note: NoteValue) {
        switch note {
        case .int(let value): self = value
        case .string(let value):
            guard let number = Int(value) else { return nil }
            self = number
        case .double(let value):
            guard let number = Int(exactly: value.rounded(.towardZero)) else { return nil }
            self = number
        case .bool(let value): self = value ? 1 : 0
        case .null, .bytes, .list, .map: return nil
        }
    }
}

extension Double: NoteConvertible {
    /// `double`.
    public var noteValue: NoteValue { .double(self) }
    /// Takes numbers, also in texts; `nil` for other kinds.
    public init?(_ note: NoteValue) {
        switch note {
        case .double(let value): self = value
        case .int(let value): self = Double(value)
        case .string(let value):
            guard let number = Double(value) else { return nil }
            self = number
        case .null, .bool, .bytes, .list, .map: return nil
        }
    }
}

extension String: NoteConvertible {
    /// `string`.
    public var noteValue: NoteValue { .string(self) }
    /// Takes whole numbers, and octets as UTF-8 with a replacement for what is none; `nil` for other kinds.
    public init?(_ note: NoteValue) {
        switch note {
        case .string(let value): self = value
        case .int(let value): self = String(value)
        case .bytes(let value): self = String(decoding: value, as: UTF8.self)
        case .null, .bool, .double, .list, .map: return nil
        }
    }
}

extension NoteValue: NoteConvertible {
    /// Itself.
    public var noteValue: NoteValue { self }
    /// Takes any note.
    public init?(_ note: NoteValue) { self = note }
}

/// A note's name with the type it holds.
public struct NoteKey<Value: NoteConvertible>: Sendable {
    /// The name, shared with plugins of every language.
    public let name: String

    /// Makes a key.
    public init(_ name: String) {
        self.name = name
    }
}

/// How long a note lives.
public enum NoteScope: UInt8, Sendable, Hashable, Codable {
    /// From the arrival of the client to the end of its session.
    case connection
    /// One mail.
    case transaction
}

/// The notes of a connection or of a transaction. Every change is recorded.
public struct Notes {
    let context: SessionContext
    let scope: NoteScope

    /// A note by its typed key; `nil` removes it.
    public subscript<Value>(key: NoteKey<Value>) -> Value? {
        get { self[key.name].flatMap(Value.init) }
        nonmutating set { self[key.name] = newValue?.noteValue }
    }

    /// A note by its bare name; `nil` removes it.
    public subscript(name: String) -> NoteValue? {
        get {
            switch self.scope {
            case .connection: self.context.state.connectionNotes[name]
            case .transaction: self.context.state.transaction.notes[name]
            }
        }
        nonmutating set { self.context.apply(.note(self.scope, name, newValue)) }
    }
}

/// A key of storage that only Swift plugins share: any Sendable type, never shown outside.
public struct StorageKey<Value: Sendable>: Sendable, Hashable {
    /// The name, unique in the process.
    public let name: String

    /// Makes a key.
    public init(_ name: String) {
        self.name = name
    }
}

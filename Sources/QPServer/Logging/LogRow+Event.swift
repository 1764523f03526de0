// LogRow+Event.swift
//
// What is kept of a line for those who watch, and what they see of it.

import QPHooks
import QPTelemetry

extension LoggingEvent {
    /// What a line takes at most that nothing is cut from.
    static let smallOctets = 1024
    private static let maxFields = 32

    /// What it takes in memory, about.
    var octets: Int {
        self.fields.reduce(self.text.utf8.count + 128) { $0 + $1.name.utf8.count + $1.value.utf8.count + 32 }
    }

    /// The line with at most 8,192 octets of text and 32 fields of 24,576 octets together.
    var cut: Self {
        var fields: [(name: String, value: String)] = []
        var room = LogFormatter.fieldLimit
        for field in self.fields.prefix(Self.maxFields) {
            let (name, value) = (LogFormatter.cut(field.name, 128), LogFormatter.cut(field.value, 4096))
            room -= name.utf8.count + value.utf8.count
            guard room >= 0 else { break }
            fields.append((name, value))
        }
        return Self(
            level: self.level, hook: self.hook, plugin: self.plugin, session: self.session,
            sessionNumber: self.sessionNumber, transaction: self.transaction,
            // Room for what is said about the rest.
            text: LogFormatter.cut(self.text, LogFormatter.limit - 64), fields: fields, wallTime: self.wallTime)
    }
}

extension LogRow {
    /// A line as it is; nothing is escaped. Of fields with the same name the last one counts.
    init(_ sequence: UInt64, _ event: LoggingEvent) {
        self.init(
            sequence: sequence, time: Double(event.wallTime) / 1e9, level: event.level.name, text: event.text)
        self.plugin = event.plugin
        self.hook = event.hook?.name
        self.session = event.session?.description
        self.transaction = event.transaction
        for field in event.fields { self.fields[field.name] = field.value }
    }
}

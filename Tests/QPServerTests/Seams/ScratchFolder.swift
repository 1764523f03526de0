// ScratchFolder.swift
//
// A folder of a test's own.

import Glibc
import QPHooks

@testable import QPServer

/// Removed with all it holds when the test is done with it.
final class ScratchFolder: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/qpserver-test-XXXXXX".utf8CString)
        self.path = mkdtemp(&template).map { String(cString: $0) } ?? "/nonexistent"
    }

    deinit {
        FileWork.removeTree(self.path)
    }

    func callAsFunction(_ name: String) -> String { "\(self.path)/\(name)" }

    func write(_ name: String, _ text: String) {
        try? FileWork.append(Array(text.utf8), to: self(name), mode: 0o600)
    }

    func text(_ name: String) -> String? {
        (try? FileWork.read(self(name), limit: 1 << 24)).map { String(decoding: $0, as: UTF8.self) }
    }

    func lines(_ name: String) -> [String] {
        (self.text(name) ?? "").split(separator: "\n", omittingEmptySubsequences: true).map(String.init)
    }

    func names() -> [String] { Self.names(of: self.path) ?? [] }

    static func names(of path: String) -> [String]? {
        guard let folder = opendir(path) else { return nil }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}

/// Whoever asks in tests.
func origin(_ session: UInt64? = nil) -> EffectOrigin {
    EffectOrigin(session: session.map { SessionID(bits: $0) }, plugin: "test", hook: nil, call: 0)
}

/// Waits until something is so, two seconds at most.
func eventually(_ condition: () -> Bool) -> Bool {
    for _ in 0..<2000 {
        if condition() { return true }
        usleep(1000)
    }
    return condition()
}

extension LoggingEvent {
    static func sample(
        _ level: LogLevel, _ text: String, hook: HookID? = nil, plugin: String? = nil,
        session: UInt64? = nil, number: UInt64 = 0, transaction: UInt32 = 0,
        fields: [(name: String, value: String)] = [], wallTime: Int64 = 1_795_435_200_123_456_789
    ) -> LoggingEvent {
        LoggingEvent(
            level: level, hook: hook, plugin: plugin, session: session.map { SessionID(bits: $0) },
            sessionNumber: number, transaction: transaction, text: text, fields: fields, wallTime: wallTime)
    }
}

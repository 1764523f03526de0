// Support.swift
//
// What the engine's tests share.

import QPActors
import QPHooks
import QPTelemetry
import QPTestKit
import Synchronization
import Testing

/// A row of a table: a failure names it.
struct Row<Input: Sendable, Expected: Sendable>: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let input: Input
    let expected: Expected

    init(_ name: String, _ input: Input, _ expected: Expected) {
        self.testDescription = name
        self.input = input
        self.expected = expected
    }
}

/// What a test's handlers wrote down, in order.
final class Diary: Sendable {
    private let kept = Mutex<[String]>([])

    var lines: [String] { self.kept.withLock { $0 } }
    func write(_ line: String) { self.kept.withLock { $0.append(line) } }
    func forget() { self.kept.withLock { $0 = [] } }
}

/// Handlers wait here, deaf to cancellation, until a test lets them go.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiters: [UnsafeContinuation<Void, Never>] = []
    }
    private let state = Mutex(State())

    func wait() async {
        await withUnsafeContinuation { continuation in
            let isOpen = self.state.withLock { state in
                if !state.isOpen { state.waiters.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiters = self.state.withLock { state in
            defer { state.waiters = [] }
            state.isOpen = true
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}

/// Accepts every recipient and every mail.
let accepting = EngineHarness.Entry("accepting") { hooks in
    hooks.on(.rcpt) { _, _ in .ok }
    hooks.on(.queue) { _, _ in .ok("queued") }
}

/// Writes down the farewell hooks and reset_transaction.
func watching(_ diary: Diary) -> EngineHarness.Entry {
    EngineHarness.Entry("watching") { hooks in
        for hook in [HookID.resetTransaction, .disconnect, .postConnection] {
            hooks.answer(
                hook,
                .atOnce { _ in
                    diary.write(hook.name)
                    return .declined
                })
        }
    }
}

/// Keeps the messages that reach the queue.
final class Mailbag: Sendable {
    private let kept = Mutex<[[UInt8]]>([])

    var messages: [[UInt8]] { self.kept.withLock { $0 } }
    var texts: [String] { self.messages.map { String(decoding: $0, as: UTF8.self) } }

    var entry: EngineHarness.Entry {
        EngineHarness.Entry("mailbag") { hooks in
            hooks.on(.rcpt) { _, _ in .ok }
            hooks.on(.queue) { _, session in
                let bytes = try session.transaction.message?.bytes() ?? []
                self.kept.withLock { $0.append(bytes) }
                return .ok("queued")
            }
        }
    }
}

extension EngineHarness {
    /// What was counted of a plugin on a hook.
    func statistics(_ plugin: String, _ hook: HookID) -> HookStatistics {
        self.core.hookStatistics().first { $0.plugin == plugin && $0.hook == hook.name }
            ?? HookStatistics(plugin: plugin, hook: hook.name)
    }

    /// The switches of a plugin.
    func runtime(_ plugin: String) -> PluginRuntime? {
        self.generation.plugins.first { $0.name == plugin }?.runtime
    }
}

extension HookStatistics {
    func count(_ code: ReturnCode) -> UInt64 { self.verdicts[Int(code.rawValue)] }
}

extension TestClient {
    /// Says EHLO, MAIL and RCPT in one packet.
    func beginMail() {
        self.send("EHLO a.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n")
    }

    /// What the server said since the last time, as one text.
    func said() -> String { self.replies().joined(separator: "\n") }
}

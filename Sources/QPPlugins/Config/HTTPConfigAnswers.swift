// HTTPConfigAnswers.swift
//
// What web servers said last, for handlers that cannot wait.

import QPHooks
import Synchronization

/// Contents by the names that were asked for; from any thread.
final class HTTPConfigAnswers: Sendable {
    static let mostNames = 256

    private struct State {
        /// `nil`: not tried yet.
        var outcomes: [String: HTTPConfigOutcome?] = [:]
        /// What is wrong with a server, by its URL.
        var failures: [String: String] = [:]
    }

    private let state = Mutex(State())

    /// The lines of a name that a server has; a name that is new is one to ask for from now on.
    func lines(of name: String) -> [String]? {
        guard Self.isPlain(name) else { return nil }
        return self.state.withLock { state in
            guard let outcome = state.outcomes[name] else {
                if state.outcomes.count < Self.mostNames { state.outcomes.updateValue(nil, forKey: name) }
                return nil
            }
            if case .lines(let lines) = outcome { return lines }
            return nil
        }
    }

    /// Every name that was asked for.
    var names: [String] { self.state.withLock { $0.outcomes.keys.sorted() } }

    /// Those that no server was asked for yet.
    var untried: [String] {
        self.state.withLock { state in state.outcomes.filter { $0.value == nil }.keys.sorted() }
    }

    /// Whether a server failed the last time.
    var isFailing: Bool { self.state.withLock { !$0.failures.isEmpty } }

    /// Keeps what servers said; what could not be fetched stays as it is.
    /// - Returns: the names whose content is another now.
    func take(_ outcomes: [String: HTTPConfigOutcome]) -> Set<String> {
        self.state.withLock { state in
            var changed: Set<String> = []
            for (name, outcome) in outcomes {
                let former = state.outcomes[name] ?? nil
                if outcome == .failed, former != nil { continue }
                state.outcomes.updateValue(outcome, forKey: name)
                if outcome.lines != former?.lines { changed.insert(name) }
            }
            return changed
        }
    }

    /// Keeps which servers fail.
    /// - Returns: what is new about that, for the log.
    func note(_ failures: [String: String]) -> [(LogLevel, String)] {
        self.state.withLock { state in
            let former = state.failures
            state.failures = failures
            let begun = failures.filter { former[$0.key] == nil }.sorted { $0.key < $1.key }
            let ended = former.keys.filter { failures[$0] == nil }.sorted()
            return begun.map { (.error, "error, \($0.key): \($0.value); what it said last stays") }
                + ended.map { (.notice, "pass, \($0) answers again") }
        }
    }

    /// Names come from plugins, and plugins may have them from anywhere.
    private static func isPlain(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 64 && name.utf8.first != UInt8(ascii: ".")
            && name.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                default: "-_.".utf8.contains(byte)
                }
            }
    }
}

/// What asking for a name led to.
enum HTTPConfigOutcome: Sendable, Hashable {
    /// A server has it.
    case lines([String])
    /// No server has it, or nothing is in it.
    case nothing
    /// A server that may have it failed.
    case failed

    var lines: [String]? {
        if case .lines(let lines) = self { lines } else { nil }
    }
}

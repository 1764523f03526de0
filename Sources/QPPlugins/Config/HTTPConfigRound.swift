// HTTPConfigRound.swift
//
// RFC 9110 §9.3.1 (GET), §15.5.5 (404), §15.5.11 (410)

import QPHooks
import Synchronization

/// One time of asking web servers. A server that does not answer is not asked for further names.
final class HTTPConfigRound: Sendable {
    /// Requests at a time.
    private static let width = 8

    private struct State {
        var failures: [String: String] = [:]
        var silent: Set<String> = []
    }

    private let http: HTTP
    private let prefixes: [String]
    private let state = Mutex(State())

    init(http: HTTP, prefixes: [String]) {
        self.http = http
        self.prefixes = prefixes
    }

    /// The first thing that went wrong with each server, by its URL.
    var failures: [String: String] { self.state.withLock(\.failures) }

    func ask(_ names: [String]) async -> [String: HTTPConfigOutcome] {
        await withTaskGroup(of: (String, HTTPConfigOutcome).self) { group in
            var outcomes: [String: HTTPConfigOutcome] = [:]
            var rest = names[...]
            for name in rest.prefix(Self.width) { group.addTask { (name, await self.ask(name)) } }
            rest = rest.dropFirst(Self.width)
            while let (name, outcome) = await group.next() {
                outcomes[name] = outcome
                if let next = rest.popFirst() { group.addTask { (next, await self.ask(next)) } }
            }
            return outcomes
        }
    }

    private func ask(_ name: String) async -> HTTPConfigOutcome {
        var outcome = HTTPConfigOutcome.nothing
        for prefix in self.prefixes {
            switch await self.ask(prefix, name) {
            case .lines(let lines): return .lines(lines)
            case .nothing: continue
            case .failed: outcome = .failed
            }
        }
        return outcome
    }

    private func ask(_ prefix: String, _ name: String) async -> HTTPConfigOutcome {
        guard !self.state.withLock({ $0.silent.contains(prefix) }) else { return .failed }
        do throws(EffectError) {
            let response = try await self.http.fetch(
                HTTPRequest(url: prefix + name), limit: HTTPConfig.bodyLimit, timeout: HTTPConfig.patience)
            switch response.status {
            case 200:
                guard let lines = Self.lines(of: response.body) else {
                    return self.failed(prefix, "\(name) is no text")
                }
                return lines.isEmpty ? .nothing : .lines(lines)
            case 404, 410: return .nothing
            default: return self.failed(prefix, "\(name) got status \(response.status)")
            }
        } catch .tooLong {
            return self.failed(prefix, "\(name) has more than \(HTTPConfig.bodyLimit) octets")
        } catch {
            self.state.withLock { _ = $0.silent.insert(prefix) }
            return self.failed(prefix, "\(error)")
        }
    }

    private func failed(_ prefix: String, _ why: String) -> HTTPConfigOutcome {
        self.state.withLock { if $0.failures[prefix] == nil { $0.failures[prefix] = why } }
        return .failed
    }

    /// The lines that say something; `nil` if there are control characters, or octets that are no UTF-8.
    private static func lines(of body: [UInt8]) -> [String]? {
        guard body.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || (0x09...0x0D).contains($0) }) else { return nil }
        var lines: [String] = []
        for line in body.split(separator: UInt8(ascii: "\n")) {
            let start = line.drop(while: Self.isBlank)
            guard let last = start.lastIndex(where: { !Self.isBlank($0) }), start.first != UInt8(ascii: "#") else {
                continue
            }
            guard let text = String(validating: start[...last], as: UTF8.self) else { return nil }
            lines.append(text)
        }
        return lines
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}

// ScriptedClient.swift
//
// RFC 5321 §4.5.2: a client for handlers that talk to it themselves

package import QPHooks

/// The client of a harness's session, for plugins that use `SessionContext.input` or `SessionContext.conversation`.
///
/// Only the task that runs the handler and the test that waits for it use one, never both at once: that is what makes it
/// safe to pass about.
public final class ScriptedClient: @unchecked Sendable {
    private var input: [UInt8] = []
    private let state: SessionState
    /// Whether the client has hung up; reading then fails once its octets are used up.
    public var hasClosed = false
    /// How often the plugin had its replies sent at once.
    public private(set) var flushes = 0

    package init(state: SessionState) {
        self.state = state
    }

    /// The client sends octets, now.
    public func send(_ text: String) { self.input += Array(text.utf8) }

    private func failure() -> EffectError { self.hasClosed ? .closed("client") : .timedOut("client") }
}

extension ScriptedClient: SessionBackend {
    package func waitingInput() -> Int { self.input.count }

    package func flushResponses() { self.flushes += 1 }

    package func inputArrives(within timeout: Duration) async -> Bool { !self.input.isEmpty }

    package func takeLine(limit: Int, timeout: Duration) async throws(EffectError) -> [UInt8] {
        guard let end = self.input.firstIndex(of: 0x0A) else { throw self.failure() }
        let line = Array(self.input[..<end])
        self.input.removeFirst(end + 1)
        guard line.count <= limit else { throw .tooLong("line of the client") }
        return line.last == 0x0D ? line.dropLast() : line
    }

    package func takeBytes(limit: Int, timeout: Duration) async throws(EffectError) -> [UInt8] {
        guard !self.input.isEmpty else { throw self.failure() }
        let bytes = Array(self.input.prefix(max(limit, 1)))
        self.input.removeFirst(bytes.count)
        return bytes
    }

    package func receiveMessage() async throws(EffectError) -> Int {
        var bytes: [UInt8] = []
        while true {
            let line = try await self.takeLine(limit: .max, timeout: .zero)
            if line == [UInt8(ascii: ".")] { break }
            bytes += line.first == UInt8(ascii: ".") ? line.dropFirst() : line[...]
            bytes += [0x0D, 0x0A]
        }
        self.state.transaction.message = .test(bytes: bytes)
        return bytes.count
    }
}

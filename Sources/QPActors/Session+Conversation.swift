// Session+Conversation.swift
//
// What plugins may do with the wire while their handler waits.

import QPHooks

extension Session: SessionBackend {
    nonisolated func waitingInput() -> Int {
        self.assumeIsolated { $0.pending.count &+ $0.inHand }
    }

    nonisolated func flushResponses() {
        self.assumeIsolated { session in
            session.flushPluginResponses()
            session.transport.outputPending()
        }
    }

    nonisolated func inputArrives(within timeout: Duration) async -> Bool {
        await self.awaitInput(within: timeout, beyond: 0)
        return await self.hasInput
    }

    nonisolated func takeLine(limit: Int, timeout: Duration) async throws(EffectError) -> [UInt8] {
        try await self.line(limit: limit, timeout: timeout)
    }

    nonisolated func takeBytes(limit: Int, timeout: Duration) async throws(EffectError) -> [UInt8] {
        try await self.bytes(limit: limit, timeout: timeout)
    }

    nonisolated func receiveMessage() async throws(EffectError) -> Int {
        try await self.wholeMessage()
    }

    private var hasInput: Bool { !self.pending.isEmpty }

    /// Waits until more than `beyond` octets wait, the client ends its stream, or the time passes.
    private func awaitInput(within timeout: Duration, beyond: Int) async {
        let deadline = self.core.now &+ timeout.clampedNanoseconds
        while self.pending.count <= beyond, !self.inputHasEnded, self.isConnected, self.core.now < deadline,
            !Task.isCancelled
        {
            await withCheckedContinuation { continuation in
                self.inputWaiter = continuation
                self.inputWaiterDeadline = deadline
                self.updateDeadline()
                self.transport.outputPending()
            }
        }
    }

    func wakeInputWaiter() {
        guard let waiter = self.inputWaiter else { return }
        self.inputWaiter = nil
        self.inputWaiterDeadline = .max
        waiter.resume()
    }

    private func line(limit: Int, timeout: Duration) async throws(EffectError) -> [UInt8] {
        let deadline = self.core.now &+ timeout.clampedNanoseconds
        let token = self.token
        while true {
            if let end = self.pending.firstIndex(of: UInt8(ascii: "\n")) {
                var line = Array(self.pending[..<end])
                self.pending.removeSubrange(...end)
                self.settle()
                guard line.count <= limit else { throw .tooLong("line") }
                if line.last == UInt8(ascii: "\r") { line.removeLast() }
                return line
            }
            guard self.pending.count <= limit else { throw .tooLong("line") }
            try await self.more(deadline, "line", token)
        }
    }

    private func bytes(limit: Int, timeout: Duration) async throws(EffectError) -> [UInt8] {
        let deadline = self.core.now &+ timeout.clampedNanoseconds
        let token = self.token
        while self.pending.isEmpty { try await self.more(deadline, "input", token) }
        let count = min(max(limit, 1), self.pending.count)
        let bytes = Array(self.pending[..<count])
        self.pending.removeSubrange(..<count)
        self.settle()
        return bytes
    }

    private func more(_ deadline: Int64, _ what: String, _ token: UInt32) async throws(EffectError) {
        guard !self.inputHasEnded, self.isConnected else { throw .closed(what) }
        let now = self.core.now
        guard now < deadline, !Task.isCancelled else { throw .timedOut(what) }
        await self.awaitInput(within: .nanoseconds(deadline &- now), beyond: self.pending.count)
        // A handler that was left behind meanwhile takes nothing more.
        guard self.token == token else { throw .timedOut(what) }
    }

    private func wholeMessage() async throws(EffectError) -> Int {
        let settings = self.generation.settings
        let deadline = self.core.now &+ settings.limits.sessionTimeout.clampedNanoseconds
        let token = self.token
        let receiver = self.newReceiver(.dot(DotFramer(policy: self.bareNewlinePolicy)))
        while true {
            while self.pending.isEmpty { try await self.more(min(deadline, self.silenceDeadline), "message", token) }
            let input = self.pending
            self.pending = []
            let outcome = input.withUnsafeBytes { receiver.consume($0, from: 0) }
            guard case .end(let next) = outcome else { continue }
            self.pending = Array(input[next...])
            self.settle()
            if receiver.failure == nil { self.checkNewlines(receiver) }
            if let failure = receiver.failure { throw .failed(failure.lines.joined(separator: " ")) }
            guard let storage = receiver.finish() else { throw .failed("insufficient storage") }
            self.state.transaction.message = Message(storage)
            return storage.size
        }
    }

    private var silenceDeadline: Int64 {
        self.core.now &+ self.generation.settings.limits.dataTimeout.clampedNanoseconds
    }
}

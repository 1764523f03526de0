// Conversation.swift
//
// A plugin's way to the wire without the socket.

/// What the engine gives a conversation.
package protocol SessionBackend: AnyObject, Sendable {
    /// Octets the client has sent that nobody has read.
    func waitingInput() -> Int
    /// Sends what is queued now.
    func flushResponses()
    /// Waits until unread input exists; false when `timeout` passed.
    func inputArrives(within timeout: Duration) async -> Bool
    /// Takes a line without its ending.
    func takeLine(limit: Int, timeout: Duration) async throws(EffectError) -> [UInt8]
    /// Takes octets as they come, at least one and at most `limit`.
    func takeBytes(limit: Int, timeout: Duration) async throws(EffectError) -> [UInt8]
    /// Receives a message in dot framing into the transaction.
    func receiveMessage() async throws(EffectError) -> Int
}

/// What the client has sent already.
public struct SessionInputView {
    let backend: (any SessionBackend)?

    /// Octets that wait to be read: at connect and data a client that follows the protocol has sent none.
    public var waitingOctets: Int { self.backend?.waitingInput() ?? 0 }

    /// Waits whether anything comes within a time: the early talker's test.
    public func arrives(within timeout: Duration) async -> Bool {
        await self.backend?.inputArrives(within: timeout) ?? false
    }
}

/// A dialogue of a plugin with the client.
public struct Conversation {
    let context: SessionContext

    /// The session; none once the handler has run out of time.
    private func backend() throws(EffectError) -> any SessionBackend {
        guard let backend = self.context.backend else { throw .closed("conversation") }
        return backend
    }

    /// Sends a reply now.
    public func send(_ reply: Reply) {
        self.context.respond(reply)
        self.context.backend?.flushResponses()
    }

    /// Reads a line without its ending, at most `limit` octets.
    /// - Throws: `closed`, `timedOut`, `tooLong`.
    public func readLine(limit: Int = 2048, timeout: Duration = .seconds(300)) async throws(EffectError) -> [UInt8] {
        try await self.backend().takeLine(limit: limit, timeout: timeout)
    }

    /// Reads octets as they come, at least one.
    /// - Throws: `closed`, `timedOut`.
    public func readBytes(
        atMost limit: Int, timeout: Duration = .seconds(180)
    ) async throws(EffectError) -> [UInt8] {
        try await self.backend().takeBytes(limit: limit, timeout: timeout)
    }

    /// Receives a message in dot framing (the plugin has sent its 354 already); it is then the transaction's message.
    /// - Returns: its octets in wire form.
    /// - Throws: `closed`, `timedOut`, `tooLong`, `failed` when a limit or the disk is hit.
    public func receiveMessage() async throws(EffectError) -> Int {
        try await self.backend().receiveMessage()
    }

    /// Asks the server to go on with the received message as after a final dot (data_post, queue, reply), once the
    /// handler has answered `.done`.
    public func queue() { self.context.state.queuesMessage = true }
}

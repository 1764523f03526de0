// Session+Output.swift
//
// What leaves a session: replies (RFC 5321 §4.2) and lines of the log.

import QPHooks
import QPTelemetry

extension Session {
    /// Takes output and effects; on the loop, outside of any input.
    public func takeOutput() -> SessionOutput {
        let output = SessionOutput(bytes: self.output, effects: self.effects, deadline: self.deadline)
        self.output = []
        self.effects = []
        return output
    }

    /// Sends a reply, after what plugins have queued themselves.
    func send(_ reply: Reply, showsID: Bool = false) {
        self.flushPluginResponses()
        let reply = self.supervisor.isSoftBouncing ? ReplyPolicy.softened(reply) : reply
        self.core.counters.replied(reply.code)
        if reply.code >= 400 { self.noteRefusal(reply) }
        self.reserveOutput()
        let start = self.output.count
        reply.encode(
            into: &self.output, id: showsID || reply.code >= 400 ? self.replyID : nil,
            utf8: self.mailOptions.smtputf8)
        self.logReplies(from: start)
    }

    /// Sends a fixed reply.
    func send(_ reply: StaticReply, _ code: Int) {
        self.flushPluginResponses()
        self.core.counters.replied(code)
        self.reserveOutput()
        let start = self.output.count
        reply.append(to: &self.output)
        self.logReplies(from: start)
    }

    /// Sends a reply that was made before, in one or two pieces.
    func send(_ octets: [UInt8], and tail: [UInt8] = [], _ code: Int) {
        self.flushPluginResponses()
        self.core.counters.replied(code)
        self.reserveOutput()
        let start = self.output.count
        self.output.append(contentsOf: octets)
        self.output.append(contentsOf: tail)
        self.logReplies(from: start)
    }

    /// Our side of the dialogue, for whoever debugs; what the client says is logged where it is heard.
    private func logReplies(from start: Int) {
        guard self.context.seams.log.accepts(.debug, plugin: nil) else { return }
        for line in self.output[start...].split(separator: 0x0A) {
            let text = String(decoding: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self)
            self.log(.debug, text.hasPrefix("334 ") ? "replying 334 <hidden>" : "replying \(text)")
        }
    }

    /// A reply to a command that was unknown, malformed or out of order.
    func object(_ reply: Reply) {
        self.send(reply)
        guard self.machine.erred() else { return }
        self.send(Reply(421, .securityPolicy, "too many errors"))
        self.leave(.server)
    }

    /// The session's name, with the transaction's number if there is one.
    var replyID: String {
        guard self.mailNumber != self.replyIDNumber || self.cachedReplyID.isEmpty else { return self.cachedReplyID }
        self.replyIDNumber = self.mailNumber
        self.cachedReplyID = self.state.id.text(transaction: self.mailNumber)
        return self.cachedReplyID
    }

    func flushPluginResponses() {
        guard self.state.hasResponses else { return }
        let responses = self.state.responses
        self.state.responses = []
        self.reserveOutput()
        let start = self.output.count
        for response in responses {
            self.core.counters.replied(response.code)
            response.encode(into: &self.output, id: response.code >= 400 ? self.replyID : nil)
        }
        self.logReplies(from: start)
    }

    private func reserveOutput() {
        if self.output.capacity == 0 { self.output = self.core.takeBuffer() }
    }

    // MARK: Log

    func log(
        _ level: LogLevel, _ text: @autoclosure () -> String,
        fields: @autoclosure () -> [(name: String, value: String)] = []
    ) {
        guard self.context.seams.log.accepts(level, plugin: nil) else { return }
        self.context.seams.log.log(
            LoggingEvent(
                level: level, hook: nil, plugin: nil, session: self.state.id, sessionNumber: self.state.number,
                transaction: self.state.transaction.number, text: text(), fields: fields(),
                wallTime: self.core.loop.wallNow()))
    }
}

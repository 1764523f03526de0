// Session+Farewell.swift
//
// Every way out of a session runs the farewell hooks once.

import QPHooks
import QPTelemetry

extension Session {
    /// The server ends the session: 421 (RFC 5321 §3.8).
    public func shutDown() {
        self.recorder?.record(.shutdown, at: self.core.now)
        guard self.phase != .leaving, self.phase != .gone else { return }
        if self.isQueueing { return self.endAfterQueue = .server }
        self.abandonRun()
        self.send(Reply(421, .systemNotAccepting, "service shutting down"))
        self.leave(.server)
        self.settle()
        self.transport.outputPending()
    }

    /// An operator ends the session: 421.
    public func kick() {
        self.recorder?.record(.shutdown, at: self.core.now)
        guard self.phase != .leaving, self.phase != .gone else { return }
        if self.isQueueing { return self.endAfterQueue = .operator }
        self.abandonRun()
        self.send(Reply(421, .systemNotAccepting, "session ended by the operator"))
        self.leave(.operator)
        self.settle()
        self.transport.outputPending()
    }

    /// The client has gone without QUIT.
    func clientLeft() {
        guard self.phase != .leaving, self.phase != .gone else { return }
        if self.phase == .data || self.phase == .chunk {
            self.send(Reply(451, .badConnection, "incomplete message"))
        }
        self.leave(.client)
    }

    /// Begins the farewell: nothing is read any more, what is queued leaves. `phase`: how far it had come, if that does
    /// not show any more.
    func leave(_ end: SessionEnd, in phase: SessionPhase? = nil) {
        guard self.phase != .leaving, self.phase != .gone else { return }
        // A queue handler is not cut off: its answer may be a message that is safe.
        if self.isQueueing {
            self.endAfterQueue = end
            return
        }
        self.abandonRun()
        if self.phase == .handshake { self.handshakeAbandoned(end) }
        if self.exchange != nil { self.endExchange() }
        self.lastPhase = phase ?? self.shownPhase
        self.phase = .leaving
        self.endedBy = end
        self.pending = []
        self.receiver = nil
        self.machine.closed()
        // Each farewell chain has its own 5 s; this is for what those do not bound.
        self.farewellDeadline = self.core.now &+ 30_000_000_000
        switch end {
        case .client: self.core.counters.server.closedByClient &+= 1
        case .server: self.core.counters.server.closedByServer &+= 1
        case .timeout: self.core.counters.server.timedOut &+= 1
        case .operator: self.core.counters.server.closedByOperator &+= 1
        }
        if end == .client {
            self.resetTransaction(force: true) { session in
                session.ask(.disconnect, session.generation.chains.disconnect, PlainEvent()) { session, _, _ in
                    session.lastHook()
                }
            }
        } else {
            self.ask(.disconnect, self.generation.chains.disconnect, PlainEvent()) { session, _, _ in
                session.resetTransaction(force: true) { session in session.lastHook() }
            }
        }
    }

    private func lastHook() {
        self.ask(.postConnection, self.generation.chains.postConnection, PlainEvent()) { session, _, _ in
            session.farewellIsOver()
        }
    }

    /// All is said: the connection may close, and the place is given back when it has.
    func farewellIsOver() {
        guard self.phase == .leaving else { return }
        self.abandonRun()
        self.phase = .gone
        self.endShadows()
        self.flushPluginResponses()
        self.log(.info, "session ended", fields: [("by", self.shownEnd.name)])
        self.journalSession()
        self.effects.formUnion(self.saidQuit ? [.close, .quit] : .close)
        self.state.transaction = TransactionState()
        self.deadline = .max
        if !self.isConnected { self.release() }
        // Inside of an input the rim takes what there is right after it.
        if !self.isEntered { self.transport.outputPending() }
    }

    func release() {
        guard !self.isReleased else { return }
        self.isReleased = true
        self.supervisor.release(self.state.connection.remoteAddress)
        self.context.backend = nil
    }
}

/// Who ended a session.
package enum SessionEnd: UInt8, Sendable, CaseIterable {
    case client, server, timeout, `operator`

    /// The label of metrics.
    package var name: String { "\(self)" }
}

// Session+Deadlines.swift
//
// RFC 5321 §4.5.3.2: time limits, one deadline for all of them.

import QPHooks
import QPTelemetry

extension Session {
    private var limits: Limits { self.generation.settings.limits }

    /// A command is awaited from now on; its bytes may drip as they like, the time does not start again.
    func startCommandTimer() {
        self.commandDeadline = self.core.now &+ self.generation.commandLimit
    }

    /// A message is awaited from now on.
    func startDataTimer() {
        self.rateWindowStart = self.core.now
        self.rateWindowBytes = 0
        self.startSilenceTimer()
    }

    func startSilenceTimer() {
        self.commandDeadline = self.core.now &+ self.generation.dataLimit
    }

    private static let rateWindow: Int64 = 60_000_000_000

    func updateDeadline() {
        var deadline = Int64.max
        switch self.phase {
        case .gone: break
        case .leaving: deadline = self.farewellDeadline
        case .opening, .command, .handshake, .data, .chunk:
            if !self.isQueueing {
                deadline = self.startedAt &+ self.generation.sessionLimit
            }
            if self.phase == .data || self.phase == .chunk, !self.isDeciding {
                deadline = min(deadline, self.rateWindowStart &+ Self.rateWindow)
            }
            if self.phase == .handshake {
                deadline = min(deadline, self.handshakeDeadline)
            } else if !self.isDeciding {
                deadline = min(deadline, self.commandDeadline)
            }
        }
        if let running = self.running { deadline = min(deadline, running.limit) }
        deadline = min(deadline, self.inputWaiterDeadline)
        self.deadline = deadline
    }

    /// A deadline has passed.
    public func deadlinePassed() {
        self.recorder?.record(.deadline, at: self.core.now)
        let now = self.core.now
        if now >= self.inputWaiterDeadline { self.wakeInputWaiter() }
        if let running = self.running, now >= running.limit {
            self.runOutOfTime(running, at: now)
        }
        switch self.phase {
        case .gone: break
        case .leaving:
            if now >= self.farewellDeadline { self.farewellIsOver() }
        case .opening, .command:
            if !self.isDeciding, now >= self.commandDeadline { return self.timedOut("command not complete in time") }
            self.checkSession(now)
        case .handshake:
            if now >= self.handshakeDeadline { return self.handshakeFailed(.timeout, "not complete in time") }
            self.checkSession(now)
        case .data, .chunk:
            if !self.isDeciding, now >= self.commandDeadline { return self.timedOut("message not complete in time") }
            if !self.isDeciding, now >= self.rateWindowStart &+ Self.rateWindow {
                if self.rateWindowBytes < self.limits.minDataRate &* 60 { return self.timedOut("client too slow") }
                self.rateWindowStart = now
                self.rateWindowBytes = 0
            }
            self.checkSession(now)
        }
        self.settle()
    }

    private func checkSession(_ now: Int64) {
        guard !self.isQueueing, now >= self.startedAt &+ self.generation.sessionLimit
        else { return }
        self.abandonRun()
        self.timedOut("session too long")
    }

    private func timedOut(_ what: String) {
        self.log(.info, "closed: \(what)")
        self.send(Reply(421, .badConnection, what))
        self.leave(.timeout)
        self.settle()
    }
}

// Session+TLS.swift
//
// RFC 3207: STARTTLS; RFC 8314 §3.3: TLS from the first octet.

public import QPHooks
import QPTelemetry

/// Why a TLS handshake failed. A closed set: it is a label of metrics.
public enum TLSFailure: String, Sendable, Hashable, Codable {
    /// Octets came that were not TLS.
    case plaintext
    /// It took too long.
    case timeout
    /// The client said no.
    case alert
    /// The client's certificate is missing or not good.
    case certificate
    /// Nothing in common, or nonsense.
    case `protocol`
    /// The client has gone.
    case closed
    /// There is no certificate here.
    case unavailable
    /// The session was ended meanwhile.
    case abandoned
}

extension Session {
    private static let readyForTLS = StaticReply("220 2.0.0 ready to start TLS\r\n")

    private var mayStartTLS: Bool { self.settings.offersTLS && self.state.tls == nil }

    /// The line of EHLO for STARTTLS, if it may be used now.
    var startTLSOffer: String { self.mayStartTLS ? "250-STARTTLS\r\n" : "" }

    // MARK: The command

    func heardStartTLS(_ line: ClientLine) {
        guard line.argument.utf8.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) else {
            return self.object(Reply(501, .invalidArguments, "no parameters allowed"))
        }
        guard self.state.tls == nil else {
            return self.object(Reply(503, .invalidCommand, "TLS is active already"))
        }
        let event = UnknownCommandEvent(verb: line.name, argument: nil)
        self.ask(.unrecognizedCommand, self.generation.chains.unrecognizedCommand, event) { session, _, verdict in
            switch verdict {
            case .done: break
            case .refused(let denial) where !denial.kind.isSoft:
                session.object(
                    ReplyPolicy.reply(to: denial, at: .unrecognizedCommand)
                        ?? Reply(500, .invalidCommand, "command not recognized"))
                if denial.kind.disconnects { session.leave(.server) }
            case .refused, .ok, .okSaying, .declined, .declinedSaying:
                session.startTLS()
            }
        }
    }

    private func startTLS() {
        guard self.mayStartTLS else {
            return self.object(Reply(502, .invalidCommand, "STARTTLS not available"))
        }
        guard self.inHand == 0, self.pending.isEmpty else {
            return self.refusePlaintext(self.inHand &+ self.pending.count)
        }
        self.send(Self.readyForTLS, 220)
        self.awaitHandshake()
    }

    /// Nobody may slip commands in front of the encrypted ones (CVE-2011-0411): neither are they carried out, nor does
    /// the session go on.
    private func refusePlaintext(_ octets: Int) {
        self.handshakeEnded(.plaintext, "\(octets) octets behind STARTTLS")
        self.pending = []
        self.send(Reply(503, .invalidCommand, "nothing may follow STARTTLS before its reply"))
        self.leave(.server)
    }

    // MARK: The handshake

    /// From now on the client has its time for the handshake.
    func awaitHandshake() {
        self.phase = .handshake
        // Not the timer of commands: that begins anew behind each of them.
        self.rateWindowStart = self.core.now
        self.effects.insert(.startTLS)
    }

    var handshakeDeadline: Int64 {
        self.rateWindowStart &+ self.settings.limits.handshakeTimeout.clampedNanoseconds
    }

    /// Octets came in clear where the handshake should begin.
    func cameInClear(_ octets: Int) {
        guard self.effects.contains(.startTLS), self.hasSpoken else {
            return self.handshakeFailed(.plaintext, "\(octets) octets in clear")
        }
        // Our reply has not left yet: it is taken back.
        self.effects.remove(.startTLS)
        let reply = Array(Self.readyForTLS.description.utf8)
        if self.output.count >= reply.count, self.output.suffix(reply.count).elementsEqual(reply) {
            self.output.removeLast(reply.count)
        }
        self.phase = .command
        self.refusePlaintext(octets)
    }

    /// A handshake is complete.
    public func tlsStarted(_ facts: TLSFacts) {
        self.recorder?.record(.tlsStarted(facts), at: self.core.now)
        guard self.phase == .handshake else { return }
        guard self.pending.isEmpty else {
            return self.handshakeFailed(.plaintext, "\(self.pending.count) octets in clear")
        }
        let isImplicit = !self.hasSpoken
        self.state.tls = facts
        self.state.connectionNotes["tls_enabled"] = .int(1)
        self.core.counters.server.handshakes["ok", default: 0] &+= 1
        self.core.counters.server.ciphers[facts.summary, default: 0] &+= 1
        self.log(.info, "TLS started: \(facts.summary)", fields: Self.fields(of: facts))
        if isImplicit {
            self.phase = .opening
            self.begin()
        } else {
            self.phase = .command
            self.startCommandTimer()
            self.resetTransaction(force: true) { session in session.forgetClearText() }
        }
        self.settle()
    }

    private static func fields(of facts: TLSFacts) -> [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        if let name = facts.serverName { fields.append(("sni", name)) }
        if let certificate = facts.clientCertificate {
            fields.append(("client", certificate.subject))
            fields.append(("verified", certificate.isVerified ? "yes" : "no"))
        }
        return fields
    }

    /// RFC 3207 §4.2: what the client said in clear may have been somebody else's.
    private func forgetClearText() {
        self.forgetUser()
        self.state.forwarded = nil
        self.state.introduction = nil
        self.machine.greetingRefused()
        self.receivedHead = nil
        self.framer = LineFramer()
    }

    /// A handshake failed; the text is for the log. Nothing is said: the client does not expect clear text.
    public func tlsFailed(_ failure: TLSFailure, _ text: String) {
        self.recorder?.record(.tlsFailed(failure, text), at: self.core.now)
        self.handshakeFailed(failure, text)
    }

    func handshakeFailed(_ failure: TLSFailure, _ text: String) {
        guard self.phase == .handshake else { return }
        let shown = self.shownPhase
        self.effects.remove(.startTLS)
        self.handshakeEnded(failure, text)
        self.phase = .command
        switch failure {
        case .timeout: self.leave(.timeout, in: shown)
        case .closed, .alert: self.leave(.client, in: shown)
        case .plaintext, .certificate, .protocol, .unavailable, .abandoned: self.leave(.server, in: shown)
        }
        self.settle()
    }

    /// Octets came under TLS that cannot have been the client's; the connection ends.
    public func tlsBroke(_ text: String) { self.log(.notice, "TLS connection broken: \(text)") }

    /// The session ends for another reason.
    func handshakeAbandoned(_ end: SessionEnd) {
        self.handshakeEnded(end == .client ? .closed : .abandoned, end == .client ? "client left" : "session ended")
    }

    private func handshakeEnded(_ failure: TLSFailure, _ text: String) {
        self.core.counters.server.handshakes[failure.rawValue, default: 0] &+= 1
        self.log(.notice, "TLS handshake failed: \(text)", fields: [("reason", failure.rawValue)])
        self.noteRefusal(Reply(421, .badConnection, "TLS handshake failed: \(text)"))
    }
}

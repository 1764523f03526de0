// Session+Commands.swift
//
// RFC 5321 §4.1.1: the commands, each with its hooks.

import QPHooks
import QPTelemetry

extension Session {
    var settings: ServerSettings { self.generation.settings }
    var chains: SessionChains { self.generation.chains }

    // MARK: Opening

    /// Looks the peer up, asks connect, greets.
    func begin() {
        guard let timeout = self.settings.reverseDNS else { return self.askConnect() }
        self.suspend(
            FunctionRun { session in
                await session.lookUpPeer(timeout)
                session.isDeciding = false
                guard session.phase == .opening else { return }
                session.askConnect()
            })
    }

    private func lookUpPeer(_ timeout: Duration) async {
        let origin = CallCounter(session: self.state.id, plugin: "", hook: nil, count: self.context.calls).next()
        let question = DNSQuestion.ptr(self.state.connection.remoteAddress.description)
        let token = self.token
        let answer = try? await self.context.seams.resolver.resolve(question, timeout: timeout, origin: origin)
        guard self.token == token, case .names(let names)? = answer, let name = names.first else { return }
        let allowed = name.filter { $0.isASCII && ($0.isLetter || $0.isNumber || "-.[]".contains($0)) }
        if !allowed.isEmpty { self.state.remoteHost = allowed }
    }

    func askConnect() {
        let connection = self.state.connection
        self.log(
            .notice, "Connection from \(self.state.remoteHost) [\(connection.remoteAddress)]",
            fields: [("port", String(connection.remotePort)), ("listener", connection.listener)])
        self.ask(.connect, self.chains.connect, PlainEvent()) { session, _, verdict in session.connected(verdict) }
    }

    private func connected(_ verdict: Verdict<Void>) {
        switch verdict {
        case .refused(let denial):
            self.refuse(denial, .connect)
            self.leave(.server)
        case .done:
            self.awaitCommands()
        case .ok, .okSaying, .declined, .declinedSaying:
            self.send(self.greetingOctets, 220)
            self.awaitCommands()
        }
    }

    private func awaitCommands() {
        self.phase = .command
        self.startCommandTimer()
    }

    /// Sends what a refusal becomes at a hook.
    func refuse(_ denial: Denial, _ hook: HookID) {
        self.send(ReplyPolicy.reply(to: denial, at: hook) ?? Reply(451, .otherSystem, "try again later"))
    }

    // MARK: Commands

    /// One line, without its end.
    func heard(_ bytes: UnsafeRawBufferPointer, bareLF: Bool) {
        if bareLF, !self.toleratesBareLF() { return }
        let line = ClientLine(bytes)
        if self.context.seams.log.accepts(.debug, plugin: nil) {
            let isHidden = line.verb == .other && self.expectsStrayLines
            let shown = isHidden ? "<hidden>" : line.verb == .auth ? "auth <hidden>" : "\(line.name) \(line.argument)"
            self.log(.debug, "dispatching \(shown)")
        }
        guard line.isClean else {
            if line.verb == .auth { self.expectsStrayLines = true }
            return self.object(Reply(500, .syntaxError, "control characters in command"))
        }
        self.core.counters.heard(line.verb)
        if self.expectsStrayLines, self.isStray(line) {
            return self.object(Reply(500, .invalidCommand, "command not recognized"))
        }
        switch line.verb {
        case .ehlo: self.heardHello(line, isExtended: true)
        case .helo: self.heardHello(line, isExtended: false)
        case .mail: self.heardMail(line)
        case .rcpt: self.heardRecipient(line)
        case .data: self.heardData(line)
        case .bdat: self.heardChunk(line)
        case .rset: self.heardReset(line)
        case .noop: self.heardNoop(line)
        case .vrfy: self.heardVerify(line)
        case .help: self.heardHelp(line)
        case .quit: self.heardQuit(line)
        case .expn: self.object(Reply(502, .invalidCommand, "EXPN not implemented"))
        case .auth: self.heardAuth(line)
        case .starttls: self.heardStartTLS(line)
        case .lhlo: self.heardHello(line, isExtended: true)
        case .other: self.heardOther(line)
        }
    }

    /// RFC 5321 §2.3.8: only CRLF ends a line. False: refused.
    func toleratesBareLF() -> Bool {
        switch self.bareNewlinePolicy {
        case .refuse:
            self.object(Reply(500, .syntaxError, "line ends in a bare LF"))
            return false
        case .warn:
            self.core.counters.server.bareNewlineWarnings &+= 1
            return true
        case .fold, .pass:
            return true
        }
    }

    /// Refuses arguments where RFC 5321 §4.1.1 has none; trailing blanks are harmless.
    private func takesNoArgument(_ line: ClientLine) -> Bool {
        if line.argument.utf8.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { return true }
        self.object(Reply(501, .invalidArguments, "no parameters allowed"))
        return false
    }

    private func argument(of line: ClientLine) -> String? { line.argument.isEmpty ? nil : line.argument }

    // MARK: HELO, EHLO

    private func heardHello(_ line: ClientLine, isExtended: Bool) {
        guard self.takesHello(line) else { return }
        let hook: HookID = isExtended ? .ehloParse : .heloParse
        let chain = isExtended ? self.chains.ehloParse : self.chains.heloParse
        self.ask(hook, chain, ParseEvent(verb: line.name, argument: line.argument)) { session, event, verdict in
            session.parsedHello(event, verdict.value, isExtended)
        }
    }

    private func parsedHello(_ event: ParseEvent, _ parser: LineParser?, _ isExtended: Bool) {
        var host: String?
        var extras: [String] = []
        if let parser {
            switch self.parse(event, parser) {
            case .parsed(let name, let rest)?:
                host = name
                extras = rest
            case .failed(let text)?:
                return self.object(Reply(501, .invalidArguments, text.isEmpty ? "syntax error" : text))
            case nil:
                host = event.argument
            }
        } else if let hello = Hello(event.argument) {
            host = hello.host
            extras = hello.extras
        }
        guard let host, !host.isEmpty else {
            return self.object(Reply(501, .invalidArguments, "\(event.verb.uppercased()) needs a host name"))
        }
        let words = extras
        if self.machine.isInTransaction {
            // RFC 5321 §4.1.4: EHLO in the middle of a mail resets it.
            self.resetTransaction(force: true) { session in session.askHello(host, words, isExtended) }
        } else {
            self.askHello(host, words, isExtended)
        }
    }

    func parse(_ event: ParseEvent, _ parser: LineParser) -> LineParser.Result? {
        do {
            return try parser.parse(event.verb, event.argument)
        } catch {
            self.log(.error, "parsing plugin failed: \(error)")
            return nil
        }
    }

    private func askHello(_ host: String, _ extras: [String], _ isExtended: Bool) {
        self.state.introduction = nil
        let event = HelloEvent(host: host, extras: extras, isExtended: isExtended)
        self.ask(
            isExtended ? .ehlo : .helo, isExtended ? self.chains.ehlo : self.chains.helo, event
        ) { session, event, verdict in session.greeted(event, verdict) }
    }

    private func greeted(_ event: HelloEvent, _ verdict: Verdict<Void>) {
        switch verdict {
        case .refused(let denial):
            self.machine.greetingRefused()
            self.refuse(denial, event.isExtended ? .ehlo : .helo)
            if denial.kind.disconnects { self.leave(.server) }
        case .done:
            self.machine.greetingRefused()
        case .ok, .okSaying, .declined, .declinedSaying:
            self.machine.greeted()
            self.receivedHead = nil
            self.state.introduction = Introduction(host: event.host, isExtended: event.isExtended)
            if event.isExtended { return self.sendExtensions() }
            let address = self.state.connection.remoteAddress.description
            self.send(Reply(250, nil, "\(self.generation.settings.me) Hello \(self.state.remoteHost) [\(address)]"))
        }
    }

    private func sendExtensions() {
        var head = self.generation.ehloHeadOctets
        head.reserveCapacity(256)
        head.append(self.state.remoteHost)
        head.append(" [")
        self.state.connection.remoteAddress.append(to: &head)
        head.append("]\r\n")
        head.append(self.startTLSOffer)
        head.append(self.authOffer)
        head.append(self.requireTLSOffer)
        head.append(self.proxyOffer)
        self.send(head, and: self.generation.ehloTailOctets, 250)
    }

    /// The extensions that this client may use: none after HELO.
    var offered: Set<ServiceExtension> {
        self.state.introduction?.isExtended == true ? self.offeredNow : []
    }

    // MARK: RSET, NOOP, VRFY, HELP, QUIT

    private func heardReset(_ line: ClientLine) {
        guard self.takesNoArgument(line) else { return }
        self.state.forwarded = nil
        self.resetTransaction(force: true) { session in session.send(StaticReply("250 2.0.0 OK\r\n"), 250) }
    }

    private func heardNoop(_ line: ClientLine) {
        self.ask(.noop, self.chains.noop, CommandEvent(argument: self.argument(of: line))) { session, _, verdict in
            switch verdict {
            case .done:
                break
            case .refused(let denial) where !denial.kind.isSoft:
                session.refuse(denial, .noop)
                if denial.kind.disconnects { session.leave(.server) }
            case .refused, .ok, .okSaying, .declined, .declinedSaying:
                session.send(StaticReply("250 2.0.0 OK\r\n"), 250)
            }
        }
    }

    private func heardVerify(_ line: ClientLine) {
        guard !line.argument.utf8.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) else {
            return self.object(Reply(501, .invalidArguments, "VRFY needs a name"))
        }
        self.ask(.vrfy, self.chains.vrfy, CommandEvent(argument: line.argument)) { session, _, verdict in
            switch verdict {
            case .ok: session.send(Reply(250, .destinationValid, "user OK"))
            case .okSaying(_, let text): session.send(Reply(250, .destinationValid, text))
            case .done: break
            case .refused(let denial) where denial.kind == .deny:
                session.refuse(denial, .vrfy)
                session.resetTransaction(force: true) { _ in }
            case .refused, .declined, .declinedSaying:
                // RFC 5321 §3.5.3
                session.send(Reply(252, .other, "cannot verify, but will take mail and try"))
            }
        }
    }

    private func heardHelp(_ line: ClientLine) {
        self.ask(.help, self.chains.help, CommandEvent(argument: self.argument(of: line))) { session, _, verdict in
            switch verdict {
            case .done: break
            case .refused(let denial) where denial.kind == .deny: session.refuse(denial, .help)
            case .refused, .ok, .okSaying, .declined, .declinedSaying:
                let text = verdict.text
                session.send(
                    text.isEmpty
                        ? Reply(
                            214, .other,
                            lines: [
                                "qpserver",
                                "commands: \(session.commandList)",
                                "see RFC 5321",
                            ])
                        : Reply(214, .other, text))
            }
        }
    }

    /// RFC 5321 §4.1.1.8: the commands that may be used now.
    private var commandList: String {
        let encryption = self.startTLSOffer.isEmpty ? "" : " STARTTLS"
        let authentication = self.state.user != nil || self.authOffer.isEmpty ? "" : " AUTH"
        let hello = self.answersEach ? "LHLO" : "HELO EHLO"
        return "\(hello)\(encryption)\(authentication) MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT"
    }

    private func heardQuit(_ line: ClientLine) {
        guard self.takesNoArgument(line) else { return }
        self.ask(.quit, self.chains.quit, CommandEvent(argument: nil)) { session, _, verdict in
            if verdict.code != .done {
                let text = verdict.text
                if text.isEmpty {
                    session.send(session.generation.farewellOctets, 221)
                } else {
                    session.send(Reply(221, .other, text))
                }
            }
            session.saidQuit = session.pending.isEmpty
            session.leave(.server)
        }
    }

    func heardUnknown(_ line: ClientLine) {
        let event = UnknownCommandEvent(verb: line.name, argument: self.argument(of: line))
        self.ask(.unrecognizedCommand, self.chains.unrecognizedCommand, event) { session, _, verdict in
            switch verdict {
            case .done: break
            case .refused(let denial) where denial.kind == .denyDisconnect:
                session.refuse(denial, .unrecognizedCommand)
                session.leave(.server)
            case .refused(let denial) where denial.kind == .deny:
                session.object(
                    ReplyPolicy.reply(to: denial, at: .unrecognizedCommand)
                        ?? Reply(500, .invalidCommand, "command not recognized"))
            case .refused, .ok, .okSaying, .declined, .declinedSaying:
                session.object(Reply(500, .invalidCommand, "command not recognized"))
            }
        }
    }

    // MARK: Transactions

    /// Runs reset_transaction and forgets the mail; `then` goes on.
    func resetTransaction(force: Bool, then: @escaping @Sendable (isolated Session) -> Void) {
        guard force else { return then(self) }
        self.ask(.resetTransaction, self.chains.resetTransaction, PlainEvent()) { session, _, _ in
            session.forgetTransaction()
            then(session)
        }
    }

    private func forgetTransaction() {
        self.journalTransaction()
        self.forgetDoors()
        self.state.transaction = TransactionState()
        self.mailOptions = MailOptions()
        self.machine.reset()
        self.receiver = nil
        if self.shadows != nil { self.shadowsForgetTransaction() }
        if self.context.calls.usedTemporaryFiles { self.context.seams.files.transactionEnded(self.state.id) }
    }
}

// Session+Envelope.swift
//
// RFC 5321 §3.3, §4.1.1.2, §4.1.1.3: MAIL and RCPT.

import QPHooks
import QPTelemetry

extension Session {
    // MARK: MAIL

    func heardMail(_ line: ClientLine) {
        if let objection = self.machine.objectionToMail() { return self.object(objection) }
        if self.machine.isExhausted {
            self.send(Reply(421, .securityPolicy, "too many messages in one session"))
            return self.leave(.server)
        }
        if let objection = self.objectionToSubmission { return self.object(objection) }
        if line.rawArgument != nil { return self.object(PathError.nonASCII.reply(sender: true)) }
        let argument = line.argument
        self.resetTransaction(force: true) { session in
            session.mailNumber &+= 1
            session.state.transaction.number = session.mailNumber
            session.ask(
                .mailParse, session.chains.mailParse, ParseEvent(verb: "mail", argument: argument)
            ) { session, event, verdict in session.parsedMail(event, verdict.value) }
        }
    }

    private func parsedMail(_ event: ParseEvent, _ parser: LineParser?) {
        guard let pieces = self.pieces(event, parser, prefix: "FROM:", isSender: true) else { return }
        self.ask(
            .mailPre, self.chains.mailPre, PathEvent(path: pieces.path, parameters: pieces.parameters)
        ) { session, event, verdict in session.mended(sender: verdict.value ?? event.path, event.parameters) }
    }

    /// The path and the parameters of MAIL or RCPT; `nil`: an objection was sent.
    private func pieces(
        _ event: ParseEvent, _ parser: LineParser?, prefix: String, isSender: Bool
    ) -> (path: String, parameters: [ESMTPParameter])? {
        guard let parser else {
            do throws(PathError) {
                return try PathParser.split(event.argument, prefix: prefix)
            } catch {
                self.object(error.reply(sender: isSender))
                return nil
            }
        }
        switch self.parse(event, parser) {
        case .parsed(let path, let rest)?:
            let parameters = rest.map { word in
                let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
                return ESMTPParameter(parts.first ?? "", parts.count > 1 ? parts[1] : nil)
            }
            return (path, parameters)
        case .failed(let text)?:
            self.object(Reply(501, .invalidArguments, text.isEmpty ? "syntax error in command" : text))
        case nil:
            self.object(Reply(501, .invalidArguments, "syntax error in command"))
        }
        return nil
    }

    private func mended(sender path: String, _ parameters: [ESMTPParameter]) {
        var options: MailOptions
        switch MailOptions.parse(parameters, offered: self.offered) {
        case .success(let parsed): options = parsed
        case .failure(let error): return self.object(error.reply)
        }
        // RFC 4954 §5: whoever is not trusted speaks for nobody.
        if self.state.user == nil, options.authIdentity != nil { options.authIdentity = "<>" }
        let sender: ReversePath
        do throws(PathError) {
            sender = try PathParser.reversePath(path, smtputf8: options.smtputf8)
        } catch {
            return self.object(error.reply(sender: true))
        }
        if let objection = self.objection(toDomainOf: sender) { return self.object(objection) }
        if let size = options.size, let most = self.settings.databytes, size > most {
            // RFC 1870 §6.1
            return self.send(Reply(552, .tooBig, "message exceeds the size limit of \(most) octets"))
        }
        if let shortage = self.shortage() { return self.send(shortage) }
        self.mailOptions = options
        self.ask(
            .mail, self.chains.mail, MailEvent(sender: sender, parameters: parameters)
        ) { session, event, verdict in session.decidedMail(event, verdict) }
    }

    /// 452 when memory or disk run out (RFC 5321 §4.2.2).
    func shortage() -> Reply? {
        guard
            let shortage = self.setup.gauge.shortage(self.settings.limits, spoolDirectory: self.settings.spoolDirectory)
        else { return nil }
        self.log(.error, "out of resources: \(shortage.rawValue)")
        return Reply(452, .systemFull, "insufficient system storage, try again later")
    }

    private func decidedMail(_ event: MailEvent, _ verdict: Verdict<Void>) {
        switch verdict {
        case .refused(let denial):
            self.log(.info, "\(denial.kind.code.name.lowercased()) mail from \(event.sender) (\(denial.text))")
            self.refuse(denial, .mail)
            self.noteRefusedSender(event.sender)
            if denial.kind.disconnects { self.leave(.server) }
        case .done:
            break
        case .ok, .okSaying, .declined, .declinedSaying:
            if self.state.transaction.sender == nil { self.state.transaction.sender = event.sender }
            self.state.transaction.parameters = event.parameters
            self.machine.senderAccepted(isBinary: self.mailOptions.body == .binary)
            self.send(StaticReply("250 2.1.0 sender OK\r\n"), 250)
        }
    }

    // MARK: RCPT

    func heardRecipient(_ line: ClientLine) {
        if let objection = self.machine.objectionToRecipient() {
            if objection.code == 452 { return self.send(objection) }
            return self.object(objection)
        }
        if line.rawArgument != nil { return self.object(PathError.nonASCII.reply(sender: false)) }
        self.ask(
            .rcptParse, self.chains.rcptParse, ParseEvent(verb: "rcpt", argument: line.argument)
        ) { session, event, verdict in session.parsedRecipient(event, verdict.value) }
    }

    private func parsedRecipient(_ event: ParseEvent, _ parser: LineParser?) {
        guard let pieces = self.pieces(event, parser, prefix: "TO:", isSender: false) else { return }
        self.ask(
            .rcptPre, self.chains.rcptPre, PathEvent(path: pieces.path, parameters: pieces.parameters)
        ) { session, event, verdict in session.mended(recipient: verdict.value ?? event.path, event.parameters) }
    }

    private func mended(recipient path: String, _ parameters: [ESMTPParameter]) {
        if !parameters.isEmpty, case .failure(let error) = RecipientOptions.parse(parameters, offered: self.offered) {
            return self.object(error.reply)
        }
        let recipient: Mailbox
        do throws(PathError) {
            recipient = try PathParser.forwardPath(path, smtputf8: self.mailOptions.smtputf8)
        } catch {
            return self.object(error.reply(sender: false))
        }
        if let objection = self.objection(toDomainOf: recipient) { return self.object(objection) }
        self.ask(
            .rcpt, self.chains.rcpt, RecipientEvent(recipient: recipient, parameters: parameters)
        ) { session, event, verdict in session.decidedRecipient(event, verdict) }
    }

    private func decidedRecipient(_ event: RecipientEvent, _ verdict: Verdict<Void>) {
        switch verdict {
        case .ok, .okSaying:
            self.core.counters.server.recipientsAccepted &+= 1
            self.state.transaction.recipients.append(Recipient(event.recipient, parameters: event.parameters))
            self.machine.recipientAccepted()
            if self.answersEach { self.toAnswer.append(event.recipient) }
            self.send(StaticReply("250 2.1.5 recipient OK\r\n"), 250)
        case .refused(var denial):
            if denial.text.isEmpty, denial.kind.disconnects { denial.text = "delivery denied" }
            self.refuse(denial, .rcpt)
            self.noteRefused(event.recipient, soft: denial.kind.isSoft)
            if denial.kind.disconnects { self.leave(.server) }
        case .done:
            break
        case .declined, .declinedSaying:
            self.send(Reply(450, .misconfigured, "no plugin decided if relaying is allowed"))
            self.noteRefused(event.recipient, soft: true)
        }
    }
}

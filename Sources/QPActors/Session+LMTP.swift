// Session+LMTP.swift
//
// RFC 2033: LMTP, which greets with LHLO and answers for each recipient after the message.

import QPHooks

extension Session {
    /// Whether each recipient gets an answer of its own.
    var answersEach: Bool { self.setup.options.contains(.lmtp) }

    var greetingOctets: [UInt8] {
        self.answersEach ? self.generation.lmtpGreetingOctets : self.generation.greetingOctets
    }

    /// RFC 2033 §4.1: LHLO in the place of HELO and EHLO, which are no commands there. False: an objection was sent.
    func takesHello(_ line: ClientLine) -> Bool {
        let isLHLO = line.verb == .lhlo
        if isLHLO == self.answersEach { return true }
        if isLHLO {
            self.heardUnknown(line)
        } else {
            self.object(Reply(500, .invalidCommand, "this is LMTP: say LHLO"))
        }
        return false
    }

    /// A reply to the whole message: with LMTP once for each recipient (RFC 2033 §4.2), otherwise once.
    func sendToEach(_ reply: Reply, _ endsMessage: Bool = true) {
        let count = endsMessage && self.answersEach ? max(1, self.toAnswer.count) : 1
        for _ in 0..<count { self.send(reply) }
    }

    /// Sends what a refusal becomes at a hook; `each`: it is the answer to a whole message.
    func refuse(_ denial: Denial, _ hook: HookID, each: Bool) {
        guard each, self.answersEach else { return self.refuse(denial, hook) }
        self.sendToEach(ReplyPolicy.reply(to: denial, at: hook) ?? Reply(451, .otherSystem, "try again later"))
    }

    /// The answers for each recipient, in the order of the RCPT commands; `nil`: one is for all of them. `common` is what
    /// would be said to all.
    func replies(to verdict: Verdict<Delivery>, _ common: Reply) -> [Reply]? {
        guard self.answersEach, !self.toAnswer.isEmpty else { return nil }
        guard case .perRecipient(let results)? = verdict.value, !results.isEmpty else {
            return Array(repeating: common, count: self.toAnswer.count)
        }
        var left: [Mailbox: [Delivery.RecipientResult]] = [:]
        for result in results.reversed() { left[result.recipient, default: []].append(result) }
        let text = verdict.text
        return self.toAnswer.map { mailbox in
            // Plugins may have put others in a recipient's place: then all that is delivered must be.
            guard let result = left[mailbox]?.popLast() else { return self.reply(forAll: results, common) }
            guard let refusal = result.refusal else { return Reply(250, .other, text.isEmpty ? "queued" : text) }
            return ReplyPolicy.reply(to: refusal, at: .queue) ?? common
        }
    }

    private func reply(forAll results: [Delivery.RecipientResult], _ common: Reply) -> Reply {
        let refusals = results.compactMap(\.refusal)
        guard let refusal = refusals.first(where: \.kind.isSoft) ?? refusals.first else { return common }
        return ReplyPolicy.reply(to: refusal, at: .queue) ?? common
    }
}

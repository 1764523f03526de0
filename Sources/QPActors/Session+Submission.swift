// Session+Submission.swift
//
// RFC 6409: what a submission listener asks of its clients and does for them.

import QPHooks

extension Session {
    private var isSubmission: Bool { self.setup.options.contains(.submission) }

    /// RFC 6409 §4.3: users only, or clients of a network that may relay; RFC 4954 §6: 530.
    var objectionToSubmission: Reply? {
        guard self.isSubmission, self.state.user == nil, !self.state.isRelayClient else { return nil }
        return Reply(530, .securityPolicy, "authentication required")
    }

    /// RFC 6409 §4.2: domains of the envelope must be fully qualified.
    func objection(toDomainOf sender: ReversePath) -> Reply? {
        guard self.isSubmission, case .mailbox(let mailbox) = sender, !mailbox.isQualified else { return nil }
        return Reply(554, .badSenderSyntax, "the sender's domain is not fully qualified")
    }

    /// RFC 6409 §4.2: domains of the envelope must be fully qualified.
    func objection(toDomainOf recipient: Mailbox) -> Reply? {
        guard self.isSubmission, !recipient.isQualified else { return nil }
        return Reply(554, .badDestinationSyntax, "the recipient's domain is not fully qualified")
    }

    /// RFC 6409 §8.2, §8.3: a Date and a Message-ID, where the client wrote none. Nothing else is touched.
    func completeSubmission() {
        guard self.isSubmission, let message = self.state.transaction.message else { return }
        var fields: [UInt8] = []
        if message.header.all("Date").isEmpty {
            fields += HeaderSection.field("Date", self.core.date().description)
        }
        if message.header.all("Message-ID").isEmpty {
            let host = DomainName.isValid(self.settings.me) ? self.settings.me : "submission.invalid"
            fields += HeaderSection.field("Message-ID", "<\(self.replyID)@\(host)>")
        }
        guard !fields.isEmpty else { return }
        self.state.transaction.message?.addTopField(fields)
    }
}

extension Mailbox {
    /// Whether the domain has a dot, is an address literal, or is not needed (`<postmaster>`).
    fileprivate var isQualified: Bool {
        self.isPostmaster || self.addressLiteral != nil || self.domain.utf8.contains(UInt8(ascii: "."))
    }
}

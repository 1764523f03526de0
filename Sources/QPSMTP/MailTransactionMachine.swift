// MailTransactionMachine.swift
//
// RFC 5321 §4.1.4 (order of commands), RFC 3030 §3 (BDAT), RFC 9422 (limits)

/// Knows which command may come when; has no opinions about senders or recipients.
public struct MailTransactionMachine: Sendable, Hashable {
    /// The most recipients of a mail, mails of a session, bad commands of a session.
    public struct Bounds: Sendable, Hashable {
        public let recipients: Int, transactions: Int, errors: Int

        /// Makes bounds.
        public init(recipients: Int, transactions: Int, errors: Int) {
            self.recipients = recipients
            self.transactions = transactions
            self.errors = errors
        }
    }

    private enum State: Sendable, Hashable {
        case connected
        case greeted
        case mail(recipients: Int, isBinary: Bool)
        case chunks(recipients: Int, isBinary: Bool)
        case closed
    }

    private let bounds: Bounds
    private var state = State.connected
    /// Mails begun in this session.
    public private(set) var transactions = 0
    /// Bad commands of this session.
    public private(set) var errors = 0

    /// A session that has just begun.
    public init(bounds: Bounds) {
        self.bounds = bounds
    }

    // MARK: Questions

    /// What is wrong with MAIL now; `nil`: nothing.
    public func objectionToMail() -> Reply? {
        switch self.state {
        case .connected: return Self.needsHello
        case .greeted: return nil
        case .mail, .chunks: return Reply(503, .invalidCommand, "sender already given; RSET first")
        case .closed: return Self.closing
        }
    }

    /// Whether the session has had all the mails it may have: 421.
    public var isExhausted: Bool { self.transactions >= self.bounds.transactions }

    /// What is wrong with RCPT now; `nil`: nothing.
    public func objectionToRecipient() -> Reply? {
        switch self.state {
        case .connected: return Self.needsHello
        case .greeted: return Reply(503, .invalidCommand, "MAIL first")
        case .mail(let recipients, _):
            // RFC 5321 §4.5.3.1.10: 452 is the code for too many recipients.
            guard recipients < self.bounds.recipients else {
                return Reply(452, .tooManyRecipients, "too many recipients")
            }
            return nil
        case .chunks: return Reply(503, .invalidCommand, "BDAT or RSET expected")
        case .closed: return Self.closing
        }
    }

    /// What is wrong with DATA now; `nil`: nothing.
    public func objectionToData() -> Reply? {
        switch self.state {
        case .connected: Self.needsHello
        case .greeted: Reply(503, .invalidCommand, "MAIL first")
        case .mail(0, _): Reply(503, .invalidCommand, "RCPT first")
        case .mail(_, true): Reply(503, .invalidCommand, "BODY=BINARYMIME needs BDAT")
        case .mail: nil
        case .chunks: Reply(503, .invalidCommand, "DATA cannot follow BDAT")
        case .closed: Self.closing
        }
    }

    /// What is wrong with BDAT now; `nil`: nothing.
    public func objectionToChunk() -> Reply? {
        switch self.state {
        case .connected: Self.needsHello
        case .greeted: Reply(503, .invalidCommand, "MAIL first")
        case .mail(0, _): Reply(503, .invalidCommand, "RCPT first")
        case .mail, .chunks: nil
        case .closed: Self.closing
        }
    }

    /// Whether HELO or EHLO was accepted.
    public var isGreeted: Bool {
        switch self.state {
        case .connected, .closed: false
        case .greeted, .mail, .chunks: true
        }
    }

    /// Recipients accepted in this mail.
    public var recipients: Int {
        switch self.state {
        case .mail(let recipients, _), .chunks(let recipients, _): recipients
        case .connected, .greeted, .closed: 0
        }
    }

    /// Whether MAIL was accepted and the mail is not over.
    public var isInTransaction: Bool {
        switch self.state {
        case .mail, .chunks: true
        case .connected, .greeted, .closed: false
        }
    }

    /// Whether chunks of a message have come.
    public var isReceivingChunks: Bool {
        if case .chunks = self.state { true } else { false }
    }

    // MARK: Inputs

    /// HELO or EHLO was accepted: whatever there was of a mail is forgotten (RFC 5321 §4.1.4).
    public mutating func greeted() {
        if self.state != .closed { self.state = .greeted }
    }

    /// HELO or EHLO was refused: nothing is known of the client any more.
    public mutating func greetingRefused() {
        if self.state != .closed { self.state = .connected }
    }

    /// MAIL was accepted.
    public mutating func senderAccepted(isBinary: Bool) {
        guard self.state == .greeted else { return }
        self.transactions += 1
        self.state = .mail(recipients: 0, isBinary: isBinary)
    }

    /// A recipient was accepted.
    public mutating func recipientAccepted() {
        if case .mail(let recipients, let isBinary) = self.state {
            self.state = .mail(recipients: recipients + 1, isBinary: isBinary)
        }
    }

    /// The first chunk of a message was accepted.
    public mutating func chunkAccepted() {
        if case .mail(let recipients, let isBinary) = self.state {
            self.state = .chunks(recipients: recipients, isBinary: isBinary)
        }
    }

    /// The last chunk is there: a plugin that answers in place of the server may leave the mail open.
    public mutating func chunksEnded() {
        if case .chunks(let recipients, let isBinary) = self.state {
            self.state = .mail(recipients: recipients, isBinary: isBinary)
        }
    }

    /// The mail is over, whatever became of it.
    public mutating func reset() {
        switch self.state {
        case .mail, .chunks: self.state = .greeted
        case .connected, .greeted, .closed: break
        }
    }

    /// A command was unknown, malformed or out of order. True when there were too many.
    public mutating func erred() -> Bool {
        self.errors += 1
        return self.errors > self.bounds.errors
    }

    /// No command will be heard any more.
    public mutating func closed() {
        self.state = .closed
    }

    private static let needsHello = Reply(503, .invalidCommand, "HELO or EHLO first")
    private static let closing = Reply(421, .systemNotAccepting, "connection is closing")
}

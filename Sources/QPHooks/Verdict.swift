// Verdict.swift
//
// What a handler answers.

/// A refusal: how hard, why, and with which enhanced status code (RFC 3463).
public struct Denial: Sendable, Hashable {
    /// How hard a refusal is.
    public enum Kind: UInt8, Sendable, Hashable, CaseIterable {
        /// Refused for good (5xx).
        case deny
        /// Deferred (4xx).
        case denysoft
        /// Refused for good, then the connection is closed.
        case denyDisconnect
        /// Deferred, then the connection is closed.
        case denysoftDisconnect

        /// Whether the connection is closed afterwards.
        public var disconnects: Bool {
            switch self {
            case .denyDisconnect, .denysoftDisconnect: true
            case .deny, .denysoft: false
            }
        }

        /// Whether the client may try again.
        public var isSoft: Bool {
            switch self {
            case .denysoft, .denysoftDisconnect: true
            case .deny, .denyDisconnect: false
            }
        }

        /// The constant of the plugin model.
        @inlinable
        public var code: ReturnCode {
            switch self {
            case .deny: .deny
            case .denysoft: .denysoft
            case .denyDisconnect: .denyDisconnect
            case .denysoftDisconnect: .denysoftDisconnect
            }
        }
    }

    /// How hard.
    public var kind: Kind
    /// Why, for the client; line feeds make a reply of several lines. Empty: the server's own text.
    public var text: String
    /// The enhanced status code; its class follows the reply code. `nil`: a trailing `(#5.7.1)` of the text, else the
    /// hook's default.
    public var status: EnhancedStatus?

    /// Makes a refusal.
    @inlinable
    public init(_ kind: Kind, _ text: String = "", _ status: EnhancedStatus? = nil) {
        self.kind = kind
        self.text = text
        self.status = status
    }
}

/// A handler's answer. `Value` is what `ok` carries at this hook; most hooks carry nothing.
public enum Verdict<Value: Sendable>: Sendable {
    /// No opinion: the next plugin is asked.
    case declined
    /// No opinion, but a text, which `queue` and `help` show if nobody else has an opinion.
    case declinedSaying(String)
    /// The plugin has answered the client itself.
    case done
    /// Allowed or handled.
    case ok(Value)
    /// Allowed or handled, with a text for the client.
    case okSaying(Value, String)
    /// Refused.
    case refused(Denial)

    /// Refuses for good.
    @inlinable
    public static func deny(_ text: String = "", _ status: EnhancedStatus? = nil) -> Self {
        .refused(Denial(.deny, text, status))
    }

    /// Defers.
    @inlinable
    public static func denysoft(_ text: String = "", _ status: EnhancedStatus? = nil) -> Self {
        .refused(Denial(.denysoft, text, status))
    }

    /// Refuses for good and closes the connection.
    @inlinable
    public static func denyDisconnect(_ text: String = "", _ status: EnhancedStatus? = nil) -> Self {
        .refused(Denial(.denyDisconnect, text, status))
    }

    /// Defers and closes the connection.
    @inlinable
    public static func denysoftDisconnect(_ text: String = "", _ status: EnhancedStatus? = nil) -> Self {
        .refused(Denial(.denysoftDisconnect, text, status))
    }

    /// The constant of the plugin model.
    @inlinable
    public var code: ReturnCode {
        switch self {
        case .declined, .declinedSaying: .declined
        case .done: .done
        case .ok, .okSaying: .ok
        case .refused(let denial): denial.kind.code
        }
    }

    /// The text that came with the answer, if any.
    @inlinable
    public var text: String {
        switch self {
        case .declined, .done, .ok: ""
        case .declinedSaying(let text), .okSaying(_, let text): text
        case .refused(let denial): denial.text
        }
    }

    /// What `ok` carried.
    @inlinable
    public var value: Value? {
        switch self {
        case .ok(let value), .okSaying(let value, _): value
        case .declined, .declinedSaying, .done, .refused: nil
        }
    }

    /// The refusal, if it is one.
    @inlinable
    public var denial: Denial? {
        if case .refused(let denial) = self { denial } else { nil }
    }
}

extension Verdict where Value == Void {
    /// Allowed or handled.
    @inlinable public static var ok: Self { .ok(()) }

    /// Allowed or handled, with a text for the client.
    public static func ok(_ text: String) -> Self { .okSaying((), text) }
}

extension Verdict: Equatable where Value: Equatable {}

extension Verdict where Value == Void {
    /// Whether two answers say the same.
    public static func == (left: Self, right: Self) -> Bool {
        left.code == right.code && left.text == right.text && left.denial == right.denial
    }

    /// Whether two answers do not say the same.
    public static func != (left: Self, right: Self) -> Bool { !(left == right) }
}

/// What a `queue` plugin did with a message.
public enum Delivery: Sendable, Hashable {
    /// The backend has the whole message durably, for every recipient.
    case whole
    /// One result for each recipient, in the envelope's order (LMTP reports them one by one; SMTP answers with the
    /// mildest refusal only if no recipient was accepted).
    case perRecipient([RecipientResult])

    /// What became of one recipient.
    public struct RecipientResult: Sendable, Hashable {
        /// The recipient.
        public let recipient: Mailbox
        /// Why it was refused; `nil`: delivered.
        public let refusal: Denial?

        /// Makes a result.
        public init(_ recipient: Mailbox, refusal: Denial? = nil) {
            self.recipient = recipient
            self.refusal = refusal
        }
    }
}

extension Verdict where Value == Delivery {
    /// The backend has the whole message durably.
    public static var ok: Self { .ok(.whole) }

    /// The backend has the whole message durably; the text goes to the client.
    public static func ok(_ text: String) -> Self { .okSaying(.whole, text) }
}

extension Verdict {
    /// What a trail keeps of it: the text, after the enhanced status if the plugin gave one.
    package var trailText: String {
        guard case .refused(let denial) = self, let status = denial.status else { return self.text }
        return "\(status) \(denial.text)"
    }
}

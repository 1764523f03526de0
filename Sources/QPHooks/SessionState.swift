// SessionState.swift
//
// All that plugins can see and change of a session; changed by `Change` values only.

package final class SessionState {
    package let id: SessionID
    package let number: UInt64
    package let connection: Connection
    @exclusivity(unchecked) package var remoteHost = "Unknown"
    @exclusivity(unchecked) package var introduction: Introduction?
    @exclusivity(unchecked) package var isRelayClient = false
    package var answersEachRecipient = false
    @exclusivity(unchecked) package var user: String?
    package var mechanism: String?
    /// What a plugin handed over for the mechanism that proves itself to the engine. No `Change`: those are shown.
    package var offeredSecret: StoredSecret? {
        get { self.secretBox?.secret }
        set { self.secretBox = newValue.map(SecretBox.init) }
    }
    private var secretBox: SecretBox?
    /// The encryption, once it is there.
    @exclusivity(unchecked) package var tls: TLSFacts?
    /// What XFORWARD said of this mail.
    package var forwarded: ForwardedFacts? {
        get { self.forwardedBox?.facts }
        set { self.forwardedBox = newValue.map(ForwardedBox.init) }
    }
    private var forwardedBox: ForwardedBox?
    package var connectionNotes: [String: NoteValue]
    package var storage: [String: any Sendable] = [:]
    /// Storage that was written while changes are kept.
    package var storedKeys: Set<String> = []
    @exclusivity(unchecked) package var transaction = TransactionState()
    /// Answers that plugins gave the client themselves, in order.
    @exclusivity(unchecked) package var responses: [Reply] = []
    package var hasResponses: Bool { !self.responses.isEmpty }
    /// A plugin that answered `done` at data wants the message it received queued.
    package var queuesMessage = false
    /// Whether changes are kept for a recorder, a host or a shadow's overlay.
    @exclusivity(unchecked) package var keepsChanges = false
    package var changes: [RecordedChange] = []

    package init(id: SessionID, number: UInt64, connection: Connection, notes: [String: NoteValue] = [:]) {
        self.id = id
        self.number = number
        self.connection = connection
        self.connectionNotes = notes
    }

    /// A private copy: what is done to it is seen by nobody else.
    package func copy() -> SessionState {
        let copy = SessionState(
            id: self.id, number: self.number, connection: self.connection, notes: self.connectionNotes)
        copy.remoteHost = self.remoteHost
        copy.introduction = self.introduction
        copy.isRelayClient = self.isRelayClient
        copy.answersEachRecipient = self.answersEachRecipient
        copy.user = self.user
        copy.mechanism = self.mechanism
        copy.tls = self.tls
        copy.forwardedBox = self.forwardedBox
        copy.storage = self.storage
        copy.transaction = self.transaction
        return copy
    }

    package func apply(_ change: Change) {
        switch change {
        case .note(.connection, let name, let value):
            self.connectionNotes[name] = value
        case .note(.transaction, let name, let value):
            self.transaction.notes[name] = value
        case .relayClient(let mayRelay):
            self.isRelayClient = mayRelay
        case .sender(let sender):
            self.transaction.sender = sender
        case .addRecipient(let mailbox):
            self.transaction.recipients.append(Recipient(mailbox))
        case .removeRecipient(let mailbox):
            self.transaction.recipients.removeAll { $0.mailbox == mailbox }
        case .addHeader(let name, let value, let place):
            self.transaction.message?.addHeader(name, value, at: place)
        case .replaceHeader(let name, let index, let value):
            self.transaction.message?.replaceHeader(name, index: index, with: value)
        case .removeHeader(let name, let index):
            self.transaction.message?.removeHeader(name, index: index)
        case .replaceBody(let bytes):
            self.transaction.message?.replaceBody(bytes)
        case .remoteHost(let host):
            self.remoteHost = host
        case .authenticated(let user, let mechanism):
            self.user = user
            self.mechanism = mechanism
        case .responded:
            break
        }
    }
}

/// So that sessions without AUTH carry no more than its absence.
private final class SecretBox: Sendable {
    let secret: StoredSecret

    init(_ secret: StoredSecret) {
        self.secret = secret
    }
}

/// So that sessions of which nobody was told anything carry no more than its absence.
private final class ForwardedBox: Sendable {
    let facts: ForwardedFacts

    init(_ facts: ForwardedFacts) {
        self.facts = facts
    }
}

package struct TransactionState: Sendable {
    package var number: UInt32 = 0
    package var sender: ReversePath?
    package var parameters: [ESMTPParameter] = []
    package var recipients: [Recipient] = []
    package var notes: [String: NoteValue] = [:]
    package var message: Message?
    package var temporaryPaths: [String] = []

    package init() {}
}

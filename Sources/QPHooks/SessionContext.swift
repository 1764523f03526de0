// SessionContext.swift
//
// A session as the running handler sees it. Not Sendable: it cannot leave its session.

/// The session, for the handler that runs now.
public final class SessionContext {
    // Exclusivity of these is not checked at run time: each is set or read whole, never lent, on its session's loop.
    /// Swapped for a private copy when the handler has run out of time or runs as a shadow.
    @exclusivity(unchecked) package var state: SessionState
    @exclusivity(unchecked) package var seams: Seams
    package let sessionClock: any SessionClock
    package let calls: CallCounter.SharedCount
    @exclusivity(unchecked) package var tables: ConfigSnapshot
    @exclusivity(unchecked) package var backend: (any SessionBackend)?
    /// The generation's plugins by slot.
    @exclusivity(unchecked) package var names: [String] = []
    @exclusivity(unchecked) package var pluginSlot: PluginSlot = 0
    @exclusivity(unchecked) package var hook = HookID.connect
    package var logThreshold = LogLevel.debug
    /// The running plugin's `loglevel` argument; set together with `pluginName`.
    /// The generation's sources of users' own values.
    package var userConfigHandlers: [UserConfigHandler] = []
    /// The `loglevel` arguments of the generation's plugins by slot.
    @exclusivity(unchecked) package var logAdjustments: [LogAdjustment?] = []
    /// The running plugin's `loglevel` argument.
    package var logAdjustment: LogAdjustment? {
        get { Int(self.pluginSlot) < self.logAdjustments.count ? self.logAdjustments[Int(self.pluginSlot)] : nil }
        set { self.logAdjustments = [newValue] }
    }
    /// The running plugin, by its name in configuration.
    package var pluginName: String {
        get { Int(self.pluginSlot) < self.names.count ? self.names[Int(self.pluginSlot)] : "" }
        set {
            self.names = [newValue]
            self.pluginSlot = 0
        }
    }

    package init(
        state: SessionState, seams: Seams, clock: any SessionClock, calls: CallCounter.SharedCount,
        tables: ConfigSnapshot
    ) {
        self.state = state
        self.seams = seams
        self.sessionClock = clock
        self.calls = calls
        self.tables = tables
    }

    /// Another view of the same session, for a handler that runs beside.
    package func fork(state: SessionState) -> SessionContext {
        let context = SessionContext(
            state: state, seams: self.seams, clock: self.sessionClock, calls: self.calls, tables: self.tables)
        context.names = self.names
        context.userConfigHandlers = self.userConfigHandlers
        context.pluginSlot = self.pluginSlot
        context.hook = self.hook
        context.logThreshold = self.logThreshold
        context.logAdjustments = self.logAdjustments
        context.backend = self.backend
        return context
    }

    /// A handler is about to run.
    package func enter(_ slot: PluginSlot, _ hook: HookID) {
        self.pluginSlot = slot
        self.hook = hook
    }

    package func apply(_ change: Change) {
        self.state.apply(change)
        if self.state.keepsChanges {
            self.state.changes.append(
                RecordedChange(plugin: self.pluginSlot, hook: self.hook, change: change))
        }
    }

    // MARK: Facts

    /// The session's name, as replies and logs show it.
    public var id: SessionID { self.state.id }
    /// Facts about the peer.
    public var connection: Connection { self.state.connection }
    /// The peer's name by reverse DNS; `Unknown` if it has none.
    public var remoteHost: String { self.state.remoteHost }
    /// How the client introduced itself; `nil` before HELO or EHLO was accepted.
    public var introduction: Introduction? { self.state.introduction }
    /// The authenticated user.
    public var user: String? { self.state.user }
    /// How it authenticated, in small letters: `plain`, `scram-sha-256-plus`.
    public var mechanism: String? { self.state.mechanism }
    /// How the connection is encrypted; `nil`: it is not.
    public var tls: TLSFacts? { self.state.tls }
    /// What a trusted client said with XFORWARD of where this mail comes from.
    public var forwarded: ForwardedFacts? { self.state.forwarded }
    /// Whether the client may relay.
    public var isRelayClient: Bool {
        get { self.state.isRelayClient }
        set { self.apply(.relayClient(newValue)) }
    }
    /// Whether every recipient gets an answer of its own after the message (LMTP, RFC 2033 §4.2); else one answer must be
    /// true for all of them.
    public var answersEachRecipient: Bool { self.state.answersEachRecipient }
    /// The current mail.
    public var transaction: Transaction { Transaction(context: self) }

    // MARK: Notes

    /// The connection's notes.
    public var notes: Notes { Notes(context: self, scope: .connection) }

    /// Typed storage of Swift plugins, for the life of the connection.
    public subscript<Value>(key: StorageKey<Value>) -> Value? {
        get { self.state.storage[key.name] as? Value }
        set {
            self.state.storage[key.name] = newValue
            if self.state.keepsChanges { self.state.storedKeys.insert(key.name) }
        }
    }

    // MARK: Effects

    /// The log.
    public var log: PluginLog { PluginLog(context: self) }
    /// Time.
    public var clock: any SessionClock { self.sessionClock }
    /// The DNS.
    public var dns: DNS { DNS(resolver: self.seams.resolver, calls: self.counter) }
    /// Connections to other servers.
    public var connections: Connections { Connections(connector: self.seams.connector, calls: self.counter) }
    /// HTTP.
    public var http: HTTP { HTTP(fetcher: self.seams.http, calls: self.counter) }
    /// This plugin's own key-value store.
    public var store: Store {
        Store(store: self.seams.store, namespace: self.pluginName, calls: self.counter)
    }
    /// Files.
    public var files: Files { Files(store: self.seams.files, calls: self.counter) }
    /// Chance.
    public var random: RandomBits { RandomBits(source: self.seams.random, calls: self.counter) }

    /// Passwords.
    public var passwords: Passwords { Passwords(secrets: self.seams.secrets) }

    /// Hands over what is kept of the event's user, for a mechanism whose proof the server itself looks at (SCRAM): keys of
    /// its hash, or the password. Return `.ok` with it if the user is known. For an unknown one hand over somebody else's
    /// and decline: the exchange then goes on as if, with as much work, and fails.
    public func offer(_ secret: StoredSecret) { self.state.offeredSecret = secret }

    /// Runs blocking or heavy work off the event loop.
    /// - Throws: what the work throws.
    public func offload<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await self.seams.offloader.run(work)
    }

    private var counter: CallCounter {
        CallCounter(session: self.state.id, plugin: self.pluginName, hook: self.hook, count: self.calls)
    }

    /// A configuration value of one mail user, from the `user_config` handlers in order; `nil` if none has it.
    public func userConfig(of user: Mailbox, _ name: String) async -> [String]? {
        for handler in self.userConfigHandlers {
            do {
                let verdict = try await handler(UserConfigEvent(user: user, name: name, files: self.files))
                if verdict.code != .declined { return verdict.value }
            } catch {
                // A handler that throws has no opinion: the next one is asked.
                self.log.error("error, user_config of \(name): \(error)")
            }
        }
        return nil
    }

    // MARK: Speaking

    /// Answers the client in the plugin's own words; replies leave in order. Return `.done` afterwards, or the server
    /// answers as well.
    public func respond(_ reply: Reply) {
        self.state.responses.append(reply)
        self.apply(.responded(reply.code))
    }

    /// What the client has sent already, and whether more comes.
    public var input: SessionInputView { SessionInputView(backend: self.backend) }

    /// The wire, for a waiting handler on connect, data, auth and unrecognized_command; `nil` elsewhere.
    public var conversation: Conversation? {
        switch self.hook {
        case .connect, .data, .auth, .authPlain, .authLogin, .authCramMD5, .unrecognizedCommand:
            self.backend == nil ? nil : Conversation(context: self)
        case .logging, .config, .userConfig, .postFork, .preConnection, .ehloParse, .ehlo, .heloParse, .helo,
            .authParse, .rcptParse, .rcptPre, .rcpt, .mailParse, .mail, .mailPre, .dataHeadersEnd,
            .dataPostHeaders, .dataPost, .queuePre, .queue, .queuePost, .vrfy, .noop, .quit, .resetTransaction,
            .disconnect, .postConnection, .deny, .ok, .receivedLine, .help:
            nil
        }
    }
}

/// The current mail.
public struct Transaction {
    let context: SessionContext

    /// Its number in the session, from 1; 0 before the first MAIL.
    public var number: UInt32 { self.context.state.transaction.number }
    /// The envelope sender; `nil` before MAIL was accepted.
    public var sender: ReversePath? { self.context.state.transaction.sender }
    /// The ESMTP parameters of MAIL.
    public var parameters: [ESMTPParameter] { self.context.state.transaction.parameters }
    /// The accepted recipients.
    public var recipients: [Recipient] { self.context.state.transaction.recipients }
    /// The mail's notes.
    public var notes: Notes { Notes(context: self.context, scope: .transaction) }
    /// The message: its header from data_headers_end on, all of it from data_post_headers on.
    public var message: Message? { self.context.state.transaction.message }

    /// Sets the sender.
    public func setSender(_ sender: ReversePath) { self.context.apply(.sender(sender)) }
    /// Adds a recipient.
    public func addRecipient(_ recipient: Mailbox) { self.context.apply(.addRecipient(recipient)) }
    /// Removes a recipient.
    public func removeRecipient(_ recipient: Mailbox) { self.context.apply(.removeRecipient(recipient)) }
    /// Adds a header field: at the top (0), at a place, or at the header's end (`nil`). Line ends in the value become
    /// folds.
    public func addHeader(_ name: String, _ value: String, at place: Int? = 0) {
        self.context.apply(.addHeader(name: name, value: value, at: place))
    }
    /// Replaces the value of the n-th field of a name.
    public func replaceHeader(_ name: String, index: Int = 0, with value: String) {
        self.context.apply(.replaceHeader(name: name, index: index, value: value))
    }
    /// Removes the n-th field of a name, or all of them (`nil`).
    public func removeHeader(_ name: String, index: Int? = nil) {
        self.context.apply(.removeHeader(name: name, index: index))
    }
    /// Replaces the body; lines end in CRLF.
    public func replaceBody(_ bytes: [UInt8]) { self.context.apply(.replaceBody(bytes)) }
}

extension SessionContext {
    /// Whether filters should leave the client alone: relay clients, white-listed hosts and senders.
    public var isImmune: Bool {
        if self.isRelayClient {
            self.log.info("skip, relay client")
            return true
        }
        if Bool(self.notes["whitelisthost"] ?? .null) ?? false {
            self.log.info("skip, whitelisted host")
            return true
        }
        if Bool(self.transaction.notes["whitelistsender"] ?? .null) ?? false {
            self.log.info("skip, whitelisted sender")
            return true
        }
        return false
    }

    /// Adds to the connection's karma, with or without the karma plugin; saturating.
    public func adjustKarma(_ amount: Int) {
        let key = NoteKey<Int>("karma")
        let (sum, overflow) = (self.notes[key] ?? 0).addingReportingOverflow(amount)
        let total = overflow ? (amount < 0 ? .min : .max) : sum
        self.notes[key] = total
        self.log.info("karma \(amount) (\(total))")
    }
}

// PluginHarness.swift
//
// One plugin, one session, no sockets.

import QPCrypto
public import QPHooks
import Synchronization

/// Runs a plugin's handlers against a session that a test describes.
///
/// ```swift
/// let harness = try PluginHarness(RcptOK.self, files: ["rcpthosts": "example.org"])
/// let verdict = try await harness.run(.rcpt, RecipientEvent(testing: "ann@example.org"))
/// #expect(verdict == .ok)
/// ```
///
/// Everything outside is played: time stands still, the DNS is a table, files are in memory. Tests set those up through
/// `clock`, `resolver`, `connector`, `http`, `store` and `files`.
public final class PluginHarness {
    private final class Changed: Sendable {
        let names = Mutex<[Set<String>]>([])
    }

    /// The plugin.
    public let plugin: any Plugin
    /// Time.
    public let clock = ManualClock()
    /// The DNS.
    public let resolver = FakeResolver()
    /// Other servers.
    public let connector = FakeConnector()
    /// HTTP.
    public let http = FakeHTTP()
    /// The plugin's memory.
    public let store: TestStore
    /// Files.
    public let files = TestFiles()
    /// Heavy work.
    public let offloader = InlineOffloader()
    /// What was logged.
    public let log = CapturingLog()
    /// The session as handlers see it; `connect` begins a new one.
    public private(set) var session: SessionContext

    /// The client, for plugins that read from it themselves; `connect` brings a new one.
    public private(set) var client: ScriptedClient

    private let name: String
    private let config: MemoryConfig
    private let setup: PluginSetup
    private let table: HookTable
    private let seams: Seams
    private let changed = Changed()
    private var snapshot: ConfigSnapshot
    private var sessions: UInt64 = 0

    /// Makes a plugin as its line in `config/plugins` would. `files` are configuration files by name, `constants` are
    /// constant databases; `name` is the name on the line if it is not the plugin's own.
    /// - Throws: what is wrong with the arguments or the files.
    public init<P: Plugin>(
        _ type: P.Type, arguments: [String] = [], name: String? = nil, me: String = "mx.example.org",
        files: [String: String] = [:], constants: [String: [String: String]] = [:]
    ) throws(PluginError) {
        self.name = name ?? type.name
        self.config = MemoryConfig(me: me, files: files, constants: constants)
        self.setup = PluginSetup(name: self.name, arguments: arguments, source: self.config, shared: SharedValues())
        self.plugin = try type.init(self.setup)
        var table = HookTable(slot: 0)
        self.plugin.register(on: &table)
        self.table = table
        self.store = TestStore(clock: self.clock)
        self.seams = Seams(
            resolver: self.resolver, connector: self.connector, http: self.http, store: self.store,
            files: self.files, random: SeededRandom(), offloader: self.offloader, log: self.log,
            secrets: SystemSecrets(offloader: self.offloader))
        self.snapshot = try self.config.snapshot()
        self.session = Self.session(Self.connection("192.0.2.1", self.clock), 0, self.seams, self.clock, self.snapshot)
        self.client = ScriptedClient(state: self.session.state)
        self.connect()
    }

    // MARK: What the plugin declared

    /// The hooks the plugin answers.
    public var hooks: Set<HookID> { self.table.hooks }
    /// What the plugin found odd about its line.
    public var warnings: [String] { self.setup.warnings + self.table.problems }
    /// What a queue plugin's backend can keep.
    public var backend: BackendCapabilities? { self.setup.declarations.backend }
    /// The mechanisms the plugin's `auth` handler knows.
    public var mechanisms: Set<SASLMechanism> { self.setup.declarations.mechanisms }
    /// What the plugin handed over for SCRAM.
    public var offered: StoredSecret? { self.session.state.offeredSecret }
    /// What a logging plugin wrote to a place.
    public func output(_ target: LineTarget) -> CapturingOutput { self.config.output(target) }

    // MARK: The session

    /// Begins a new session, from an address; one that is none is `0.0.0.0`. With `isAsserted` a proxy told it.
    public func connect(from address: String = "192.0.2.1", isAsserted: Bool = false) {
        self.sessions += 1
        self.session = Self.session(
            Self.connection(address, self.clock, isAsserted), self.sessions, self.seams, self.clock, self.snapshot)
        self.client = ScriptedClient(state: self.session.state)
        self.session.backend = self.client
        self.session.pluginName = self.name
        self.session.logAdjustment = self.setup.declarations.logAdjustment
    }

    /// Changes a configuration file, or removes it; sessions that begin afterwards see it.
    /// - Throws: what is wrong with it.
    public func replace(_ file: String, with text: String?) throws(PluginError) {
        self.config.replace(file, with: text)
        self.snapshot = try self.config.snapshot()
    }

    /// The client said HELO or EHLO.
    public func introduce(_ host: String, extended: Bool = true) {
        self.session.state.introduction = Introduction(host: host, isExtended: extended)
    }

    /// The client is a user.
    public func authenticate(_ user: String, mechanism: String = "plain") {
        self.session.state.apply(.authenticated(user: user, mechanism: mechanism))
        self.session.state.isRelayClient = true
    }

    /// The peer's name by reverse DNS.
    public func nameClient(_ host: String) { self.session.state.remoteHost = host }

    /// Makes the session one of LMTP, where each recipient gets an answer.
    public func answerEachRecipient() { self.session.state.answersEachRecipient = true }

    /// Begins a mail: sender, recipients and message (lines end in LF), what of it is given.
    /// - Throws: what is wrong with an address.
    public func mail(
        from sender: String = "sender@client.example", parameters: [ESMTPParameter] = [], to recipients: [String] = [],
        _ message: String? = nil
    ) throws {
        var transaction = TransactionState()
        transaction.number = self.session.state.transaction.number + 1
        transaction.sender = try .test(sender)
        transaction.parameters = parameters
        transaction.recipients = try recipients.map { Recipient(try .test($0)) }
        transaction.message = message.map { Message.test($0) }
        self.session.state.transaction = transaction
    }

    /// The message of the current mail.
    public var message: Message? {
        get { self.session.state.transaction.message }
        set { self.session.state.transaction.message = newValue }
    }

    /// The recipients of the current mail, with their parameters.
    public var recipients: [Recipient] {
        get { self.session.state.transaction.recipients }
        set { self.session.state.transaction.recipients = newValue }
    }

    /// What the plugin changed since the session began, in order.
    public var changes: [Change] { self.session.state.changes.map(\.change) }

    /// What the plugin answered the client itself.
    public var responses: [Reply] { self.session.state.responses }

    // MARK: Running

    /// Asks the plugin's handlers of a hook in their order, until one does not decline.
    /// - Throws: what a handler throws.
    public func run<Event, Value>(_ hook: Hook<Event, Value>, _ event: Event) async throws -> Verdict<Value> {
        var chains = self.table.session
        var bodies: [Chain<Event, Value>.Body] = []
        hook.chain(&chains) { bodies = $0.elements.map(\.body) }
        self.session.hook = hook.id
        var last = Verdict<Value>.declined
        for body in bodies {
            switch body {
            case .sync(let handler): last = try handler(event, self.session)
            case .waiting(let handler): last = try await handler(event, self.session)
            case .group: continue
            }
            if last.code != .declined { break }
        }
        return last
    }

    /// Asks the plugin's handlers of a hook that tells nothing but the session itself.
    /// - Throws: what a handler throws.
    public func run<Value>(_ hook: Hook<PlainEvent, Value>) async throws -> Verdict<Value> {
        try await self.run(hook, PlainEvent())
    }

    /// Asks the plugin's handlers for a client that has just connected; notes go on into the session.
    /// - Throws: what a handler throws.
    public func run(_ hook: ArrivalHook, _ event: ArrivalEvent) async throws -> Verdict<Void> {
        self.session.hook = hook.id
        let arrival = ArrivalContext(session: self.session)
        var last = Verdict<Void>.declined
        for element in self.table.arrival.elements {
            switch element.body {
            case .sync(let handler): last = try handler(event, arrival)
            case .waiting(let handler): last = try await handler(event, arrival)
            }
            if last.code != .declined { break }
        }
        return last
    }

    /// Asks the plugin's handlers of a server hook.
    /// - Throws: what a handler throws.
    public func run<Event, Value>(_ hook: ServerHook<Event, Value>, _ event: Event) throws -> Verdict<Value> {
        var chains = self.table.server
        var last = Verdict<Value>.declined
        var handlers: [ServerHandler<Event, Value>] = []
        hook.chain(&chains) { handlers = $0.elements.map(\.handler) }
        for handler in handlers {
            last = try handler(event)
            if last.code != .declined { break }
        }
        return last
    }

    /// Asks the plugin's handlers for a value of a mail user.
    /// - Throws: what a handler throws.
    public func run(_ hook: UserConfigHook, _ name: String, of user: Mailbox) async throws -> Verdict<[String]> {
        var last = Verdict<[String]>.declined
        for element in self.table.server.userConfig {
            last = try await element.handler(UserConfigEvent(user: user, name: name, files: self.session.files))
            if last.code != .declined { break }
        }
        return last
    }

    /// Sources of users' own values, which other plugins would bring.
    public func answerUserConfig(_ handlers: [UserConfigHandler]) { self.session.userConfigHandlers = handlers }

    /// What the plugin gets for its work beside the sessions.
    public var background: BackgroundContext {
        let changed = self.changed
        return BackgroundContext(seams: self.seams, clock: self.clock, plugin: self.name) { names in
            changed.names.withLock { $0.append(names) }
        }
    }

    /// The names that the plugin said it answers otherwise now, in order.
    public var configChanges: [Set<String>] { self.changed.names.withLock { $0 } }

    private static func connection(
        _ address: String, _ clock: ManualClock, _ isAsserted: Bool = false
    ) -> Connection {
        let remote = IPAddress(address) ?? IPAddress(ipv4: 0)
        let local = remote.isIPv4 ? IPAddress(ipv4: 0xC633_6401) : IPAddress(ipv6High: 0x2001_0DB8_0000_0000, low: 1)
        return Connection(
            remoteAddress: remote, remotePort: 50000, localAddress: local, localPort: 25, listener: "test",
            acceptedAt: clock.wall, isAsserted: isAsserted)
    }

    private static func session(
        _ connection: Connection, _ number: UInt64, _ seams: Seams, _ clock: ManualClock, _ snapshot: ConfigSnapshot
    ) -> SessionContext {
        let state = SessionState(id: SessionID(bits: number), number: number, connection: connection)
        state.keepsChanges = true
        return SessionContext(
            state: state, seams: seams, clock: clock, calls: CallCounter.SharedCount(), tables: snapshot)
    }
}

// HookTable.swift
//
// What a plugin registers.

/// The table of contents of a plugin: what it answers. A handler without `async` is called directly; one with `async`
/// may wait and gets the plugin's time limit.
public struct HookTable: Sendable {
    package let slot: PluginSlot
    package var session = SessionChains()
    package var arrival = ArrivalChain()
    package var server = ServerChains()
    package private(set) var hooks: Set<HookID> = []
    package private(set) var problems: [String] = []

    package init(slot: PluginSlot) {
        self.slot = slot
    }

    /// Registers a handler that answers at once. `first` puts it in front of all other handlers *of this plugin*.
    public mutating func on<Event, Value>(
        _ hook: Hook<Event, Value>, first: Bool = false, _ handler: @escaping Handler<Event, Value>
    ) {
        self.add(hook, .sync(handler), first: first)
    }

    /// Registers a handler that may wait.
    public mutating func on<Event, Value>(
        _ hook: Hook<Event, Value>, first: Bool = false, _ handler: @escaping WaitingHandler<Event, Value>
    ) {
        self.add(hook, .waiting(handler), first: first)
    }

    /// Registers a handler for clients that have just connected.
    public mutating func on(_ hook: ArrivalHook, _ handler: @escaping ArrivalHandler) {
        self.hooks.insert(hook.id)
        self.arrival.elements.append((self.slot, .sync(handler)))
    }

    /// Registers a handler for clients that have just connected; while it waits, only its own client does.
    public mutating func on(_ hook: ArrivalHook, _ handler: @escaping WaitingArrivalHandler) {
        self.hooks.insert(hook.id)
        self.arrival.elements.append((self.slot, .waiting(handler)))
    }

    /// Registers a handler of a server hook.
    public mutating func on<Event, Value>(
        _ hook: ServerHook<Event, Value>, _ handler: @escaping ServerHandler<Event, Value>
    ) {
        self.hooks.insert(hook.id)
        let slot = self.slot
        hook.chain(&self.server) { $0.elements.append((slot, handler)) }
    }

    /// Registers a source of users' own configuration values.
    public mutating func on(
        _ hook: UserConfigHook, _ handler: @escaping @Sendable (UserConfigEvent) async throws -> Verdict<[String]>
    ) {
        self.hooks.insert(hook.id)
        self.server.userConfig.append((self.slot, handler))
    }

    /// Registers everything another plugin answers, under this plugin's own name (what `isa_plugin` is for).
    public mutating func inherit(_ parent: some Plugin) {
        var table = HookTable(slot: self.slot)
        parent.register(on: &table)
        self.hooks.formUnion(table.hooks)
        self.problems += table.problems
        self.session.append(table.session)
        self.arrival.elements += table.arrival.elements
        self.server.append(table.server)
    }

    /// Answers a hook around another plugin's handlers: `next` asks those, in their order, and gives their verdict.
    /// The parent must answer the hook without waiting; else use the overload whose handler is `async`.
    public mutating func wrap<Event, Value>(
        _ hook: Hook<Event, Value>, _ parent: some Plugin,
        _ handler: @escaping @Sendable (Event, SessionContext, Handler<Event, Value>) throws -> Verdict<Value>
    ) {
        let handlers = self.handlers(of: parent, hook).compactMap { body -> Handler<Event, Value>? in
            if case .sync(let handler) = body { handler } else { nil }
        }
        if handlers.count != self.handlers(of: parent, hook).count {
            self.problems.append("the wrapped plugin waits at \(hook.id.name): the wrapping handler must be async")
        }
        let next: Handler<Event, Value> = { event, session in
            for handler in handlers {
                let verdict = try handler(event, session)
                if verdict.code != .declined { return verdict }
            }
            return .declined
        }
        self.on(hook) { event, session in try handler(event, session, next) }
    }

    /// Answers a hook around another plugin's handlers, which may wait.
    public mutating func wrap<Event, Value>(
        _ hook: Hook<Event, Value>, _ parent: some Plugin,
        _ handler:
            nonisolated(nonsending) @escaping @Sendable (
                Event, SessionContext, WaitingHandler<Event, Value>
            ) async throws -> Verdict<Value>
    ) {
        let bodies = self.handlers(of: parent, hook)
        let next: WaitingHandler<Event, Value> = { event, session in
            for body in bodies {
                let verdict: Verdict<Value>
                switch body {
                case .sync(let handler): verdict = try handler(event, session)
                case .waiting(let handler): verdict = try await handler(event, session)
                case .group: continue
                }
                if verdict.code != .declined { return verdict }
            }
            return .declined
        }
        self.on(hook) { event, session in try await handler(event, session, next) }
    }

    /// Contributes an entry of a host (a Perl process, a milter), which answers neighbouring entries in one request.
    public mutating func contribute<Event, Value>(
        _ hook: Hook<Event, Value>, host: any HookHost, entry: Int
    ) {
        self.add(hook, .group(host, entries: [HostEntry(slot: self.slot, entry: entry)]), first: false)
    }

    private mutating func add<Event, Value>(
        _ hook: Hook<Event, Value>, _ body: Chain<Event, Value>.Body, first: Bool
    ) {
        self.hooks.insert(hook.id)
        let slot = self.slot
        hook.chain(&self.session) { $0.add(.init(slot: slot, body: body), first: first) }
    }

    private func handlers<Event, Value>(
        of parent: some Plugin, _ hook: Hook<Event, Value>
    ) -> [Chain<Event, Value>.Body] {
        var table = HookTable(slot: self.slot)
        parent.register(on: &table)
        var bodies: [Chain<Event, Value>.Body] = []
        hook.chain(&table.session) { bodies = $0.elements.map(\.body) }
        return bodies
    }
}

/// One entry that a host answers.
public struct HostEntry: Sendable, Hashable {
    /// The plugin's place in the generation's list.
    public let slot: PluginSlot
    /// The host's own number of the handler.
    public let entry: Int

    /// Makes an entry.
    public init(slot: PluginSlot, entry: Int) {
        self.slot = slot
        self.entry = entry
    }
}

/// A program outside that answers hooks: several neighbouring entries of a chain in one request.
public protocol HookHost: AnyObject, Sendable {
    /// Asks the entries in order until one answers anything but DECLINED.
    /// - Throws: whatever kept the host from answering. A `HostFailure` names the entry that was running, which is
    ///   charged; else the first one is.
    func answer(_ request: HostRequest) async throws -> HostAnswer
}

/// Why a host did not answer, and which entry was running.
public struct HostFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// The entry, by its place in the request.
    public let index: Int
    /// What happened, for the log.
    public let text: String

    /// Makes a failure.
    public init(index: Int, text: String) {
        self.index = index
        self.text = text
    }

    /// What happened.
    public var description: String { self.text }
}

/// What a host is asked.
public struct HostRequest: Sendable {
    /// The session.
    public let session: SessionID
    /// The hook.
    public let hook: HookID
    /// The entries to ask, in order.
    public let entries: [HostEntry]
    /// The event as plain values.
    public let arguments: [NoteValue]
    /// What has changed in the session since this host was asked last.
    public let changes: [Change]

    package init(
        session: SessionID, hook: HookID, entries: [HostEntry], arguments: [NoteValue], changes: [Change]
    ) {
        self.session = session
        self.hook = hook
        self.entries = entries
        self.arguments = arguments
        self.changes = changes
    }
}

/// What a host answers.
public struct HostAnswer: Sendable {
    /// What one entry said.
    public struct Step: Sendable {
        /// The entry, by its place in the request.
        public let index: Int
        /// Its answer.
        public let code: ReturnCode
        /// Its text.
        public let text: String
        /// How long it took, in microseconds.
        public let microseconds: UInt32

        /// Makes a step.
        public init(index: Int, code: ReturnCode, text: String, microseconds: UInt32) {
            self.index = index
            self.code = code
            self.text = text
            self.microseconds = microseconds
        }
    }

    /// Every entry that ran, in order; the last one's answer is the verdict.
    public let trail: [Step]
    /// What the entries changed.
    public let changes: [Change]
    /// What `ok` carries, as texts (a path, a Received field).
    public let values: [String]

    /// Makes an answer.
    public init(trail: [Step], changes: [Change] = [], values: [String] = []) {
        self.trail = trail
        self.changes = changes
        self.values = values
    }
}

// Chain.swift
//
// The handlers of one hook, in order.

/// A handler that answers at once.
public typealias Handler<Event, Value: Sendable> =
    @Sendable (Event, SessionContext) throws -> Verdict<Value>
/// A handler that may wait; it stays on its session's event loop.
public typealias WaitingHandler<Event, Value: Sendable> =
    nonisolated(nonsending) @Sendable (Event, SessionContext) async throws -> Verdict<Value>

/// The handlers of one session hook, in the order they are asked.
@usableFromInline
package struct Chain<Event: Sendable, Value: Sendable>: Sendable {
    @usableFromInline
    package enum Body: Sendable {
        case sync(Handler<Event, Value>)
        case waiting(WaitingHandler<Event, Value>)
        case group(any HookHost, entries: [HostEntry])
    }

    @usableFromInline
    package struct Element: Sendable {
        /// The plugin's place in the generation's list; for a group that of its first entry.
        package let slot: PluginSlot
        package let body: Body
    }

    /// What a chain holds; replaced whole when a handler is added, so that a chain is one reference to copy.
    @usableFromInline
    package final class Storage: Sendable {
        package let elements: [Element]
        /// The handlers and their plugins, if none of them waits: what the straight way runs through.
        package let handlers: [HandlerBox<Event, Value>]
        package let slots: [PluginSlot]

        init(_ elements: [Element], isStraight: Bool) {
            self.elements = elements
            guard isStraight else {
                self.handlers = []
                self.slots = []
                return
            }
            self.handlers = elements.compactMap { element in
                if case .sync(let handler) = element.body { HandlerBox(handler) } else { nil }
            }
            self.slots = elements.map(\.slot)
        }
    }

    @usableFromInline package private(set) var storage = Storage([], isStraight: true)
    /// How many elements there are; a stored number, so that asking needs no generic code.
    @usableFromInline package private(set) var count = 0
    /// Whether any element may wait; a chain without runs in place.
    @usableFromInline package private(set) var mayWait = false

    package var elements: [Element] { self.storage.elements }

    @inlinable package var isEmpty: Bool { self.count == 0 }

    package mutating func add(_ element: Element, first: Bool = false) {
        var elements = self.elements
        elements.insert(element, at: first ? 0 : elements.endIndex)
        self.replace(elements)
    }

    private mutating func replace(_ elements: [Element]) {
        self.mayWait = elements.contains { if case .sync = $0.body { false } else { true } }
        self.count = elements.count
        self.storage = Storage(elements, isStraight: !self.mayWait)
    }

    /// Joins another plugin's handlers; neighbours that one host answers become one group.
    package mutating func append(_ other: Self) {
        for element in other.elements {
            if case .group(let host, let entries) = element.body, let last = self.elements.last,
                case .group(let earlier, let first) = last.body, earlier === host
            {
                let group = Element(slot: last.slot, body: .group(host, entries: first + entries))
                self.replace(self.elements.dropLast() + [group])
            } else {
                self.add(element)
            }
        }
    }
}

/// A handler in a box that never changes, so that calling it needs no reference counting.
@usableFromInline
package final class HandlerBox<Event: Sendable, Value: Sendable>: Sendable {
    @usableFromInline package let call: Handler<Event, Value>
    init(_ call: @escaping Handler<Event, Value>) { self.call = call }
}

/// A plugin's place in a generation's list.
public typealias PluginSlot = UInt16

/// The session hooks' chains.
package struct SessionChains: Sendable {
    package var connect = Chain<PlainEvent, Void>()
    package var ehloParse = Chain<ParseEvent, LineParser>()
    package var heloParse = Chain<ParseEvent, LineParser>()
    package var mailParse = Chain<ParseEvent, LineParser>()
    package var rcptParse = Chain<ParseEvent, LineParser>()
    package var authParse = Chain<ParseEvent, LineParser>()
    package var ehlo = Chain<HelloEvent, Void>()
    package var helo = Chain<HelloEvent, Void>()
    package var auth = Chain<AuthEvent, Void>()
    package var authPlain = Chain<AuthEvent, Void>()
    package var authLogin = Chain<AuthEvent, Void>()
    package var authCramMD5 = Chain<AuthEvent, Void>()
    package var mailPre = Chain<PathEvent, String>()
    package var rcptPre = Chain<PathEvent, String>()
    package var mail = Chain<MailEvent, Void>()
    package var rcpt = Chain<RecipientEvent, Void>()
    package var data = Chain<DataEvent, Void>()
    package var dataHeadersEnd = Chain<PlainEvent, Void>()
    package var dataPostHeaders = Chain<PlainEvent, Void>()
    package var receivedLine = Chain<ReceivedLineEvent, String>()
    package var dataPost = Chain<PlainEvent, Void>()
    package var queuePre = Chain<PlainEvent, Void>()
    package var queue = Chain<PlainEvent, Delivery>()
    package var queuePost = Chain<QueuedEvent, Void>()
    package var vrfy = Chain<CommandEvent, Void>()
    package var noop = Chain<CommandEvent, Void>()
    package var help = Chain<CommandEvent, Void>()
    package var quit = Chain<CommandEvent, Void>()
    package var unrecognizedCommand = Chain<UnknownCommandEvent, Void>()
    package var resetTransaction = Chain<PlainEvent, Void>()
    package var disconnect = Chain<PlainEvent, Void>()
    package var postConnection = Chain<PlainEvent, Void>()
    package var deny = Chain<AnswerEvent, Void>()
    package var ok = Chain<AnswerEvent, Void>()

    package init() {}

    package mutating func append(_ other: Self) {
        self.connect.append(other.connect)
        self.ehloParse.append(other.ehloParse)
        self.heloParse.append(other.heloParse)
        self.mailParse.append(other.mailParse)
        self.rcptParse.append(other.rcptParse)
        self.authParse.append(other.authParse)
        self.ehlo.append(other.ehlo)
        self.helo.append(other.helo)
        self.auth.append(other.auth)
        self.authPlain.append(other.authPlain)
        self.authLogin.append(other.authLogin)
        self.authCramMD5.append(other.authCramMD5)
        self.mailPre.append(other.mailPre)
        self.rcptPre.append(other.rcptPre)
        self.mail.append(other.mail)
        self.rcpt.append(other.rcpt)
        self.data.append(other.data)
        self.dataHeadersEnd.append(other.dataHeadersEnd)
        self.dataPostHeaders.append(other.dataPostHeaders)
        self.receivedLine.append(other.receivedLine)
        self.dataPost.append(other.dataPost)
        self.queuePre.append(other.queuePre)
        self.queue.append(other.queue)
        self.queuePost.append(other.queuePost)
        self.vrfy.append(other.vrfy)
        self.noop.append(other.noop)
        self.help.append(other.help)
        self.quit.append(other.quit)
        self.unrecognizedCommand.append(other.unrecognizedCommand)
        self.resetTransaction.append(other.resetTransaction)
        self.disconnect.append(other.disconnect)
        self.postConnection.append(other.postConnection)
        self.deny.append(other.deny)
        self.ok.append(other.ok)
    }
}

/// A source of users' own configuration values.
public typealias UserConfigHandler = @Sendable (UserConfigEvent) async throws -> Verdict<[String]>

/// A handler of a server hook: any thread, never waiting.
public typealias ServerHandler<Event, Value: Sendable> = @Sendable (Event) throws -> Verdict<Value>

/// The handlers of one server hook.
package struct ServerChain<Event: Sendable, Value: Sendable>: Sendable {
    package var elements: [(slot: PluginSlot, handler: ServerHandler<Event, Value>)] = []

    package init() {}
}

/// The server hooks' chains.
package struct ServerChains: Sendable {
    package var logging = ServerChain<LoggingEvent, Void>()
    package var config = ServerChain<ConfigEvent, [String]>()
    package var postFork = ServerChain<WorkerEvent, Void>()
    package var userConfig:
        [(slot: PluginSlot, handler: @Sendable (UserConfigEvent) async throws -> Verdict<[String]>)] = []

    package init() {}

    package mutating func append(_ other: Self) {
        self.logging.elements += other.logging.elements
        self.config.elements += other.config.elements
        self.postFork.elements += other.postFork.elements
        self.userConfig += other.userConfig
    }
}

/// A handler of an arrival hook that answers at once.
public typealias ArrivalHandler = @Sendable (ArrivalEvent, ArrivalContext) throws -> Verdict<Void>
/// A handler of an arrival hook that may wait.
public typealias WaitingArrivalHandler =
    nonisolated(nonsending) @Sendable (ArrivalEvent, ArrivalContext) async throws -> Verdict<Void>

/// The handlers of the arrival hook.
package struct ArrivalChain: Sendable {
    package enum Body: Sendable {
        case sync(ArrivalHandler)
        case waiting(WaitingArrivalHandler)
    }
    package var elements: [(slot: PluginSlot, body: Body)] = []
    package var mayWait: Bool {
        self.elements.contains { if case .waiting = $0.body { true } else { false } }
    }

    package init() {}
}

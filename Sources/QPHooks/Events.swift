// Events.swift
//
// What each hook tells its handlers.

/// pre-connection: a client has connected, no session exists yet.
public struct ArrivalEvent: Sendable {
    /// The most sessions one address may have.
    public let maxConnectionsPerAddress: Int
    /// The peer addresses of all sessions that live, this one not counted.
    public let liveAddresses: any LiveAddresses

    /// Makes an event.
    public init(maxConnectionsPerAddress: Int, liveAddresses: any LiveAddresses) {
        self.maxConnectionsPerAddress = maxConnectionsPerAddress
        self.liveAddresses = liveAddresses
    }
}

/// Who is connected now (`child_addrs` of the plugin model).
public protocol LiveAddresses: Sendable {
    /// The number of live sessions of an address; IPv6 addresses count by /64.
    func count(of address: IPAddress) -> Int
    /// The peer address of every live session.
    func all() -> [IPAddress]
}

/// An event that carries nothing but the session itself.
public struct PlainEvent: Sendable {
    /// Makes an event.
    public init() {}
}

/// helo and ehlo: the client said who it is.
public struct HelloEvent: Sendable {
    /// The name the client gave.
    public let host: String
    /// What else a parsing hook found on the line.
    public let extras: [String]
    /// Whether it said EHLO (or LHLO).
    public let isExtended: Bool

    /// Makes an event.
    public init(host: String, extras: [String] = [], isExtended: Bool) {
        self.host = host
        self.extras = extras
        self.isExtended = isExtended
    }
}

/// helo_parse, ehlo_parse, mail_parse, rcpt_parse, auth_parse: a line is about to be parsed.
public struct ParseEvent: Sendable {
    /// The verb, lowercased.
    public let verb: String
    /// The rest of the line.
    public let argument: String

    /// Makes an event.
    public init(verb: String, argument: String) {
        self.verb = verb
        self.argument = argument
    }
}

/// A parser that a plugin provides in place of the built-in one.
public struct LineParser: Sendable {
    /// What a parser made of a line.
    public enum Result: Sendable, Hashable {
        /// The first piece (host name, path or mechanism) and the rest (extras, or parameters as `key=value`).
        case parsed(String, rest: [String])
        /// 501 with this text; empty: the server's own.
        case failed(String)
    }

    /// Gets the lowercased verb and the rest of the line.
    public let parse: @Sendable (_ verb: String, _ argument: String) throws -> Result

    /// Makes a parser.
    public init(_ parse: @escaping @Sendable (_ verb: String, _ argument: String) throws -> Result) {
        self.parse = parse
    }
}

/// mail_pre and rcpt_pre: a path as the client wrote it, which a handler may mend.
public struct PathEvent: Sendable {
    /// The path, usually with its angle brackets.
    public let path: String
    /// The ESMTP parameters.
    public let parameters: [ESMTPParameter]

    /// Makes an event.
    public init(path: String, parameters: [ESMTPParameter]) {
        self.path = path
        self.parameters = parameters
    }
}

/// mail: an envelope sender.
public struct MailEvent: Sendable {
    /// The sender; `.null` for bounces.
    public let sender: ReversePath
    /// The ESMTP parameters.
    public let parameters: [ESMTPParameter]

    /// Makes an event.
    public init(sender: ReversePath, parameters: [ESMTPParameter] = []) {
        self.sender = sender
        self.parameters = parameters
    }
}

/// rcpt: an envelope recipient.
public struct RecipientEvent: Sendable {
    /// The recipient.
    public let recipient: Mailbox
    /// The ESMTP parameters.
    public let parameters: [ESMTPParameter]

    /// Makes an event.
    public init(recipient: Mailbox, parameters: [ESMTPParameter] = []) {
        self.recipient = recipient
        self.parameters = parameters
    }
}

/// data: the client wants to send a message.
public struct DataEvent: Sendable {
    /// Whether the message comes in chunks (BDAT, RFC 3030), whose first is then at hand already.
    public let isChunked: Bool

    /// Makes an event.
    public init(isChunked: Bool) {
        self.isChunked = isChunked
    }
}

/// received_line: what the default Received field would be made of.
public struct ReceivedLineEvent: Sendable {
    /// `SMTP`, `ESMTP`, `ESMTPS`, `ESMTPA`, `ESMTPSA`, their `UTF8` forms (RFC 6531 §4.3) or `LMTP`.
    public let protocolWord: String
    /// How the client authenticated; empty if it did not.
    public let authComment: String
    /// The cipher; empty without TLS.
    public let tlsComment: String
    /// The field the server writes if no handler has another.
    public let defaultLine: String

    /// Makes an event.
    public init(protocolWord: String, authComment: String, tlsComment: String, defaultLine: String) {
        self.protocolWord = protocolWord
        self.authComment = authComment
        self.tlsComment = tlsComment
        self.defaultLine = defaultLine
    }
}

/// queue_post: what became of the message.
public struct QueuedEvent: Sendable {
    /// What the queue hook answered.
    public let code: ReturnCode
    /// The text that went to the client.
    public let text: String

    /// Makes an event.
    public init(code: ReturnCode, text: String) {
        self.code = code
        self.text = text
    }
}

/// vrfy, noop, help, quit: a command with the rest of its line.
public struct CommandEvent: Sendable {
    /// The rest of the line, `nil` if there was none.
    public let argument: String?

    /// Makes an event.
    public init(argument: String?) {
        self.argument = argument
    }
}

/// unrecognized_command: a verb the server does not know.
public struct UnknownCommandEvent: Sendable {
    /// The verb, lowercased; empty for an empty line or one that starts with a blank.
    public let verb: String
    /// The rest of the line, `nil` if there was none.
    public let argument: String?

    /// Makes an event.
    public init(verb: String, argument: String?) {
        self.verb = verb
        self.argument = argument
    }
}

/// deny and ok: what a plugin just answered.
public struct AnswerEvent: Sendable {
    /// The plugin, by its name in configuration.
    public let plugin: String
    /// The hook.
    public let hook: HookID
    /// The answer.
    public let code: ReturnCode
    /// Its text.
    public let text: String

    /// Makes an event.
    public init(plugin: String, hook: HookID, code: ReturnCode, text: String) {
        self.plugin = plugin
        self.hook = hook
        self.code = code
        self.text = text
    }
}

/// logging: a line for the log.
public struct LoggingEvent: Sendable {
    /// How serious.
    public let level: LogLevel
    /// The hook it was logged in, if any.
    public let hook: HookID?
    /// The plugin that logged it, if any.
    public let plugin: String?
    /// The session, if any.
    public let session: SessionID?
    /// The number of the session in this process, which takes the place of a process id; 0 if there is none.
    public let sessionNumber: UInt64
    /// Transaction number in the session; 0 outside of one.
    public let transaction: UInt32
    /// The text, as it was given: not yet escaped.
    public let text: String
    /// Facts beside the text, in order.
    public let fields: [(name: String, value: String)]
    /// Nanoseconds since 1970.
    public let wallTime: Int64

    /// Makes an event.
    public init(
        level: LogLevel, hook: HookID?, plugin: String?, session: SessionID?, sessionNumber: UInt64,
        transaction: UInt32, text: String, fields: [(name: String, value: String)] = [], wallTime: Int64
    ) {
        self.level = level
        self.hook = hook
        self.plugin = plugin
        self.session = session
        self.sessionNumber = sessionNumber
        self.transaction = transaction
        self.text = text
        self.fields = fields
        self.wallTime = wallTime
    }
}

/// config: a configuration value is looked up.
public struct ConfigEvent: Sendable {
    /// Its name.
    public let name: String

    /// Makes an event.
    public init(name: String) {
        self.name = name
    }
}

/// user_config: a configuration value of one mail user is looked up.
public struct UserConfigEvent: Sendable {
    /// The user.
    public let user: Mailbox
    /// The value's name.
    public let name: String
    /// Files, as the session that asks may use them.
    public let files: Files

    /// Makes an event.
    public init(user: Mailbox, name: String, files: Files) {
        self.user = user
        self.name = name
        self.files = files
    }
}

/// post-fork: a worker (event loop) has started.
public struct WorkerEvent: Sendable {
    /// Its number, from 0.
    public let worker: Int

    /// Makes an event.
    public init(worker: Int) {
        self.worker = worker
    }
}

// Hooks.swift
//
// Every hook with what it tells and what its `ok` carries, in the order of a session.

/// A hook of a session: `Event` is what it tells its handlers, `Value` what their `ok` carries.
public struct Hook<Event: Sendable, Value: Sendable>: Sendable {
    /// The hook's name.
    public let id: HookID
    package let chain: @Sendable (inout SessionChains, (inout Chain<Event, Value>) -> Void) -> Void

    fileprivate init(_ id: HookID, _ path: any WritableKeyPath<SessionChains, Chain<Event, Value>> & Sendable) {
        self.id = id
        self.chain = { chains, change in change(&chains[keyPath: path]) }
    }
}

extension Hook where Event == PlainEvent, Value == Void {
    /// Before the greeting.
    public static var connect: Self { Self(.connect, \.connect) }
    /// After the header's blank line (or the final dot, if there is no body); only the `_DISCONNECT` refusals count.
    public static var dataHeadersEnd: Self { Self(.dataHeadersEnd, \.dataHeadersEnd) }
    /// After the final dot, before the server adds its fields; the answer only stops the chain.
    public static var dataPostHeaders: Self { Self(.dataPostHeaders, \.dataPostHeaders) }
    /// After the final dot and the server's own fields: the place of content filters.
    public static var dataPost: Self { Self(.dataPost, \.dataPost) }
    /// Just before queueing: the message may still be changed.
    public static var queuePre: Self { Self(.queuePre, \.queuePre) }
    /// The transaction is about to be forgotten.
    public static var resetTransaction: Self { Self(.resetTransaction, \.resetTransaction) }
    /// The session is over.
    public static var disconnect: Self { Self(.disconnect, \.disconnect) }
    /// The very last hook of a session.
    public static var postConnection: Self { Self(.postConnection, \.postConnection) }
}

extension Hook where Event == ParseEvent, Value == LineParser {
    /// Before EHLO's argument is parsed.
    public static var ehloParse: Self { Self(.ehloParse, \.ehloParse) }
    /// Before HELO's argument is parsed.
    public static var heloParse: Self { Self(.heloParse, \.heloParse) }
    /// Before MAIL's argument is parsed.
    public static var mailParse: Self { Self(.mailParse, \.mailParse) }
    /// Before RCPT's argument is parsed.
    public static var rcptParse: Self { Self(.rcptParse, \.rcptParse) }
    /// Before AUTH's argument is parsed.
    public static var authParse: Self { Self(.authParse, \.authParse) }
}

extension Hook where Event == HelloEvent, Value == Void {
    /// The client said EHLO.
    public static var ehlo: Self { Self(.ehlo, \.ehlo) }
    /// The client said HELO.
    public static var helo: Self { Self(.helo, \.helo) }
}

extension Hook where Event == AuthEvent, Value == Void {
    /// Any mechanism, after the mechanism's own hook.
    public static var auth: Self { Self(.auth, \.auth) }
    /// AUTH PLAIN.
    public static var authPlain: Self { Self(.authPlain, \.authPlain) }
    /// AUTH LOGIN.
    public static var authLogin: Self { Self(.authLogin, \.authLogin) }
    /// AUTH CRAM-MD5.
    public static var authCramMD5: Self { Self(.authCramMD5, \.authCramMD5) }
}

extension Hook where Event == PathEvent, Value == String {
    /// Before the sender's path is checked; `ok` carries the path to use.
    public static var mailPre: Self { Self(.mailPre, \.mailPre) }
    /// Before the recipient's path is checked; `ok` carries the path to use.
    public static var rcptPre: Self { Self(.rcptPre, \.rcptPre) }
}

extension Hook where Event == MailEvent, Value == Void {
    /// An envelope sender.
    public static var mail: Self { Self(.mail, \.mail) }
}

extension Hook where Event == RecipientEvent, Value == Void {
    /// An envelope recipient; refused with 450 unless a handler says `ok`.
    public static var rcpt: Self { Self(.rcpt, \.rcpt) }
}

extension Hook where Event == DataEvent, Value == Void {
    /// DATA, or the first BDAT of a message.
    public static var data: Self { Self(.data, \.data) }
}

extension Hook where Event == ReceivedLineEvent, Value == String {
    /// The Received field; `ok` carries one to use instead.
    public static var receivedLine: Self { Self(.receivedLine, \.receivedLine) }
}

extension Hook where Event == PlainEvent, Value == Delivery {
    /// Hands the message to a backend.
    public static var queue: Self { Self(.queue, \.queue) }
}

extension Hook where Event == QueuedEvent, Value == Void {
    /// After queueing; the transaction is gone.
    public static var queuePost: Self { Self(.queuePost, \.queuePost) }
}

extension Hook where Event == CommandEvent, Value == Void {
    /// VRFY.
    public static var vrfy: Self { Self(.vrfy, \.vrfy) }
    /// NOOP.
    public static var noop: Self { Self(.noop, \.noop) }
    /// HELP.
    public static var help: Self { Self(.help, \.help) }
    /// QUIT.
    public static var quit: Self { Self(.quit, \.quit) }
}

extension Hook where Event == UnknownCommandEvent, Value == Void {
    /// A verb the server does not know.
    public static var unrecognizedCommand: Self { Self(.unrecognizedCommand, \.unrecognizedCommand) }
}

extension Hook where Event == AnswerEvent, Value == Void {
    /// Some plugin refused.
    public static var deny: Self { Self(.deny, \.deny) }
    /// Some plugin answered anything but a refusal, `declined` included.
    public static var ok: Self { Self(.ok, \.ok) }
}

/// A hook that runs when a client has connected and no session exists yet. Only the refusals count.
public struct ArrivalHook: Sendable {
    /// The hook's name.
    public let id: HookID
    /// The client has connected.
    public static let preConnection = Self(id: .preConnection)
}

/// A hook of the server, on any thread, never waiting.
public struct ServerHook<Event: Sendable, Value: Sendable>: Sendable {
    /// The hook's name.
    public let id: HookID
    package let chain: @Sendable (inout ServerChains, (inout ServerChain<Event, Value>) -> Void) -> Void

    fileprivate init(_ id: HookID, _ path: any WritableKeyPath<ServerChains, ServerChain<Event, Value>> & Sendable) {
        self.id = id
        self.chain = { chains, change in change(&chains[keyPath: path]) }
    }
}

extension ServerHook where Event == LoggingEvent, Value == Void {
    /// A line for the log; `ok` means it is dealt with.
    public static var logging: Self { Self(.logging, \.logging) }
}

extension ServerHook where Event == ConfigEvent, Value == [String] {
    /// A configuration value is looked up; `ok` carries its lines.
    public static var config: Self { Self(.config, \.config) }
}

extension ServerHook where Event == WorkerEvent, Value == Void {
    /// A worker has started; the answer only stops the chain.
    public static var postFork: Self { Self(.postFork, \.postFork) }
}

/// The one server hook that may wait.
public struct UserConfigHook: Sendable {
    /// The hook's name.
    public let id: HookID
    /// A configuration value of one mail user is looked up.
    public static let userConfig = Self(id: .userConfig)
}

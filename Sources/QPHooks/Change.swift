// Change.swift
//
// Every change of a session's state is one of these values.

/// A change that a plugin made to a session.
public enum Change: Sendable, Hashable {
    /// A note was set, or removed (`nil`).
    case note(NoteScope, String, NoteValue?)
    /// Whether the client may relay.
    case relayClient(Bool)
    /// The envelope sender.
    case sender(ReversePath)
    /// A recipient was added.
    case addRecipient(Mailbox)
    /// A recipient was removed.
    case removeRecipient(Mailbox)
    /// A header field was added at a place (0: the top; `nil`: the end of the header).
    case addHeader(name: String, value: String, at: Int?)
    /// The n-th field of a name (from 0) got another value.
    case replaceHeader(name: String, index: Int, value: String)
    /// The n-th field of a name (from 0) was removed; `nil`: all of them.
    case removeHeader(name: String, index: Int?)
    /// The body was replaced; in wire form (CRLF).
    case replaceBody([UInt8])
    /// The peer's name.
    case remoteHost(String)
    /// The client was found to be a user.
    case authenticated(user: String, mechanism: String)
    /// A plugin answered the client itself.
    case responded(Int)
}

/// A change with who made it.
public struct RecordedChange: Sendable, Hashable {
    /// The plugin's place in the generation's list.
    public let plugin: PluginSlot
    /// The hook it ran on.
    public let hook: HookID
    /// The change.
    public let change: Change

    package init(plugin: PluginSlot, hook: HookID, change: Change) {
        self.plugin = plugin
        self.hook = hook
        self.change = change
    }
}

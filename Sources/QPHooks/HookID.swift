// HookID.swift
//
// The 39 hooks by name, in the order of the plugin model's own list.

/// The name of a hook.
public enum HookID: UInt8, Sendable, Hashable, CaseIterable, Codable, CustomStringConvertible {
    case logging, config, userConfig, postFork, preConnection, connect
    case ehloParse, ehlo, heloParse, helo
    case authParse, auth, authPlain, authLogin, authCramMD5
    case rcptParse, rcptPre, rcpt, mailParse, mail, mailPre
    case data, dataHeadersEnd, dataPostHeaders, dataPost
    case queuePre, queue, queuePost
    case vrfy, noop, quit, resetTransaction, disconnect, postConnection
    case unrecognizedCommand, deny, ok, receivedLine, help

    /// The name that configuration, logs and Perl plugins use (`data_post`, `pre-connection`).
    public var name: String { Self.names[Int(self.rawValue)] }

    /// The same as `name`.
    public var description: String { self.name }

    /// The name of the Perl method that answers the hook (`hook_pre_connection`).
    public var methodName: String {
        "hook_" + String(self.name.map { $0 == "-" ? "_" : $0 })
    }

    /// Finds a hook by its name; anything else is no hook (`unrecognized_command_parse` never existed).
    public init?(name: some StringProtocol) {
        guard let index = Self.names.firstIndex(where: { $0 == name }) else { return nil }
        self = Self.allCases[index]
    }

    private static let names: [String] = [
        "logging", "config", "user_config", "post-fork", "pre-connection", "connect",
        "ehlo_parse", "ehlo", "helo_parse", "helo",
        "auth_parse", "auth", "auth-plain", "auth-login", "auth-cram-md5",
        "rcpt_parse", "rcpt_pre", "rcpt", "mail_parse", "mail", "mail_pre",
        "data", "data_headers_end", "data_post_headers", "data_post",
        "queue_pre", "queue", "queue_post",
        "vrfy", "noop", "quit", "reset_transaction", "disconnect", "post-connection",
        "unrecognized_command", "deny", "ok", "received_line", "help",
    ]
}

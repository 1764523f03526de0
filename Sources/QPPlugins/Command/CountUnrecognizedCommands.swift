// CountUnrecognizedCommands.swift
//
// RFC 5321 §4.2.4 (unknown commands), §7.8 (resistance to attacks)

public import QPHooks

/// Closes connections of clients that do not speak SMTP.
public struct CountUnrecognizedCommands: Plugin {
    public static let name = "count_unrecognized_commands"

    public static let manual = """
        count_unrecognized_commands [MAX]

        Closes the connection at the MAX-th command that nobody knows (default 4). Load it after the plugins that bring
        commands of their own.
        """

    private static let count = NoteKey<Int>("unrec_cmd_count")
    private let limit: Int

    public init(_ setup: PluginSetup) throws(PluginError) {
        guard let word = setup.arguments.first else {
            self.limit = 4
            return
        }
        guard setup.arguments.count == 1, let limit = Int(word), limit > 0 else {
            throw .argument("the only argument is a number above 0")
        }
        self.limit = limit
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.unrecognizedCommand, self.count)
    }

    @Sendable
    func count(_ command: UnknownCommandEvent, in session: SessionContext) -> Verdict<Void> {
        // The server knows this one: it asks because a plugin may forbid it.
        guard command.verb.lowercased() != "starttls" else { return .declined }
        let count = (session.notes[Self.count] ?? 0) &+ 1
        session.notes[Self.count] = count
        session.log.info("fail, '\(command.verb)' (\(count) of \(self.limit))")
        guard count >= self.limit else { return .declined }
        let text = "Closing connection, \(count) unrecognized commands. Perhaps you should read RFC 2821?"
        return .denyDisconnect(text, .invalidCommand)
    }
}

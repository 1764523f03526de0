// AuthCheckPassword.swift
//
// The checkpassword interface (Bernstein, 2000); RFC 4616 §2

public import QPHooks

/// Authenticates users by a checkpassword program.
public struct AuthCheckPassword: Plugin {
    public static let name = "auth/auth_checkpassword"

    public static let manual = """
        auth/auth_checkpassword [checkpw PROGRAM] [true PROGRAM]

        Runs a program that follows the checkpassword interface for PLAIN and LOGIN: `checkpw` with `true` as its argument,
        which it runs when the password is right. Without arguments both stand in config/smtpauth-checkpassword, with more
        words if the program needs them:

            /usr/local/vpopmail/bin/vchkpw /usr/bin/true

        The program gets user, password and a timestamp on descriptor 3, each with a NUL behind it. Exit status 0 lets the
        user in; any other leaves it to the next plugin, except 111, which is a temporary failure as by the interface; so is a
        program that cannot be started or takes more than 10 s.

        The program runs as the server's user. If it needs another, put a program there that changes it, like sudo.
        """

    private static let limit = Duration.seconds(10)
    private let command: ConfigTable<[String]>
    private let own: [String]

    public init(_ setup: PluginSetup) throws(PluginError) {
        let arguments = try setup.keyedArguments(["checkpw", "true"])
        self.command = try setup.table("smtpauth-checkpassword", Self.parse)
        if let program = arguments["checkpw"] {
            guard let success = arguments["true"] else { throw .argument("checkpw needs true beside it") }
            self.own = [program, success]
        } else {
            guard arguments["true"] == nil else { throw .argument("true needs checkpw beside it") }
            guard setup.value(of: "smtpauth-checkpassword") != nil else {
                throw .argument("no program, neither as an argument nor in smtpauth-checkpassword")
            }
            self.own = []
        }
        guard self.own.allSatisfy({ $0.hasPrefix("/") }) else { throw .argument("programs are named from the root on") }
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.authPlain, self.check)
        hooks.on(.authLogin, self.check)
    }

    @Sendable
    func check(_ event: AuthEvent, in session: SessionContext) async -> Verdict<Void> {
        let command = self.own.isEmpty ? self.command.content(in: session) : self.own
        guard let password = event.password, !command.isEmpty, !(event.user + password).utf8.contains(0) else {
            session.log.info("fail, no password")
            return .declined
        }
        let input = Array("\(event.user)\0\(password)\0Y123456\0".utf8)
        do {
            // The program is found on descriptor 3 what others find on 0: the words are arguments, the shell reads none of
            // them.
            let result = try await session.files.run(
                ["/bin/sh", "-c", "exec \"$@\" 3<&0 </dev/null >/dev/null", "checkpassword"] + command, input: input,
                limit: 0, timeout: Self.limit)
            return self.verdict(result.status, event, session)
        } catch {
            session.log.error("error, \(error)")
            return .denysoft("cannot look at the password now", .securityPolicy)
        }
    }

    private func verdict(_ status: Int32, _ event: AuthEvent, _ session: SessionContext) -> Verdict<Void> {
        switch status {
        case 0:
            session.log.info("pass, \(event.user)")
            return .ok
        case 111, 126...:
            session.log.error("error, the program ended with \(status)")
            return .denysoft("cannot look at the password now", .securityPolicy)
        default:
            session.log.info("fail, \(event.user)")
            return .declined
        }
    }

    @Sendable
    private static func parse(_ file: ConfigFile) throws(PluginError) -> [String] {
        guard let line = file.lines.first else { return [] }
        guard line.words.count >= 2, line.words[0].hasPrefix("/") else {
            throw line.error("a line is a program, named from the root on, and what it runs")
        }
        return line.words
    }
}

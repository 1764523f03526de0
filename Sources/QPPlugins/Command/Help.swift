// Help.swift
//
// RFC 5321 §4.1.1.8 (HELP), §4.2.4 (502)

public import QPHooks

/// Answers HELP from files.
public struct Help: Plugin {
    public static let name = "help"

    public static let manual = """
        help [not_implemented 1] | [help_dir FOLDER] [COMMAND FILE ...]

        Answers HELP COMMAND with the file of the command's name, in small letters, in FOLDER (default: `help` in the
        configuration folder), and HELP alone with the commands that have one:

            config/help/rcpt:
                RCPT TO:<address> names a recipient.
                Known parameters: NOTIFY, ORCPT.

        Commands of plugins get theirs by name, in capital letters: `help XTEST /etc/qpserver/xtest`. A file has at most
        50 lines; blank lines and lines that begin with # are left out.
        With `not_implemented 1` every HELP gets 502.
        """

    private static let mostLines = 50
    private static let verbs = Verb.allCases.map(\.name).filter { !$0.isEmpty }
    private let isRefused: Bool
    private let topics: [String: ConfigTable<[String]>]

    public init(_ setup: PluginSetup) throws(PluginError) {
        let keys = setup.arguments.enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
        let commands = keys.filter { Self.isWord($0) && ($0 == $0.uppercased() || Self.verbs.contains($0)) }
        let arguments = try setup.keyedArguments(Set(commands).union(["help_dir", "not_implemented"]))
        self.isRefused = (arguments["not_implemented"] ?? "0") != "0"
        guard !self.isRefused || keys.allSatisfy({ $0 == "not_implemented" || $0 == "loglevel" }) else {
            throw .argument("with not_implemented there is nothing else to say")
        }
        var files: [String: String] = [:]
        let folder = arguments["help_dir"] ?? "help"
        for verb in Self.verbs { files[verb] = folder.hasSuffix("/") ? "\(folder)\(verb)" : "\(folder)/\(verb)" }
        let given = Set(commands.map { $0.lowercased() })
        for command in commands { files[command.lowercased()] = arguments[command] }

        var topics: [String: ConfigTable<[String]>] = [:]
        for (command, file) in files.sorted(by: { $0.key < $1.key }) where !self.isRefused {
            let mustExist = given.contains(command)
            topics[command] = try setup.table(file) { content throws(PluginError) in
                guard content.path != nil || !mustExist else { throw .missing("there is no file '\(content.name)'") }
                return try Self.lines(of: content)
            }
        }
        self.topics = topics
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.help, self.help)
    }

    @Sendable
    func help(_ command: CommandEvent, in session: SessionContext) -> Verdict<Void> {
        guard !self.isRefused else { return Self.refuse("Not implemented.", in: session) }
        guard let word = command.argument?.split(separator: " ").first else {
            let known = self.topics.filter { !$0.value.content(in: session).isEmpty }.keys.sorted()
            let list = known.isEmpty ? [] : [known.joined(separator: " ").uppercased()]
            return .ok((["Try 'HELP COMMAND' for help on a command"] + list).joined(separator: "\n"))
        }
        guard Self.isWord(word) else { return Self.refuse("Invalid command name", in: session) }
        let lines = self.topics[word.lowercased()]?.content(in: session) ?? []
        session.log.info("pass, \(lines.isEmpty ? "no help on it" : "help on \(word.lowercased())")")
        return .ok(lines.isEmpty ? "No help available for this command" : lines.joined(separator: "\n"))
    }

    private static func refuse(_ text: String, in session: SessionContext) -> Verdict<Void> {
        session.log.info("fail, 502")
        session.respond(Reply(502, .invalidCommand, text))
        return .done
    }

    private static func lines(of file: ConfigFile) throws(PluginError) -> [String] {
        if let line = file.lines.dropFirst(Self.mostLines).first {
            throw line.error("more than \(Self.mostLines) lines")
        }
        return file.lines.map(\.text)
    }

    private static func isWord(_ text: some StringProtocol) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"): true
                default: false
                }
            }
    }
}

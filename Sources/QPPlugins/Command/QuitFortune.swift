// QuitFortune.swift
//
// RFC 5321 §4.1.1.10 (QUIT), §4.2.1 (replies of several lines)

public import QPHooks

/// Bids old clients farewell with a saying.
public struct QuitFortune: Plugin {
    public static let name = "quit_fortune"

    public static let manual = """
        quit_fortune

        Clients that said HELO get a saying of /usr/games/fortune with the answer to QUIT; all others, and all if there is
        no such program, get the server's own answer.
        """

    private static let program = ["/usr/games/fortune", "-s"]
    private let me: String

    public init(_ setup: PluginSetup) throws(PluginError) {
        guard setup.arguments.isEmpty else { throw .argument("there are no arguments") }
        self.me = setup.me
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.quit, self.farewell)
    }

    @Sendable
    func farewell(_ quit: CommandEvent, in session: SessionContext) async -> Verdict<Void> {
        guard let introduction = session.introduction, !introduction.isExtended,
            let result = try? await session.files.run(Self.program, limit: 2048, timeout: .seconds(2)),
            result.status == 0, !result.output.isEmpty
        else { return .declined }

        let lines = String(decoding: result.output, as: UTF8.self).split(separator: "\n").prefix(20)
        session.respond(Reply(221, .other, lines: ["\(self.me) closing connection."] + lines.map { "  / \($0)" }))
        return .done
    }
}

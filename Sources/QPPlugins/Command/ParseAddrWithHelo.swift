// ParseAddrWithHelo.swift
//
// RFC 5321 §4.1.1.11 (parameters are for clients that said EHLO), §4.5.1 (postmaster)

public import QPHooks

/// Takes no ESMTP parameters from clients that said HELO.
public struct ParseAddrWithHelo: Plugin {
    public static let name = "parse_addr_withhelo"

    public static let manual = """
        parse_addr_withhelo

        Clients that introduced themselves with HELO get MAIL and RCPT without parameters: whatever follows the address
        is refused with 501. Those that said EHLO are not its business. <postmaster> and <abuse> may stand without
        domain and without angle brackets.
        """

    public init(_ setup: PluginSetup) throws(PluginError) {
        _ = try setup.keyedArguments([])
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.mailParse) { _, session in Self.parser(session, Self.parseMail) }
        hooks.on(.rcptParse) { _, session in Self.parser(session, Self.parseRecipient) }
    }

    private static func parser(
        _ session: SessionContext, _ parse: @escaping @Sendable (String, String) -> LineParser.Result
    ) -> Verdict<LineParser> {
        session.introduction?.isExtended == false ? .ok(LineParser(parse)) : .declined
    }

    @Sendable
    private static func parseMail(_ verb: String, _ argument: String) -> LineParser.Result {
        Self.parse(argument, "from:", "MAIL")
    }

    @Sendable
    private static func parseRecipient(_ verb: String, _ argument: String) -> LineParser.Result {
        Self.parse(argument, "to:", "RCPT")
    }

    private static func parse(_ argument: String, _ word: String, _ command: String) -> LineParser.Result {
        guard argument.lowercased().hasPrefix(word) else { return .failed("Could not parse your \(command) command") }
        let path = argument.dropFirst(word.count).drop { $0 == " " }
        let bare = path.lowercased()
        if ["postmaster", "abuse"].contains(bare) { return .parsed("<\(path)>", rest: []) }
        guard path.first == "<" else {
            return path.contains(" ")
                ? .failed("No parameters allowed in \(command)") : .parsed(String(path), rest: [])
        }
        guard let end = Self.end(of: path) else { return .failed("Could not parse your \(command) command") }
        let rest = path[path.index(after: end)...]
        guard rest.allSatisfy({ $0 == " " }) else { return .failed("No parameters allowed in \(command)") }
        return .parsed(String(path[...end]), rest: [])
    }

    /// The bracket that closes a path; one in a quoted local part does not.
    private static func end(of path: Substring) -> Substring.Index? {
        var isQuoted = false
        var isEscaped = false
        for index in path.indices {
            switch path[index] {
            case _ where isEscaped: isEscaped = false
            case "\\" where isQuoted: isEscaped = true
            case "\"": isQuoted.toggle()
            case ">" where !isQuoted: return index
            default: break
            }
        }
        return nil
    }
}

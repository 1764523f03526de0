// RcptRegexp.swift
//
// RFC 5321 §4.1.1.3 (RCPT)

public import QPHooks

/// Decides about recipients by regular expressions.
public struct RcptRegexp: Plugin {
    public static let name = "rcpt_regexp"

    public static let manual = """
        rcpt_regexp

        The first line of config/rcpt_regexp whose regular expression matches the recipient decides:

            ^postmaster@.*$            OK        Accepting mail to a postmaster
            ^\\w+\\.\\d+@example\\.org$    DENY      No such mailbox
            ^.*@example\\.org$          DECLINED

        A line is an expression, a constant, and a text for the client. Capital and small letters are the same.
        """

    private let rules: ConfigTable<[(pattern: ListPattern, code: ReturnCode, text: String)]>

    public init(_ setup: PluginSetup) throws(PluginError) {
        _ = try setup.keyedArguments([])
        self.rules = try setup.table("rcpt_regexp", Self.parse)
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.rcpt, self.check)
    }

    @Sendable
    func check(_ event: RecipientEvent, in session: SessionContext) -> Verdict<Void> {
        let address = event.recipient.localPart.lowercased() + "@" + event.recipient.domainKey
        guard let rule = self.rules.content(in: session).first(where: { $0.pattern.matches(address, in: session) })
        else {
            return .declined
        }
        session.log.info("\(rule.code.isRefusal ? "fail" : "pass"), \(rule.code.name) by \(rule.pattern.source)")
        return Verdict(rule.code, rule.text)
    }

    @Sendable
    private static func parse(
        _ file: ConfigFile
    ) throws(PluginError) -> [(pattern: ListPattern, code: ReturnCode, text: String)] {
        var rules: [(pattern: ListPattern, code: ReturnCode, text: String)] = []
        for line in file.lines {
            let words = line.words
            guard words.count > 1, let code = ReturnCode(name: words[1]) else {
                throw line.error("after the expression stands one of \(ReturnCode.allCases.map(\.name))")
            }
            let pattern = try line.pattern(words[0], ignoringCase: true)
            rules.append((pattern, code, words.dropFirst(2).joined(separator: " ")))
        }
        return rules
    }
}

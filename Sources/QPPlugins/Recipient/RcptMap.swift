// RcptMap.swift
//
// RFC 5321 §4.1.1.3 (RCPT)

public import QPHooks

/// Decides about the recipients of one domain by a map.
public struct RcptMap: Plugin {
    public static let name = "rcpt_map"

    public static let manual = """
        rcpt_map domain DOMAIN file FILE [default CONSTANT[=TEXT]]

        Decides about all recipients of DOMAIN; those of other domains are left to other plugins. FILE, in the
        configuration folder or with a path, has an address, a constant and a text for the client on each line:

            ann@example.org   OK
            bob@example.org   DENY      Bob has left us
            eve@example.org   DENYSOFT  Mailbox is full

        Capital and small letters are the same. Addresses that are not there get the default, `DENY=No_such_user.`
        unless the line says something else; underscores in TEXT become blanks. OK accepts the recipient at once,
        whatever later plugins would say. One domain, one line; `rcpt_map:1` and `rcpt_map:2` serve two.
        """

    private let domain: String
    private let rules: ConfigTable<[String: Verdict<Void>]>
    private let others: Verdict<Void>

    public init(_ setup: PluginSetup) throws(PluginError) {
        let arguments = try setup.keyedArguments(["domain", "file", "default"])
        guard let domain = arguments["domain"], let file = arguments["file"] else {
            throw .argument("it needs 'domain DOMAIN' and 'file FILE'")
        }
        guard !domain.isEmpty, let example = Mailbox(localPart: "x", domain: domain) else {
            throw .argument("domain '\(domain)' is none")
        }
        self.domain = example.domainKey
        self.others = try Self.default(arguments["default"] ?? "DENY=No_such_user.")
        self.rules = try setup.table(file, Self.parse)
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.rcpt, self.check)
    }

    @Sendable
    func check(_ event: RecipientEvent, in session: SessionContext) -> Verdict<Void> {
        guard event.recipient.domainKey == self.domain else { return .declined }
        let rule = self.rules.content(in: session)[AddressSet.key(event.recipient)]
        let verdict = rule ?? self.others
        let found = rule == nil ? "not in the map" : "in the map"
        session.log.info("\(verdict.denial == nil ? "pass" : "fail"), \(found): \(verdict.code.name)")
        return verdict
    }

    private static func `default`(_ text: String) throws(PluginError) -> Verdict<Void> {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let code = parts.first.flatMap({ ReturnCode(name: $0) }) else {
            throw .argument("default '\(text)' does not begin with one of \(ReturnCode.allCases.map(\.name))")
        }
        return Self.verdict(code, parts.count > 1 ? String(parts[1]).replacing("_", with: " ") : "")
    }

    @Sendable
    private static func parse(_ file: ConfigFile) throws(PluginError) -> [String: Verdict<Void>] {
        guard file.path != nil else { throw .missing("there is no file '\(file.name)'") }
        var rules: [String: Verdict<Void>] = [:]
        for line in file.lines {
            let words = line.words
            guard words.count > 1, let code = ReturnCode(name: words[1]) else {
                throw line.error("after the address stands one of \(ReturnCode.allCases.map(\.name))")
            }
            guard let at = words[0].lastIndex(of: "@"), at > words[0].startIndex, words[0].last != "@",
                let mailbox = Mailbox(
                    localPart: String(words[0][..<at]), domain: String(words[0][at...].dropFirst()))
            else { throw line.error("'\(words[0])' is no address") }
            rules[AddressSet.key(mailbox)] = Self.verdict(code, words.dropFirst(2).joined(separator: " "))
        }
        return rules
    }

    private static func verdict(_ code: ReturnCode, _ text: String) -> Verdict<Void> {
        // RFC 3463 §3.2: what is refused is a mailbox.
        guard let kind = Verdict<Void>(code, text).denial?.kind else { return Verdict(code, text) }
        return .refused(Denial(kind, text, kind.isSoft ? nil : .badDestinationMailbox))
    }
}

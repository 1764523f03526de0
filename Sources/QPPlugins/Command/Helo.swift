// Helo.swift
//
// RFC 5321 §2.3.5, §4.1.1.1, §4.1.3 (what a client says of itself)

public import QPHooks

/// Refuses clients that introduce themselves badly.
public struct Helo: Plugin {
    public static let name = "helo"

    public static let manual = """
        helo [policy lenient|rfc|strict] [reject 1|0|naughty] [reject_type disconnect|perm|temp|temp_disconnect]
             [timeout 5]

        Looks at the name that a client gives with HELO or EHLO. `policy lenient`, the default, refuses names that

            are in config/badhelo
            are localhost, from another host
            are an address literal of another address
            are an address without brackets

        `policy rfc` refuses as well those that are not fully qualified, have characters no host name has, or have no
        address, and clients whose address has no name. `policy strict` also refuses address literals, and names that
        neither lead to the client's address (or one of its /24; IPv6: /96) nor are of the domain of its reverse DNS
        name. RFC 5321 §4.1.4 forbids to refuse mail because of such a mismatch: mind whom you ask for strictness.

        config/badhelo has a name or a regular expression on a line; a line is one if it has any of {}[]()^$|*+?\\!. The
        case of letters does not matter. With a `!` in front it is about all names that do not match:

            aol.com
            ^dynamic-[0-9]+\\.
            !\\.

        reject_type is disconnect unless given. When the DNS does not answer within `timeout` seconds (12 at most), its
        tests decide nothing. Relay clients and white-listed hosts may say what they like. A refusal costs one of karma,
        no name two; a name that leads to the address and back gains one.
        The notes helo_forward_match and helo_reverse_match are 1 where the DNS agreed. Messages get a field X-HELO.
        """

    enum Strictness: String, Sendable {
        case lenient, rfc, strict
    }

    let strictness: Strictness
    let timeout: Duration
    private let policy: RejectPolicy
    private let listed: ConfigTable<BadNames>

    public init(_ setup: PluginSetup) throws(PluginError) {
        let arguments = try setup.keyedArguments(["policy", "reject", "reject_type", "timeout"])
        guard let strictness = Strictness(rawValue: arguments["policy"] ?? "lenient") else {
            throw .argument("policy is one of lenient, rfc, strict")
        }
        self.strictness = strictness
        self.policy = try RejectPolicy(
            reject: arguments["reject"], type: arguments["reject_type"], defaultKind: .denyDisconnect)
        self.timeout = try arguments.seconds("timeout", default: 5, most: 12)
        self.listed = try setup.table("badhelo", BadNames.init)
    }

    public func register(on hooks: inout HookTable) {
        switch self.strictness {
        case .lenient:
            hooks.on(.helo, self.checkName)
            hooks.on(.ehlo, self.checkName)
        case .rfc, .strict:
            hooks.on(.helo, self.checkAll)
            hooks.on(.ehlo, self.checkAll)
        }
        hooks.on(.dataPost, self.addField)
    }

    @Sendable
    func checkName(_ hello: HelloEvent, in session: SessionContext) -> Verdict<Void> {
        guard !self.isSpared(hello, session) else { return .declined }
        return self.verdict(self.problem(hello.host, session), session)
    }

    @Sendable
    func checkAll(_ hello: HelloEvent, in session: SessionContext) async -> Verdict<Void> {
        guard !self.isSpared(hello, session) else { return .declined }
        if let problem = self.problem(hello.host, session) ?? self.formProblem(hello.host) {
            return self.verdict(problem, session)
        }
        return self.verdict(await self.dnsProblem(hello.host, session), session)
    }

    @Sendable
    func addField(_ event: PlainEvent, in session: SessionContext) -> Verdict<Void> {
        guard let host = session.introduction?.host else { return .declined }
        session.transaction.removeHeader("X-HELO")
        session.transaction.addHeader("X-HELO", host)
        return .declined
    }

    private func isSpared(_ hello: HelloEvent, _ session: SessionContext) -> Bool {
        guard !hello.host.isEmpty else {
            session.adjustKarma(-2)
            session.log.info("fail, tolerated, no helo host")
            return true
        }
        return session.isImmune
    }

    private func verdict(_ problem: String?, _ session: SessionContext) -> Verdict<Void> {
        guard let problem else {
            session.log.info("pass")
            return .declined
        }
        session.adjustKarma(-1)
        return self.policy.verdict(problem, .notAuthorized, in: session, note: problem)
    }

    /// What every policy refuses.
    private func problem(_ host: String, _ session: SessionContext) -> String? {
        let name = host.lowercased()
        let client = session.connection.remoteAddress
        if self.listed.content(in: session).contain(name, in: session) { return "I do not believe you are \(host)." }
        if name == "localhost", !session.connection.isLocal { return "You are not localhost" }
        // RFC 5321 §4.1.3: a literal is the address of the client.
        if let literal = AddressLiteral(host) {
            return literal.address == client ? nil : "Forged IPs not accepted here"
        }
        return IPAddress(host) == nil ? nil : "Plain IP is invalid HELO hostname (RFC 5321, 4.1.3)"
    }

    /// RFC 5321 §2.3.5: only resolvable, fully qualified names; §4.1.4: or an address literal.
    private func formProblem(_ host: String) -> String? {
        guard AddressLiteral(host) == nil else {
            return self.strictness == .strict ? "RFC 5321 allows an address literal, but we do not" : nil
        }
        if !host.contains(".") { return "HELO name is not fully qualified. Read RFC 5321, 2.3.5" }
        let name = host.hasSuffix(".") ? String(host.dropLast()) : host
        return DomainName.isValid(name) ? nil : "HELO name contains invalid FQDN characters. Read RFC 1035, 2.3.1"
    }
}

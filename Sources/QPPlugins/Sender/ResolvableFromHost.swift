// ResolvableFromHost.swift
//
// RFC 5321 §2.3.5, §5.1 (how mail to a domain is routed), §4.5.5 (null sender); RFC 7505 §4.2 (null MX)

public import QPHooks

/// Refuses senders whose domain could not take an answer.
public struct ResolvableFromHost: Plugin {
    public static let name = "resolvable_fromhost"

    public static let manual = """
        resolvable_fromhost [reject 1|0|naughty] [reject_type temp|perm|disconnect|temp_disconnect]

        Looks whether mail to the sender's domain could be delivered: it has a mail exchanger that has an address, or no
        mail exchanger and an address of its own. A domain that says it takes no mail (null MX) fails. Addresses in
        config/invalid_resolvable_fromhost, one network or address on a line, do not count:

            127.0.0.0/8
            10.0.0.0/8

        The null sender passes, and so does an address literal, which costs one of karma; so do relay clients and
        white-listed hosts and senders. reject_type is temp unless given. When the DNS does not answer, the mail is
        deferred, whatever reject_type says. With `reject 0` a failure is only logged. Failing costs one of karma.

        The transaction's note resolvable_fromhost is null, ip, mx or a where it passed, else the reason;
        resolvable_fromhost_host is the domain.
        """

    private enum Finding: Sendable {
        case passes(String)
        case fails(String)
        case nullMX
        case unknown(String)
    }

    private static let mostExchanges = 10
    private static let timeout = Duration.seconds(5)
    private let policy: RejectPolicy
    private let temporary: RejectPolicy
    private let invalid: ConfigTable<NetworkSet>

    public init(_ setup: PluginSetup) throws(PluginError) {
        let arguments = try setup.keyedArguments(["reject", "reject_type"])
        let (reject, type) = (arguments["reject"], arguments["reject_type"])
        self.policy = try RejectPolicy(reject: reject, type: type, defaultKind: .denysoft)
        self.temporary = try RejectPolicy(
            reject: reject, type: self.policy.kind.disconnects ? "temp_disconnect" : "temp")
        self.invalid = try setup.table("invalid_resolvable_fromhost", NetworkSet.init)
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.mail, self.check)
    }

    @Sendable
    func check(_ mail: MailEvent, in session: SessionContext) async -> Verdict<Void> {
        guard !session.isImmune else { return .declined }
        // RFC 5321 §4.5.5: notifications have the null sender.
        guard let mailbox = mail.sender.mailbox, !mailbox.domain.isEmpty else {
            return self.pass("null", session)
        }
        session.transaction.notes[NoteKey<String>("resolvable_fromhost_host")] = mailbox.domain
        guard mailbox.addressLiteral == nil else {
            session.adjustKarma(-1)
            return self.pass("ip", session)
        }
        let invalid = self.invalid.content(in: session)
        switch await Self.look(mailbox.domainKey, invalid, session.dns) {
        case .passes(let how): return self.pass(how, session)
        case .nullMX: return self.fail("null MX", "Sender's domain takes no mail", .senderNullMX, session)
        case .fails(let why):
            return self.fail(why, "FQDN required in the envelope sender", .badSenderSystem, session)
        case .unknown(let why):
            self.note(why, session)
            return self.temporary.verdict(
                "Temporary address resolution failure", .directoryFailure, in: session, note: why)
        }
    }

    private func pass(_ how: String, _ session: SessionContext) -> Verdict<Void> {
        self.note(how, session)
        session.log.info("pass, \(how)")
        return .declined
    }

    private func fail(
        _ why: String, _ text: String, _ status: EnhancedStatus?, _ session: SessionContext
    ) -> Verdict<Void> {
        self.note(why, session)
        session.adjustKarma(-1)
        return self.policy.verdict(text, status, in: session, note: why)
    }

    private func note(_ text: String, _ session: SessionContext) {
        session.transaction.notes[NoteKey<String>("resolvable_fromhost")] = text
    }

    private static func look(_ domain: String, _ invalid: NetworkSet, _ dns: DNS) async -> Finding {
        let exchanges: [DNSAnswer.MailExchange]
        do {
            exchanges = try await dns.mx(domain, timeout: Self.timeout)
        } catch {
            if error.isTemporary { return .unknown(error.logText) }
            exchanges = []
        }
        // RFC 7505 §3: a null MX is alone.
        if exchanges.count == 1, exchanges.first?.name.isEmpty ?? false { return .nullMX }
        let hosts = exchanges.prefix(Self.mostExchanges).map(\.name).filter { !$0.isEmpty }
        // RFC 5321 §5.1: the domain's own address counts only if there is no MX.
        guard exchanges.isEmpty else { return await Self.anyOf(hosts, as: "mx", invalid, dns) }
        return await Self.anyOf([domain], as: "a", invalid, dns)
    }

    /// Asks for the addresses of all hosts at once; one that is good is enough.
    private static func anyOf(
        _ hosts: [String], as kind: String, _ invalid: NetworkSet, _ dns: DNS
    ) async -> Finding {
        await withTaskGroup(of: AddressLookup.self) { group in
            for host in hosts { group.addTask { await dns.lookup(host, timeout: Self.timeout) } }
            var worst = Finding.fails(kind == "mx" ? "no usable MX" : "no MX, no address")
            for await lookup in group {
                switch lookup {
                case .found(let addresses) where addresses.contains(where: { !invalid.contains($0) }):
                    group.cancelAll()
                    return .passes(kind)
                case .found:
                    if case .fails = worst { worst = .fails("addresses in invalid networks") }
                case .failed(let error): worst = .unknown(error.logText)
                case .none, .noSuchName: continue
                }
            }
            return worst
        }
    }
}

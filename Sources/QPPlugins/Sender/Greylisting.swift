// Greylisting.swift
//
// RFC 6647 (greylisting); RFC 5321 §4.5.4.1 (retries), §4.5.5 (null sender)

public import QPHooks

/// Defers strangers once: programs that send spam seldom come back.
public struct Greylisting: Plugin {
    public static let name = "greylisting"

    public static let manual = """
        greylisting [remote_ip 1] [sender 0] [recipient 0] [per_recipient 0] [deny_late 0] [black_timeout 3000]
                    [white_timeout 3110400] [reject 1] [p0f KEY,VALUE,...] [geoip CC,CC,...]

        Who was never seen before is asked to try again later; so is who comes back within `black_timeout`. Who comes
        back after that passes, and goes on passing as long as it does so at least every `white_timeout`.

            remote_ip 1          look at the client's address
            sender 0             look at the envelope sender
            recipient 0          look at the recipient: every one is decided on its own
            per_recipient 0      decide at RCPT, with the settings of the recipient (user_config denysoft_greylist)
            deny_late 0          defer at DATA, so that the recipients are in the log
            black_timeout 3000   seconds until a stranger may pass
            white_timeout        seconds after which who passed is forgotten; 36 days
            reject 1             0: remember and log, but defer nobody; good for the first days

            p0f genre,windows,distance,3      greylist only clients whose fingerprint fits all of this: genre, link,
                                              detail contain the text, distance is greater, uptime less
            geoip US,DE                       do not greylist clients in these countries

        Relay clients and white-listed ones pass. A null sender is always deferred at DATA, so that those who test
        whether an address exists get their answer; a mail whose recipients are all white-listed passes there.

        Settings may stand in config/denysoft_greylist as well, one or more `key value` a line; those of the plugin's
        line win. When a decision is made at RCPT or MAIL is settled at the start.

        config/greylist_exclude_files names lists of clients to leave alone, one path a line. A list has addresses,
        networks, host names (with the hosts below them) and /regular expressions/ for host names:

            192.0.2.7
            198.51.100.0/24
            mail.example
            /^mta[12]\\.example\\.net$/

        db_dir, nfslock, redis, upgrade and grey_timeout are taken for the sake of old configurations: the server's own
        store is used. If it does not answer, nobody is deferred.
        """

    private static let text = "This mail is temporarily denied"
    private static let late = NoteKey<String>("greylist")
    private let options: ConfigTable<GreylistingOptions>
    let exclusions: [ConfigTable<GreylistingExclusions>]
    private let decidesAtRecipient: Bool

    public init(_ setup: PluginSetup) throws(PluginError) {
        let arguments = try setup.keyedArguments(GreylistingOptions.names)
        for name in GreylistingOptions.unused.sorted() where arguments[name] != nil {
            setup.warn("\(name) has no effect: the server's own store is used")
        }
        let read: @Sendable (ConfigFile) throws(PluginError) -> GreylistingOptions = { file throws(PluginError) in
            let common = try GreylistingOptions.arguments(file.lines.map(\.text))
            return try GreylistingOptions().changed(by: common).changed(by: arguments)
        }
        self.options = try setup.table("denysoft_greylist", read)
        let lines = setup.lines(of: "denysoft_greylist").map(\.text)
        let initial = try GreylistingOptions().changed(by: GreylistingOptions.arguments(lines)).changed(by: arguments)
        self.decidesAtRecipient = initial.usesRecipient || initial.isPerRecipient
        var exclusions: [ConfigTable<GreylistingExclusions>] = []
        for line in setup.lines(of: "greylist_exclude_files") {
            exclusions.append(try setup.table(line.text, GreylistingExclusions.init))
        }
        self.exclusions = exclusions
    }

    public func register(on hooks: inout HookTable) {
        if self.decidesAtRecipient {
            hooks.on(.rcpt, self.recipient)
        } else {
            hooks.on(.mail, self.sender)
        }
        hooks.on(.data, self.data)
    }

    @Sendable
    func sender(_ mail: MailEvent, in session: SessionContext) async -> Verdict<Void> {
        let options = self.options.content(in: session)
        guard await self.isDeferred(session, options, mail.sender, nil) else { return .declined }
        return self.answer(session, options, mail.sender)
    }

    @Sendable
    func recipient(_ event: RecipientEvent, in session: SessionContext) async -> Verdict<Void> {
        var options = self.options.content(in: session)
        if options.isPerRecipient, let lines = await session.userConfig(of: event.recipient, "denysoft_greylist") {
            do throws(PluginError) {
                options = try options.changed(by: GreylistingOptions.arguments(lines))
            } catch {
                session.log.error("error, denysoft_greylist of \(event.recipient): \(error)")
            }
        }
        let sender = session.transaction.sender ?? .null
        guard await self.isDeferred(session, options, sender, event.recipient) else { return .declined }
        return self.answer(session, options, sender)
    }

    @Sendable
    func data(_ event: DataEvent, in session: SessionContext) -> Verdict<Void> {
        let transaction = session.transaction
        guard let text = transaction.notes[Self.late] else { return .declined }
        if transaction.notes[NoteKey<Int>("whitelistrcpt")] ?? 0 == transaction.recipients.count {
            session.log.info("skip, all recipients whitelisted")
            return .declined
        }
        session.log.info("fail, deferred late")
        return .denysoft(text, .notAuthorized)
    }

    /// RFC 5321 §4.5.5: a null sender may be a probe, which hears of recipients only.
    private func answer(
        _ session: SessionContext, _ options: GreylistingOptions, _ sender: ReversePath
    ) -> Verdict<Void> {
        guard options.deniesLate || sender == .null else { return .denysoft(Self.text, .notAuthorized) }
        session.transaction.notes[Self.late] = Self.text
        return .declined
    }
}

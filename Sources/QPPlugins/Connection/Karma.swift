// Karma.swift
//
// RFC 5321 §7.8 (resistance to attacks), §4.1.2 (the form of paths)

public import QPHooks

/// Remembers who sent good mail and who sent bad, and keeps the latter away for a while.
public struct Karma: Plugin {
    public static let name = "karma"

    public static let manual = """
        karma [strikes 3] [negative 1] [penalty_days 1] [reject naughty|0|1]
              [reject_type disconnect|temp_disconnect|perm|temp]

        Other plugins award karma during a session: one less for a listed sender, one more for a passed SPF, and so on.
        When the session ends, this plugin adds it to the history of the client's address: a session with `strikes` or
        more was a nice one, one with as much below zero a naughty one, what lies between changes nothing. A history is
        the number of nice sessions less that of naughty ones.

        An address with a naughty session, whose history is then at `negative` below zero or less, goes into the penalty
        box for `penalty_days`, which may have a fraction. If it never sent anything nice and has more than five naughty
        sessions, a day for each of them comes on top.

        Arguments:

            strikes 3             the karma that makes a session nice, or with a minus, naughty
            negative 1            how far below zero a history may go: with 2, a single slip is forgiven
            penalty_days 1        the length of a penalty
            reject naughty        leave it to the plugin naughty; 1: refuse at once; 0: only log
            reject_type disconnect

        db_dir and nfslock are taken for the sake of old configurations: the server's own store is used.

        Besides, clients without a good history or karma get one recipient for each mail; those whose karma is below -4
        are refused at DATA and after the message; a path that does not begin with < right after the colon costs 2.
        config/karma_tlds awards karma by the last part of the sender's domain:

            example:-3
            test:2

        Others find the history in the connection note karma_history, from pre-connection on if karma stands before
        them: hosts_allow grants more connections by it. Histories are kept for 90 days after the last visit.
        """

    let options: KarmaOptions
    private let domains: ConfigTable<[String: Int]>
    private static let karma = NoteKey<Int>("karma")
    private static let history = NoteKey<Int>("karma_history")
    private static let odd = StorageKey<Bool>("karma.odd_path")

    public init(_ setup: PluginSetup) throws(PluginError) {
        self.options = try KarmaOptions(setup)
        self.domains = try setup.table("karma_tlds", KarmaOptions.domains)
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.preConnection, self.arrived)
        hooks.on(.connect, self.connected)
        hooks.on(.mailParse, self.look)
        hooks.on(.mail, self.sender)
        hooks.on(.rcptParse, self.look)
        hooks.on(.rcpt, self.recipient)
        hooks.on(.data) { _, session in self.threshold(session) }
        hooks.on(.dataPost) { _, session in self.threshold(session) }
        hooks.on(.disconnect, self.disconnected)
    }

    @Sendable
    func arrived(_ event: ArrivalEvent, in arrival: ArrivalContext) async -> Verdict<Void> {
        do throws(EffectError) {
            let value = try await arrival.store.value(of: "\(arrival.connection.remoteAddress)")
            arrival.notes[Self.history] = (value.flatMap(KarmaRecord.init) ?? KarmaRecord()).history
        } catch {
            // connect asks again and says so.
            arrival.log.debug("error, no history: \(error)")
        }
        return .declined
    }

    @Sendable
    func connected(_ event: PlainEvent, in session: SessionContext) async -> Verdict<Void> {
        guard !session.isImmune else { return .declined }
        guard let stored = await self.record(in: session) else { return .declined }
        guard var record = stored else {
            session.notes[Self.history] = 0
            session.log.info("pass, no record")
            return .declined
        }
        session.notes[Self.history] = record.history
        if record.history > 10 { session.adjustKarma(1) }
        let now = session.unixTime
        guard let left = record.penaltyLeft(at: now, of: self.options.penalty) else {
            session.log.info("pass, \(record.penaltyStart > 0 ? "penalty expired" : "no penalty") (\(record.summary))")
            return .declined
        }
        record.connects += 1
        await self.keep(record, at: now, in: session)
        return self.options.policy.verdict(
            "You were naughty. You cannot connect for \(Self.days(left)) more days.", .notAuthorized, in: session,
            note: record.summary)
    }

    /// RFC 5321 §4.1.1.2, §4.1.1.3: nothing stands between the colon and the path.
    @Sendable
    func look(_ line: ParseEvent, in session: SessionContext) -> Verdict<LineParser> {
        let text = line.argument.uppercased()
        session[Self.odd] = !text.hasPrefix("FROM:<") && !text.hasPrefix("TO:<")
        return .declined
    }

    @Sendable
    func sender(_ mail: MailEvent, in session: SessionContext) -> Verdict<Void> {
        guard !session.isImmune else { return .declined }
        self.chargeOddPath(session)
        guard let last = mail.sender.mailbox?.domainKey.split(separator: ".").last,
            let score = self.domains.content(in: session)[String(last)], score != 0
        else { return .declined }
        session.adjustKarma(score)
        return .declined
    }

    @Sendable
    func recipient(_ event: RecipientEvent, in session: SessionContext) -> Verdict<Void> {
        guard !session.isImmune else { return .declined }
        self.chargeOddPath(session)
        let (karma, history) = (session.notes[Self.karma] ?? 0, session.notes[Self.history] ?? 0)
        guard !session.transaction.recipients.isEmpty, history <= 0, karma <= 0 else { return .declined }
        guard self.options.policy.mode != .tolerate else {
            session.log.info("fail, tolerated, too many recipients for karma \(karma) (h: \(history))")
            return .declined
        }
        session.log.info("fail, too many recipients for karma \(karma) (h: \(history))")
        return .deny("too many recipients for karma \(karma) (h: \(history))", .tooManyRecipients)
    }

    private func threshold(_ session: SessionContext) -> Verdict<Void> {
        guard !session.isImmune else { return .declined }
        let karma = session.notes[Self.karma] ?? 0
        guard karma < -4 else { return .declined }
        return self.options.policy.verdict("very bad karma: \(karma)", .notAuthorized, in: session, note: "\(karma)")
    }

    @Sendable
    func disconnected(_ event: PlainEvent, in session: SessionContext) async -> Verdict<Void> {
        guard let karma = session.notes[Self.karma], karma != 0 else { return .declined }
        guard let stored = await self.record(in: session) else { return .declined }
        var record = stored ?? KarmaRecord()
        let now = session.unixTime
        let outcome = record.visited(
            karma: karma, at: now, strikes: self.options.strikes, negative: self.options.negative)
        session.log.info("\(outcome) (msg: \(karma), his: \(record.history))")
        await self.keep(record, at: now, in: session)
        return .declined
    }

    private func chargeOddPath(_ session: SessionContext) {
        guard session[Self.odd] == true else { return }
        session[Self.odd] = nil
        session.adjustKarma(-2)
    }
}

// Headers.swift
//
// RFC 5322 §3.6 (which fields, and how often), §3.3 (dates)

public import QPHooks

/// Refuses messages whose header lacks fields, repeats some, or is of another time.
public struct Headers: Plugin {
    public static let name = "headers"

    public static let manual = """
        headers [require From,Date] [past DAYS] [future DAYS] [reject 0|1|naughty] [reject_type perm|temp|...]

        Refuses messages whose header is not what RFC 5322 asks for:

            require   fields that must be there and not be empty, with commas between them (default From; RFC 5322
                      asks for From and Date)
            past      how many days old the Date may be; without it, any age will do
            future    how many days ahead of us the Date may be; without it, any

        Date, From, Sender, Reply-To, To, Cc, Bcc, Message-Id, In-Reply-To, References and Subject may occur once.
        A message without a header, or without anything, is refused as well. A Date that cannot be read passes.
        `reject` and `reject_type` (perm) are as in every filter. Relay clients and white-listed ones are left alone.

            headers require From,Date past 15 future 1 reject naughty
        """

    private static let singular = [
        "Date", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Message-Id", "In-Reply-To", "References", "Subject",
    ]
    private let required: [String]
    private let past: Int64?
    private let future: Int64?
    private let policy: RejectPolicy

    public init(_ setup: PluginSetup) throws(PluginError) {
        let arguments = try setup.keyedArguments(["require", "past", "future", "reject", "reject_type"])
        self.required = try Self.names(arguments["require"] ?? "From")
        self.past = try Self.days("past", arguments["past"])
        self.future = try Self.days("future", arguments["future"])
        self.policy = try RejectPolicy(reject: arguments["reject"], type: arguments["reject_type"])
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.dataPost, self.check)
    }

    @Sendable
    func check(_ event: PlainEvent, in session: SessionContext) -> Verdict<Void> {
        guard let message = session.transaction.message, !session.isImmune else { return .declined }
        if message.receivedSize == 0 {
            return self.refuse("You must send some data first", "message size 0", session)
        }
        let header = message.header
        guard header.fields.contains(where: { !$0.isOpaque && !Self.isOurs($0.name) }) else {
            return self.refuse("Headers are missing", "missing headers", session)
        }
        for name in self.required where (header.first(name)?.value ?? "").isEmpty {
            return self.refuse("We require a valid \(name) header", "no \(name) header", session)
        }
        for name in Self.singular where header.count(name) > 1 {
            let text = "Only one \(name) header allowed. See RFC 5322, Section 3.6"
            return self.refuse(text, "too many \(name) headers", session)
        }
        guard let date = header.first("Date") else {
            session.log.info("pass, no date")
            return .declined
        }
        return self.check(date: date.value, in: session)
    }

    private func check(date text: String, in session: SessionContext) -> Verdict<Void> {
        guard let sent = MailDate.seconds(of: text) else {
            session.log.info("skip, unreadable date")
            return .declined
        }
        let age = session.clock.wall / 1_000_000_000 - sent
        if let past = self.past, age > past * 86400 {
            return self.refuse("The Date header is too far in the past", "date too old", session)
        }
        if let future = self.future, -age > future * 86400 {
            return self.refuse("The Date header is too far in the future", "date in the future", session)
        }
        session.log.info("pass")
        return .declined
    }

    private func refuse(_ text: String, _ note: String, _ session: SessionContext) -> Verdict<Void> {
        session.adjustKarma(-1)
        return self.policy.verdict(text, .otherMedia, in: session, note: note)
    }

    /// What the server has added says nothing about the client.
    private static func isOurs(_ name: String) -> Bool { name.lowercased() == "received" }

    private static func names(_ list: String) throws(PluginError) -> [String] {
        let names = list.split(separator: ",").map(String.init)
        let isGood = names.allSatisfy { name in
            name.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ":") }
        }
        guard !names.isEmpty, isGood else { throw .argument("'\(list)' is no list of header names, such as From,Date") }
        return names
    }

    private static func days(_ key: String, _ text: String?) throws(PluginError) -> Int64? {
        guard let text else { return nil }
        guard let days = UInt16(text) else { throw .argument("\(key): '\(text)' is no number of days (0 to 65535)") }
        return Int64(days)
    }
}

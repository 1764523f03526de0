// Whitelist+PerRecipient.swift
//
// One recipient's judgement, by lists of their own where there are any.

import QPHooks

extension Whitelist {
    @Sendable
    func checkAll(_ event: RecipientEvent, in session: SessionContext) async -> Verdict<Void> {
        let recipient = event.recipient
        let client = session.connection.remoteAddress
        if session.connection.mayBeTrusted,
            await self.any(self.hosts, Self.hosts, "whitelisthosts", of: recipient, session, { $0.contains(client) })
        {
            return Self.accept("listed host", in: session)
        }
        if let host = session.introduction.map({ Self.key($0.host) }),
            await self.any(self.names, Self.names, "whitelisthelo", of: recipient, session, { $0.contains(host) })
        {
            return Self.accept("listed name", in: session)
        }
        if let sender = session.transaction.sender?.mailbox,
            await self.any(
                self.senders, AddressSet.init, "whitelistsenders", of: recipient, session, { $0.contains(sender) })
        {
            return Self.accept("listed sender", in: session)
        }
        if await self.any(
            self.recipients, AddressSet.init, "whitelistrcpt", of: recipient, session, { $0.contains(recipient) })
        {
            return Self.accept("listed recipient", in: session)
        }
        return .declined
    }

    /// Whether the recipient's own list has it, or the server's where that counts.
    private func any<List: Sendable>(
        _ table: ConfigTable<List>, _ parse: (ConfigFile) throws(PluginError) -> List, _ name: String,
        of recipient: Mailbox, _ session: SessionContext, _ holds: (List) -> Bool
    ) async -> Bool {
        guard let texts = await session.userConfig(of: recipient, name) else {
            return holds(table.content(in: session))
        }
        if self.merges, holds(table.content(in: session)) { return true }
        let lines = texts.enumerated().map { ConfigLine(text: $1, file: name, number: $0 + 1) }
            .filter { !$0.words.isEmpty && $0.words.first?.hasPrefix("#") == false }
        do throws(PluginError) {
            return holds(try parse(ConfigFile(name: name, path: nil, lines: lines, me: "")))
        } catch {
            session.log.error("error, list of \(recipient): \(error)")
            return false
        }
    }
}

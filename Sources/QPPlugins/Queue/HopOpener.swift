// HopOpener.swift
//
// RFC 3207 §4, §6 (STARTTLS and who answers it), RFC 8314 §3.3, RFC 4954 §4 (AUTH), RFC 4616: a connection to a next hop

import QPHooks

/// Opens connections to next hops.
struct HopOpener: Sendable {
    private static let connectLimit = Duration.seconds(30)

    let options: ForwardOptions
    let me: String
    /// EHLO or LHLO.
    let hello: String

    /// Connects, greets, encrypts, logs in.
    func open(
        _ hop: NextHop, _ level: ForwardOptions.Encryption, in session: SessionContext, until deadline: MonotonicTime
    ) async throws(EffectError) -> HopConnection {
        var failedInTLS = false
        do throws(EffectError) {
            return try await self.open(hop, level, in: session, until: deadline, &failedInTLS)
        } catch {
            guard failedInTLS, level == .may, !self.options.isImplicit else { throw error }
            // RFC 3207 §4.1: what is only wished for must not stop the mail, and nobody was proved to be anyone.
            session.log.warning("\(hop.destination): \(error); going on in clear")
            return try await self.open(hop, .off, in: session, until: deadline, &failedInTLS)
        }
    }

    private func open(
        _ hop: NextHop, _ level: ForwardOptions.Encryption, in session: SessionContext,
        until deadline: MonotonicTime, _ failedInTLS: inout Bool
    ) async throws(EffectError) -> HopConnection {
        let now = session.clock.now
        let limit = min(Self.connectLimit, self.options.limit, deadline.since(now))
        guard limit > .zero else { throw .timedOut("next hops") }
        let stream = try await session.connections.connect(to: hop.destination, timeout: limit)
        var client = SMTPClient(
            stream, clock: session.clock, hello: self.hello, limit: self.options.limit, deadline: deadline)
        do throws(EffectError) {
            try await self.greet(&client, hop, level)
            // A hop begins anew after XCLIENT, and forgets who logged in.
            if self.options.sendsXCLIENT { try await self.presentClient(&client, session) }
            try await self.logIn(&client, hop, session)
        } catch {
            await stream.close()
            failedInTLS = client.hasTriedTLS && client.security == .clear
            throw error
        }
        return HopConnection(client: client, hop: hop, openedAt: now)
    }

    private func greet(
        _ client: inout SMTPClient, _ hop: NextHop, _ level: ForwardOptions.Encryption
    ) async throws(EffectError) {
        let tls = ClientTLS(
            serverName: hop.host ?? "localhost", verification: self.options.verification(level))
        if self.options.isImplicit { try await client.startTLS(tls) }
        try await client.awaitGreeting()
        try await client.introduce(as: self.me)
        guard !self.options.isImplicit, level != .off else { return }
        guard client.offers("STARTTLS") else {
            // A message that needs TLS is then refused for what it needs.
            guard self.options.starttls == .may else { throw .failed("STARTTLS is not offered") }
            return
        }
        let answer = try await client.command("STARTTLS")
        guard answer.code == 220 else {
            // RFC 3207 §4: it may have no TLS just now.
            guard level == .may, answer.code >= 400 else { throw .failed("STARTTLS answered with \(answer)") }
            return
        }
        try await client.startTLS(tls)
        try await client.introduce(as: self.me)
    }

    private func logIn(
        _ client: inout SMTPClient, _ hop: NextHop, _ session: SessionContext
    ) async throws(EffectError) {
        guard let credentials = self.options.credentials?.content(in: session) else { return }
        guard client.security > .clear || hop.isLocal else { throw .failed("no password is sent without TLS") }
        let mechanisms = client.words(of: "AUTH")
        let answer: SMTPAnswer
        if mechanisms.contains("PLAIN") {
            answer = try await client.command("AUTH PLAIN \(credentials.plain)")
        } else if mechanisms.contains("LOGIN") {
            answer = try await self.logInByLogin(&client, credentials)
        } else {
            throw .failed("neither AUTH PLAIN nor AUTH LOGIN is offered")
        }
        // The text may repeat what was sent.
        guard answer.code == 235 else { throw .failed("AUTH answered with \(answer.code)") }
    }

    private func logInByLogin(
        _ client: inout SMTPClient, _ credentials: Credentials
    ) async throws(EffectError) -> SMTPAnswer {
        var answer = try await client.command("AUTH LOGIN")
        for word in [credentials.user, credentials.password] {
            guard answer.code == 334 else { return answer }
            answer = try await client.command(Credentials.base64(Array(word.utf8)))
        }
        return answer
    }

    /// XCLIENT: the next hop takes our client's facts for its own, and begins anew.
    private func presentClient(_ client: inout SMTPClient, _ session: SessionContext) async throws(EffectError) {
        let commands = ClientFacts(session).commands("XCLIENT", offered: client.words(of: "XCLIENT"))
        for command in commands {
            let answer = try await client.command(command)
            guard answer.code == 220 else { throw .failed("XCLIENT answered with \(answer)") }
        }
        if !commands.isEmpty { try await client.introduce(as: self.me) }
    }
}

// Forwarder.swift
//
// RFC 5321 §4.5.4.1, §4.5.5, §6.1: a message goes to the first next hop that takes part, and to one only

import QPHooks

/// Hands messages to next hops, over connections that are used again.
struct Forwarder: Sendable {
    // With 5 minutes for the answer to the message that is less than the chain has after the final dot.
    private static let budget = Duration.seconds(230)
    private static let unavailable = Verdict<Delivery>.denysoft(
        "Next hop is not available, try again later", .badConnection)

    // A server that waits for a command answers this one at once.
    private static let resetLimit = Duration.seconds(5)

    /// Why a hop did not answer for the message.
    private enum Failure: Error {
        /// Nothing of the message was taken: another hop may be asked.
        case early(any Error)
        /// What became of the message is unknown.
        case late(any Error)
        /// The hop does not offer what the message needs.
        case lacking(Denial)
    }

    private let opener: HopOpener
    private let options: ForwardOptions
    private let isLMTP: Bool
    let pool: HopPool

    init(_ hops: [NextHop], _ options: ForwardOptions, me: String, isLMTP: Bool) {
        self.opener = HopOpener(options: options, me: me, hello: isLMTP ? "LHLO" : "EHLO")
        self.options = options
        self.isLMTP = isLMTP
        self.pool = HopPool(hops, options)
    }

    func forward(in session: SessionContext) async -> Verdict<Delivery> {
        guard var mail = OutgoingMail(session, isLMTP: self.isLMTP) else { return .declined }
        if let refusal = mail.refusal(self.options) {
            session.log.info("fail, \(refusal.text)")
            return .refused(refusal)
        }
        let memory = mail.needsMemory(session) ? DeliveryMemory(mail.identity) : nil
        if let memory { mail.omit(await memory.delivered(session)) }
        if mail.recipients.isEmpty { return .ok("delivered already") }
        let deadline = session.clock.now.advanced(by: Self.budget)
        var refusal: Denial?
        var hasFailed = false
        for hop in self.pool.order(session.clock.now) {
            guard session.clock.now < deadline else {
                hasFailed = true
                break
            }
            do throws(Failure) {
                session.log.info("forwarding to \(hop.destination)")
                let verdict = try await self.hand(mail, to: hop, in: session, until: deadline)
                self.pool.succeeded(hop)
                session.log.info("\(verdict.denial == nil ? "pass" : "fail"), \(hop.destination): \(verdict.text)")
                return await mail.settle(verdict, memory, in: session)
            } catch {
                switch error {
                case .lacking(let denial):
                    session.log.info("\(hop.destination): \(denial.text)")
                    refusal = refusal ?? denial
                    self.pool.succeeded(hop)
                case .early(let reason):
                    session.log.error("error, \(hop.destination): \(reason)")
                    hasFailed = true
                    self.pool.failed(hop, session.clock.now)
                case .late(let reason):
                    session.log.error("error, \(hop.destination): \(reason)")
                    return Self.unavailable
                }
            }
        }
        // RFC 8689 §4.2.1: final only if none of them can. One that did not answer might.
        guard let refusal, !hasFailed else { return Self.unavailable }
        session.log.info("fail, \(refusal.text)")
        return .refused(refusal)
    }

    private func hand(
        _ mail: OutgoingMail, to hop: NextHop, in session: SessionContext, until deadline: MonotonicTime
    ) async throws(Failure) -> Verdict<Delivery> {
        if var waiting = await self.waiting(mail, hop, in: session, until: deadline) {
            do throws(Failure) {
                return try await self.transfer(mail, over: &waiting, in: session)
            } catch {
                // It had become stale unnoticed; a fresh connection has no such excuse.
                guard case .early(let reason) = error else { throw error }
                session.log.info("\(hop.destination): a connection was stale: \(reason)")
            }
        }
        var fresh: HopConnection
        do throws(EffectError) {
            let level = mail.requiresTLS ? .verify : self.options.starttls
            fresh = try await self.opener.open(hop, level, in: session, until: deadline)
        } catch {
            throw .early(error)
        }
        return try await self.transfer(mail, over: &fresh, in: session)
    }

    /// A connection that waited and still answers.
    private func waiting(
        _ mail: OutgoingMail, _ hop: NextHop, in session: SessionContext, until deadline: MonotonicTime
    ) async -> HopConnection? {
        let security: SMTPClient.Security =
            switch self.options.starttls {
            case .off, .may: mail.requiresTLS ? .verified : .clear
            case .must: mail.requiresTLS ? .verified : .encrypted
            case .verify: .verified
            }
        while true {
            let (found, old) = self.pool.take(hop, atLeast: security, session.clock.now)
            for connection in old { await connection.client.stream.close() }
            guard var connection = found else { return nil }
            connection.client.settled(until: deadline)
            let answer = try? await connection.client.command("RSET", within: Self.resetLimit)
            if answer?.isPositive == true { return connection }
            await connection.client.stream.close()
        }
    }

    private func transfer(
        _ mail: OutgoingMail, over connection: inout HopConnection, in session: SessionContext
    ) async throws(Failure) -> Verdict<Delivery> {
        if let denial = mail.refusal(connection.client) {
            await self.release(connection, session)
            throw .lacking(denial)
        }
        let verdict: Verdict<Delivery>
        do {
            if self.options.sendsXFORWARD { try await Self.introduceClient(&connection.client, session) }
            verdict = try await mail.transfer(over: &connection.client, in: session)
        } catch {
            await connection.client.stream.close()
            throw connection.client.isInData ? .late(error) : .early(error)
        }
        await self.release(connection, session)
        return verdict
    }

    /// Keeps a connection for the next message, or ends it.
    private func release(_ connection: HopConnection, _ session: SessionContext) async {
        var connection = connection
        connection.messages += 1
        let isUsable = !connection.client.isBroken && !self.options.sendsXCLIENT
        if !isUsable || !self.pool.keep(connection, session.clock.now) { await connection.quit() }
    }

    private static func introduceClient(
        _ client: inout SMTPClient, _ session: SessionContext
    ) async throws(EffectError) {
        let facts = ClientFacts.forwarding(session)
        for command in facts.commands("XFORWARD", offered: client.words(of: "XFORWARD")) {
            let answer = try await client.command(command)
            guard answer.isPositive else { throw .failed("XFORWARD answered with \(answer)") }
        }
    }
}

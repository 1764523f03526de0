// Greylisting+Attempt.swift
//
// RFC 6647 §2 (types of greylisting), §5 (who is exempt)

import QPHooks

extension Greylisting {
    /// Whether an attempt is to be deferred; it is remembered.
    func isDeferred(
        _ session: SessionContext, _ options: GreylistingOptions, _ sender: ReversePath, _ recipient: Mailbox?
    ) async -> Bool {
        guard !session.isImmune else { return false }
        let address = session.connection.remoteAddress
        // A loopback address that a proxy told excludes nobody.
        let exclusions = session.connection.mayBeTrusted ? self.exclusions : []
        let listed = exclusions.lazy.compactMap {
            $0.content(in: session).match(address, host: session.remoteHost, in: session)
        }.first
        if let reason = listed ?? options.exemption(session) {
            session.log.info("skip, \(reason)")
            return false
        }
        guard let key = options.key(session, sender: sender, recipient: recipient) else {
            session.log.info("skip, nothing to look at")
            return false
        }
        do throws(EffectError) {
            return try await self.attempt(key, session, options)
        } catch {
            session.log.error("error, the store does not answer: \(error)")
            return false
        }
    }

    private func attempt(
        _ key: String, _ session: SessionContext, _ options: GreylistingOptions
    ) async throws(EffectError) -> Bool {
        let now = session.unixTime
        let stored = try await session.store.value(of: key).flatMap(GreylistingRecord.init)
        let (outcome, record) = GreylistingRecord.attempt(stored, at: now, options: options)
        try await session.store.set(key, to: record.value, lifetime: record.lifetime(at: now, options: options))
        let failure: String
        switch outcome {
        case .grey:
            session.log.info("pass, updated grey to white")
            return false
        case .white(let count):
            session.log.info("pass, white, \(count) deliveries")
            return false
        case .unknown: failure = "unknown"
        case .black(let count): failure = "black, \(count) deferred"
        }
        session.log.info(options.rejects ? "fail, \(failure)" : "fail, tolerated, \(failure)")
        return options.rejects
    }
}

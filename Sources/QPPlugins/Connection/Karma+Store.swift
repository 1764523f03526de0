// Karma+Store.swift
//
// Where karma keeps histories, and how it counts days.

import QPHooks

extension Karma {
    /// What is known of the client; `nil`: the store does not answer.
    func record(in session: SessionContext) async -> KarmaRecord?? {
        do throws(EffectError) {
            let value = try await session.store.value(of: "\(session.connection.remoteAddress)")
            return .some(value.flatMap(KarmaRecord.init))
        } catch {
            session.log.error("error, no history: \(error)")
            return nil
        }
    }

    func keep(_ record: KarmaRecord, at now: Int64, in session: SessionContext) async {
        do throws(EffectError) {
            try await session.store.set(
                "\(session.connection.remoteAddress)", to: record.value,
                lifetime: record.lifetime(at: now, penalty: self.options.penalty))
        } catch {
            session.log.error("error, the history is not kept: \(error)")
        }
    }

    /// Days with two places.
    static func days(_ seconds: Int64) -> String {
        let hundredths = (seconds * 100 + KarmaRecord.secondsPerDay / 2) / KarmaRecord.secondsPerDay
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
    }
}

extension SessionContext {
    /// Seconds since 1970.
    var unixTime: Int64 { self.clock.wall / 1_000_000_000 }
}

// JournalSession+Refused.swift
//
// What the journal says of clients that never had a session.

import QPHooks
import QPTelemetry

extension JournalSession {
    /// A client that was turned away before a session began.
    static func refused(
        _ id: SessionID, _ number: UInt64, _ connection: Connection, _ generation: Generation, at wall: Int64,
        duration: UInt64, _ reply: Reply, decidedBy: String?, trail: TrailPart, by end: SessionEnd = .server
    ) -> JournalSession {
        var marks: [UInt8] = []
        if !trail.records.isEmpty {
            marks = Array(repeating: 0, count: generation.names.count)
            for record in trail.records where Int(record.plugin) < marks.count {
                let mark = UInt8(truncatingIfNeeded: PluginMark.of(record).strength + 1)
                marks[Int(record.plugin)] = max(marks[Int(record.plugin)], mark)
            }
        }
        return JournalSession(
            session: id, number: number, kind: .refused, endedAt: wall, startedAt: connection.acceptedAt,
            duration: duration, peer: connection.remoteAddress, peerPort: connection.remotePort,
            listener: connection.listener, helo: nil, remoteHost: nil, tls: nil, user: nil, phase: .connect,
            by: end, messages: 0, octets: 0, generation: UInt32(truncatingIfNeeded: generation.number),
            sender: nil, recipients: [], recipientCount: 0, code: UInt16(clamping: reply.code), reason: reply.text,
            decidedBy: decidedBy, naughty: nil, marks: marks, notes: [:], trail: trail)
    }
}

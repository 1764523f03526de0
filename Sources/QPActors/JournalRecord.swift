// JournalRecord.swift
//
// What remains of sessions that are over: two kinds of records, as octets and as values.

package import QPHooks
package import QPTelemetry

/// What became of a mail.
package enum MailOutcome: UInt8, Sendable, CaseIterable {
    case abandoned, queued, rejected, deferred

    package var name: String { "\(self)" }
}

/// The handler runs of a part of a session.
package struct TrailPart: Sendable {
    package var records: [HookRecord]
    package var texts: [String]
    package var dropped: UInt64

    package static let empty = TrailPart(records: [], texts: [], dropped: 0)

    package init(records: [HookRecord], texts: [String], dropped: UInt64) {
        self.records = records
        self.texts = texts
        self.dropped = dropped
    }

    package init(_ trail: Trail) {
        self.init(records: trail.records, texts: trail.texts, dropped: trail.dropped)
    }

    package func text(of record: HookRecord) -> String {
        record.text == 0 || Int(record.text) > self.texts.count ? "" : self.texts[Int(record.text) - 1]
    }
}

/// One mail of a session.
package struct JournalTransaction: Sendable {
    package var session: SessionID
    package var number: UInt32
    package var endedAt: Int64
    /// When the session began, which the offsets of its trail count from.
    package var startedAt: Int64
    package var peer: IPAddress
    package var generation: UInt32
    /// `nil`: MAIL was not understood; empty: the null sender.
    package var sender: String?
    /// Accepted ones first; at most 20.
    package var recipients: [RecipientRow]
    package var recipientCount: UInt32
    package var messageID: String?
    package var size: UInt64
    package var outcome: MailOutcome
    package var code: UInt16
    package var text: String
    package var naughty: String?
    package var trail: TrailPart
}

/// A session that is over, or was turned away.
package struct JournalSession: Sendable {
    package var session: SessionID
    package var number: UInt64
    package var kind: SessionKind
    package var endedAt: Int64
    package var startedAt: Int64
    package var duration: UInt64
    package var peer: IPAddress
    package var peerPort: UInt16
    package var listener: String
    package var helo: String?
    package var remoteHost: String?
    package var tls: String?
    package var user: String?
    package var phase: SessionPhase
    package var by: SessionEnd
    package var messages: UInt32
    package var octets: UInt64
    package var generation: UInt32
    package var sender: String?
    package var recipients: [String]
    package var recipientCount: UInt32
    package var code: UInt16
    package var reason: String
    package var decidedBy: String?
    package var naughty: String?
    /// The strongest answer of each plugin, by slot: 0: did not run, else the place of the mark and one.
    package var marks: [UInt8]
    package var notes: [String: String]
    package var trail: TrailPart
}

/// A record of a journal.
package enum JournalRecord: Sendable {
    case transaction(JournalTransaction)
    case session(JournalSession)
    /// A session has begun; only while somebody watches.
    case connected(JournalSession)

    package var session: SessionID {
        switch self {
        case .transaction(let transaction): transaction.session
        case .session(let session), .connected(let session): session.session
        }
    }

    package var time: Int64 {
        switch self {
        case .transaction(let transaction): transaction.endedAt
        case .session(let session), .connected(let session): session.endedAt
        }
    }
}

/// A run of records, sealed.
package struct JournalSegment: Sendable {
    package var octets: [UInt8]
    package var keys: [UInt64]
    package var records: Int
    package var firstTime: Int64
    package var lastTime: Int64

    package init(octets: [UInt8], keys: [UInt64], records: Int, firstTime: Int64, lastTime: Int64) {
        self.octets = octets
        self.keys = keys
        self.records = records
        self.firstTime = firstTime
        self.lastTime = lastTime
    }
}

/// Hashes of what records can be found by.
package enum JournalKey {
    /// A kind of name, which parts equal names of different kinds.
    package enum Kind: UInt8, Sendable { case session = 1, sender, recipient, peer, messageID }

    /// FNV-1a over the kind and the octets, ASCII letters small.
    static func hash(_ kind: Kind, _ octets: UnsafeRawBufferPointer) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        hash = (hash ^ UInt64(kind.rawValue)) &* 0x100_0000_01b3
        for octet in octets {
            let isCapital = octet &- 0x41 < 26
            hash = (hash ^ UInt64(isCapital ? octet | 0x20 : octet)) &* 0x100_0000_01b3
        }
        return hash
    }

    /// The key of a text; the same as of a record that holds it.
    package static func of(_ kind: Kind, _ text: String) -> UInt64 {
        var text = String(text.utf8.prefix(JournalWriter.textLimit)) ?? text
        return text.withUTF8 { Self.hash(kind, UnsafeRawBufferPointer($0)) }
    }

    package static func of(_ session: SessionID) -> UInt64 {
        withUnsafeBytes(of: session.bits) { Self.hash(.session, $0) }
    }

    package static func of(_ address: IPAddress) -> UInt64 {
        withUnsafeBytes(of: (address.high, address.low)) { Self.hash(.peer, $0) }
    }
}

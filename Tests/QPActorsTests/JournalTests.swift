// JournalTests.swift
//
// Records as octets and back; damage never traps and never goes on for ever.

import QPHooks
import QPTelemetry
import QPTestKit
import Synchronization
import Testing

@testable import QPActors

@Suite struct JournalTests {
    // MARK: Chance

    /// Numbers that a failure can be repeated with.
    private struct Dice: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            self.state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = (self.state ^ self.state >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }

        mutating func number<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) -> Value {
            Value(truncatingIfNeeded: self.next())
        }

        mutating func text(_ limit: Int = 40) -> String {
            let letters = Array("abc.@-<>\u{1B}\0äß€😀 \r\n\"")
            return String(
                (0..<Int.random(in: 0...limit, using: &self)).map { _ in letters.randomElement(using: &self) ?? "x" })
        }

        mutating func maybe(_ text: (inout Self) -> String) -> String? { Bool.random(using: &self) ? text(&self) : nil }

        mutating func address() -> IPAddress {
            Bool.random(using: &self)
                ? IPAddress(ipv4: self.number()) : IPAddress(ipv6High: self.number() | 1 << 60, low: self.number())
        }

        mutating func trail() -> TrailPart {
            let texts = (0..<Int.random(in: 0...20, using: &self)).map { _ in self.text() }
            let records = (0..<Int.random(in: 0...60, using: &self)).map { _ in
                let verdict = ReturnCode.allCases.randomElement(using: &self) ?? .ok
                let flags = HookRecord.Flags(rawValue: self.number())
                // Runs without an opinion are kept in groups, see there.
                return HookRecord(
                    hook: HookID.allCases.randomElement(using: &self) ?? .mail, plugin: self.number(),
                    verdict: verdict, flags: verdict == .declined ? flags.union(.threw) : flags,
                    text: UInt16.random(in: 0...UInt16(texts.count), using: &self), offset: self.number(),
                    nanoseconds: self.number(), bucket: self.number())
            }
            return TrailPart(records: records, texts: texts, dropped: self.number())
        }

        mutating func record() -> JournalRecord {
            switch Int.random(in: 0...2, using: &self) {
            case 0: .transaction(self.transaction())
            case 1: .session(self.session())
            default: .connected(self.session())
            }
        }

        mutating func transaction() -> JournalTransaction {
            JournalTransaction(
                session: SessionID(bits: self.number()), number: self.number(), endedAt: self.number(),
                startedAt: self.number(), peer: self.address(), generation: self.number(),
                sender: self.maybe { $0.text() },
                recipients: (0..<Int.random(in: 0...20, using: &self)).map { _ in
                    RecipientRow(address: self.text(), code: Int.random(in: 0...999, using: &self))
                },
                recipientCount: self.number(), messageID: self.maybe { $0.text(200) }, size: self.number(),
                outcome: MailOutcome.allCases.randomElement(using: &self) ?? .queued, code: self.number(),
                text: self.text(300), naughty: self.maybe { $0.text() }, trail: self.trail())
        }

        mutating func session() -> JournalSession {
            JournalSession(
                session: SessionID(bits: self.number()), number: self.number(),
                kind: SessionKind.allCases.randomElement(using: &self) ?? .live, endedAt: self.number(),
                startedAt: self.number(), duration: self.number(), peer: self.address(), peerPort: self.number(),
                listener: self.text(), helo: self.maybe { $0.text() }, remoteHost: self.maybe { $0.text() },
                tls: self.maybe { $0.text() }, user: self.maybe { $0.text() },
                phase: SessionPhase.allCases.randomElement(using: &self) ?? .idle,
                by: SessionEnd.allCases.randomElement(using: &self) ?? .client, messages: self.number(),
                octets: self.number(), generation: self.number(), sender: self.maybe { $0.text() },
                recipients: (0..<Int.random(in: 0...20, using: &self)).map { _ in self.text() },
                recipientCount: self.number(), code: self.number(), reason: self.text(200),
                decidedBy: self.maybe { $0.text() }, naughty: self.maybe { $0.text() },
                marks: (0..<Int.random(in: 0...30, using: &self)).map { _ in UInt8.random(in: 0...5, using: &self) },
                notes: Dictionary(
                    (0..<Int.random(in: 0...16, using: &self)).map { _ in (self.text(), self.text()) },
                    uniquingKeysWith: { first, _ in first }), trail: self.trail())
        }
    }

    private static func all(_ octets: [UInt8]) -> [JournalRecord] {
        guard var reader = JournalReader(octets) else { return [] }
        var records: [JournalRecord] = []
        while let record = reader.next() { records.append(record) }
        return records
    }

    /// Everything in a record, to compare it.
    private static func dump(_ record: JournalRecord) -> String {
        switch record {
        case .transaction(let transaction): return "transaction \(transaction)"
        case .session(var session), .connected(var session):
            // Of dictionaries the order differs.
            let notes = session.notes.sorted { $0.key < $1.key }
            session.notes = [:]
            var isLive = false
            if case .connected = record { isLive = true }
            return "\(isLive) \(session) \(notes)"
        }
    }

    private static func segment(_ seed: UInt64, _ count: Int = 8) -> (
        segment: JournalSegment, records: [JournalRecord]
    )? {
        var dice = Dice(state: seed)
        let records = (0..<count).map { _ in dice.record() }
        let names: [UInt32: [String]] = [1: ["a", "b"], 7: [], .max: [dice.text(), "ä"]]
        return JournalSegment(records, names: names).map { ($0, records) }
    }

    // MARK: There and back

    @Test(arguments: 0..<40 as Range<UInt64>)
    func thereAndBack(_ seed: UInt64) throws {
        let (segment, records) = try #require(Self.segment(seed))
        #expect(Self.all(segment.octets).map(Self.dump) == records.map(Self.dump))
        #expect(segment.records == records.count)
        #expect(segment.firstTime == records.map(\.time).min())
        #expect(segment.lastTime == records.map(\.time).max())
        var reader = try #require(JournalReader(segment.octets))
        #expect(reader.names.count == 3 && reader.names[1] == ["a", "b"])
        let wanted = try #require(records.last?.session)
        var found: [SessionID] = []
        while let record = reader.next(of: wanted) { found.append(record.session) }
        #expect(found == records.map(\.session).filter { $0 == wanted })
        for record in records { #expect(segment.keys.contains(JournalKey.of(record.session))) }
    }

    /// Fields have bounds, so that a record has one.
    @Test func bounds() throws {
        var dice = Dice(state: 1)
        var transaction = dice.transaction()
        transaction.sender = String(repeating: "x", count: 5000)
        transaction.recipients = Array(repeating: RecipientRow(address: "y", code: 250), count: 100)
        transaction.trail.texts = Array(repeating: String(repeating: "z", count: 4000), count: 300)
        var session = dice.session()
        session.marks = Array(repeating: 1, count: 10_000)
        session.notes = Dictionary(uniqueKeysWithValues: (0..<100).map { ("\($0)", "1") })
        session.recipients = Array(repeating: "r", count: 100)
        let segment = try #require(JournalSegment([.transaction(transaction), .session(session)], names: [:]))
        #expect(segment.octets.count < 2 * JournalWriter.recordLimit)
        let records = Self.all(segment.octets)
        guard case .transaction(let first)? = records.first, case .session(let last)? = records.last else {
            Issue.record("\(records.count) records")
            return
        }
        #expect(first.sender?.utf8.count == JournalWriter.textLimit)
        #expect(first.recipients.count == JournalWriter.recipientLimit)
        #expect(first.trail.texts.count == 256)
        #expect(first.trail.texts.reduce(0) { $0 + $1.utf8.count } <= JournalWriter.trailTextLimit)
        #expect(last.marks.count == 4096 && last.notes.count == JournalWriter.noteLimit)
        #expect(last.recipients.count == JournalWriter.recipientLimit)
        // Long names are found by what is kept of them.
        #expect(segment.keys.contains(JournalKey.of(.sender, String(repeating: "X", count: 5000))))
    }

    /// Runs without an opinion are kept in groups, of which each run keeps all but its exact time.
    @Test func groups() throws {
        var dice = Dice(state: 5)
        var records: [HookRecord] = []
        for slot in Array(0..<UInt16(300)) + [302, 302, 301, 700, 955, 956, .max, 0] {
            for hook in slot % 50 == 49 ? [HookID.mail, .rcpt] : [.mail] {
                records.append(
                    HookRecord(
                        hook: hook, plugin: slot, verdict: slot == 77 ? .deny : .declined, flags: [], text: 0,
                        offset: UInt32(records.count), nanoseconds: 1000,
                        bucket: UInt8.random(in: 0..<UInt8(LatencyScale.count), using: &dice)))
            }
        }
        var transaction = dice.transaction()
        transaction.trail = TrailPart(records: records, texts: [], dropped: 0)
        let segment = try #require(JournalSegment([.transaction(transaction)], names: [:]))
        guard case .transaction(let found)? = Self.all(segment.octets).first else {
            Issue.record("no transaction")
            return
        }
        let read = found.trail.records
        #expect(read.map(\.plugin) == records.map(\.plugin))
        #expect(read.map(\.hook) == records.map(\.hook))
        #expect(read.map(\.verdict) == records.map(\.verdict))
        #expect(read.map(\.bucket) == records.map(\.bucket))
        #expect(segment.octets.count < records.count * MemoryLayout<HookRecord>.stride / 2)
    }

    // MARK: Damage

    @Test func cutAnywhere() throws {
        let (segment, records) = try #require(Self.segment(3, 4))
        let whole = records.map(Self.dump)
        for count in 0..<segment.octets.count {
            let found = Self.all(Array(segment.octets.prefix(count))).map(Self.dump)
            #expect(found == Array(whole.prefix(found.count)) && found.count < whole.count)
        }
    }

    @Test(arguments: 0..<400 as Range<UInt64>)
    func damagedAnywhere(_ seed: UInt64) throws {
        var dice = Dice(state: seed &+ 1000)
        var octets = try #require(Self.segment(seed % 8, 4)).segment.octets
        for _ in 0..<Int.random(in: 1...8, using: &dice) {
            let place = Int.random(in: 0..<octets.count, using: &dice)
            octets[place] = Bool.random(using: &dice) ? 0xFF : dice.number()
        }
        // Each record takes some octets: there cannot be more of them.
        #expect(Self.all(octets).count <= octets.count / 5)
        let noise = [UInt8](unsafeUninitializedCapacity: 512) { buffer, count in
            for index in 0..<512 { buffer[index] = dice.number() }
            count = 512
        }
        #expect(Self.all(noise).isEmpty)
        let header = JournalReader.header([1: ["a"]])
        #expect(Self.all(header + noise).count <= noise.count / 5)
    }

    @Test func nothingIsNoSegment() {
        #expect(JournalReader([]) == nil)
        #expect(JournalSegment([], names: [:]) == nil)
        #expect(Self.all(JournalReader.header([:])).isEmpty)
    }

    // MARK: From sessions

    @Test func whatASessionLeaves() throws {
        let segments = Mutex<[JournalSegment]>([])
        let journal = LoopJournal { segment in segments.withLock { $0.append(segment) } }
        let harness = EngineHarness(
            [
                .init("rules") { hooks in
                    hooks.on(.rcpt) { event, _ in event.recipient.localPart == "no" ? .deny("no") : .ok }
                    hooks.on(.queue) { _, _ in .ok("queued") }
                }
            ], seams: testSeams(), journal: journal)
        let client = harness.connect(from: "192.0.2.7")
        client.send("EHLO client.example\r\nMAIL FROM:<a@client.example>\r\nRCPT TO:<no@x.example>\r\n")
        client.send("RCPT TO:<b@x.example>\r\nDATA\r\n")
        client.send("message-id:\r\n <m@x>\r\n\r\nhello\r\n.\r\nMAIL FROM:<>\r\nQUIT\r\n")
        #expect(client.codes().last == 221)
        harness.loop.run { journal.seal() }
        let segment = try #require(segments.withLock { $0.first })
        let records = Self.all(segment.octets)
        try #require(records.count == 3)
        guard case .transaction(let mail) = records[0], case .transaction(let empty) = records[1],
            case .session(let session) = records[2]
        else {
            Issue.record("\(records)")
            return
        }
        #expect(mail.sender == "a@client.example" && mail.messageID == "m@x" && mail.outcome == .queued)
        #expect(
            mail.recipients == [.init(address: "b@x.example", code: 250), .init(address: "no@x.example", code: 550)])
        #expect(mail.trail.records.map(\.hook) == [.rcpt, .rcpt, .queue])
        #expect(empty.sender == "" && empty.number == 2 && empty.outcome == .abandoned)
        #expect(session.kind == .ended && session.by == .client && session.messages == 1)
        #expect(session.peer == IPAddress("192.0.2.7") && session.helo == "client.example")
        #expect(session.code == 550 && session.decidedBy == "rules")
        for key in [
            JournalKey.of(.sender, "A@CLIENT.example"), JournalKey.of(.recipient, "no@x.example"),
            JournalKey.of(.messageID, "m@x"), JournalKey.of(session.peer), JournalKey.of(session.session),
        ] {
            #expect(segment.keys.contains(key))
        }
    }
}

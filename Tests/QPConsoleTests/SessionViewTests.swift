// SessionViewTests.swift

import QPTelemetry
import Testing

@testable import QPConsole

/// One session: facts, trail, dialogue, mails, notes, explanation.
struct SessionViewTests {
    private static func input(
        _ detail: SessionDetail?, _ part: SessionPart = .trail, dialogue: [LogRow] = [], lost: UInt64 = 0,
        size: Size = Size(100, 24)
    ) -> ViewInput {
        var server = ServerState(label: "mx1")
        server.detailID = "a"
        server.detail = detail
        server.dialogue.append(dialogue, lost: lost)
        var state = ViewState()
        state.session = SessionPlace(server: 0, id: "a")
        state.sessionPart = part
        state.isASCII = true
        return ViewInput(snapshot: ConsoleSnapshot(servers: [server], now: 1000), state: state, size: size)
    }

    private static func detail(_ kind: SessionKind = .live, _ change: (inout SessionDetail) -> Void = { _ in })
        -> SessionDetail
    {
        var row = SessionRow(id: "a")
        (row.state, row.age, row.startedAt, row.peer, row.peerPort) = (kind, 12, 900, "192.0.2.7", 4711)
        var detail = SessionDetail(session: row)
        change(&detail)
        return detail
    }

    private static func run(
        _ hook: String, _ plugin: String, _ verdict: String, _ change: (inout TrailEntry) -> Void = { _ in }
    ) -> TrailEntry {
        var entry = TrailEntry(hook: hook, plugin: plugin, verdict: verdict)
        change(&entry)
        return entry
    }

    private static func decision(
        _ verdict: String, plugin: String = "rcpt_ok", hook: String = "rcpt", via: String? = nil,
        transaction: UInt32 = 1
    ) -> Decision {
        Decision(
            plugin: plugin, hook: hook, verdict: verdict, text: "Relaying denied", status: "5.7.1", via: via,
            transaction: transaction)
    }

    // MARK: None

    @Test func nothingIsChosen() {
        let input = ViewInput(
            snapshot: ConsoleSnapshot(servers: [ServerState(label: "a")]), state: ViewState(), size: Size(80, 20))
        #expect(SessionView.table(input).empty == "choose one in the sessions view (2) with Enter")
    }

    @Test func aServerThatIsNotThere() {
        var input = Self.input(Self.detail())
        var state = input.state
        state.session = SessionPlace(server: 7, id: "a")
        input = ViewInput(snapshot: input.snapshot, state: state, size: input.size)
        #expect(SessionView.table(input).rows.isEmpty)
    }

    @Test func nothingIsKnown() {
        #expect(SessionView.table(Self.input(nil)).empty == "no session a is known any more")
        var input = Self.input(Self.detail())
        var state = input.state
        state.session?.id = "b"
        input = ViewInput(snapshot: input.snapshot, state: state, size: input.size)
        #expect(SessionView.table(input).empty == "asking for b")
    }

    // MARK: Captions

    struct Caption: CustomTestStringConvertible {
        let testDescription: String
        var kind = SessionKind.live
        let expected: String
        let change: @Sendable (inout SessionDetail) -> Void
    }

    @Test(arguments: [
        Caption(testDescription: "live", expected: "a  live, connect, 12s  from 192.0.2.7:4711") { _ in },
        Caption(testDescription: "IPv6", expected: "from [2001:db8::1]:4711") { $0.session.peer = "2001:db8::1" },
        Caption(testDescription: "ended", kind: .ended, expected: "ended by client after 12s") {
            $0.session.by = "client"
        },
        Caption(testDescription: "ended by nobody", kind: .ended, expected: "a  ended after 12s") { _ in },
        Caption(testDescription: "refused", kind: .refused, expected: "refused before the greeting") { _ in },
        Caption(testDescription: "running", expected: "running dnsbl@connect 3.0s") {
            ($0.session.plugin, $0.session.hook, $0.session.running) = ("dnsbl", "connect", 3)
        },
        Caption(
            testDescription: "a refusal", expected: "refused by rcpt_ok at rcpt: 550 5.7.1 Relaying denied"
        ) {
            ($0.session.code, $0.session.reason) = (550, "Relaying denied")
            $0.decision = SessionViewTests.decision("DENY")
        },
        Caption(
            testDescription: "another refusal after it", expected: "refused by rcpt_ok at rcpt: 5.7.1 Relaying denied"
        ) {
            ($0.session.code, $0.session.reason) = (421, "too many errors")
            $0.decision = SessionViewTests.decision("DENY")
        },
        Caption(
            testDescription: "carried out by another",
            expected: "deferred by karma at connect, carried out by naughty: 5.7.1 Relaying denied"
        ) { $0.decision = SessionViewTests.decision("DENYSOFT", plugin: "karma", hook: "connect", via: "naughty") },
        Caption(testDescription: "taken", expected: "taken by queue/maildir at queue: Relaying denied") {
            $0.decision = SessionViewTests.decision("OK", plugin: "queue/maildir", hook: "queue")
        },
        Caption(testDescription: "the server's own", expected: "refused by the server: 421 too many errors") {
            ($0.session.code, $0.session.reason) = (421, "too many errors")
        },
        Caption(testDescription: "parts", expected: "[trail 0] dialogue  mails 0  notes  explain") { _ in },
    ])
    func captions(_ caption: Caption) {
        let table = SessionView.table(Self.input(Self.detail(caption.kind, caption.change)))
        let texts = table.captionTexts
        #expect(texts.contains { $0.contains(caption.expected) }, "\(texts)")
    }

    @Test(arguments: [Size(50, 16), Size(80, 20), Size(120, 36)])
    func captionsLeaveRoom(_ size: Size) {
        var state = ViewState()
        state.session = SessionPlace(server: 0, id: Fixture.sessionID)
        for fixture in Fixture.allCases {
            let table = SessionView.table(ViewInput(snapshot: fixture.snapshot, state: state, size: size))
            #expect(table.captions.count <= 8)
            #expect(table.visibleRows(size) >= size.rows / 2)
        }
    }

    // MARK: Trail

    @Test func trail() {
        let table = SessionView.table(
            Self.input(
                Self.detail {
                    $0.trail = [
                        Self.run("connect", "dnsbl", "DECLINED") { ($0.offset, $0.microseconds) = (nil, 850) },
                        Self.run("mail", "badmailfrom", "DENY") { $0.flags = ["shadow"] },
                        Self.run("rcpt", "rcpt_ok", "DENY") {
                            ($0.offset, $0.transaction, $0.decided) = (4_100_000, 2, true)
                            ($0.status, $0.text) = ("5.7.1", "Relaying denied")
                        },
                    ]
                    $0.decision = SessionViewTests.decision("DENY", transaction: 2)
                    $0.dropped = 12
                }))
        #expect(table.values("decided") == ["", "", "->"])
        #expect(table.values("offset") == ["-", "-", "4.1s"])
        #expect(table.values("mail") == ["", "", "2"])
        #expect(table.values("took") == ["850us", "0", "0"])
        #expect(table.values("text") == ["", "", "Relaying denied"])
        #expect(table.values("flags") == ["", "shadow", ""])
        // A refusal in shadow mode is none.
        #expect(table.cell("run:1", "verdict")?.style == .muted)
        #expect(table.cell("run:2", "verdict")?.style == Style(tone: .bad, isBold: true))
        #expect(table.rows.last?.text == "~ 12 further runs were not kept")
        #expect(table.total == 4)
    }

    @Test func columnsOfTheTrailGiveWay() {
        var state = ViewState()
        state.session = SessionPlace(server: 0, id: Fixture.sessionID)
        func shown(_ width: Int) -> [String] {
            let size = Size(width, 20)
            return SessionView.table(ViewInput(snapshot: Fixture.ordinary.snapshot, state: state, size: size)).visible(
                width)
        }
        #expect(shown(50) == ["decided", "hook", "plugin", "verdict", "flags"])
        #expect(shown(80) == ["decided", "offset", "mail", "hook", "plugin", "verdict", "took", "flags", "text"])
        #expect(shown(120).contains("status"))
    }

    @Test func aTrailWithoutFlagsHasNoColumnForThem() {
        let table = SessionView.table(Self.input(Self.detail { $0.trail = [Self.run("rcpt", "x", "OK")] }))
        #expect(!table.columns.contains { $0.id == "flags" || $0.id == "mail" })
    }

    // MARK: Dialogue

    private static func line(_ sequence: UInt64, _ text: String, session: String? = "a") -> LogRow {
        var row = LogRow(sequence: sequence, time: 900 + Double(sequence), level: "LOGDEBUG", text: text)
        row.session = session
        return row
    }

    @Test func dialogue() {
        var own = Self.line(3, "Relaying denied")
        (own.plugin, own.hook, own.fields) = ("rcpt_ok", "rcpt", ["ip": "192.0.2.7"])
        let table = SessionView.table(
            Self.input(
                Self.detail(), .dialogue,
                dialogue: [
                    Self.line(1, "replying 220 mx1 ESMTP"), Self.line(2, "dispatching quit "), own,
                    Self.line(4, "replying 550 5.7.1 no"), Self.line(5, "dispatching helo x", session: "b"),
                ], lost: 7))
        #expect(table.values("at") == ["1.0s", "2.0s", "3.0s", "4.0s"])
        #expect(table.values("side") == ["S:", "C:", "", "S:"])
        #expect(
            table.values("text") == [
                "220 mx1 ESMTP", "quit", "rcpt_ok@rcpt: Relaying denied ip=192.0.2.7", "550 5.7.1 no",
            ])
        #expect(table.cell("line:4", "text")?.style == .bad)
        #expect(table.rows.last?.text.hasPrefix("7 lines were lost") == true)
    }

    @Test func aDialogueThatNobodyLookedAt() {
        let live = SessionView.table(Self.input(Self.detail(), .dialogue))
        #expect(live.total == 0)
        #expect(live.empty.hasPrefix("the dialogue is seen only while it is looked at"))
        let ended = SessionView.table(
            Self.input(
                Self.detail(.ended) {
                    $0.trail = [
                        Self.run("mail", "badmailfrom", "DENY") { ($0.decided, $0.flags) = (true, ["shadow"]) },
                        Self.run("rcpt", "rcpt_ok", "DENY") {
                            ($0.decided, $0.offset, $0.status, $0.text) = (true, 2_000_000, "5.7.1", "no")
                        },
                    ]
                }, .dialogue))
        #expect(ended.rowTexts.count == 2)
        #expect(ended.rowTexts.first?.hasPrefix("not kept") == true)
        #expect(ended.rowTexts.last == "   2.0s S: 5.7.1 no  rcpt_ok@rcpt")
    }

    // MARK: Mails and notes

    @Test func mails() {
        var mail = TransactionRow(id: "a.1", number: 1)
        (mail.endedAt, mail.sender, mail.size, mail.result) = (3600, "", 2048, "queued")
        (mail.code, mail.text, mail.messageId) = (250, "Queued", "x@y")
        mail.recipients = [RecipientRow(address: "u@v", code: 250), RecipientRow(address: "w@v", code: 550)]
        mail.recipientCount = 5
        let table = SessionView.table(
            Self.input(
                Self.detail {
                    $0.transactions = [mail]
                    ($0.session.phase, $0.session.sender, $0.session.recipients) = (.rcpt, "s@t", ["r@t"])
                }, .mails))
        #expect(
            table.rowTexts == [
                "a.1  queued  01:00:00  2.0k octets", "  answer      250 Queued", "  from        <>",
                "  to          <u@v>  250", "  to          <w@v>  550", "              and 3 more",
                "  message-id  <x@y>",
                "now  rcpt", "  from        <s@t>", "  to          <r@t>",
            ])
        #expect(table.rows[4].spans.last?.style == .bad)
        #expect(SessionView.table(Self.input(Self.detail(), .mails)).empty == "no mail was begun yet")
        #expect(SessionView.table(Self.input(Self.detail(.ended), .mails)).empty == "no mail was begun")
    }

    @Test func notes() {
        let table = SessionView.table(
            Self.input(
                Self.detail {
                    $0.session.notes = ["karma": "-2"]
                    $0.session.marks = ["relay": .ok, "dnsbl": .refused]
                }, .notes))
        #expect(table.cell("note:karma", "value") == Span("-2"))
        #expect(table.cell("mark:dnsbl", "value") == Span("refused", .bad))
        #expect(table.cell("count:mails accepted", "value") == Span("0"))
        #expect(Set(table.rows.map(\.id)).count == table.rows.count)
    }

    // MARK: Explanation

    private static func sentences(_ detail: SessionDetail) -> [String] {
        SessionExplanation(detail, Self.input(detail)).sentences.map(\.text)
    }

    @Test func explanationOfARefusal() {
        var mail = TransactionRow(id: "a.1", number: 1)
        (mail.sender, mail.code, mail.text) = ("s@t", 550, "Relaying denied")
        mail.recipients = [RecipientRow(address: "u@v", code: 550)]
        mail.recipientCount = 1
        let detail = Self.detail(.ended) {
            ($0.session.by, $0.session.helo, $0.session.tls, $0.session.remoteHost) = (
                "client", "vm", "TLSv1.3", "h.example"
            )
            ($0.session.listener, $0.session.code, $0.session.reason) = ("0.0.0.0:25", 550, "Relaying denied")
            ($0.transactions, $0.lastHook, $0.dropped) = ([mail], "quit", 3)
            $0.decision = SessionViewTests.decision("DENY_DISCONNECT", plugin: "karma", via: "naughty")
        }
        #expect(
            Self.sentences(detail) == [
                "The client at 192.0.2.7 (h.example) connected to 0.0.0.0:25 at 00:15:00.",
                "It called itself vm; it was encrypted with TLSv1.3 and not logged in.",
                "The session is over; it lasted 12s.",
                "The plugin karma refused at rcpt for mail 1 with: 550 5.7.1 Relaying denied.",
                "karma left its verdict to the plugin naughty, which carried it out later.",
                "That is final: sending the same again will not help. The connection was closed with it.",
                "Mail 1 from <s@t> to <u@v> came to nothing: the client gave it up after: 550 Relaying denied.",
                "Refused of its recipients: <u@v> (550).", "The last hook that ran was quit.",
                "The client ended the connection.", "3 runs of plugins were not kept; this may not be all.",
            ])
    }

    struct Fate: CustomTestStringConvertible {
        let result: String
        let expected: String
        var testDescription: String { self.result }
    }

    @Test(arguments: [
        Fate(result: "queued", expected: "was accepted and queued: 250 x."),
        Fate(result: "rejected", expected: "was refused for good: 250 x."),
        Fate(result: "deferred", expected: "was put off; the client should try again later: 250 x."),
        Fate(result: "abandoned", expected: "came to nothing: the client gave it up after: 250 x."),
        Fate(result: "eaten", expected: "ended as eaten: 250 x."),
    ])
    func fates(_ fate: Fate) {
        var mail = TransactionRow(id: "a.1", number: 1)
        (mail.result, mail.code, mail.text) = (fate.result, 250, "x")
        mail.recipients = [RecipientRow(address: "u@v", code: 250)]
        mail.recipientCount = .max
        let texts = Self.sentences(Self.detail { $0.transactions = [mail] })
        #expect(
            texts.contains {
                $0.hasPrefix("Mail 1 from a sender that was not understood") && $0.hasSuffix(fate.expected)
            })
        #expect(texts.contains { $0.contains("9,223,372,036,854,775,806 more") })
    }

    @Test func explanationOfNothing() {
        let texts = Self.sentences(Self.detail { $0.session.peer = "" })
        #expect(texts.contains { $0.hasPrefix("A client whose address is not shown") })
        #expect(texts.contains("No plugin refused anything, and no message was taken."))
        #expect(texts.contains("It has been connected for 12s and has not been greeted yet."))
    }

    @Test func linesOfTheExplanationFit() {
        for width in [50, 80, 120] {
            let detail = Self.detail { $0.session.helo = String(repeating: "long name ", count: 30) }
            let table = SessionView.table(Self.input(detail, .explain, size: Size(width, 20)))
            #expect(table.rowTexts.allSatisfy { $0.count <= width })
        }
    }
}

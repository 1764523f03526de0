// QueryRowsTests.swift
//
// What queries see of sessions, lines, events, mails and runs.

import QPTelemetry
import Testing

@Suite struct QueryRowsTests {
    private static var session: SessionRow {
        var row = SessionRow(id: "K7Q2")
        row.state = .ended
        row.startedAt = 1_700_000_000
        row.age = 12
        row.peer = "::ffff:192.0.2.77"
        row.peerPort = 40_000
        row.remoteHost = "host.example"
        row.listener = "0.0.0.0:25"
        row.helo = "mail.example"
        row.phase = .rcpt
        row.sender = ""
        row.recipients = ["ann@example.com"]
        row.recipientCount = 1
        row.octets = 2048
        row.rate = 170
        row.plugin = "uribl"
        row.hook = "data_post"
        row.running = 0.5
        row.notes = ["karma": "-2"]
        row.marks = ["queue/qmail-queue": .ok, "dnsbl": .refused]
        row.by = "server"
        row.code = 550
        row.reason = "listed at dnsbl.example"
        row.decidedBy = "naughty"
        row.generation = 3
        return row
    }

    private static var mail: TransactionRow {
        var row = TransactionRow(id: "K7Q2.2", number: 2)
        row.endedAt = 1_700_000_005
        row.sender = "ann@example.net"
        row.recipients = [RecipientRow(address: "bob@example.com", code: 250)]
        row.recipientCount = 1
        row.messageId = "1@example.net"
        row.size = 900
        row.result = "rejected"
        row.code = 552
        row.text = "too large"
        return row
    }

    @Test(arguments: [
        "id=k7q2", "state=ended", "ip=192.0.2.0/24", "port=40000", "host=host.example", "listener^=0.0.0.0",
        "helo~mail",
        "phase=rcpt", #"tls="""#, #"user="""#, #"sender="""#, "to=ann@example.com", "rcpts=1", "messages=0", "bytes=2k",
        "rate>100", "age>10s", "plugin=dnsbl", "plugin=uribl", "plugin=naughty", "plugin=queue::qmail_2dqueue",
        "plugin!=helo", "hook=data_post", "verdict=refused", "verdict=ok", "verdict!=failed", "duration>=0.5s",
        "by=server", "code=550", "reason~listed", "text~listed", "generation=3", "time>1600000000", "note.karma<0",
        #"note.other="""#, #"size="""#, "listed", "naughty and not frobnicate",
    ])
    func sessions(_ text: String) throws { #expect(try Query(text).matches(Self.session)) }

    @Test func emptySession() throws {
        let row = SessionRow(id: "X")
        #expect(
            try Query(#"ip="" and port="" and plugin="" and verdict="" and recipient="" and sender="""#).matches(row))
        #expect(try !Query("plugin~. or verdict~. or ip=0.0.0.0/0").matches(row))
    }

    @Test(arguments: [
        "transaction=k7q2.2", "transaction=2", "id=K7Q2", "sender=ann@example.net", "to=bob@example.com", "rcpts=1",
        "message_id=1@example.net", "size=900", "bytes<1k", "result=rejected", "code=552", "text=\"too large\"",
        "reason~large", "time=1700000005", #"helo="""#,
    ])
    func mails(_ text: String) throws {
        #expect(try Query(text).matches { Self.mail.queryValue($0) })
        var event = EventRow(sequence: 1, time: 1_700_000_005, kind: "transaction")
        event.transaction = Self.mail
        #expect(try Query(text).matches(event))
    }

    @Test(arguments: [
        "hook=rcpt", "plugin=dnsbl", "verdict=refused", "verdict=denysoft", "text~listed", "duration=250ms",
        "transaction=3", #"helo="""#,
    ])
    func runs(_ text: String) throws {
        var run = TrailEntry(hook: "rcpt", plugin: "dnsbl", verdict: "DENYSOFT")
        run.transaction = 3
        run.text = "listed"
        run.microseconds = 250_000
        #expect(try Query(text).matches { run.queryValue($0) })
    }

    @Test(arguments: [
        "level<=warn", "plugin=queue/qmail-queue", "hook=queue", "id=K7Q2", "transaction=K7Q2.1", "transaction=1",
        "text~busy", "busy", "75s", "ip=192.0.2.0/24", "note.wait=75s", "helo=mail.example", "time>1",
        #"sender="""#,
    ])
    func lines(_ text: String) throws {
        var row = LogRow(sequence: 1, time: 5, level: "LOGWARN", text: "backend busy")
        row.plugin = "queue::qmail_2dqueue"
        row.hook = "queue"
        row.session = "K7Q2"
        row.transaction = 1
        row.fields = ["ip": "192.0.2.1", "wait": "75s", "helo": "mail.example"]
        #expect(try Query(text).matches(row))
    }

    @Test(arguments: [
        "kind=transaction", "id=K7Q2", "transaction=2", "code=552", "sender=ann@example.net", "size=900",
        "helo=mail.example",
        "text~listed", "text~large", "text~done", "plugin=dnsbl", "time=9", "generation=3",
    ])
    func events(_ text: String) throws {
        var event = EventRow(sequence: 1, time: 9, kind: "transaction")
        event.session = Self.session
        event.transaction = Self.mail
        event.text = "done"
        #expect(try Query(text).matches(event))
    }

    @Test func eventWithoutSession() throws {
        var event = EventRow(sequence: 1, time: 9, kind: "operator")
        event.text = "ann lifted a ban"
        #expect(try Query(#"kind=operator and lifted and id="" and plugin="" and rcpts="""#).matches(event))
    }
}

// QueryTests.swift
//
// What queries mean.

import QPTelemetry
import Testing

@Suite struct QueryTests {
    static let mail: [QueryField: QueryValue] = [
        .id: .text("K7Q2"), .ip: QueryValue(address: "192.0.2.77"), .helo: .text("Mail.Example.NET"),
        .sender: .text("bulk-7@lists.example"), .recipient: .list(["ann@example.com", "bob@example.com"]),
        .rcpts: .number(6), .bytes: .number(1_048_577), .age: .number(301), .plugin: .text("dnsbl"),
        .verdict: .text("DENY"), .user: .text(""), .note("karma"): .text("-3"), .note("asn"): .text("AS64500"),
        .level: .text("LOGWARN"), .code: .number(550), .duration: .number(0.25),
    ]

    private func check(_ row: Case) throws {
        let query = try Query(row.query)
        let ask = { (field: QueryField) in row.subject[field] ?? .missing }
        #expect(query.matches(ask) == row.expected)
        #expect(query.description == row.query)
        #expect(try Query(query.description).matches(ask) == row.expected)
    }

    @Test(arguments: [
        Case("", Self.mail, true),
        Case("  \t ", [:], true),
        Case("plugin=dnsbl and verdict=deny and ip=192.0.2.0/24 and rcpts>5", Self.mail, true),
        Case("plugin=dnsbl and verdict=deny and ip=192.0.2.0/24 and rcpts>6", Self.mail, false),
        Case("helo^=mail.", Self.mail, true),
        Case(#"sender~"^bulk.*@.*\.example$""#, Self.mail, true),
        Case(#"sender~"^bulk.*@.*\.example$""#, [.sender: .text("bulk@example")], false),
        Case(#"not (user="" or tls="")"#, Self.mail, false),
        Case(#"not (user="" or tls="")"#, [.user: .text("ann"), .tls: .text("TLSv1.3")], true),
        Case("age>5m and bytes>1M", Self.mail, true),
    ])
    func examples(_ row: Case) throws { try self.check(row) }

    @Test(arguments: [
        Case("rcpts=6 or rcpts=7 and rcpts=8", Self.mail, true),
        Case("(rcpts=6 or rcpts=7) and rcpts=8", Self.mail, false),
        Case("not rcpts=7 and rcpts=6", Self.mail, true),
        Case("not (rcpts=7 and rcpts=6)", Self.mail, true),
        Case("not rcpts=6 or rcpts=6", Self.mail, true),
        Case("not not rcpts=6", Self.mail, true),
        Case("!(rcpts=6)", Self.mail, false),
        Case("!!rcpts=6", Self.mail, true),
        Case("!rcpts!=6", Self.mail, true),
        Case("rcpts=6&&code=550", Self.mail, true),
        Case("rcpts=6 && code=551", Self.mail, false),
        Case("rcpts=5||code=550", Self.mail, true),
        Case("RCPTS=5 OR Code=550", Self.mail, true),
        Case("rcpts = 6 AND Not(code >= 551)", Self.mail, true),
        Case("((((rcpts=6))))", Self.mail, true),
    ])
    func words(_ row: Case) throws { try self.check(row) }

    @Test(arguments: [
        Case("helo=mail.example.net", Self.mail, true),
        Case("helo=mail.example", Self.mail, false),
        Case("helo!=mail.example", Self.mail, true),
        Case("helo^=example", Self.mail, false),
        Case(#"helo^="""#, Self.mail, true),
        Case("helo~example", Self.mail, true),
        Case("helo!~example", Self.mail, false),
        Case("helo~^EXAMPLE", Self.mail, false),
        Case("helo=ÄPFEL.example", [.helo: .text("äpfel.EXAMPLE")], true),
        Case("helo^=ä", [.helo: .text("Äpfel")], true),
        Case("helo~ä", [.helo: .text("BÄR")], true),
        Case("helo=\"a b\"", [.helo: .text("A B")], true),
        Case(#"helo="say \"x\" \\ \d""#, [.helo: .text(#"say "x" \ \d"#)], true),
        Case(#"helo~"^a\\\\b$""#, [.helo: .text(#"a\b"#)], true),
        Case(#"helo~"^a\.b$""#, [.helo: .text("axb")], false),
        Case("helo=and", [.helo: .text("and")], true),
        Case("helo=<>", [.helo: .text("<>")], true),
        Case("recipient=bob@example.com", Self.mail, true),
        Case("to=bob@EXAMPLE.com", Self.mail, true),
        Case("recipient!=bob@example.com", Self.mail, false),
        Case("recipient!=eve@example.com", Self.mail, true),
        Case("recipient^=bob", Self.mail, true),
        Case("recipient!~^bob", Self.mail, false),
    ])
    func texts(_ row: Case) throws { try self.check(row) }

    @Test(arguments: [
        Case("bytes>1M", Self.mail, true),
        Case("bytes>1025k", Self.mail, false),
        Case("octets>=1g", Self.mail, false),
        Case("bytes=1048577", Self.mail, true),
        Case("age>5m", Self.mail, true),
        Case("age<=301s", Self.mail, true),
        Case("age>1h", Self.mail, false),
        Case("age<0.5d", Self.mail, true),
        Case("duration>200ms", Self.mail, true),
        Case("code!=550", Self.mail, false),
        Case("code>=500 and code<600", Self.mail, true),
        Case("port=25", [.port: .text("25")], true),
        Case("port=25", [.port: .text("no number")], false),
        Case("note.karma<-2", Self.mail, true),
        Case("note.karma>-3", Self.mail, false),
        Case("note.karma=-3.0", Self.mail, true),
        Case("note.karma>0", [.note("karma"): .number(1)], true),
        Case("note.asn=as64500", Self.mail, true),
        Case("note.asn~^AS645", Self.mail, true),
        Case("note.asn>5", Self.mail, false),
        Case("NOTE.karma=-3", Self.mail, true),
        Case("note.Karma=-3", Self.mail, false),
        Case("level=warn", Self.mail, true),
        Case("level=LOGWARN", Self.mail, true),
        Case("level<=4", Self.mail, true),
        Case("level<error", Self.mail, false),
        Case("level!=info", Self.mail, true),
        Case("level^=logw", Self.mail, true),
    ])
    func numbers(_ row: Case) throws { try self.check(row) }

    @Test(arguments: [
        Case("ip=192.0.2.77", Self.mail, true),
        Case("ip!=192.0.2.77", Self.mail, false),
        Case("peer=::ffff:192.0.2.77", Self.mail, true),
        Case("ip=::ffff:192.0.2.0/120", Self.mail, true),
        Case("ip=192.0.2.64/26", Self.mail, true),
        Case("ip=192.0.2.65/26", Self.mail, true),
        Case("ip=192.0.2.0/26", Self.mail, false),
        Case("ip=0.0.0.0/0", Self.mail, true),
        Case("ip=::/0", Self.mail, false),
        Case("ip^=192.0.", Self.mail, true),
        Case(#"ip~"\.77$""#, Self.mail, true),
        Case("ip=2001:db8::/32", [.ip: QueryValue(address: "2001:DB8:7::1")], true),
        Case("ip=2001:db8::/48", [.ip: QueryValue(address: "2001:db8:7::1")], false),
        Case("ip=2001:db8:0:0:1::/80", [.ip: QueryValue(address: "2001:db8::1:0:0:7")], true),
        Case("ip=2001:db8::1/128", [.ip: QueryValue(address: "2001:db8::1")], true),
        Case("ip=0.0.0.0/0", [.ip: QueryValue(address: "2001:db8::1")], false),
        Case("ip^=2001:db8", [.ip: QueryValue(address: "2001:0db8::1")], true),
        Case("ip=192.0.2.1", [.ip: QueryValue(address: "::ffff:192.0.2.1")], true),
        Case("ip=192.0.2.1", [.ip: .text("192.0.2.1")], true),
        Case("ip=192.0.2.1", [.ip: QueryValue(address: "h:4f1a")], false),
        Case("ip^=h:4f", [.ip: QueryValue(address: "h:4f1a")], true),
        Case("ip!=192.0.2.1", [:], true),
    ])
    func addresses(_ row: Case) throws { try self.check(row) }

    @Test(arguments: [
        Case("plugin=queue/qmail-queue", [.plugin: .text("queue::qmail_2dqueue")], true),
        Case("plugin=queue::qmail_2dqueue", [.plugin: .text("queue/qmail-queue")], true),
        Case("plugin^=queue::", [.plugin: .text("queue/qmail-queue")], true),
        Case("plugin~qmail-q", [.plugin: .text("queue::qmail_2dqueue")], true),
        Case("plugin=check_badrcptto", [.plugin: .text("check_badrcptto")], true),
        Case("plugin=dnsbl", [.plugin: .list(["helo", "DNSBL"])], true),
        Case("qmail-queue", [.plugin: .text("queue::qmail_2dqueue")], true),
        Case("verdict=deny", [.verdict: .text("DENYSOFT")], false),
        Case("verdict=refused", [.verdict: .text("DENYSOFT")], true),
        Case("verdict=REFUSED", [.verdict: .text("DENY")], true),
        Case("verdict=refused", [.verdict: .text("DENY_DISCONNECT")], true),
        Case("verdict=refused", [.verdict: .text("denysoft_disconnect")], true),
        Case("verdict=refused", [.verdict: .text("DECLINED")], false),
        Case("verdict=refused", [.verdict: .list(["ok", "refused"])], true),
        Case("verdict^=deny", [.verdict: .text("DENYSOFT")], true),
    ])
    func plugins(_ row: Case) throws { try self.check(row) }

    @Test(arguments: [
        Case("sender=a", [:], false),
        Case("sender!=a", [:], true),
        Case("sender^=a", [:], false),
        Case(#"sender^="""#, [:], false),
        Case("sender~a", [:], false),
        Case("sender!~a", [:], true),
        Case("rcpts<5", [:], false),
        Case("rcpts>=0", [:], false),
        Case("rcpts!=5", [:], true),
        Case("not rcpts>5", [:], true),
        Case(#"sender="""#, [:], true),
        Case(#"sender="""#, [.sender: .text("")], true),
        Case(#"sender="""#, [.sender: .text("a")], false),
        Case(#"sender!="""#, [:], false),
        Case(#"sender!="""#, [.sender: .text("a")], true),
        Case(#"ip="""#, [:], true),
        Case(#"ip="""#, Self.mail, false),
        Case(#"rcpts="""#, [:], true),
        Case(#"rcpts="""#, [.rcpts: .number(0)], false),
        Case(#"recipient="""#, [.recipient: .list([])], true),
        Case(#"note.karma="""#, [:], true),
    ])
    func missing(_ row: Case) throws { try self.check(row) }

    @Test(arguments: [
        Case("lists.EXAMPLE", Self.mail, true),
        Case("@lists", Self.mail, true),
        Case("bob@", Self.mail, true),
        Case("2.77", Self.mail, true),
        Case("nobody", Self.mail, false),
        Case("not nobody and dnsbl", Self.mail, true),
        Case("\"bulk-7@\"", Self.mail, true),
        Case("\"\"", [:], true),
        Case("\"a=b\"", [.text: .text("x a=b y")], true),
        Case("aab", [.text: .text("aaab")], true),
        Case("b", [.text: .text("a")], false),
        Case("ü", [.text: .text("ÜBER")], true),
        Case("550", Self.mail, false),
        Case("a&b|c!", [.text: .text("a&b|c!")], true),
        Case("android or notes", [.text: .text("Notes")], true),
    ])
    func searches(_ row: Case) throws { try self.check(row) }

    @Test func costlyPatternsEnd() throws {
        let query = try Query(#"text~"(a+)+$""#)
        #expect(!query.matches { $0 == .text ? .text("aaaaaaaaaaaaaaaaaaaaaaaaaaaa!") : .missing })
        #expect(query.matches { $0 == .text ? .text("baaa") : .missing })

        let deep = try Query(#"text~"^(?:a|b|(?:c))*$""#)
        #expect(!deep.matches { $0 == .text ? .text(String(repeating: "ab", count: 50_000)) : .missing })
        // What a pattern asks for cannot lift the limits.
        let lifted = try Query(#"text~"(*LIMIT_MATCH=4000000000)(*LIMIT_DEPTH=4000000000)(a+)+$""#)
        #expect(!lifted.matches { $0 == .text ? .text("aaaaaaaaaaaaaaaaaaaaaaaaaaaa!") : .missing })
    }

    @Test func costlyPlacesEndAltogether() throws {
        // Cheap enough from each place where a match may begin, but not from thousands of them.
        let query = try Query(#"text~"a{0,90}a{0,90}[bc]""#)
        #expect(!query.matches { _ in .text(String(repeating: "a", count: 3_000) + "b") })
        #expect(query.matches { _ in .text("aaab") })

        let long = try Query("text~error.*timeout")
        #expect(long.matches { _ in .text("error " + String(repeating: "x", count: 8_000) + " timeout") })
        #expect(long.matches { _ in .text("Error: Timeout " + String(repeating: "x", count: 8_000)) })
    }

    @Test func patternsAreForAnyThread() async throws {
        let query = try Query(#"text~"^(a|b)+c$""#)
        let matches = await withTaskGroup(of: Int.self) { group in
            for number in 0..<8 {
                group.addTask {
                    (0..<200).filter { round in
                        query.matches { _ in .text(round % 2 == 0 ? "ab\(number)" : "abbac") }
                    }.count
                }
            }
            return await group.reduce(0, +)
        }
        #expect(matches == 8 * 100)
    }

    @Test(arguments: [
        Row("runs", "plugin=dnsbl and verdict=deny", true), Row("a slow one", "duration>1", true),
        Row("a hook", "rcpts>1 or not hook=rcpt", true), Row("no run", "rcpts>1 and ip=192.0.2.1", false),
        Row("a search", "dnsbl", false), Row("nothing", "", false),
    ])
    func runs(_ row: Row<String, Bool>) throws {
        #expect(try Query(row.input).isAboutRuns == row.expected)
    }

    @Test func fields() throws {
        #expect(
            try Query("peer=192.0.2.1 and (from=a or not note.karma>1) and x").fields == [.ip, .sender, .note("karma")])
        #expect(try Query("").isEmpty)
        #expect(try Query(" ").isEmpty)
        #expect(try !Query("x").isEmpty)
    }

    @Test(arguments: [
        Row("itself", "helo", Optional(QueryField.helo)), Row("any case", "HELO", .helo), Row("peer", "peer", .ip),
        Row("octets", "octets", .bytes), Row("recipients", "recipients", .rcpts), Row("to", "to", .recipient),
        Row("from", "from", .sender), Row("an underscore", "message_id", .messageID),
        Row("a note", "note.spam.score", .note("spam.score")), Row("no note", "note.", nil), Row("none", "x", nil),
    ])
    func names(_ row: Row<String, QueryField?>) {
        #expect(QueryField(name: row.input) == row.expected)
        if let field = row.expected { #expect(QueryField(name: field.name) == field) }
    }

    @Test(arguments: [
        Row("IPv4", "192.0.2.1", QueryValue.address(high: 0, low: 0xFFFF_C000_0201)),
        Row("mapped", "::ffff:192.0.2.1", .address(high: 0, low: 0xFFFF_C000_0201)),
        Row("IPv6", "2001:db8::1", .address(high: 0x2001_0DB8_0000_0000, low: 1)),
        Row("a name", "mail.example", .text("mail.example")),
        Row("nothing", "", .text("")),
        Row("a NUL behind it", "192.0.2.1\0", .text("192.0.2.1\0")),
        Row("a zone", "fe80::1%lo", .text("fe80::1%lo")),
    ])
    func values(_ row: Row<String, QueryValue>) {
        #expect(QueryValue(address: row.input) == row.expected)
    }
}

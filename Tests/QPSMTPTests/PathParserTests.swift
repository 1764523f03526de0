// PathParserTests.swift
//
// RFC 5321 §4.1.1.2, §4.1.1.3, §4.1.2, §4.5.3.1, Appendix C; RFC 6531 §3.3

import QPSMTP
import Testing

@Suite struct PathParserTests {
    /// The path and the parameters, or the error.
    private static func split(_ argument: String, _ prefix: String) -> String {
        do throws(PathError) {
            let (path, parameters) = try PathParser.split(argument, prefix: prefix)
            return ([path] + parameters.map(\.description)).joined(separator: "|")
        } catch {
            return "! \(error.text)"
        }
    }

    @Test(arguments: [
        Row("path alone", "FROM:<a@b.c>", "<a@b.c>"),
        Row("any case", "from:<a@b.c>", "<a@b.c>"),
        Row("blank after the colon", "FROM:  <a@b.c>", "<a@b.c>"),
        Row("blank before the colon", "FROM :<a@b.c>", "! Syntax error in command"),
        Row("no colon", "FROM <a@b.c>", "! Syntax error in command"),
        Row("wrong word", "TO:<a@b.c>", "! Syntax error in command"),
        Row("nothing", "", "! Syntax error in command"),
        Row("empty", "FROM:", ""),
        Row("blanks", "FROM:   ", ""),
        Row("null sender", "FROM:<>", "<>"),
        Row("blanks at the end", "FROM:<a@b.c>  ", "<a@b.c>"),
        Row("parameters", "FROM:<a@b.c> FOO BAR=1 BAZ", "<a@b.c>|foo|bar=1|baz"),
        Row("case of values stays", "FROM:<a@b.c> Body=8BitMime", "<a@b.c>|body=8BitMime"),
        Row("runs of blanks", "FROM:<a@b.c>\t \tA  B", "<a@b.c>|a|b"),
        Row("parameter without blank", "FROM:<a@b.c>SIZE=1", "! could not parse your mail from command"),
        Row("empty value", "FROM:<a@b.c> SIZE=", "! Syntax error in parameters"),
        Row("empty keyword", "FROM:<a@b.c> =x", "! Syntax error in parameters"),
        Row("two equals signs", "FROM:<a@b.c> A=b=c", "! Syntax error in parameters"),
        Row("hyphen first", "FROM:<a@b.c> -A=b", "! Syntax error in parameters"),
        Row("underscore", "FROM:<a@b.c> A_B=c", "! Syntax error in parameters"),
        Row("twice", "FROM:<a@b.c> SIZE=1 size=1", "! Syntax error in parameters"),
        Row("UTF-8 value", "FROM:<a@b.c> A=ü", "<a@b.c>|a=ü"),
        Row("control in a value", "FROM:<a@b.c> A=\u{7F}", "! Syntax error in parameters"),
        Row("bracket in a quoted string", "FROM:<\"a> b\"@c.d> X", "<\"a> b\"@c.d>|x"),
        Row("escaped quote", "FROM:<\"a\\\"> b\"@c.d> X", "<\"a\\\"> b\"@c.d>|x"),
        Row("no brackets", "FROM:a@b.c SIZE=1", "a@b.c|size=1"),
        Row("no brackets, quoted blank", "FROM:\"a b\"@c.d SIZE=1", "\"a b\"@c.d|size=1"),
        Row("blank in brackets", "FROM:<a@b.c > X", "<a@b.c >|x"),
        Row("no closing bracket", "FROM:<x@y.z", "! could not parse your mail from command"),
        Row("open quoted string", "FROM:<\"a@b.c>", "! could not parse your mail from command"),
        Row("backslash at the end", "FROM:<\"a\\", "! could not parse your mail from command"),
        Row("text after the bracket", "FROM:<x@y.z>junk", "! could not parse your mail from command"),
    ])
    func splitting(_ row: Row<String, String>) {
        #expect(Self.split(row.input, "FROM:") == row.expected)
    }

    @Test func splittingRecipients() {
        #expect(Self.split("TO:<x@y.z> NOTIFY=NEVER", "TO:") == "<x@y.z>|notify=NEVER")
        #expect(Self.split("to: <Postmaster>", "TO:") == "<Postmaster>")
        #expect(Self.split("TO:<x@y.z>junk", "TO:") == "! could not parse recipient")
        #expect(Self.split("FROM:<x@y.z>", "TO:") == "! Syntax error in command")
    }

    private static let good: [Row<String, String>] = [
        Row("plain", "<a@b.c>", "<a@b.c>"),
        Row("single label", "<a@localhost>", "<a@localhost>"),
        Row("all of atext", "<!#$%&'*+-/=?^_`{|}~0Az@c.d>", "<!#$%&'*+-/=?^_`{|}~0Az@c.d>"),
        Row("dots", "<a.b.c@d.e>", "<a.b.c@d.e>"),
        Row("case stays", "<Ann@OK.Example>", "<Ann@OK.Example>"),
        Row("quoted blank", "<\"a b\"@c.d>", "<\"a\\ b\"@c.d>"),
        Row("needless quotes", "<\"ann\"@c.d>", "<ann@c.d>"),
        Row("quoted pair", "<\"a\\\"b\\\\c\\d\"@c.d>", "<\"a\\\"b\\\\cd\"@c.d>"),
        Row("quoted brackets", "<\"<a>\"@c.d>", "<\"\\<a\\>\"@c.d>"),
        Row("empty quoted string", "<\"\"@c.d>", "<\"\"@c.d>"),
        Row("IPv4 literal", "<a@[1.2.3.4]>", "<a@[1.2.3.4]>"),
        Row("IPv6 literal", "<a@[IPv6:::1]>", "<a@[IPv6:::1]>"),
        Row("source route", "<@x,@y:a@b.c>", "<a@b.c>"),
        Row("postmaster with domain", "<PostMaster@b.c>", "<PostMaster@b.c>"),
        Row(
            "64 and 255 are too much together",
            "<\(String(repeating: "x", count: 64))@\(String(repeating: "a.", count: 94))b>",
            "<\(String(repeating: "x", count: 64))@\(String(repeating: "a.", count: 94))b>"),
    ]

    @Test(arguments: Self.good)
    func goodPaths(_ row: Row<String, String>) throws {
        #expect(try PathParser.forwardPath(row.input, smtputf8: false).description == row.expected)
        #expect(try PathParser.forwardPath(row.input, smtputf8: true).description == row.expected)
        #expect(try PathParser.reversePath(row.input, smtputf8: false).description == row.expected)
    }

    @Test(arguments: [
        "<a b@c.d>", "<a..b@c.d>", "<.a@c.d>", "<a.@c.d>", "<user>", "<a@b.c.>", "<a@b.c#>", "<a@b_c.d>", "<a@>",
        "<@b.c>", "<@>",
        "<a@@b.c>", "<a@b@c>", "<a@b.c >", "< a@b.c>", "<>", "<<a@b.c>>", "a@b.c", "<a@b.c", "a@b.c>", "<\"a@b.c>",
        "<\"a\"b@c.d>",
        "<a\"b\"@c.d>", "<\"a\".b@c.d>", "<\"a\\\"@c.d>", "<\"a\nb\"@c.d>", "<a\0@b.c>", "<\"a\0\"@b.c>",
        "<\"\\\u{7F}\"@b.c>", "<\"\\ü\"@b.c>",
        "<a@[1.2.3]>", "<a@[1.2.3.256]>", "<a@[]>", "<#@[]>", "<a@[x:y]>", "<a@[1.2.3.4>", "<a@1.2.3.4]>", "<@x:>",
        "<@x,y:a@b.c>",
        "<@x,@y a@b.c>", "<@x a@b.c>", "<@:a@b.c>", "<@x,:a@b.c>", "<@-:a@b.c>", "<@[1.2.3.4]:a@b.c>", "<a,b@c.d>",
        "<a:b@c.d>", "<a(b)@c.d>",
        "<a@b.c>x", "<", ">", "x",
        "<abuse>", "<postmaster@>", "<[undefined]>", "<a@-b.c>", "<a@b-.c>",
        "<a@\(String(repeating: "a", count: 64)).c>",
    ])
    func badPaths(_ raw: String) {
        #expect(throws: PathError.syntax("could not parse recipient")) {
            try PathParser.forwardPath(raw, smtputf8: true)
        }
        if raw != "<>" {
            #expect(throws: PathError.syntax("could not parse your mail from command")) {
                try PathParser.reversePath(raw, smtputf8: true)
            }
        }
    }

    @Test func postmaster() throws {
        for text in ["<postmaster>", "<Postmaster>", "<POSTMASTER>"] {
            #expect(try PathParser.forwardPath(text, smtputf8: false) == .postmaster)
            #expect(throws: PathError.self) { try PathParser.reversePath(text, smtputf8: false) }
        }
    }

    @Test func nullSender() throws {
        #expect(try PathParser.reversePath("<>", smtputf8: false) == .null)
        #expect(try PathParser.reversePath("", smtputf8: false) == .null)
        #expect(ReversePath.null.description == "<>")
        #expect(ReversePath.null.address == "")
        #expect(throws: PathError.syntax("Syntax error in address")) { try PathParser.forwardPath("", smtputf8: false) }
    }

    @Test(arguments: [
        ("<\(String(repeating: "x", count: 65))@b.c>", "local part too long"),
        ("<\"\(String(repeating: " ", count: 65))\"@b.c>", "local part too long"),
        ("<a@\(String(repeating: "a.", count: 128))b>", "domain too long"),
        ("<\(String(repeating: "x", count: 64))@\(String(repeating: "a.", count: 95))b>", "path too long"),
        ("<@\(String(repeating: "a.", count: 120))b:a@b.example.example>", "path too long"),
    ])
    func lengths(_ raw: String, _ text: String) {
        #expect(throws: PathError.tooLong(text)) { try PathParser.forwardPath(raw, smtputf8: false) }
    }

    @Test(arguments: [
        "<jürgen@b.c>", "<\"jür gen\"@b.c>", "<a@bücher.example>", "<@bücher.example:a@b.c>", "<ü@ü.example>",
    ])
    func utf8(_ raw: String) throws {
        #expect(throws: PathError.nonASCII) { try PathParser.forwardPath(raw, smtputf8: false) }
        #expect(throws: PathError.nonASCII) { try PathParser.reversePath(raw, smtputf8: false) }
        _ = try PathParser.forwardPath(raw, smtputf8: true)
    }

    @Test(arguments: ["<a\u{85}@b.c>", "<\"\u{9B}\"@b.c>", "<a@b\u{85}.c>", "<a@\u{FFFD}.c>", "<a@ü。c>"])
    func badUTF8(_ raw: String) {
        #expect(throws: PathError.syntax("could not parse recipient")) {
            try PathParser.forwardPath(raw, smtputf8: true)
        }
    }

    @Test(arguments: [
        (PathError.syntax("x"), "501 5.1.7 x\r\n", "501 5.1.3 x\r\n"),
        (.arguments("w"), "501 5.5.4 w\r\n", "501 5.5.4 w\r\n"),
        (.tooLong("y"), "501 5.1.7 y\r\n", "501 5.1.3 y\r\n"),
        (.nonASCII, "550 5.6.7 address needs SMTPUTF8\r\n", "553 5.6.7 address needs SMTPUTF8\r\n"),
    ])
    func replies(_ error: PathError, _ mail: String, _ rcpt: String) {
        for (isSender, expected) in [(true, mail), (false, rcpt)] {
            var out: [UInt8] = []
            error.reply(sender: isSender).encode(into: &out, id: nil)
            #expect(String(decoding: out, as: UTF8.self) == expected)
        }
    }

    /// Whatever comes, nothing traps, and what is accepted is written in a form that reads the same.
    @Test func randomPaths() throws {
        var dice = Dice(5)
        let pieces = [
            "a", "b.c", "@", "<", ">", "\"", "\\", " ", ".", ",", ":", "[1.2.3.4]", "[IPv6:::1]", "ü", "\0", "-",
            "postmaster",
        ]
        var accepted = 0
        for _ in 0..<20_000 {
            let inner = (0..<1 + dice.roll(8)).map { _ in dice.pick(pieces) }.joined()
            let raw = dice.roll(4) == 0 ? inner : "<\(inner)>"
            _ = try? PathParser.split("FROM:\(raw) X=\(inner)", prefix: "FROM:")
            guard let mailbox = try? PathParser.forwardPath(raw, smtputf8: true) else { continue }
            accepted += 1
            #expect(try PathParser.forwardPath(mailbox.description, smtputf8: true) == mailbox)
            #expect(mailbox.isPostmaster || Mailbox(localPart: mailbox.localPart, domain: mailbox.domain) == mailbox)
        }
        #expect(accepted > 100)
    }
}

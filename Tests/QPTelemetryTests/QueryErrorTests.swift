// QueryErrorTests.swift
//
// What is said of a text that is no query, and where.

import QPTelemetry
import Testing

@Suite struct QueryErrorTests {
    private func error(_ text: String) -> String {
        do {
            let query = try Query(text)
            return "no error: \(query)"
        } catch {
            return error.description
        }
    }

    @Test(arguments: [
        Row("unknown", "plugni=dnsbl", "column 1: unknown field 'plugni'; did you mean 'plugin'?"),
        Row("unknown, later", "helo=a and plugni = b", "column 12: unknown field 'plugni'; did you mean 'plugin'?"),
        Row(
            "characters, not octets", "helo=ää and sendr=b", "column 13: unknown field 'sendr'; did you mean 'sender'?"),
        Row("nothing like it", "xyzzyq=1", "column 1: unknown field 'xyzzyq'"),
        Row("a control character", "a\u{1B}[b=1", #"column 1: unknown field 'a\u{1b}[b'"#),
        Row("a note without a name", "note.=1", "column 1: unknown field 'note.'"),
        Row("no field", "=dnsbl", "column 1: there is no field before '='"),
        Row("no field behind not", "! !=dnsbl", "column 3: there is no field before '!='"),
        Row("two equals signs", "plugin==dnsbl", "column 7: there is no operator '=='; did you mean '='?"),
        Row("as in Perl", "plugin =~ dnsbl", "column 8: there is no operator '=~'; did you mean '~'?"),
    ])
    func fields(_ row: Row<String, String>) { #expect(self.error(row.input) == row.expected) }

    @Test(arguments: [
        Row("at the end", "plugin=", "column 8: a value is missing behind '='"),
        Row("blanks", "plugin =  ", "column 9: a value is missing behind '='"),
        Row("before and", "plugin= and helo=a", "column 8: a value is missing behind '='"),
        Row("before &&", "plugin=&&helo=a", "column 8: a value is missing behind '='"),
        Row("before a parenthesis", "(rcpts>=) and a", "column 9: a value is missing behind '>='"),
        Row("number", "rcpts>many", "column 7: bad number 'many'; write it like 5"),
        Row("empty number", #"rcpts>"""#, "column 7: bad number ''; write it like 5"),
        Row("unit", "rcpts> 5k", "column 8: bad number '5k'; write it like 5"),
        Row("octets", "bytes>5h", "column 7: bad number '5h'; write it like 5, 20k, 1M or 1G"),
        Row("time", "age>5x", "column 5: bad number '5x'; write it like 5, 30s, 5m, 2h or 1d"),
        Row("not finite", "code=nan", "column 6: bad number 'nan'; write it like 5"),
        Row("hexadecimal", "code=0x10", "column 6: bad number '0x10'; write it like 5"),
        Row("two points", "code=1.2.3", "column 6: bad number '1.2.3'; write it like 5"),
        Row("level", "level=loud", "column 7: bad level 'loud'; write it like LOGWARN, warn or 4"),
        Row("note", "note.karma>x", "column 12: bad number 'x'; write it like 5"),
    ])
    func values(_ row: Row<String, String>) { #expect(self.error(row.input) == row.expected) }

    @Test(arguments: [
        "192.0.2", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/0024", "2001:db8::/129", "2001:db8::/x",
        "::ffff:192.0.2.0/95", "/24", "mail.example", "192.0.2.1/24/8", "fe80::1%lo",
    ])
    func networks(_ text: String) {
        #expect(
            self.error("ip=\(text)")
                == "column 4: bad network '\(text)'; write it like 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32")
    }

    @Test(arguments: [
        Row("order of texts", "helo<a", "column 5: '<' does not fit 'helo', which is a text"),
        Row("order of addresses", "ip >= 192.0.2.1", "column 4: '>=' does not fit 'ip', which is an address"),
        Row("pattern of numbers", "rcpts~5", "column 6: '~' does not fit 'rcpts', which is a number"),
        Row("prefix of numbers", "bytes^=5", "column 6: '^=' does not fit 'bytes', which is a number"),
        Row("order of verdicts", "verdict>deny", "column 8: '>' does not fit 'verdict', which is a text"),
    ])
    func operators(_ row: Row<String, String>) { #expect(self.error(row.input) == row.expected) }

    @Test(arguments: [
        Row("open", "helo=a and (tls=b", "column 12: '(' is not closed"),
        Row("open twice", "((a", "column 2: '(' is not closed"),
        Row("closed", "helo=a) or b", "column 7: ')' without '('"),
        Row("closed at once", ")", "column 1: ')' without '('"),
        Row("closed behind and", "a and ) b", "column 7: ')' without '('"),
        Row("closed too early", "(a and ) b", "column 8: a condition is missing"),
        Row("empty", "()", "column 2: a condition is missing"),
        Row("and at the end", "a and", "column 6: a condition is missing"),
        Row("and in front", "and a", "column 1: a condition is missing"),
        Row("and or", "a and or b", "column 7: a condition is missing"),
        Row("not alone", "not", "column 4: a condition is missing"),
        Row("two words", "two words", "column 5: 'and' or 'or' is missing"),
        Row("a word behind a quote", #"helo="a"b"#, "column 9: 'and' or 'or' is missing"),
        Row("not for and", "a not b", "column 3: 'and' or 'or' is missing"),
        Row("parentheses", "helo~^(a|b)$", "column 7: a value with parentheses has to stand in quotes"),
        Row("quote", #"a and helo="b"#, "column 12: the quote is not closed"),
        Row("escaped quote", #"helo="b\""#, "column 6: the quote is not closed"),
        Row("quoted word", #"""#, "column 1: the quote is not closed"),
    ])
    func form(_ row: Row<String, String>) { #expect(self.error(row.input) == row.expected) }

    @Test func patterns() {
        let error = self.error(#"helo=a and sender~"ä(b""#)
        #expect(error == "column 19: bad regular expression: missing closing parenthesis (after 3 of its characters)")
        #expect(self.error(#"sender~"\C""#).hasPrefix("column 8: bad regular expression: "))
        #expect(self.error(#"sender~"((a{1,999}){1,999}){1,999}""#).hasPrefix("column 8: bad regular expression: "))
    }

    @Test(arguments: [
        Row("long", String(repeating: "x", count: 1024), false),
        Row("wide", String(repeating: "ä", count: 1024), false),
        Row("deep", String(repeating: "(", count: 32) + "x" + String(repeating: ")", count: 32), true),
        Row("negated", String(repeating: "!", count: 32) + "x", true),
        Row("side by side", Array(repeating: "(!(!x))", count: 64).joined(separator: " and "), true),
        Row("patterns", Array(repeating: "helo~x", count: 8).joined(separator: " or "), true),
    ])
    func withinBounds(_ row: Row<String, Bool>) throws {
        #expect(try Query(row.input).matches { _ in .text("x") } == row.expected)
    }

    @Test(arguments: [
        Row(
            "long", String(repeating: "x", count: 1025), "column 1025: longer than 1024 characters or 4096 octets"),
        Row(
            "one huge character", "ab" + String(repeating: "\u{301}", count: 100_000),
            "column 2: longer than 1024 characters or 4096 octets"
        ),
        Row("deep", String(repeating: "(", count: 40), "column 33: more than 32 levels of parentheses and 'not'"),
        Row(
            "negated", String(repeating: "not ", count: 40), "column 129: more than 32 levels of parentheses and 'not'"),
        Row(
            "many terms", Array(repeating: "x", count: 65).joined(separator: " or "),
            "column 321: more than 64 conditions"
        ),
        Row(
            "many patterns", Array(repeating: "helo~a", count: 9).joined(separator: " or "),
            "column 86: more than 8 regular expressions"
        ),
        Row(
            "a long name", String(repeating: "x", count: 70) + "=1",
            "column 1: unknown field '\(String(repeating: "x", count: 40))...'"
        ),
    ])
    func bounds(_ row: Row<String, String>) { #expect(self.error(row.input) == row.expected) }
}

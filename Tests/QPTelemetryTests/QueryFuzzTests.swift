// QueryFuzzTests.swift
//
// Whatever is typed, nothing traps, and what is a query stays the same query.

import Glibc
import QPTelemetry
import Testing

@Suite struct QueryFuzzTests {
    private static let pieces = [
        "plugin", "helo", "ip", "rcpts", "bytes", "age", "verdict", "note.karma", "level", "sender", "x", " ", " ",
        "and",
        "or", "not", " and ", " or ", "&&", "||", "!", "(", ")", "=", "!=", "<", "<=", ">", ">=", "^=", "~", "!~", "\"",
        "\\", "5", "-1", "5m", "1G", "99999999999999999999999", "192.0.2.0/24", "2001:db8::/32", "::", "/", "deny",
        "warn",
        "(a+)+$", "[a-", "\\Q", "(?R)", "(*UTF)", "\u{0}", "\u{301}", "\r\n", "ä", "𝄞", "=1 and ", "=\"\"",
    ]

    /// `make fuzz` asks for more rounds by QP_FUZZ_ITERATIONS.
    private static func rounds(_ usual: Int) -> Int {
        guard let text = getenv("QP_FUZZ_ITERATIONS"), let asked = Int(String(cString: text)) else { return usual }
        return min(max(asked, usual), 10_000_000)
    }

    private static let subjects: [@Sendable (QueryField) -> QueryValue] = [
        { _ in .missing },
        { _ in .text("aaaaaaaaaaaaaaaaaaaaaaaa!ä\0") },
        { _ in .list(["", "5", "192.0.2.1", "queue::qmail_2dqueue_"]) },
        { field in field == .ip ? QueryValue(address: "2001:db8::1") : .number(.nan) },
    ]

    /// Whether the text is a query.
    private func check(_ text: String) -> Bool {
        do {
            let query = try Query(text)
            let again = try Query(query.description)
            #expect(query.fields == again.fields)
            for subject in Self.subjects { #expect(query.matches(subject) == again.matches(subject)) }
            return true
        } catch {
            #expect((1...text.count + 1).contains(error.column))
            #expect(error.description.unicodeScalars.allSatisfy { $0.value >= 0x20 })
            return false
        }
    }

    @Test func octets() {
        var dice = Dice(1)
        for _ in 0..<Self.rounds(3_000) {
            let octets = (0..<dice.roll(60)).map { _ in UInt8(dice.roll(256)) }
            _ = self.check(String(decoding: octets, as: UTF8.self))
        }
    }

    @Test func pieces() {
        var dice = Dice(2)
        var queries = 0
        for _ in 0..<Self.rounds(5_000) {
            let text = (0..<1 + dice.roll(12)).map { _ in dice.pick(Self.pieces) }.joined()
            if self.check(text) { queries += 1 }
        }
        // Else it would test the parser's first line only.
        #expect(queries > 100)
    }

    @Test func damaged() {
        var dice = Dice(3)
        let whole = Array(
            #"not (plugin=dnsbl and sender~"^bulk.*@.*\.example$") or ip=192.0.2.0/24 && age>5m || "a b""#)
        for _ in 0..<Self.rounds(3_000) {
            var text = whole
            for _ in 0..<1 + dice.roll(3) {
                let place = dice.roll(text.count)
                if dice.roll(2) == 0 { text.remove(at: place) } else { text[place] = dice.pick(whole) }
            }
            _ = self.check(String(text))
        }
    }
}

// UpstreamEntryTests.swift
//
// Entries of qpsmtpd's databases, and what only looks like some.

import QPHooks
import Testing

@testable import QPServer

@Suite struct UpstreamEntryTests {
    static let now: Int64 = 1_700_000_000

    struct Case: CustomTestStringConvertible {
        let key: String
        let value: String
        let outcome: UpstreamEntry.Outcome
        var testDescription: String { "\(self.key) = \(self.value)".logEscaped }

        init(_ key: String, _ value: String, _ outcome: UpstreamEntry.Outcome) {
            (self.key, self.value, self.outcome) = (key, value, outcome)
        }

        init(_ key: String, _ value: String, is name: String, _ text: String, end: Int64) {
            self.init(key, value, .entry(UpstreamEntry(key: name, value: text, end: end)))
        }
    }

    private static func grey(_ key: String, is name: String) -> Case {
        Case(key, "\(now):1:2:3", is: name, "\(now):1:2:3", end: now + 3_110_400)
    }

    @Test(arguments: [
        grey("3221225985", is: "192.0.2.1"),
        grey("3221225985:Ann@Example.org", is: "192.0.2.1:ann@example.org"),
        grey("3221225985:<Ann@Example.org>:<bob@example.com>", is: "192.0.2.1:ann@example.org:bob@example.com"),
        grey("3221225985::bob@example.com", is: "192.0.2.1::bob@example.com"),
        grey("42540766411282592856903984951653826561", is: "[2001:db8::1]"),
        grey("42540766411282592856903984951653826561:a@b", is: "[2001:db8::1]:a@b"),
        grey("4294967295", is: "255.255.255.255"),
        grey("ann@example.org:bob@example.com", is: "ann@example.org:bob@example.com"),
        Case("3221225985", "\(now):::", is: "192.0.2.1", "\(now):0:0:0", end: now + 3_110_400),
        Case("3221225985", "\(now - 3_110_399):1:0:0", is: "192.0.2.1", "\(now - 3_110_399):1:0:0", end: now + 1),
        Case("3221225985", "\(now - 3_110_400):1:0:0", .tooOld),
        Case("3221225985", "1:1:0:0", .tooOld),
        Case("3221225985", "\(now + 86_401):1:0:0", .notUnderstood),
        Case("3221225985", "9223372036854775807:1:0:0", .notUnderstood),
        Case("3221225985", "99999999999999999999:1:0:0", .notUnderstood),
        Case("3221225985", "-1:1:0:0", .notUnderstood),
        Case("3221225985", "0:1:0:0", .notUnderstood),
        Case("3221225985", "\(now):1:0", .notUnderstood),
        Case("3221225985", "\(now):1:0:0:0", .notUnderstood),
        Case("3221225985", "\(now):1:+1:0", .notUnderstood),
        Case("3221225985", "\(now):1:0:0\n", .notUnderstood),
        Case("3221225985", "", .notUnderstood),
        Case("3221225985", "\(now):1:0:" + String(repeating: "0", count: 100), .notUnderstood),
        Case("", "\(now):1:2:3", .notUnderstood),
        Case("0", "\(now):1:2:3", .notUnderstood),
        Case("-1", "\(now):1:2:3", .notUnderstood),
        Case("192.0.2.1", "\(now):1:2:3", .notUnderstood),
        Case("340282366920938463463374607431768211456", "\(now):1:2:3", .notUnderstood),
        Case("3221225985:a\0b", "\(now):1:2:3", .notUnderstood),
        Case("3221225985:a\nb", "\(now):1:2:3", .notUnderstood),
        Case("3221225985:a\u{1B}[31m", "\(now):1:2:3", .notUnderstood),
        Case("3221225985:" + String(repeating: "a", count: 2000), "\(now):1:2:3", .notUnderstood),
    ])
    func greylist(_ row: Case) {
        let entry = UpstreamDatabase.Entry(key: Array(row.key.utf8), value: Array(row.value.utf8))
        #expect(UpstreamEntry.read(entry, .greylist, now: Self.now) == row.outcome)
    }

    @Test func octetsThatAreNoText() {
        let entry = UpstreamDatabase.Entry(
            key: Array("3221225985:".utf8) + [0xFF, 0xFE], value: Array("\(Self.now):1:2:3".utf8))
        #expect(UpstreamEntry.read(entry, .greylist, now: Self.now) == .notUnderstood)
    }

    private static let end = now + 90 * 86_400

    @Test(arguments: [
        Case("3221225985", "0:1:20:30", is: "192.0.2.1", "0:1:20:30", end: end),
        Case("3221225985", ":1::30", is: "192.0.2.1", "0:1:0:30", end: end),
        Case("3221225985", "\(now + 10 * 86_400):9:0:30", is: "192.0.2.1", "\(now + 10 * 86_400):9:0:30", end: end),
        Case("42540766411282592856903984951653826561", "5:1:2:3", is: "2001:db8::1", "5:1:2:3", end: end),
        Case("3221225985", "\(now + 400 * 86_400):9:0:30", .notUnderstood),
        Case("3221225985:a@b", "0:1:2:3", .notUnderstood),
        Case("a@b", "0:1:2:3", .notUnderstood),
        Case("3221225985", "0:1:2:-3", .notUnderstood),
    ])
    func karma(_ row: Case) {
        let entry = UpstreamDatabase.Entry(key: Array(row.key.utf8), value: Array(row.value.utf8))
        #expect(UpstreamEntry.read(entry, .karma, now: Self.now) == row.outcome)
    }

    // MARK: What perl says

    @Test func outputOfPerl() throws {
        let entries = try UpstreamDatabase.entries(
            ProgramResult(status: 0, output: Array("00ff 31\n61 \n.\n".utf8)), "x")
        #expect(entries == [.init(key: [0, 0xFF], value: [0x31]), .init(key: [0x61], value: [])])
    }

    @Test(arguments: [
        ("61 62\n", 0, "ended early"), ("61 62\n.\n", 9, "ended early"), ("", 0, "ended early"),
        ("! NDBM_File: \u{1B}[31m no\n", 2, "cannot read this file: NDBM_File: "),
        ("6 62\n.\n", 0, "cannot be understood"),
        ("61\n.\n", 0, "cannot be understood"), ("zz 62\n.\n", 0, "cannot be understood"),
    ])
    func outputThatIsNone(_ text: String, _ status: Int32, _ expected: String) {
        let error = #expect(throws: StartError.self) {
            try UpstreamDatabase.entries(ProgramResult(status: status, output: Array(text.utf8)), "x")
        }
        #expect(error?.text.contains(expected) == true, "\(String(describing: error))")
        #expect(error?.text.utf8.contains(0x1B) == false)
    }

    @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")])
    func numbers(_ number: Int, _ text: String) {
        #expect(MemoryImport.Report.text(number) == text)
    }
}

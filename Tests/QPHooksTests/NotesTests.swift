// NotesTests.swift
//
// Plain values, and what they are read as.

import QPHooks
import QPTestKit
import Testing

@Suite("notes")
struct NotesTests {
    @Test(
        arguments: [
            Row("number out of text", NoteValue.string("12"), 12), Row("number out of a fraction", .double(-2.9), -2),
            Row("number out of truth", .bool(true), 1), Row("no number", .string("x"), nil),
            Row("too big", .double(1e300), nil), Row("not a number", .double(.nan), nil), Row("null", .null, nil),
        ] as [Row<NoteValue, Int?>])
    func numbers(_ row: Row<NoteValue, Int?>) { #expect(Int(row.input) == row.expected) }

    @Test(
        arguments: [
            Row("one", NoteValue.int(1), true), Row("zero", .int(0), false), Row("text", .string("yes"), true),
            Row("text of zero", .string("0"), false), Row("empty text", .string(""), false),
            Row("list", .list([]), nil),
        ] as [Row<NoteValue, Bool?>])
    func truths(_ row: Row<NoteValue, Bool?>) { #expect(Bool(row.input) == row.expected) }

    @Test func texts() {
        #expect(String(NoteValue.int(3)) == "3")
        #expect(String(NoteValue.bytes([0x61, 0xFF])) == "a\u{FFFD}")
        #expect(String(NoteValue.map([:])) == nil)
        #expect(Double(NoteValue.string("1.5")) == 1.5)
        #expect(NoteValue(NoteValue.null) == .null)
    }

    @Test func scopesAreApartAndChangesAreKept() throws {
        let harness = try PluginHarness(Empty.self)
        let key = NoteKey<Int>("n")
        harness.session.notes[key] = 1
        harness.session.transaction.notes[key] = 2
        #expect(harness.session.notes[key] == 1)
        #expect(harness.session.transaction.notes[key] == 2)
        harness.session.notes[key] = nil
        #expect(harness.session.notes["n"] == nil)
        #expect(
            harness.changes == [
                .note(.connection, "n", .int(1)), .note(.transaction, "n", .int(2)), .note(.connection, "n", nil),
            ])
    }

    @Test func transactionNotesEndWithTheMail() throws {
        let harness = try PluginHarness(Empty.self)
        harness.session.notes["a"] = .int(1)
        try harness.mail()
        harness.session.transaction.notes["a"] = .int(2)
        try harness.mail()
        #expect(harness.session.transaction.notes["a"] == nil)
        #expect(harness.session.notes["a"] == .int(1))
        #expect(harness.session.transaction.number == 2)
    }

    @Test func karmaSaturates() throws {
        let harness = try PluginHarness(Empty.self)
        harness.session.adjustKarma(-3)
        harness.session.adjustKarma(.min)
        #expect(harness.session.notes[NoteKey<Int>("karma")] == .min)
    }

    @Test func typedStorage() throws {
        let harness = try PluginHarness(Empty.self)
        let key = StorageKey<[String]>("k")
        harness.session[key] = ["a"]
        #expect(harness.session[key] == ["a"])
        #expect(harness.session[StorageKey<Int>("k")] == nil)
    }
}

/// Answers nothing.
struct Empty: Plugin {
    static let name = "empty"
    static let manual = "empty"
    init(_ setup: PluginSetup) throws(PluginError) {}
    func register(on hooks: inout HookTable) {}
}
